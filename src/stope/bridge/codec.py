"""The codec: values to frames and frames to values, table-driven from the dialect. Byte-equal to pymavlink's.

Two levels. `MessageType.frame` and `.values` are the fast ones: flat tuples in wire order, no checks but struct's own.
`Codec.encode` and `.decode` work by field name, refuse what no device may ever see, and are what the session uses.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import fastcrc

from stope.bridge.dialect import Dialect, Field, Message
from stope.robot.messages import CommandRefusedError

MAGIC = 0xFD
HEADER = 10
OVERHEAD = 12  #: header and checksum; signed frames (13 bytes more) are refused

HOST_SYSTEM, HOST_COMPONENT = 255, 190
DEVICE_SYSTEM, DEVICE_COMPONENT = 1, 1

Value = int | float | str | tuple[int, ...] | tuple[float, ...]

_crc = fastcrc.crc16.mcrf4xx
_header = struct.Struct("<BBBBBBBHB").pack


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that passed length, id and checksum; the payload as it came, trailing zeros trimmed."""

    id: int
    link_seq: int
    system: int
    component: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """One decoded message. Text is without its padding, arrays are tuples."""

    name: str
    fields: Mapping[str, Value]
    link_seq: int = 0
    system: int = DEVICE_SYSTEM
    component: int = DEVICE_COMPONENT

    def __getitem__(self, field: str) -> Value:
        return self.fields[field]

    def integer(self, field: str) -> int:
        """An integer field."""
        value = self.fields[field]
        assert isinstance(value, int), field
        return value

    def real(self, field: str) -> float:
        """A floating-point field."""
        value = self.fields[field]
        assert isinstance(value, float), field
        return value

    def text(self, field: str) -> str:
        """A text field."""
        value = self.fields[field]
        assert isinstance(value, str), field
        return value

    def array(self, field: str) -> tuple[float, ...]:
        """An array field of numbers."""
        value = self.fields[field]
        assert isinstance(value, tuple), field
        return value


class MessageType:
    """Coder of one message.

    Attributes:
        id, name, size: number, name and untrimmed payload bytes.
        crc_extra: seed of the checksum, as one byte.
    """

    __slots__ = ("_format", "_high_id", "_low_id", "_slots", "crc_extra", "id", "message", "name", "size")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.id, self.name, self.size = message.id, message.name, message.format.size
        self.crc_extra = bytes((message.crc_extra,))
        self._format = message.format
        self._low_id, self._high_id = self.id & 0xFFFF, self.id >> 16
        self._slots = _slots(message.wire)

    def frame(
        self, values: Sequence[int | float | bytes], link_seq: int, system: int = HOST_SYSTEM,
        component: int = HOST_COMPONENT,
    ) -> bytes:  # fmt: skip
        """A whole frame from flat `values` in wire order.

        Raises:
            struct.error, OverflowError: a value does not fit its type.
        """
        payload = self._format.pack(*values).rstrip(b"\0") or b"\0"
        body = _header(MAGIC, len(payload), 0, 0, link_seq, system, component, self._low_id, self._high_id) + payload
        return body + _crc(body[1:] + self.crc_extra).to_bytes(2, "little")

    def values(self, payload: bytes) -> tuple[int | float | bytes, ...]:
        """Flat values in wire order; what was trimmed is zero."""
        return self._format.unpack(payload.ljust(self.size, b"\0"))

    def named(self, payload: bytes) -> dict[str, Value]:
        """Values by field name."""
        flat = self.values(payload)
        found: dict[str, Value] = {}
        for field, start, stop in self._slots:
            if field.is_text:
                found[field.name] = flat[start].split(b"\0", 1)[0].decode("ascii", "replace")  # type: ignore[union-attr]
            else:
                found[field.name] = flat[start:stop] if field.length else flat[start]  # type: ignore[assignment]
        return found

    def flatten(self, fields: Mapping[str, Value]) -> list[int | float | bytes]:
        """Checked flat values in wire order.

        Raises:
            CommandRefusedError: a field is missing, unknown, of a wrong length, not finite or out of its stated range.
        """
        flat: list[int | float | bytes] = []
        taken = 0
        for field, _, _ in self._slots:
            if field.const is not None:
                flat.append(field.const)
                continue
            if field.name not in fields:
                raise CommandRefusedError(f"{self.name}: field {field.name} is missing")
            taken += 1
            flat.extend(_checked(self.name, field, fields[field.name]))
        if taken != len(fields):
            unknown = sorted(set(fields) - {field.name for field, _, _ in self._slots})
            raise CommandRefusedError(f"{self.name} has no field {', '.join(unknown)}")
        return flat


class Codec:
    """All messages of a dialect.

    Attributes:
        types: coders by message name; table: id -> (seed, longest payload), as the framer needs it.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.types: Mapping[str, MessageType] = MappingProxyType(
            {name: MessageType(message) for name, message in dialect.messages.items()}
        )
        self._by_id = {kind.id: kind for kind in self.types.values()}

    @cached_property
    def table(self) -> Mapping[int, tuple[bytes, int]]:
        """id -> (seed of the checksum, longest payload)."""
        return MappingProxyType({kind.id: (kind.crc_extra, kind.size) for kind in self.types.values()})

    def encode(
        self, name: str, fields: Mapping[str, Value], link_seq: int, system: int = HOST_SYSTEM,
        component: int = HOST_COMPONENT,
    ) -> bytes:  # fmt: skip
        """A frame from values by name.

        Raises:
            CommandRefusedError: as `MessageType.flatten`, or a value does not fit its type. Nothing was encoded.
        """
        kind = self.types[name]
        flat = kind.flatten(fields)
        try:
            return kind.frame(flat, link_seq, system, component)
        except (struct.error, OverflowError) as error:
            raise CommandRefusedError(f"{name}: a value does not fit the wire: {error}") from error

    def decode(self, frame: Frame) -> Received:
        """The message in a frame that the framer let through."""
        kind = self._by_id[frame.id]
        return Received(kind.name, kind.named(frame.payload), frame.link_seq, frame.system, frame.component)


def _slots(wire: Sequence[Field]) -> tuple[tuple[Field, int, int], ...]:
    """Field with the start and end of its elements among the flat values."""
    found, at = [], 0
    for field in wire:
        count = 1 if field.is_text else max(field.length, 1)
        found.append((field, at, at + count))
        at += count
    return tuple(found)


def _checked(message: str, field: Field, value: Value) -> Sequence[int | float | bytes]:
    """Flat elements of one field, refused when no device may ever see them."""
    if field.is_text:
        if not isinstance(value, str) or not value.isascii() or len(value) > field.length:
            raise CommandRefusedError(
                f"{message}: {field.name} is {value!r}, expected up to {field.length} ASCII letters"
            )
        return (value.encode("ascii"),)
    if field.length:
        if not isinstance(value, tuple) or len(value) != field.length:
            raise CommandRefusedError(f"{message}: {field.name} is {value!r}, expected {field.length} numbers")
        elements: Sequence[int | float] = value
    elif isinstance(value, int | float):
        elements = (value,)
    else:
        raise CommandRefusedError(f"{message}: {field.name} is {value!r}, expected a number")
    low, high = field.low, field.high
    for element in elements:
        # Written so that NaN fails; infinity never passes, whatever the range.
        if not (low <= element <= high) or math.isinf(element):
            raise CommandRefusedError(
                f"{message}: {field.name} holds {element}, expected a finite number of {low} to {high}"
            )
    return elements
