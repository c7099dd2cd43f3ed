"""The device's FAULT bits as the seam's `Observation.fault_flags`: one fixed translation.

The seam's five low bits are what every robot has, simulated or not (docs: fault table); a bit that only this wire
knows comes five places higher than the device has it, so that no two meanings ever share one.
"""

from __future__ import annotations

from stope.bridge.dialect import Dialect

#: name of the device's FAULT bit -> bit of the seam
SEAM_BITS = {
    "SETPOINT_STALE": 1,
    "OVER_PRESS": 2,
    "DRILL_STALL": 4,
    "FEED_INTERLOCK": 8,
    "RELEASE_REFUSED": 16,
}
SHIFT = 5


def seam_bits(dialect: Dialect) -> tuple[tuple[int, int], ...]:
    """(device bit, seam bit) for every FAULT of the dialect.

    Raises:
        ValueError: a bit lies too high for the seam's 32.
    """
    pairs = [(bit, SEAM_BITS.get(name, bit << SHIFT)) for name, bit in dialect.enums["FAULT"].entries.items()]
    if any(ours >= 1 << 32 for _, ours in pairs):
        raise ValueError("the dialect has more FAULT bits than the seam can carry")
    return tuple(pairs)


def translate(pairs: tuple[tuple[int, int], ...], flags: int) -> int:
    """The seam's flags for the device's."""
    return sum(ours for bit, ours in pairs if flags & bit)
