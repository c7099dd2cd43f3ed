"""Read a log: decoded messages in file order, whoever wrote it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from stope.tasklog import messages
from stope.tasklog.errors import DamagedLogError, TruncatedLogError
from stope.tasklog.header import RECORD
from stope.tasklog.parts import scan_log
from stope.tasklog.records import ChannelRecord, MessageRecord, MetadataRecord, Record, SchemaRecord
from stope.tasklog.scan import Limits, scan
from stope.tasklog.topics import TOPICS


@dataclass(frozen=True, slots=True)
class LogMessage:
    """One decoded message.

    Attributes:
        time_us: run time; since the start in the run header, or since the first message where there is none.
        log_time_ns: UTC, ns since 1970.
        sequence: counts from 1 per channel.
        message: a protobuf message, or None where the channel is not protobuf.
        data: the message as it lies in the file.
    """

    topic: str
    channel: ChannelRecord
    sequence: int
    log_time_ns: int
    time_us: int
    message: Any
    data: bytes


def read(
    path: Path,
    topics: Collection[str] | None = None,
    validate_crcs: bool = True,
    *,
    allow_truncated: bool = False,
    limits: Limits | None = None,
) -> Iterator[LogMessage]:
    """Yield the messages on `topics` (all by default) in file order, holding one chunk in memory at a time.

    With `allow_truncated` a file that ends early simply ends; without, its end raises, after everything readable was
    yielded.

    Raises:
        NotALogError, TruncatedLogError, DamagedLogError: see `stope.tasklog.scan.scan`.
    """
    yield from _decoded(scan(path, validate_crcs=validate_crcs, limits=limits), path, topics, allow_truncated)


def read_log(
    first: Path, topics: Collection[str] | None = None, *, allow_truncated: bool = False
) -> Iterator[LogMessage]:
    """The same over all parts of the log that begins in `first`, sequences going on.

    Raises:
        TaskLogError: see `stope.tasklog.parts.scan_log`.
    """
    yield from _decoded(scan_log(first), first, topics, allow_truncated)


def _decoded(
    records: Iterable[Record], path: Path, topics: Collection[str] | None, allow_truncated: bool
) -> Iterator[LogMessage]:
    decode, start_ns = Decoder(path), None
    try:
        for record in records:
            if isinstance(record, MetadataRecord) and record.name == RECORD:
                start_ns = start_time_ns(record)
            elif isinstance(record, MessageRecord):
                start_ns = record.log_time_ns if start_ns is None else start_ns
                if topics is None or record.channel.topic in topics:
                    yield LogMessage(
                        record.channel.topic,
                        record.channel,
                        record.sequence,
                        record.log_time_ns,
                        (record.log_time_ns - start_ns) // 1000,
                        decode(record),
                        record.data,
                    )
    except TruncatedLogError:
        if not allow_truncated:
            raise


def start_time_ns(record: MetadataRecord) -> int | None:
    """UTC of run time 0 that a `stope.run` record states."""
    text = record.values.get("start_utc_ns", "")
    return int(text) if text.isdecimal() and len(text) < 20 else None


class Decoder:
    """Messages to protobuf objects.

    A schema that our own covers is decoded with our class, so that fields added since read as unset; any other, newer
    ones included, with the class that the log itself describes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._classes: dict[tuple[str, bytes], Any] = {}  # messages of one file may share bytes, or one name differ

    def __call__(self, record: MessageRecord) -> Any:
        """The decoded message, or None where it is not protobuf.

        Raises:
            DamagedLogError: the schema or the message does not parse.
        """
        schema = record.channel.schema
        if schema is None or record.channel.encoding != "protobuf" or schema.encoding != "protobuf":
            return None
        key = (schema.name, schema.data)
        if key not in self._classes:
            self._classes[key] = self._class(schema)
        try:
            return self._classes[key].FromString(record.data)
        except DecodeError as error:
            raise DamagedLogError(
                f"{self._path}: damaged: {record.channel.topic} message {record.sequence} is no {schema.name}: {error}"
            ) from error

    def _class(self, schema: SchemaRecord) -> Any:
        try:
            files = descriptor_pb2.FileDescriptorSet.FromString(schema.data)
            if _covered(schema.name, files) or _same_well_known(schema):
                return messages.message_class(schema.name)
            pool = DescriptorPool()
            for file in _imports_first(files):
                pool.Add(file)
            return GetMessageClass(pool.FindMessageTypeByName(schema.name))
        except (DecodeError, TypeError, KeyError, ValueError, RecursionError) as error:
            raise DamagedLogError(f"{self._path}: damaged: schema {schema.name} cannot be used: {error}") from error


def _covered(name: str, files: descriptor_pb2.FileDescriptorSet) -> bool:
    """True when every field of the log's schema is a field of ours: the lock promises that for older versions."""
    ours = messages.own_files().get(name)
    if ours is None or len(files.file) != 1 or len(files.file[0].message_type) != 1:
        return False
    known = {(item.number, item.name, item.type, item.label) for item in ours.message_type[0].field}
    return all((item.number, item.name, item.type, item.label) in known for item in files.file[0].message_type[0].field)


def _same_well_known(schema: SchemaRecord) -> bool:
    """True when a well-known schema of our topic table is, byte for byte, the one that we have."""
    in_table = any(schema.name == topic.schema for topic in TOPICS.values())
    return in_table and schema.data == messages.schema_bytes(schema.name)


def _imports_first(files: descriptor_pb2.FileDescriptorSet) -> list[descriptor_pb2.FileDescriptorProto]:
    waiting = {file.name: file for file in files.file}
    ordered: list[descriptor_pb2.FileDescriptorProto] = []

    def place(name: str) -> None:
        file = waiting.pop(name, None)
        if file is not None:
            for dependency in file.dependency:
                place(dependency)
            ordered.append(file)

    for name in list(waiting):
        place(name)
    return ordered
