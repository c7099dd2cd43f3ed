"""One pass over an MCAP file in file order: bounded in memory, checksums on, exact about where it ends.

The `mcap` package's readers trust lengths: a file of 25 KB made one allocate 1.5 GB, and a truncated file never says
"truncated" (research/logs.md, sections 2 and 7). Here every declared size is checked before anything is allocated.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import lz4.frame  # type: ignore[import-untyped]
import zstandard

from stope.tasklog.errors import DamagedLogError, NotALogError, TruncatedLogError
from stope.tasklog.records import (
    MAGIC,
    AttachmentRecord,
    ChannelRecord,
    Cursor,
    HeaderRecord,
    MalformedError,
    MessageRecord,
    MetadataRecord,
    Opcode,
    Record,
    SchemaRecord,
)

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader is willing to hold in memory, in bytes.

    Attributes:
        chunk: one chunk, compressed or not.
        record: a message or a metadata record; a message expands when it is decoded.
        attachment: larger ones are checked and skipped.
        definitions: all schemas and channels together.
    """

    chunk: int = 64 * MIB
    record: int = 16 * MIB
    attachment: int = 64 * MIB
    definitions: int = 16 * MIB


def scan(path: Path, *, validate_crcs: bool = True, limits: Limits | None = None) -> Iterator[Record]:
    """Yield what the data section holds, in file order, until the end mark.

    Raises:
        NotALogError: not MCAP, unreadable, or larger than `limits` in one of its parts.
        TruncatedLogError: the file ends early; everything yielded before is whole.
        DamagedLogError: a checksum or a length is wrong; everything yielded before passed the check of its chunk, but a
            chunk may be missing among it: compare sequences.
    """
    with opened(path) as file:
        yield from Scanner(path, file, validate_crcs, limits or Limits()).records()


def opened(path: Path) -> BinaryIO:
    """The file, open for reading.

    Raises:
        NotALogError: it cannot be read.
    """
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise NotALogError(f"{path}: cannot be read: {error.strerror}") from error


