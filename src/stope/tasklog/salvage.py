"""What of a damaged or truncated log can still be vouched for: a pass that notes losses and goes on where it may.

Framing is never guessed: records are chained by their lengths, and where the chain breaks the pass ends. A chunk whose
checksum fails is left out and the next one is read, since the chain around it is whole. Looking for chunks beyond a
broken chain would take in those of a log that lies inside an attachment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stope.tasklog.errors import DamagedLogError, NotALogError, TruncatedLogError
from stope.tasklog.records import ChannelRecord, MessageRecord, Opcode, Record, SchemaRecord
from stope.tasklog.scan import Limits, Scanner, opened

_IN_DATA = frozenset((*Opcode, 0x07)) - {Opcode.FOOTER}


@dataclass(frozen=True, slots=True)
class Loss:
    """Bytes that were left out, and why."""

    at: int
    size: int
    why: str


class Salvage(Scanner):
    """Yields what passes a checksum; afterwards `losses`, `complete` and `unchecked` say what does not.

    Attributes:
        losses: what was left out.
        complete: the end mark was reached and the checksum of the whole data section passed.
        unchecked: messages that no chunk checksum covers; they are left out unless asked for.
        verified: bytes up to which the chain of records is whole.
    """

    def __init__(self, path: Path, file: BinaryIO, limits: Limits, take_unchecked: bool) -> None:
        super().__init__(path, file, True, limits)
        self.losses: list[Loss] = []
        self.complete = False
        self.unchecked = 0
        self.verified = 0
        self._take_unchecked = take_unchecked
        self._crc_of_chunk = 0

    def records(self) -> Iterator[Record]:
        """What can be vouched for, in file order. Raises only when there is no log at all."""
        self._begin()
        while True:
            try:
                opcode, length = self._record_head()
                if opcode not in _IN_DATA:
                    raise self._damaged(f"there is no known record at byte {self._at}")
            except (TruncatedLogError, DamagedLogError) as error:
                self._lose(self._size - self._at, error)
                return
            self._crc_of_chunk, begin = 0, self._at
            try:
                for record in self._record(opcode, length):
                    if self._vouched(record):
                        yield record
            except (TruncatedLogError, DamagedLogError, NotALogError) as error:
                if opcode == Opcode.DATA_END:  # what follows is the summary, which a new one replaces
                    self._at = begin
                    self._lose(self._size - begin, error)
                    return
                self._lose(9 + length, error)
                self._file.seek(self._at + 9 + length)
            else:
                self.complete = opcode == Opcode.DATA_END and not self.losses
                if opcode == Opcode.DATA_END:
                    self.verified = self._size
                    return
            self._at += 9 + length
            self.verified = self._at if not self.losses else self.verified

    def _vouched(self, record: Record) -> bool:
        if self._crc_of_chunk or not isinstance(record, MessageRecord | ChannelRecord | SchemaRecord):
            return True
        self.unchecked += isinstance(record, MessageRecord)
        return self._take_unchecked

    def _chunk_facts(self, _size: int, crc: int, /) -> None:
        self._crc_of_chunk = crc

    def _lose(self, size: int, error: Exception) -> None:
        prefix = f"{self._path}: "
        self.losses.append(Loss(self._at, size, str(error).removeprefix(prefix)))


def salvaging(path: Path, *, limits: Limits | None = None, take_unchecked: bool = False) -> tuple[Salvage, BinaryIO]:
    """A salvage pass over the file, and the open file, which the caller closes.

    Raises:
        NotALogError: it cannot be read.
    """
    file = opened(path)
    return Salvage(path, file, limits or Limits(), take_unchecked), file
