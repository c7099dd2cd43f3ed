"""Parameters of the device: typed values with bounds, as PARAM_VALUE carries them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from stope.bridge.codec import Received
from stope.robot.messages import CommandRefusedError

#: type number -> (name, struct code)
TYPES = {1: ("u8", "<B"), 2: ("i32", "<i"), 3: ("u32", "<I"), 4: ("f32", "<f"), 5: ("u64", "<Q"), 6: ("f64", "<d")}
READ_ONLY, DISARMED_ONLY, SAVED = 1, 2, 4
ALL = 0xFFFF  #: index of a request by name, or for all when the name is empty too


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as the device told it.

    Attributes:
        low, high: bounds; the device may be told less, never more.
        flags: bit 0 read-only, 1 only while disarmed, 2 saved over a reset.
    """

    index: int
    count: int
    name: str
    type: str
    value: int | float
    low: float
    high: float
    flags: int

    @classmethod
    def of(cls, message: Received) -> Parameter:
        """From the PARAM_VALUE message.

        Raises:
            ValueError: a type that this host does not know.
        """
        number = message.integer("type")
        if number not in TYPES:
            raise ValueError(f"parameter {message.text('name')} has the unknown type {number}")
        kind, code = TYPES[number]
        raw = bytes(int(byte) for byte in message.array("value"))
        (value,) = struct.unpack_from(code, raw)
        return cls(
            message.integer("index"),
            message.integer("count"),
            message.text("name"),
            kind,
            value,
            message.real("min"),
            message.real("max"),
            message.integer("flags"),
        )

    def raw(self, value: float) -> tuple[int, tuple[int, ...]]:
        """Type number and the eight bytes of `value` as this parameter travels.

        Raises:
            CommandRefusedError: read-only, not a number of this type, or out of bounds. Nothing may be sent.
        """
        if self.flags & READ_ONLY:
            raise CommandRefusedError(f"parameter {self.name} is read-only")
        if not (self.low <= value <= self.high):
            raise CommandRefusedError(f"parameter {self.name}: {value} is not between {self.low:g} and {self.high:g}")
        number, code = next((n, code) for n, (kind, code) in TYPES.items() if kind == self.type)
        whole = self.type[0] in "iu"
        if whole and value != int(value):
            raise CommandRefusedError(f"parameter {self.name}: {value} is not a whole number")
        try:
            data = struct.pack(code, int(value) if whole else value)
        except (struct.error, OverflowError) as error:
            raise CommandRefusedError(f"parameter {self.name}: {value} does not fit {self.type}") from error
        return number, tuple(data.ljust(8, b"\0"))