class Scanner:
    """One pass over `file`; `scan` and `salvage` are how it is used."""

    def __init__(self, path: Path, file: BinaryIO, validate: bool, limits: Limits) -> None:
        self._path, self._file, self._validate, self._limits = path, file, validate, limits
        self._size = os.fstat(file.fileno()).st_size
        self._at = 0  # where the next record begins
        self._crc, self._crc_before = 0, 0  # with and without the record being read
        self._schemas: dict[int, SchemaRecord] = {}
        self._channels: dict[int, ChannelRecord] = {}
        self._definitions = 0

    def records(self) -> Iterator[Record]:
        """What the data section holds, until the end mark."""
        self._begin()
        while True:
            opcode, length = self._record_head()
            yield from self._record(opcode, length)
            if opcode == Opcode.DATA_END:
                return
            self._at += 9 + length

    def _record(self, opcode: int, length: int) -> Iterator[Record]:
        try:
            if opcode == Opcode.CHUNK:
                yield from self._chunk(length)
            elif opcode == Opcode.ATTACHMENT:
                yield self._attachment(length)
            elif opcode == Opcode.DATA_END:
                self._end(length)
            elif opcode in _PLAIN:
                if (record := self._plain(opcode, self._whole(length, self._limits.record))) is not None:
                    yield record
            elif opcode in _SUMMARY_ONLY:
                raise MalformedError(f"a record of type {opcode} belongs into the summary")
            else:
                self._skip(length)
        except MalformedError as error:
            raise self._damaged(f"the record at byte {self._at} is malformed: {error}") from error

    def _begin(self) -> None:
        magic = self._read(min(len(MAGIC), self._size))
        if magic != MAGIC:
            if magic and MAGIC.startswith(magic):
                raise self._truncated("inside its first mark")
            raise NotALogError(f"{self._path}: not an MCAP file: begins with {magic!r}")
        self._at = len(MAGIC)

    def _record_head(self) -> tuple[int, int]:
        if self._size - self._at < 9:
            raise self._truncated("without its end mark" if self._size == self._at else "inside a record")
        crc_before = self._crc
        opcode, length = struct.unpack("<BQ", self._read(9))
        if opcode == Opcode.DATA_END:
            self._crc = crc_before  # the checksum of the data section ends before this record
        if opcode == 0:
            if self._only_zeros():
                raise self._truncated("in a tail of zeros")
            raise self._damaged(f"there is no record at byte {self._at}")
        if length > self._size - self._at - 9:
            raise self._truncated(f"inside a record of {length} bytes")
        return opcode, length

    def _plain(self, opcode: int, data: bytes) -> Record | None:
        cursor = Cursor(data)
        if opcode == Opcode.MESSAGE:
            return self._message(data)
        if opcode == Opcode.SCHEMA:
            schema = SchemaRecord(cursor.number("H"), cursor.text(), cursor.text(), cursor.take(cursor.number("I")))
            if self._schemas.get(schema.id) == schema:  # some writers repeat definitions in every chunk
                return self._schemas[schema.id]
            self._define(len(data))
            self._schemas[schema.id] = schema
            return schema
        if opcode == Opcode.CHANNEL:
            return self._channel(cursor, len(data))
        if opcode == Opcode.METADATA:
            return MetadataRecord(cursor.text(), cursor.pairs())
        if opcode == Opcode.HEADER:
            return HeaderRecord(cursor.text(), cursor.text())
        return None

    def _channel(self, cursor: Cursor, size: int) -> ChannelRecord:
        number, schema_id = cursor.number("H"), cursor.number("H")
        if schema_id and schema_id not in self._schemas:
            raise MalformedError(f"channel {number} has schema {schema_id}, which is not there")
        channel = ChannelRecord(number, cursor.text(), cursor.text(), cursor.pairs(), self._schemas.get(schema_id))
        if self._channels.get(number) == channel:
            return self._channels[number]
        self._define(size)
        self._channels[number] = channel
        return channel

    def _message(self, data: bytes) -> MessageRecord:
        if len(data) < _MESSAGE.size:
            raise MalformedError("a message shorter than its head")
        number, sequence, log_time, publish_time = _MESSAGE.unpack_from(data)
        if number not in self._channels:
            raise MalformedError(f"a message on channel {number}, which is not there")
        return MessageRecord(self._channels[number], sequence, log_time, publish_time, data[_MESSAGE.size :])

    def _define(self, size: int) -> None:
        self._definitions += size
        self._bound(self._definitions, self._limits.definitions, "its schemas and channels take")

    def _chunk(self, length: int) -> Iterator[Record]:
        self._bound(length, self._limits.chunk, f"the chunk at byte {self._at} takes")
        cursor = Cursor(self._whole(length, self._limits.chunk))
        cursor.take(16)  # first and last time
        size, crc, compression = cursor.number("Q"), cursor.number("I"), cursor.text()
        self._bound(size, self._limits.chunk, f"the chunk at byte {self._at} unpacks to")
        data = self._unpack(compression, cursor.take(cursor.number("Q")), size)
        self._chunk_facts(size, crc)
        if len(data) != size:
            raise MalformedError(f"a chunk said to hold {size} bytes holds {len(data)}")
        if self._validate and crc and zlib.crc32(data) != crc:
            raise self._damaged(f"the chunk at byte {self._at} fails its checksum")
        at, end = 0, len(data)
        while at < end:
            if end - at < 9:
                raise MalformedError("a chunk ends inside a record")
            opcode, inner = struct.unpack_from("<BQ", data, at)
            at += 9 + inner
            if at > end:
                raise MalformedError(f"a record of {inner} bytes in a chunk where fewer are left")
            if opcode in _IN_CHUNK:
                self._bound(inner, self._limits.record, "a record takes")
                if (record := self._plain(opcode, data[at - inner : at])) is not None:
                    yield record

    def _chunk_facts(self, size: int, crc: int, /) -> None:
        """For those who look at how a file is made."""

    def _unpack(self, compression: str, data: bytes, size: int) -> bytes:
        if compression not in _UNPACK:
            raise NotALogError(f"{self._path}: compression {compression!r} is not one of MCAP's: zstd, lz4, none")
        try:
            return _UNPACK[compression](data, size)
        except (zstandard.ZstdError, RuntimeError) as error:  # lz4 raises RuntimeError
            raise self._damaged(f"the chunk at byte {self._at} does not unpack: {error}") from error

    def _attachment(self, length: int) -> AttachmentRecord:
        if length > self._limits.attachment:
            self._skip(length)
            return AttachmentRecord("", "", length, None)
        data = self._whole(length, self._limits.attachment)
        cursor = Cursor(data)
        log_time, create_time = cursor.number("Q"), cursor.number("Q")
        name, media_type = cursor.text(), cursor.text()
        content = cursor.take(cursor.number("Q"))
        crc = cursor.number("I")
        if self._validate and crc and zlib.crc32(data[:-4]) != crc:
            raise self._damaged(f"attachment {name!r} fails its checksum")
        return AttachmentRecord(name, media_type, len(content), content, log_time, create_time)

    def _end(self, length: int) -> None:
        """Data end, summary, footer and end mark: nothing to yield, checksums to check."""
        if length < 4:
            raise MalformedError("a data end without checksum")
        data_crc, computed = struct.unpack("<I", self._whole(length, self._limits.record)[:4])[0], self._crc_before
        if self._validate and data_crc and data_crc != computed:
            raise self._damaged("the data section fails its checksum")
        self._at += 9 + length
        self._crc = 0
        while True:
            opcode, length = self._record_head()
            if opcode == Opcode.FOOTER:
                break
            self._skip(length)
            self._at += 9 + length
        footer = self._whole(length, self._limits.record, crc_bytes=16)
        if length != 20:
            raise MalformedError(f"a footer of {length} bytes")
        summary_crc = struct.unpack("<I", footer[16:])[0]
        if self._validate and summary_crc and summary_crc != self._crc:
            raise self._damaged("the summary fails its checksum")
        tail = self._read(self._size - self._at - 9 - length if self._size - self._at < MIB else MIB)
        if tail != MAGIC:
            if MAGIC.startswith(tail):
                raise self._truncated("inside its end mark")
            raise self._damaged("the end mark is wrong, or bytes follow it")

    def _whole(self, length: int, limit: int, crc_bytes: int | None = None) -> bytes:
        self._bound(length, limit, f"the record at byte {self._at} takes")
        self._crc_before = self._crc
        return self._read(length, crc_bytes)

    def _skip(self, length: int) -> None:
        while length:
            length -= len(self._read(min(length, MIB)))

    def _read(self, length: int, crc_bytes: int | None = None) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise self._truncated("while it was being read")
        if self._validate:
            self._crc = zlib.crc32(data if crc_bytes is None else data[:crc_bytes], self._crc)
        return data

    def _only_zeros(self) -> bool:
        self._file.seek(self._at)
        while block := self._file.read(MIB):
            if block.count(0) != len(block):
                return False
        return True

    def _bound(self, size: int, limit: int, what: str) -> None:
        if size > limit:
            raise NotALogError(f"{self._path}: {what} {size} bytes, the limit is {limit}")

    def _truncated(self, where: str) -> TruncatedLogError:
        return TruncatedLogError(
            f"{self._path}: truncated: the file ends {where}; the first {self._at} of {self._size} bytes are whole"
        )

    def _damaged(self, what: str) -> DamagedLogError:
        return DamagedLogError(f"{self._path}: damaged: {what}")


def _unpack_zstd(data: bytes, size: int) -> bytes:
    declared = zstandard.frame_content_size(data)
    if declared > size:  # the library would allocate what the frame says, whatever limit it is given
        raise zstandard.ZstdError(f"a frame of {declared} bytes in a chunk of {size}")
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=size) if size else b""


def _unpack_lz4(data: bytes, size: int) -> bytes:
    unpacked: bytes = lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=size + 1)
    return unpacked


_UNPACK: dict[str, Callable[[bytes, int], bytes]] = {
    "zstd": _unpack_zstd,
    "lz4": _unpack_lz4,
    "": lambda data, _size: data,
}
_MESSAGE = struct.Struct("<HIQQ")
_PLAIN = frozenset((Opcode.HEADER, Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE, Opcode.METADATA))
_SUMMARY_ONLY = frozenset((Opcode.FOOTER, 0x08, 0x0A, 0x0B, 0x0D, 0x0E))
_IN_CHUNK = frozenset((Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE))
