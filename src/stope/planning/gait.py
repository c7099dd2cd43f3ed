"""Measured gaits: what a metre of way costs a robot that walks it, for expeditions that name one.

Numbers of this repository's own simulator, never of hardware: `benchmarks/walking.py` measures them again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gait:
    """Time and energy of a metre.

    Attributes:
        source, date: of the measurement.
    """

    seconds_per_m: float
    joules_per_m: float
    source: str
    date: str

    @property
    def speed_m_min(self) -> float:
        """As an expedition file would state it."""
        return 60.0 / self.seconds_per_m

    @property
    def travel_w(self) -> float:
        """Mean power on the way, idle power included."""
        return self.joules_per_m / self.seconds_per_m


#: Four limbs, three grips always closed, each new one pulled at with 8 N.
GAITS = {
    "miner_walk": Gait(
        489.0, 17.1e3, "one metre on bare c_boulder_strong of Bennu in PyBullet, seed 20270302", "2026-11-23"
    ),
}
