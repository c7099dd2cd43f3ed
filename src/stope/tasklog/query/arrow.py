"""A protobuf message as an Arrow row: which columns, of which types, and the values of one message.

Inner messages become structs, repeated ones lists; raw bytes become their length, since a table is the wrong place for
a point cloud. A message that holds itself is cut at four levels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor as Field

from stope.tasklog.table import is_repeated

MAX_DEPTH = 4
MAX_FIELDS = 2000
_TYPES: Mapping[int, pa.DataType] = {
    Field.CPPTYPE_INT32: pa.int32(),
    Field.CPPTYPE_INT64: pa.int64(),
    Field.CPPTYPE_UINT32: pa.uint32(),
    Field.CPPTYPE_UINT64: pa.uint64(),
    Field.CPPTYPE_DOUBLE: pa.float64(),
    Field.CPPTYPE_FLOAT: pa.float32(),
    Field.CPPTYPE_BOOL: pa.bool_(),
    Field.CPPTYPE_ENUM: pa.string(),
    Field.CPPTYPE_STRING: pa.string(),
}
#: Columns that every table has; fields of the same name get an underscore.
FIXED = (
    ("log", pa.string()),
    ("sequence", pa.int64()),
    ("time_s", pa.float64()),
    ("utc_ns", pa.int64()),
    ("utc", pa.timestamp("ns")),  # without zone: DuckDB cannot add an interval to nanoseconds with one
)
Getter = Callable[[Any], Any]


class Rows:
    """Columns of one message type."""

    def __init__(self, descriptor: Any, metadata: Mapping[str, str]) -> None:
        taken = {name for name, _ in FIXED}
        self._getters: list[Getter] = []
        fields = [pa.field(name, kind) for name, kind in FIXED]
        for field in list(descriptor.fields)[:MAX_FIELDS]:
            kind, get = _column(field, 1)
            if kind is None:
                continue
            unit, name = metadata.get(f"unit.{field.name}", ""), field.name
            while name.lower() in taken:  # SQL does not see case
                name += "_"
            taken.add(name.lower())
            fields.append(pa.field(name, kind, metadata={"unit": unit} if unit else None))
            self._getters.append(get)
        self.schema = pa.schema(fields)

    def values(self, message: Any) -> list[Any]:
        """The values of the columns after the fixed ones."""
        return [get(message) for get in self._getters]


def _column(field: Any, depth: int) -> tuple[pa.DataType | None, Getter]:
    """Type and getter (from the message that has the field); no type where a table has no place for it."""
    kind, of_value = _value(field, depth)
    name = field.name
    if kind is None:
        return None, of_value
    if is_repeated(field):
        if of_value is _same:
            return pa.list_(kind), lambda message: list(getattr(message, name, ()))
        return pa.list_(kind), lambda message: [of_value(item) for item in getattr(message, name, ())]
    if field.message_type is not None:
        return kind, lambda message: of_value(getattr(message, name)) if _has(message, name) else None
    if of_value is _same:
        return kind, lambda message: getattr(message, name, None)
    return kind, lambda message: None if (value := getattr(message, name, None)) is None else of_value(value)


def _value(field: Any, depth: int) -> tuple[pa.DataType | None, Getter]:
    if field.message_type is not None:
        return _struct(field.message_type, depth)
    if field.type == Field.TYPE_BYTES:
        return pa.int64(), len
    if field.type == Field.TYPE_ENUM:
        names = {number: value.name for number, value in field.enum_type.values_by_number.items()}
        return pa.string(), lambda number: names.get(number, str(number))
    return _TYPES[field.cpp_type], _same


def _struct(descriptor: Any, depth: int) -> tuple[pa.DataType | None, Getter]:
    if depth >= MAX_DEPTH:
        return None, _same
    columns = [(inner.name, *_column(inner, depth + 1)) for inner in list(descriptor.fields)[:100]]
    known = [(name, kind, get) for name, kind, get in columns if kind is not None]
    if not known:
        return None, _same
    return pa.struct([(name, kind) for name, kind, _ in known]), lambda message: {
        name: get(message) for name, _, get in known
    }


def _has(message: Any, name: str) -> bool:
    try:
        return bool(message.HasField(name))
    except ValueError:  # an older message on a topic whose schema grew
        return False


def _same(value: Any) -> Any:
    return value
