"""The codec: values to frames and frames to values, table-driven from the dialect. Byte-equal to pymavlink's.

Two levels. `MessageType.frame` and `.values` are the fast ones: flat tuples in wire order, no checks but struct's own.
`MessageType.packed`, `Codec.encode` and `.decode` work by field name, refuse what no device may ever see, and are what
the session uses.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import fastcrc
import numpy as np

from stope.bridge.dialect import Dialect, Message
from stope.bridge.fieldcheck import QuickCheck, Slot, Value, checked, slots_of
from stope.robot.messages import CommandRefusedError

MAGIC = 0xFD
HEADER = 10
OVERHEAD = 12  #: header and checksum; signed frames (13 bytes more) are refused

HOST_SYSTEM, HOST_COMPONENT = 255, 190
DEVICE_SYSTEM, DEVICE_COMPONENT = 1, 1

_crc = fastcrc.crc16.mcrf4xx


@cache
def _ends() -> list[bytes]:
    """The two bytes that end a frame, by the checksum's register before its last step XOR the seed.

    That step takes one byte, the message's seed b, into register r: T[(r ^ b) & 255] ^ r >> 8. As b sits in the low
    byte alone, this is a function of r ^ b, and one table serves all messages.
    """
    register = np.arange(65_536)
    table = np.array([_crc(bytes((low,)), 0) for low in range(256)])
    ends = (table[register & 255] ^ register >> 8).astype("<u2").tobytes()
    return [ends[at : at + 2] for at in range(0, len(ends), 2)]


Framing = Callable[[bytes, int], bytes]  #: a packed payload and a link sequence to a frame


class Frame(NamedTuple):
    """One frame that passed length, id and checksum; the payload as it came, trailing zeros trimmed."""

    id: int
    link_seq: int
    system: int
    component: int
    payload: bytes


class Received:
    """One message. Its fields are made at the first look at them: most of a backlog's are never looked at.

    Attributes:
        kind, name: its type; payload: as it came, trailing zeros trimmed.
    """

    __slots__ = ("_fields", "component", "kind", "link_seq", "name", "payload", "system")

    def __init__(self, kind: MessageType, frame: Frame) -> None:
        self.kind, self.name, self.payload = kind, kind.name, frame.payload
        self.link_seq, self.system, self.component = frame.link_seq, frame.system, frame.component
        self._fields: Mapping[str, Value] | None = None

    @property
    def fields(self) -> Mapping[str, Value]:
        """Values by field name. Text is without its padding, arrays are tuples."""
        if self._fields is None:
            self._fields = self.kind.named(self.payload)
        return self._fields

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
        crc_extra: seed of the checksum, as one byte; pack: flat values in wire order to an untrimmed payload.
    """

    __slots__ = (
        "_checker", "_framings", "_id_bytes", "_places", "_seed", "_slots", "_texts", "_unpack",
        "crc_extra", "id", "message", "name", "pack", "size",
    )  # fmt: skip

    def __init__(self, message: Message) -> None:
        self.message = message
        self.id, self.name, self.size = message.id, message.name, message.format.size
        self._seed = message.crc_extra
        self.crc_extra = bytes((self._seed,))
        self._framings: dict[tuple[int, int], Framing] = {}
        self.pack, self._unpack = message.format.pack, message.format.unpack
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
        return self.framed(self.pack(*values), link_seq, system, component)

    def framed(
        self, payload: bytes, link_seq: int, system: int = HOST_SYSTEM, component: int = HOST_COMPONENT
    ) -> bytes:
        """A whole frame of a packed payload."""
        return self.framing(system, component)(payload, link_seq)

    def framing(self, system: int = HOST_SYSTEM, component: int = HOST_COMPONENT) -> Framing:
        """What frames the payloads of one sender: with all that can be known before them worked out once."""
        return self._framings.get((system, component)) or self._make_framing(system, component)

    def _make_framing(self, system: int, component: int) -> Framing:
        sender, seed, ends = bytes((system, component)) + self._id_bytes, self._seed, _ends()

        def head(length: int, link_seq: int) -> bytes:
            return bytes((MAGIC, length, 0, 0, link_seq)) + sender

        heads = [head(self.size, link_seq) for link_seq in range(256)]
        registers = [_crc(one[1:]) for one in heads]

        def framed(payload: bytes, link_seq: int) -> bytes:
            if payload[-1]:
                return heads[link_seq] + payload + ends[_crc(payload, registers[link_seq]) ^ seed]
            payload = payload.rstrip(b"\0") or b"\0"
            data = head(len(payload), link_seq) + payload
            return data + ends[_crc(data[1:]) ^ seed]

        self._framings[system, component] = framed
        return framed

    def values(self, payload: bytes) -> tuple[int | float | bytes, ...]:
        """Flat values in wire order; what was trimmed is zero."""
        return self._unpack(payload.ljust(self.size, b"\0"))

    def getter(self, *names: str) -> itemgetter[Any]:
        """Takes these fields out of flat values, in this order; arrays as tuples."""
        places = dict(self._places)
        return itemgetter(*(places[name] for name in names))

    def offset(self, name: str) -> int:
        """Where a field begins in the payload, bytes."""
        wire = self.message.wire
        before = wire[: [field.name for field in wire].index(name)]
        return struct.calcsize("<" + "".join(field.code for field in before))

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
            return self.pack(*(self.flatten(fields) if flat is None else flat))
        except (struct.error, OverflowError) as error:
            if flat is not None:
                self.flatten(fields)  # says it better, if it finds it too
            raise CommandRefusedError(f"{self.name}: a value does not fit the wire: {error}") from error

    def packed_flat(self, flat: list[int | float]) -> bytes:
        """The payload of flat numbers in wire order, checked as those of `packed`.

        Raises:
            CommandRefusedError: one is not finite, out of its stated range, or does not fit its type.
        """
        assert self._checker is not None
        if not self._checker.passes(flat):
            self.flatten({slot.name: _of_slot(flat, slot) for slot in self._slots})  # says which, and why
        try:
            return self.pack(*flat)
        except (struct.error, OverflowError) as error:
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


Packed = tuple[MessageType, bytes]  #: a message ready to be framed


def _of_slot(flat: list[int | float], slot: Slot) -> Value:
    value: Any = flat[slot.at]
    return tuple(value) if isinstance(slot.at, slice) else value


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
        return Received(self._by_id[frame.id], frame)
