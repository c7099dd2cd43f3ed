"""The journal: one signed entry a line, each chained to the one before. Append-only, and safe to be killed."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stope.ledger.entry import Entry
from stope.mission.errors import InputError
from stope.tasklog.seal.dsse import Envelope, json_object, parse_envelope
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.keys import PrivateKey
from stope.tasklog.seal.policy import Policy

PAYLOAD_TYPE = "application/vnd.stope.ledger-entry+json"
MAX_LINE = 8 * 1024 * 1024
MAX_ENTRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with what vouches for it. `organisations` are those whose signature counts."""

    entry: Entry
    sha256: str
    organisations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Journal:
    """What the file holds. `torn` bytes at its end are of an entry whose writer was killed: it was never posted."""

    path: Path
    lines: tuple[Line, ...]
    torn: int = 0

    @property
    def head(self) -> str:
        """SHA-256 of the last entry; compare it with your partners' to know that you have the same books."""
        return self.lines[-1].sha256 if self.lines else ""


def load(path: Path, policy: Policy) -> Journal:
    """Read the journal and check chain and signatures. A file that is not there is an empty journal.

    Raises:
        InputError: a line cannot be read, breaks the chain, or is not signed by the organisation that it names.
    """
    lines: list[Line] = []
    previous, torn = "", 0
    for number, data in _raw(path):
        if not data.endswith(b"\n"):
            torn = len(data)
            break
        line = _line(path, number, data, policy)
        if (line.entry.number, line.entry.previous) != (len(lines) + 1, previous):
            read = f"entry {line.entry.number} after {line.entry.previous[:12] or 'none'}"
            expected = f"entry {len(lines) + 1} after {previous[:12] or 'none'}: a line was changed or taken out"
            raise _bad(path, number, read, expected)
        lines.append(line)
        previous = line.sha256
    return Journal(Path(path), tuple(lines), torn)


def append(path: Path, policy: Policy, key: PrivateKey, fields: dict[str, Any]) -> Line:
    """Sign and append an entry; the caller gives everything but number, previous and format. One writer at a time.

    Raises:
        InputError: the entry breaks a rule, the key is not the organisation's, or the file cannot be written.
    """
    from stope.ledger.balance import check_next
    from stope.ledger.evidence import MEASURED

    def following(journal: Journal) -> tuple[Line, bytes]:
        try:
            entry = Entry(number=len(journal.lines) + 1, previous=journal.head, **fields)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise InputError(str(path), read=first["msg"], expected="an entry that balances", field=field) from None
        if entry.kind in MEASURED and not entry.evidence:
            read, expected = (
                f"an entry of kind {entry.kind} that cites no log",
                "a sealed log that shows what was measured",
            )
            remedy = "a table of readings becomes one by stope log import-csv and seal"
            raise InputError(str(path), read=read, expected=expected, remedy=remedy)
        envelope = Envelope(entry.payload(), PAYLOAD_TYPE).signed(key)
        data = envelope.to_json().encode() + b"\n"
        line = _line(path, entry.number, data, policy)
        check_next(journal, line)
        return line, data

    if not Path(path).exists():
        following(Journal(Path(path), ()))  # an entry that is refused leaves no empty journal behind
    with _locked(path) as descriptor:
        journal = load(path, policy)
        line, data = following(journal)
        _write(path, descriptor, journal.torn, data)
    return line


def _raw(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with Path(path).open("rb") as file:
            number = 0
            while data := file.readline(MAX_LINE + 1):
                number += 1
                if len(data) > MAX_LINE or number > MAX_ENTRIES:
                    raise _bad(path, number, "more than fits", f"lines of {MAX_LINE} bytes and {MAX_ENTRIES} entries")
                yield number, data
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(str(path), read=f"an error ({error.strerror})", expected="a readable journal") from error


def _line(path: Path, number: int, data: bytes, policy: Policy) -> Line:
    try:
        envelope = parse_envelope(data, f"{path}:{number}")
        envelope.content(PAYLOAD_TYPE, f"{path}:{number}")
        plain = json_object(envelope.payload, f"{path}:{number}")
        entry = Entry.model_validate_json(envelope.payload)
    except SealError as error:
        raise _bad(path, number, str(error).removeprefix(f"{path}:{number}: "), "a signed entry") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "entry"
        raise _bad(path, number, f"{where}: {first['msg']}", "an entry of format stope.ledger-entry/1") from None
    del plain  # parsed to refuse keys that stand twice
    judged = policy.vouching(envelope, ("ledger",), entry.at)
    organisations = frozenset(row.organisation for row in judged if not row.refusal)
    if entry.organisation not in organisations:
        why = "; ".join(row.refusal for row in judged if row.refusal) or "nobody else signed"
        raise _bad(path, number, f"no signature of {entry.organisation} that counts ({why})", "its ledger key's")
    return Line(entry, hashlib.sha256(envelope.payload).hexdigest(), organisations)


def _bad(path: Path, number: int, read: str, expected: str) -> InputError:
    return InputError(str(path), read=read, expected=expected, line=number)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(str(path), read=f"an error ({error.strerror})", expected="a journal to write") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)  # and the lock is gone, after a kill too


def _write(path: Path, descriptor: int, torn: int, data: bytes) -> None:
    end = os.lseek(descriptor, 0, os.SEEK_END) - torn
    try:
        os.ftruncate(descriptor, end)  # of a torn line, which was never acknowledged
        os.lseek(descriptor, end, os.SEEK_SET)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except OSError as error:
        os.ftruncate(descriptor, end)
        raise InputError(str(path), read=f"an error ({error.strerror})", expected="room for one entry") from error
