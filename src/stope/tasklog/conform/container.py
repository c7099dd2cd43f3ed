"""Rules about the file itself: whole, chunked, checksummed, indexed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stope.tasklog.conform.finding import Report
from stope.tasklog.errors import DamagedLogError, TruncatedLogError
from stope.tasklog.records import HeaderRecord, MessageRecord, Opcode, Record
from stope.tasklog.scan import MIB, Limits, Scanner, opened

_MESSAGE_INDEX = 0x07
_LARGE_CHUNK = 4 * MIB  # a kill loses a chunk; a reader holds one in memory


class _Watched(Scanner):
    """A scan that notes how the file is made."""

    def __init__(self, path: Path, file: BinaryIO, limits: Limits) -> None:
        super().__init__(path, file, True, limits)
        self.chunks = self.indexes = self.bare_chunks = self.largest = 0
        self.in_chunk = False

    def _record(self, opcode: int, length: int) -> Iterator[Record]:
        self.in_chunk = opcode == Opcode.CHUNK
        self.indexes += opcode == _MESSAGE_INDEX
        yield from super()._record(opcode, length)

    def _chunk_facts(self, size: int, crc: int, /) -> None:
        self.chunks += 1
        self.bare_chunks += not crc
        self.largest = max(self.largest, size)


def watched(path: Path, report: Report, limits: Limits | None = None) -> Iterator[Record]:
    """The records of the log, while the rules about its container are checked.

    Raises:
        NotALogError: it is no MCAP file, or not within limits.
    """
    loose = 0
    with opened(path) as file:
        scanner = _Watched(path, file, limits or Limits())
        try:
            for record in scanner.records():
                loose += isinstance(record, MessageRecord) and not scanner.in_chunk
                if isinstance(record, HeaderRecord) and record.profile != "stope":
                    sentence = f"read {record.profile!r}, expected 'stope'; write it into the MCAP header"
                    report.warning("container.profile", "header", sentence)
                yield record
        except (TruncatedLogError, DamagedLogError) as error:
            report.error("container.whole", "file", f"{_reason(path, error)}; try stope log recover")
    if loose:
        sentence = f"{loose} messages are outside chunks: no checksum covers them and some viewers show none of them"
        report.error("container.chunks", "file", f"{sentence}; write chunks")
    if scanner.bare_chunks:
        sentence = f"{scanner.bare_chunks} of {scanner.chunks} chunks have no checksum; switch CRCs on in the writer"
        report.error("container.checksums", "file", sentence)
    if scanner.chunks and not scanner.indexes:
        sentence = "no message indexes: indexed readers refuse such a file; switch them on in the writer"
        report.error("container.index", "file", sentence)
    if scanner.largest > _LARGE_CHUNK:
        sentence = f"a chunk unpacks to {scanner.largest} bytes; a kill loses what a chunk holds: use 64 KiB"
        report.warning("container.chunk_size", "file", sentence)


def _reason(path: Path, error: Exception) -> str:
    return str(error).removeprefix(f"{path}: ")
