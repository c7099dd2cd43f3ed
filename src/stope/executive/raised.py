"""Raised: a row of the fault table that a monitor has just raised."""

from __future__ import annotations

from dataclasses import dataclass

from stope.executive.faults.table import Fault


@dataclass(frozen=True, slots=True)
class Raised:
    """A row that was raised just now.

    Attributes:
        value: of its signal, in the row's unit. sentence: what is wrong, with the value.
        tool: what the response `take_tool` takes away; empty otherwise.
    """

    row: Fault
    value: float
    sentence: str
    time_us: int
    tool: str = ""
