"""Subjects: the parts of a log that a seal names, each with its SHA-256 over a defined byte string.

The byte strings are in docs/format/seals.md. They depend on neither chunks nor compression nor on who wrote the file.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from stope.tasklog.records import AttachmentRecord, ChannelRecord, MessageRecord, MetadataRecord, Record
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.salts import SALTS, salt_of

#: Metadata record of a log whose owner withholds topics; not sealed, since it comes later.
REDACTED = "stope.redacted"
SEGMENT_S = 60
MAX_SUBJECTS = 200_000
_SEGMENT_NS = SEGMENT_S * 1_000_000_000
_MESSAGE = struct.Struct("<QQQQ")
_UNSEALED = frozenset((SALTS, REDACTED))


@dataclass(slots=True)
class Subject:
    """A part of a log. `count` and the limits are those of its messages; 0 for an attachment or a metadata record."""

    name: str
    topic: str
    sha256: str
    count: int = 0
    first_sequence: int = 0
    last_sequence: int = 0
    first_ns: int = 0
    last_ns: int = 0


class _Segment:
    """The running digest of one topic's minute."""

    __slots__ = ("channel", "count", "first_ns", "first_sequence", "hash", "last_ns", "last_sequence")

    def __init__(self, record: MessageRecord, salt: bytes) -> None:
        self.hash = hashlib.sha256(b"stope.segment/1\n" + framed(salt, record.channel.topic.encode()))
        self.channel: ChannelRecord | None = None
        self.count = 0
        self.first_ns = self.last_ns = record.log_time_ns
        self.first_sequence = record.sequence
        self.last_sequence = 0

    def add(self, record: MessageRecord) -> None:
        if record.channel is not self.channel:
            self.hash.update(b"\x01" + channel_bytes(record.channel))
            self.channel = record.channel
        data = record.data
        head = _MESSAGE.pack(record.sequence, record.log_time_ns, record.publish_time_ns, len(data))
        self.hash.update(b"\x02" + head)
        self.hash.update(data)
        self.count += 1
        self.last_sequence = record.sequence
        self.first_ns = min(self.first_ns, record.log_time_ns)
        self.last_ns = max(self.last_ns, record.log_time_ns)


class SubjectHasher:
    """Computes every subject while records pass by, in file order."""

    def __init__(self) -> None:
        self._segments: dict[tuple[str, int], _Segment] = {}
        self._others: dict[str, str] = {}
        self.salts: Mapping[str, str] = {}

    def add(self, record: Record) -> None:
        """Take one record.

        Raises:
            SealError: more subjects than anybody should have to check.
        """
        if isinstance(record, MessageRecord):
            key = (record.channel.topic, record.log_time_ns // _SEGMENT_NS)
            segment = self._segments.get(key)
            if segment is None:
                self._room()
                segment = self._segments[key] = _Segment(record, salt_of(self.salts, key[0]))
            segment.add(record)
        elif isinstance(record, MetadataRecord):
            if record.name == SALTS:
                self.salts = record.values
            elif record.name not in _UNSEALED:
                pairs = (text.encode() for pair in sorted(record.values.items()) for text in pair)
                self._other("metadata", record.name, framed(record.name.encode(), *pairs))
        elif isinstance(record, AttachmentRecord):
            if record.data is None:
                raise SealError(f"an attachment of {record.size} bytes is too large to be sealed")
            parts = (record.name.encode(), record.media_type.encode(), record.data)
            self._other("attachment", record.name, framed(*parts))

    def subjects(self) -> dict[str, Subject]:
        """What was added so far, by name, in a fixed order."""
        found = [Subject(name, "", digest) for name, digest in self._others.items()]
        for (topic, number), segment in self._segments.items():
            found.append(
                Subject(
                    f"topic:{topic}#{number}",
                    topic,
                    segment.hash.hexdigest(),
                    segment.count,
                    segment.first_sequence,
                    segment.last_sequence,
                    segment.first_ns,
                    segment.last_ns,
                )
            )
        return {subject.name: subject for subject in sorted(found, key=lambda subject: subject.name)}

    def _other(self, kind: str, name: str, data: bytes) -> None:
        self._room()
        number = 0
        while f"{kind}:{name}#{number}" in self._others:
            number += 1
        self._others[f"{kind}:{name}#{number}"] = hashlib.sha256(f"stope.{kind}/1\n".encode() + data).hexdigest()

    def _room(self) -> None:
        if len(self._segments) + len(self._others) >= MAX_SUBJECTS:
            raise SealError(f"the log has more than {MAX_SUBJECTS} subjects (topics times minutes)")


def channel_bytes(channel: ChannelRecord) -> bytes:
    """How a channel enters a digest: message encoding, schema and metadata, so that no unit can be changed later."""
    schema = channel.schema
    parts = [channel.encoding.encode()]
    parts += [b"", b"", b""] if schema is None else [schema.name.encode(), schema.encoding.encode(), schema.data]
    parts += [text.encode() for pair in sorted(channel.metadata.items()) for text in pair]
    return framed(*parts)


def framed(*parts: bytes) -> bytes:
    """The number of parts, then each with its length in front (u64 little-endian)."""
    return struct.pack("<Q", len(parts)) + b"".join(struct.pack("<Q", len(part)) + part for part in parts)
