"""The codec: values to frames and frames to values, table-driven from the dialect. Byte-equal to pymavlink's.

Two levels. `MessageType.frame` and `.values` are the fast ones: flat tuples in wire order, no checks but struct's own.
`MessageType.packed`, `Codec.encode` and `.decode` work by field name, refuse what no device may ever see, and are what
the session uses.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import fastcrc

from stope.bridge.dialect import Dialect, Message
from stope.bridge.fieldcheck import QuickCheck, Value, checked, slots_of
from stope.robot.messages import CommandRefusedError

MAGIC = 0xFD
HEADER = 10
OVERHEAD = 12  #: header and checksum; signed frames (13 bytes more) are refused

HOST_SYSTEM, HOST_COMPONENT = 255, 190
DEVICE_SYSTEM, DEVICE_COMPONENT = 1, 1

_crc = fastcrc.crc16.mcrf4xx
_head = struct.Struct("<6B3s").pack  # length, two kinds of flags, sequence, system, component, id


class Frame(NamedTuple):
    """One frame that passed length, id and checksum; the payload as it came, trailing zeros trimmed."""

    id: int
    link_seq: int
    system: int
    component: int
    payload: bytes


class Received(NamedTuple):
    """One decoded message. Text is without its padding, arrays are tuples.

    A tuple by name, because a frozen dataclass costs three times as much to make, and these are made by the thousand.
    """

    name: str
    fields: Mapping[str, Value]
    link_seq: int = 0
    system: int = DEVICE_SYSTEM
    component: int = DEVICE_COMPONENT

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

    __slots__ = (
        "_checker", "_id_bytes", "_pack", "_places", "_slots", "_texts", "_unpack",
        "crc_extra", "id", "message", "name", "size",
    )  # fmt: skip

    def __init__(self, message: Message) -> None:
        self.message = message
        self.id, self.name, self.size = message.id, message.name, message.format.size
        self.crc_extra = bytes((message.crc_extra,))
        self._pack, self._unpack = message.format.pack, message.format.unpack
        self._id_bytes = self.id.to_bytes(3, "little")
        self._slots = slots_of(message.wire)
        self._places = tuple((slot.name, slot.at) for slot in self._slots)
        self._texts = tuple(slot.name for slot in self._slots if slot.text)
        self._checker = (
            None if any(s.text or s.field.const is not None for s in self._slots) else QuickCheck(self._slots)
        )

    def frame(
        self, values: Sequence[int | float | bytes], link_seq: int, system: int = HOST_SYSTEM,
        component: int = HOST_COMPONENT,
    ) -> bytes:  # fmt: skip
        """A whole frame from flat `values` in wire order.

        Raises:
            struct.error, OverflowError: a value does not fit its type.
        """
        return self.framed(self._pack(*values), link_seq, system, component)

    def framed(
        self, payload: bytes, link_seq: int, system: int = HOST_SYSTEM, component: int = HOST_COMPONENT
    ) -> bytes:
        """A whole frame of a packed payload."""
        if not payload[-1]:
            payload = payload.rstrip(b"\0") or b"\0"
        body = _head(len(payload), 0, 0, link_seq, system, component, self._id_bytes) + payload
        return b"\xfd" + body + _crc(body + self.crc_extra).to_bytes(2, "little")

    def values(self, payload: bytes) -> tuple[int | float | bytes, ...]:
        """Flat values in wire order; what was trimmed is zero."""
        return self._unpack(payload.ljust(self.size, b"\0"))

    def named(self, payload: bytes) -> dict[str, Value]:
        """Values by field name."""
        flat = self.values(payload)
        found: dict[str, Any] = {name: flat[at] for name, at in self._places}
        for name in self._texts:
            found[name] = found[name].split(b"\0", 1)[0].decode("ascii", "replace")
        return found

    def packed(self, fields: Mapping[str, Value]) -> bytes:
        """The payload of checked `fields`, untrimmed.

        Raises:
            CommandRefusedError: as `flatten`, or a value does not fit its type.
        """
        flat = self._checker.flat(fields) if self._checker else None
        try:
            return self._pack(*(self.flatten(fields) if flat is None else flat))
        except (struct.error, OverflowError) as error:
            if flat is not None:
                self.flatten(fields)  # says it better, if it finds it too
            raise CommandRefusedError(f"{self.name}: a value does not fit the wire: {error}") from error

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
            flat.extend(checked(self.name, slot, fields[slot.name]))
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
        return kind.framed(kind.packed(fields), link_seq, system, component)

    def decode(self, frame: Frame) -> Received:
        """The message in a frame that the framer let through."""
        kind = self._by_id[frame.id]
        return Received(kind.name, kind.named(frame.payload), frame.link_seq, frame.system, frame.component)
