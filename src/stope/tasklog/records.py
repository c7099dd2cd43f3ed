"""The MCAP records that we read, and how to read them out of bytes that nobody vouches for."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

MAGIC = b"\x89MCAP0\r\n"


class Opcode(IntEnum):
    """Record types of MCAP version 0; others are to be skipped."""

    HEADER = 0x01
    FOOTER = 0x02
    SCHEMA = 0x03
    CHANNEL = 0x04
    MESSAGE = 0x05
    CHUNK = 0x06
    ATTACHMENT = 0x09
    METADATA = 0x0C
    DATA_END = 0x0F


@dataclass(frozen=True, slots=True)
class SchemaRecord:
    """A message definition: for encoding "protobuf", `data` is a FileDescriptorSet."""

    id: int
    name: str
    encoding: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A stream of messages of one schema on one topic; a topic may have several, one per schema version."""

    id: int
    topic: str
    encoding: str
    metadata: Mapping[str, str]
    schema: SchemaRecord | None


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as it lies in the file; times in ns since 1970."""

    channel: ChannelRecord
    sequence: int
    log_time_ns: int
    publish_time_ns: int
    data: bytes


@dataclass(frozen=True, slots=True)
class MetadataRecord:
    """Named text pairs."""

    name: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AttachmentRecord:
    """A file inside the file. `data` is None when it is larger than the limit; it was checked and skipped."""

    name: str
    media_type: str
    size: int
    data: bytes | None
    log_time_ns: int = 0
    create_time_ns: int = 0


@dataclass(frozen=True, slots=True)
class HeaderRecord:
    """Who wrote the file."""

    profile: str
    library: str


Record = SchemaRecord | ChannelRecord | MessageRecord | MetadataRecord | AttachmentRecord | HeaderRecord


class MalformedError(ValueError):
    """A length or a text inside a record is wrong."""


class Cursor:
    """Reads little-endian fields from `data`, and never beyond its end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = memoryview(data), 0

    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises:
            MalformedError: there are fewer.
        """
        if size > self.left():
            raise MalformedError(f"a field of {size} bytes where {self.left()} are left")
        self._at += size
        return bytes(self._data[self._at - size : self._at])

    def number(self, kind: str) -> int:
        """An unsigned integer; `kind` is its `struct` code: B, H, I or Q."""
        layout = struct.Struct("<" + kind)
        value: int = layout.unpack(self.take(layout.size))[0]
        return value

    def text(self) -> str:
        """A text with its length in front."""
        try:
            return self.take(self.number("I")).decode()
        except UnicodeDecodeError as error:
            raise MalformedError(f"a text that is not UTF-8 ({error.reason})") from error

    def pairs(self) -> dict[str, str]:
        """Text pairs with their total length in front.

        Raises:
            MalformedError: a key stands twice. MCAP's maps have unique keys, and a digest over one of two values would
                vouch for the other in the eyes of a reader who takes the other.
        """
        inside = Cursor(self.take(self.number("I")))
        found: dict[str, str] = {}
        while inside.left():
            key = inside.text()
            if key in found:
                raise MalformedError(f"key {key[:80]!r} stands twice")
            found[key] = inside.text()
        return found
