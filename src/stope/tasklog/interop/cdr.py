"""A protobuf message as a ROS 2 message: its definition as text, and its bytes in CDR (XCDR1, little-endian).

OMG DDSI-RTPS 10.2 (encapsulation 00 01), OMG CORBA 9.3 (alignment): each number is aligned to its own size, from
the end of the four-byte head.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Field

from stope.tasklog.errors import TaskLogError
from stope.tasklog.table import is_repeated

PACKAGE = "stope_log"
MAX_DEPTH = 8
_NUMBERS = {
    Field.CPPTYPE_INT32: ("int32", "i", 4),
    Field.CPPTYPE_INT64: ("int64", "q", 8),
    Field.CPPTYPE_UINT32: ("uint32", "I", 4),
    Field.CPPTYPE_UINT64: ("uint64", "Q", 8),
    Field.CPPTYPE_DOUBLE: ("float64", "d", 8),
    Field.CPPTYPE_FLOAT: ("float32", "f", 4),
    Field.CPPTYPE_BOOL: ("bool", "?", 1),
    Field.CPPTYPE_ENUM: ("int32", "i", 4),
}
_SEPARATOR = "=" * 80


class Cdr:
    """Bytes that grow with alignment."""

    def __init__(self) -> None:
        self._data = bytearray(b"\x00\x01\x00\x00")

    def number(self, code: str, size: int, value: Any) -> None:
        """One number, aligned."""
        self._align(size)
        self._data += struct.pack(f"<{code}", value)

    def numbers(self, code: str, size: int, values: Any) -> None:
        """A sequence of numbers."""
        self.number("I", 4, len(values))
        if values:
            self._align(size)
            self._data += struct.pack(f"<{len(values)}{code}", *values)

    def text(self, value: str) -> None:
        """A string with its final zero; a zero inside would end it early, so it goes."""
        data = value.replace("\0", "").encode() + b"\0"
        self.number("I", 4, len(data))
        self._data += data

    def raw(self, value: bytes) -> None:
        """A sequence of bytes."""
        self.number("I", 4, len(value))
        self._data += value

    def bytes(self) -> bytes:
        """What was written."""
        return bytes(self._data)

    def _align(self, size: int) -> None:
        self._data += bytes(-(len(self._data) - 4) % size)


def type_name(descriptor: Any) -> str:
    """stope.log.v1.MassParcel as stope_log/msg/MassParcel; an inner message carries its outer one's name."""
    file = descriptor.file.package
    inner = descriptor.full_name.removeprefix(f"{file}." if file else "")
    short = re.sub(r"[^A-Za-z0-9]", "", "".join(part[:1].upper() + part[1:] for part in inner.split(".")))
    return f"{PACKAGE}/msg/{short}"


def definition(descriptor: Any, units: dict[str, str]) -> str:
    """The .msg text with everything that it needs, as MCAP's ros2msg encoding wants it.

    Raises:
        TaskLogError: the message holds itself, which ROS 2 cannot say.
    """
    known: dict[str, Any] = {}

    def visit(message: Any, depth: int, path: tuple[str, ...]) -> None:
        if message.full_name in path or depth > MAX_DEPTH:
            raise TaskLogError(f"{message.full_name}: holds itself or nests deeper than {MAX_DEPTH}; ROS 2 has no such")
        known.setdefault(type_name(message), message)
        for field in message.fields:
            if field.message_type is not None:
                visit(field.message_type, depth + 1, (*path, message.full_name))

    visit(descriptor, 0, ())
    names = list(known)
    text = _body(descriptor, units)
    for name in names[1:]:
        text += f"{_SEPARATOR}\nMSG: {name.replace('/msg/', '/')}\n{_body(known[name], {})}"
    return text


def serialiser(descriptor: Any) -> Callable[[Any], bytes]:
    """A function from a message of this type to CDR. The definition was made before, so nesting is finite."""
    writers = _writers(descriptor)

    def serialise(message: Any) -> bytes:
        out = Cdr()
        for write in writers:
            write(out, message)
        return out.bytes()

    return serialise


def _body(descriptor: Any, units: dict[str, str]) -> str:
    lines = []
    for field in descriptor.fields:
        unit = f"  # {units[field.name]}" if field.name in units else ""
        lines.append(f"{_kind(field)}{'[]' if is_repeated(field) else ''} {_name(field.name)}{unit}\n")
    return "".join(lines) or "uint8 structure_needs_at_least_one_member\n"


def _kind(field: Any) -> str:
    if field.message_type is not None:
        return type_name(field.message_type).replace("/msg/", "/")
    if field.type == Field.TYPE_BYTES:
        return "uint8[]" if not is_repeated(field) else "string"
    return _NUMBERS[field.cpp_type][0] if field.cpp_type in _NUMBERS else "string"


def _name(name: str) -> str:
    """ROS 2 wants lower case, no double and no final underscore."""
    text = re.sub(r"_+", "_", re.sub(r"[^a-z0-9_]", "_", name.lower())).strip("_")
    return text if text[:1].isalpha() else f"f_{text}"


def _writers(descriptor: Any) -> list[Callable[[Cdr, Any], None]]:
    if not descriptor.fields:
        return [lambda out, _message: out.number("B", 1, 0)]
    return [_writer(field) for field in descriptor.fields]


def _writer(field: Any) -> Callable[[Cdr, Any], None]:
    name = field.name
    if field.message_type is not None:
        inner = _writers(field.message_type)

        def write_message(out: Cdr, message: Any) -> None:
            values = getattr(message, name)
            if is_repeated(field):
                out.number("I", 4, len(values))
            for value in values if is_repeated(field) else (values,):
                for write in inner:
                    write(out, value)

        return write_message
    if field.cpp_type in _NUMBERS:
        _, code, size = _NUMBERS[field.cpp_type]
        if is_repeated(field):
            return lambda out, message: out.numbers(code, size, getattr(message, name))
        return lambda out, message: out.number(code, size, getattr(message, name))
    if is_repeated(field):
        return lambda out, message: _texts(out, getattr(message, name))
    if field.type == Field.TYPE_BYTES:
        return lambda out, message: out.raw(getattr(message, name))
    return lambda out, message: out.text(getattr(message, name))


def _texts(out: Cdr, values: Any) -> None:
    out.number("I", 4, len(values))
    for value in values:
        out.text(value if isinstance(value, str) else value.hex())
