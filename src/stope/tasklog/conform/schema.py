"""Rules about a channel: its message is what the topic table says, and every number has its unit."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError

from stope.tasklog import messages
from stope.tasklog.conform.finding import Report
from stope.tasklog.conform.ucum import is_ucum
from stope.tasklog.records import ChannelRecord, SchemaRecord
from stope.tasklog.topics import TOPICS
from stope.tasklog.writer import channel_metadata

_FIELD = descriptor_pb2.FieldDescriptorProto
_NUMERIC = frozenset(range(1, 19)) - {8, 9, 10, 11, 12, 14}  # no bool, text, group, message, bytes, enumeration
_MAX_BYTES = 8192  # an embedded descriptor.proto alone takes 15 KB


def check_channel(report: Report, channel: ChannelRecord) -> None:
    """Check what a channel says of itself."""
    topic, schema = channel.topic, channel.schema
    if not topic.startswith("/") or " " in topic or len(topic) > 200:
        report.error("topic.name", topic[:60], "expected a name like /robot/observation, at most 200 characters")
    if channel.encoding != "protobuf" or schema is None or schema.encoding != "protobuf":
        read = f"read encoding {channel.encoding!r} and schema {schema.encoding if schema else None!r}"
        report.error("schema.encoding", topic, f"{read}, expected protobuf, which viewers can decode")
        return
    if len(schema.data) > _MAX_BYTES:
        sentence = f"the embedded schema takes {len(schema.data)} bytes; leave custom options and their imports out"
        report.warning("schema.size", topic, sentence)
    row = TOPICS.get(topic)
    if row is not None and schema.name != row.schema:
        report.error("topic.schema", topic, f"read {schema.name}, expected {row.schema}; other messages, other topic")
        return
    if schema.name.startswith(f"{messages.PACKAGE}."):
        _check_grown(report, topic, schema)
    if row is not None:
        _check_metadata(report, channel)
    _check_units(report, channel)


def _check_grown(report: Report, topic: str, schema: SchemaRecord) -> None:
    """A message of our package may know fewer or more fields than ours; those that both know must be the same."""
    ours = messages.own_files().get(schema.name)
    if ours is None:
        sentence = f"{schema.name} is not in our version of the format; a newer one may have it"
        report.warning("schema.unknown", topic, sentence)
        return
    by_number = {item.number: item for item in ours.message_type[0].field}
    by_name = {item.name: item for item in ours.message_type[0].field}
    for item in _fields(schema):
        known = by_number.get(item.number) or by_name.get(item.name)
        if known is None:
            report.warning("schema.newer", topic, f"field {item.name} is not in our version; it is kept and not read")
        elif (known.number, known.name, known.type, known.label) != (item.number, item.name, item.type, item.label):
            sentence = f"read field {_told(item)}, expected {_told(known)}: number, name and type never change"
            report.error("schema.changed", f"{topic} {item.name}", sentence)


def _check_metadata(report: Report, channel: ChannelRecord) -> None:
    expected = channel_metadata(TOPICS[channel.topic])
    for key, value in expected.items():
        field = key.partition(".")[2]
        if field and channel.schema is not None and not _has(channel.schema, field):
            continue  # an older version
        read = channel.metadata.get(key)
        if read != value:
            where = f"{channel.topic} {key}"
            report.error("channel.metadata", where, f"read {read!r}, expected {value!r} in the channel's metadata")


def _check_units(report: Report, channel: ChannelRecord) -> None:
    assert channel.schema is not None  # both callers' business
    for key, unit in channel.metadata.items():
        if key.startswith("unit.") and not is_ucum(unit):
            report.error("unit.ucum", f"{channel.topic} {key}", f"read {unit[:40]!r}, expected a UCUM code such as N.m")
    if channel.topic in TOPICS or channel.schema.name.startswith("foxglove."):
        return
    for item in _fields(channel.schema):
        if item.type in _NUMERIC and f"unit.{item.name}" not in channel.metadata:
            sentence = f"a number without unit; put unit.{item.name} with its UCUM code into the channel's metadata"
            report.error("unit.present", f"{channel.topic} {item.name}", sentence)


def _fields(schema: SchemaRecord) -> list[Any]:
    """Fields of the message that the channel carries; empty where its definition does not parse."""
    try:
        files = descriptor_pb2.FileDescriptorSet.FromString(schema.data)
    except DecodeError:
        return []
    for file in files.file:
        for message in file.message_type:
            name = f"{file.package}.{message.name}" if file.package else message.name
            if name == schema.name:
                return list(message.field)
    return []


def _has(schema: SchemaRecord, path: str) -> bool:
    return "." in path or any(item.name == path for item in _fields(schema))


def _told(item: Any) -> str:
    kind = _FIELD.Type.Name(item.type).removeprefix("TYPE_").lower()
    return f"{item.number} {item.name} {kind}{'[]' if item.label == _FIELD.LABEL_REPEATED else ''}"
