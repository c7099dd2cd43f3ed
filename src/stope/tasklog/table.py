"""A topic as a table: which columns its messages need, and the cells of one message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from stope.tasklog.errors import TaskLogError
from stope.tasklog.header import RunHeader
from stope.tasklog.reader import LogMessage

#: A longer array is exported as its length alone: a spreadsheet is the wrong place for a point cloud.
MAX_COLUMNS_PER_ARRAY = 256
#: What spreadsheets take.
MAX_COLUMNS = 16384
_LENGTH = -1


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head with unit, and the way to its value.

    Attributes:
        steps: (field, index) from the message down; index None for a single value, -1 for an array's length.
        field: descriptor of the last step's field.
    """

    head: str
    steps: tuple[tuple[str, int | None], ...]
    field: Any


class Table:
    """Columns of one topic: arrays get as many as their longest occurrence, messages that never occur get none."""

    def __init__(self, header: RunHeader | None, sample: LogMessage) -> None:
        self._header, self._topic = header, sample.topic
        self._metadata = sample.channel.metadata
        self._widths: dict[str, int] = {}

    def widen(self, message: Any, prefix: str = "") -> None:
        """Take note of the arrays' lengths and the inner messages in `message`."""
        for field in message.DESCRIPTOR.fields:
            name = prefix + field.name
            if is_repeated(field):
                values = getattr(message, field.name)
                self._widths[name] = max(self._widths.get(name, 0), len(values))
                if field.message_type is not None:
                    for i, inner in enumerate(values[:MAX_COLUMNS_PER_ARRAY]):
                        self.widen(inner, f"{name}.{i}.")
            elif field.message_type is not None and message.HasField(field.name):
                self._widths[name] = 1
                self.widen(getattr(message, field.name), f"{name}.")

    def columns(self, descriptor: Any) -> list[Column]:
        """The columns for messages with `descriptor`.

        Raises:
            TaskLogError: there would be more than a spreadsheet takes.
        """
        found = list(islice(self._columns(descriptor, "", ()), MAX_COLUMNS + 1))
        if len(found) > MAX_COLUMNS:
            raise TaskLogError(f"topic {self._topic} needs more than {MAX_COLUMNS} columns")
        return found

    def _columns(self, descriptor: Any, prefix: str, steps: tuple[tuple[str, int | None], ...]) -> Iterator[Column]:
        for field in descriptor.fields:
            name, width = prefix + field.name, self._widths.get(prefix + field.name, 0)
            if is_repeated(field) and width > MAX_COLUMNS_PER_ARRAY:
                yield Column(f"{name}.length [1]", (*steps, (field.name, _LENGTH)), field)
            elif is_repeated(field) and field.message_type is not None:
                for i in range(width):
                    yield from self._columns(field.message_type, f"{name}.{i}.", (*steps, (field.name, i)))
            elif is_repeated(field):
                for i, label in enumerate(self._labels(name, width)):
                    yield Column(f"{name}.{label}{self._unit(name, i)}", (*steps, (field.name, i)), field)
            elif field.message_type is not None:
                if width:
                    yield from self._columns(field.message_type, f"{name}.", (*steps, (field.name, None)))
            elif field.type == FieldDescriptor.TYPE_BYTES:
                yield Column(f"{name}.length [By]", (*steps, (field.name, _LENGTH)), field)
            else:
                yield Column(name + self._unit(name, None), (*steps, (field.name, None)), field)

    def _labels(self, name: str, width: int) -> list[str]:
        """Names along the array's axes where the header has them and their number fits; else indices."""
        axes = self._metadata.get(f"axis.{name}", "")
        if self._header is not None and axes:
            names = [self._header.axis_names(axis) for axis in axes.split(",")]
            labels = [".".join(parts) for parts in product(*names)]
            if all(names) and len(labels) == width:
                return labels
        return [str(i) for i in range(width)]

    def _unit(self, name: str, element: int | None) -> str:
        """The unit in brackets; of a joint, its own unit from the run header."""
        unit = self._metadata.get("unit." + re.sub(r"\.\d+(?=\.)", "", name), "")
        joints = self._header.joints if self._header is not None else ()
        if element is not None and element < len(joints):
            own = joints[element].unit
            unit = unit.replace("{joint_effort}", "N" if own == "m" else "N.m").replace("{joint}", own)
        return f" [{unit}]" if unit else ""


def cell(column: Column, message: Any) -> Any:
    """The text or number for `column`; empty where the message has none."""
    value = message
    for name, index in column.steps:
        holder, value = value, getattr(value, name, None)
        if value is None:  # an older message on a topic whose schema grew
            return ""
        if index == _LENGTH:
            return len(value)
        if index is not None:
            if index >= len(value):
                return ""
            value = value[index]
        elif name != column.field.name and not holder.HasField(name):
            return ""
    return _plain(column.field, value)


def _plain(field: Any, value: Any) -> Any:
    if field.type == FieldDescriptor.TYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)  # reads back exactly
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value  # a partner's text must not run as a spreadsheet's formula
    return value


def is_repeated(field: Any) -> bool:
    """True for an array; protobuf renamed the question in version 6."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED)
