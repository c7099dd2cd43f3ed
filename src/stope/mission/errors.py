"""InputError: one sentence for a person whose file or argument cannot be used."""

from __future__ import annotations

from typing import Any

MOST_SHOWN = 500  #: letters of anything that a file said


class InputError(Exception):
    """Bad input: the command ends with this sentence, exit code 2 and nothing half-written.

    Args:
        file: path of the file, or the command-line option, that was wrong.
        read: what was found there.
        expected: what would have been right.
        remedy: what to do; may be empty when `expected` says it all.
        field: dotted path inside the file.
        line, column: 1-based position, where known.
    """

    def __init__(
        self,
        file: str,
        *,
        read: str,
        expected: str,
        remedy: str = "",
        field: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.file, self.field, self.line, self.column = file, _shown(field), line, column
        self.read, self.expected, self.remedy = _shown(read), expected, remedy
        super().__init__(self._sentence())

    @property
    def parts(self) -> dict[str, Any]:
        """What it was made of, as keyword arguments."""
        names = ("file", "read", "expected", "remedy", "field", "line", "column")
        return {name: getattr(self, name) for name in names}

    def _sentence(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        where = f"{place}: {self.field}: " if self.field else f"{place}: "
        then = f"; {self.remedy}" if self.remedy else ""
        return _printable(f"{where}read {self.read}, expected {self.expected}{then}")


def _shown(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def _printable(text: str) -> str:
    """Without control characters, which could steer a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
