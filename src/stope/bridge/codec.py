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


@dataclass(frozen=True, slots=True)
class _Slot:
    """A field among the flat values, with what must be checked of it before it is sent.

    Attributes:
        at: its value's index, or the slice of its elements; low, high: what it may hold, finite.
    """

    name: str
    field: Field
    at: int | slice
    text: bool
    length: int
    low: float
    high: float


class MessageType:
    """Coder of one message.

    Attributes:
        id, name, size: number, name and untrimmed payload bytes.
        crc_extra: seed of the checksum, as one byte.
    """

    __slots__ = ("_id_bytes", "_pack", "_slots", "_unpack", "crc_extra", "id", "message", "name", "size")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.id, self.name, self.size = message.id, message.name, message.format.size
        self.crc_extra = bytes((message.crc_extra,))
        self._pack, self._unpack = message.format.pack, message.format.unpack
        self._id_bytes = self.id.to_bytes(3, "little")
        self._slots = _slots(message.wire)

    def frame(
        self, values: Sequence[int | float | bytes], link_seq: int, system: int = HOST_SYSTEM,
        component: int = HOST_COMPONENT,
    ) -> bytes:  # fmt: skip
        """A whole frame from flat `values` in wire order.

        Raises:
            struct.error, OverflowError: a value does not fit its type.
        """
        payload = self._pack(*values).rstrip(b"\0") or b"\0"
        body = bytes((len(payload), 0, 0, link_seq, system, component)) + self._id_bytes + payload
        return b"\xfd" + body + _crc(body + self.crc_extra).to_bytes(2, "little")

    def values(self, payload: bytes) -> tuple[int | float | bytes, ...]:
        """Flat values in wire order; what was trimmed is zero."""
        return self._unpack(payload.ljust(self.size, b"\0"))

    def named(self, payload: bytes) -> dict[str, Value]:
        """Values by field name."""
        flat = self.values(payload)
        found = {slot.name: flat[slot.at] for slot in self._slots}
        for slot in self._slots:
            if slot.text:
                found[slot.name] = found[slot.name].split(b"\0", 1)[0].decode("ascii", "replace")  # type: ignore
        return found  # type: ignore[return-value]  # text is decoded now, arrays are slices

    def flatten(self, fields: Mapping[str, Value]) -> list[int | float | bytes]:
        """Checked flat values in wire order.

        Raises:
            CommandRefusedError: a field is missing, unknown, of a wrong length, not finite or out of its stated range.
        """
        flat: list[int | float | bytes] = []
        taken = 0
        for slot in self._slots:
            if slot.field.const is not None:
                flat.append(slot.field.const)
                continue
            if slot.name not in fields:
                raise CommandRefusedError(f"{self.name}: field {slot.name} is missing")
            taken += 1
            flat.extend(_checked(self.name, slot, fields[slot.name]))
        if taken != len(fields):
            unknown = sorted(set(fields) - {slot.name for slot in self._slots})
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


def _slots(wire: Sequence[Field]) -> tuple[_Slot, ...]:
    found, at = [], 0
    for field in wire:
        count = 1 if field.is_text else max(field.length, 1)
        array = field.length > 0 and not field.is_text
        place = slice(at, at + count) if array else at
        low, high = field.bounds
        found.append(_Slot(field.name, field, place, field.is_text, field.length, low, high))
        at += count
    return tuple(found)


def _checked(message: str, slot: _Slot, value: Value) -> Sequence[int | float | bytes]:
    """Flat elements of one field, refused when no device may ever see them."""
    if slot.text:
        if not isinstance(value, str) or not value.isascii() or len(value) > slot.length:
            raise CommandRefusedError(
                f"{message}: {slot.name} is {value!r}, expected {slot.length} ASCII letters at most"
            )
        return (value.encode("ascii"),)
    elements: Sequence[int | float]
    if slot.length:
        if not isinstance(value, tuple) or len(value) != slot.length:
            raise CommandRefusedError(f"{message}: {slot.name} is {value!r}, expected {slot.length} numbers")
        elements = value
    elif isinstance(value, int | float):
        elements = (value,)
    else:
        raise CommandRefusedError(f"{message}: {slot.name} is {value!r}, expected a number")
    # The sum of finite numbers is finite, and any NaN or infinity spoils it; min and max alone let NaN through.
    if not (math.isfinite(sum(elements)) and slot.low <= min(elements) and max(elements) <= slot.high):
        worst = next((e for e in elements if not (slot.low <= e <= slot.high) or math.isinf(e)), elements[0])
        raise CommandRefusedError(
            f"{message}: {slot.name} holds {worst}, expected a finite number of {slot.low:g} to {slot.high:g}"
        )
    return elements
