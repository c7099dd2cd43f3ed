"""Import a partner's CSV tables as a task log, by a declared mapping. An empty cell is a field that is not set."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from stope import __version__
from stope.tasklog.errors import TaskLogError
from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.header import MISSION_ATTACHMENT, RECORD, ROBOT_ATTACHMENT, RunHeader, utc_text
from stope.tasklog.interop.mapping import FieldMap, Mapping, TopicMap
from stope.tasklog.records import AttachmentRecord, ChannelRecord, MessageRecord, SchemaRecord
from stope.tasklog.rewrite import Rewriter, rewriting
from stope.tasklog.seal.salts import SALTS, new_salts
from stope.tasklog.topics import TOPICS

MAX_ROWS = 50_000_000
MAX_CELL = 1_000_000
_PROTO = descriptor_pb2.FieldDescriptorProto
_TYPES = {"double": _PROTO.TYPE_DOUBLE, "int64": _PROTO.TYPE_INT64, "string": _PROTO.TYPE_STRING}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def import_csv(mapping: Mapping, folder: Path, target: Path) -> dict[str, int]:
    """Write the log; rows by topic. Topics follow one another in the file, each in its own order.

    Raises:
        TaskLogError: a table cannot be read, or a cell is not what the mapping says (file, line and column are named).
    """
    start_ns = (datetime.fromisoformat(mapping.run.start_utc) - _EPOCH) // timedelta(microseconds=1) * 1000
    for row in mapping.topic:
        if row.topic in TOPICS:
            raise TaskLogError(f"topic {row.topic}: has a message of its own in the format; choose another name")
    counts: dict[str, int] = {}
    with rewriting(target) as log:
        _write_header(log, mapping, folder, start_ns)
        for number, row in enumerate(mapping.topic):
            counts[row.topic] = counts.get(row.topic, 0) + _write_topic(log, row, number, folder / row.file, start_ns)
    return counts


def _write_header(log: Rewriter, mapping: Mapping, folder: Path, start_ns: int) -> None:
    run = mapping.run
    header = RunHeader(
        __version__, 0, run.mission, "{}", run.robot, "{}", "", run.body, run.licence, run.team,
        start_utc=utc_text(start_ns),
    )  # fmt: skip
    sources = {f"imported.{row.file}": file_sha256(folder / row.file) for row in mapping.topic}
    log.metadata(RECORD, {**header.metadata(), **sources, "start_utc_ns": str(start_ns)})
    log.metadata(SALTS, new_salts(row.topic for row in mapping.topic))
    for name in (MISSION_ATTACHMENT, ROBOT_ATTACHMENT):
        log.add(AttachmentRecord(name, "application/json", 2, b"{}", start_ns, start_ns))


def _write_topic(log: Rewriter, row: TopicMap, number: int, path: Path, start_ns: int) -> int:
    name = f"Table{number}"
    files = descriptor_pb2.FileDescriptorSet()
    file = files.file.add(name=f"imported/{name}.proto", package="imported", syntax="proto3")
    message = file.message_type.add(name=name)
    for index, field in enumerate(row.field, 1):
        message.field.add(
            name=field.name,
            number=index,
            label=_PROTO.LABEL_OPTIONAL,
            type=_TYPES[field.type],
            proto3_optional=True,
            oneof_index=index - 1,
        )
    for field in row.field:  # proto3's way to tell "not set" from 0
        message.oneof_decl.add(name=f"_{field.name}")
    pool = DescriptorPool()
    pool.Add(file)
    make: Any = GetMessageClass(pool.FindMessageTypeByName(f"imported.{name}"))
    schema = SchemaRecord(number + 1, f"imported.{name}", "protobuf", files.SerializeToString(deterministic=True))
    units = {f"unit.{field.name}": field.unit for field in row.field if field.unit}
    channel = ChannelRecord(number + 1, row.topic, "protobuf", {"deterministic": "false", **units}, schema)
    count = 0
    for time_us, values in _rows(row, path):
        count += 1
        log_ns = start_ns + time_us * 1000
        log.add(MessageRecord(channel, count, log_ns, log_ns, make(**values).SerializeToString()))
    return count


def _rows(row: TopicMap, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(MAX_CELL)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.reader(file, delimiter=row.separator)
            head = next(table, [])
            wanted = {row.time.column, *(field.column for field in row.field)}
            where = {name: head.index(name) for name in wanted if name in head}
            missing = sorted(wanted - where.keys())
            if missing:
                raise TaskLogError(f"{path}:1: no column {missing[0]!r}; there is {', '.join(head[:20]) or 'none'}")
            for count, cells in enumerate(table, 1):
                if count > MAX_ROWS:
                    raise TaskLogError(f"{path}: more than {MAX_ROWS} rows")
                if cells:
                    yield _row(row, path, table.line_num, cells, where)
    except OSError as error:
        raise TaskLogError(f"{path}: cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise TaskLogError(f"{path}: is no CSV table in UTF-8: {error}") from error


def _row(row: TopicMap, path: Path, line: int, cells: list[str], where: dict[str, int]) -> tuple[int, dict[str, Any]]:
    def cell(column: str) -> str:
        index = where[column]
        return cells[index].strip() if index < len(cells) else ""

    time = _number(cell(row.time.column), f"{path}:{line}: {row.time.column}")
    values = {}
    for field in row.field:
        text = cell(field.column)
        if text:
            values[field.name] = _value(field, text, f"{path}:{line}: {field.column}")
    time_us = round(time * row.time.us)
    if not 0 <= time_us < 2**53:
        raise TaskLogError(f"{path}:{line}: {row.time.column}: read {time:g}, expected time since the start")
    return time_us, values


def _value(field: FieldMap, text: str, where: str) -> Any:
    if field.type == "string":
        return text
    if field.type == "double":
        return _number(text, where) * field.scale + field.offset
    try:
        whole = int(text) * int(field.scale) + int(field.offset)
    except ValueError:
        raise TaskLogError(f"{where}: read {text[:40]!r}, expected a whole number") from None
    if abs(whole) >= 2**63:
        raise TaskLogError(f"{where}: read {text[:40]!r}, expected one that fits in 64 bits")
    return whole


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise TaskLogError(f"{where}: read {text[:40]!r}, expected a number") from None
    if not math.isfinite(value):
        raise TaskLogError(f"{where}: read {text[:40]!r}, expected a finite number; leave a gap empty")
    return value
