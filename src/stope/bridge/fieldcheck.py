"""What is checked of a message's fields before they are sent: the careful no with its sentence, and the quick yes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from stope.bridge.dialect import Field
from stope.robot.messages import CommandRefusedError

Value = int | float | str | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Slot:
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


def slots_of(wire: Sequence[Field]) -> tuple[Slot, ...]:
    """The fields of a message, in the order of the wire."""
    found, at = [], 0
    for field in wire:
        count = 1 if field.is_text else max(field.length, 1)
        array = field.length > 0 and not field.is_text
        place = slice(at, at + count) if array else at
        low, high = field.bounds
        found.append(Slot(field.name, field, place, field.is_text, field.length, low, high))
        at += count
    return tuple(found)


def checked(message: str, slot: Slot, value: Value) -> Sequence[int | float | bytes]:
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


class QuickCheck:
    """The quick yes of `flatten`: all checks of a message of numbers in a few calls; whatever is odd gets no answer.

    Ranges of integer and float types are left to `struct`, which refuses what does not fit.
    """

    __slots__ = ("_count", "_get", "_lengths", "_ranges", "_scalar")

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._count = len(slots)
        names = [slot.name for slot in slots]
        self._scalar = len(names) == 1
        self._get = itemgetter(*names)
        self._lengths = tuple(slot.length for slot in slots)
        self._ranges = tuple(
            (slot.at, isinstance(slot.at, slice), slot.low, slot.high)
            for slot in slots
            if math.isfinite(slot.field.low) or math.isfinite(slot.field.high)
        )

    def flat(self, fields: Mapping[str, Value]) -> list[int | float] | None:
        """Flat values in wire order that passed every check; None if `flatten` has to look."""
        if self._scalar or len(fields) != self._count:
            return None
        flat: list[Any] = []
        try:
            for value, length in zip(self._get(fields), self._lengths, strict=True):
                if not length:
                    flat.append(value)
                elif type(value) is tuple and len(value) == length:
                    flat += value
                else:
                    return None
        except (KeyError, TypeError):
            return None
        return flat if self.passes(flat) else None

    def passes(self, flat: list[Any]) -> bool:
        """Whether all of these are finite and in the ranges that the dialect states."""
        try:
            # The sum of finite numbers is finite, and any NaN or infinity spoils it; min and max alone let NaN through.
            if not math.isfinite(sum(flat)):
                return False
            for at, many, low, high in self._ranges:
                held: Any = flat[at]
                if not (low <= min(held) and max(held) <= high if many else low <= held <= high):
                    return False
        except (TypeError, OverflowError):
            return False
        return True
