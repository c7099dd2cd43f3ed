"""Survival: what is left in the battery, by energy meter and sun; asleep below the reserve, awake in the sun.

Asleep the robot is anchored, its tools are home, and nothing is begun. There is no battery gauge at the seam: the level
is that of the begin, less what the meter has counted since, plus what the panels give while nothing runs in the sun.
What they give while a task runs is not credited, so the true level is rather higher than lower.
"""

from __future__ import annotations

from dataclasses import dataclass

from stope.control.goal import Progress
from stope.executive.activity import Desk, stopped
from stope.executive.faults.table import find_fault
from stope.executive.raised import Raised

#: The code under which a robot sleeps.
LOW = "power.low"
MOST_SLEEP_S = 4 * 86_400.0  # of run time: who has not woken by then is parked for good


@dataclass(frozen=True, slots=True)
class Power:
    """What the robot lives on.

    Attributes:
        battery_j, level_j: capacity, and what is in it at run time 0.
        reserve_j, wake_j: it sleeps below the one, and wakes above the other.
        charge_w: of the panels in the sun.
        period_us, lit_us, first_us: the sun shines for `lit_us` in every `period_us`, the first time from `first_us`.
    """

    battery_j: float
    level_j: float
    reserve_j: float
    wake_j: float
    charge_w: float
    period_us: int
    lit_us: int
    first_us: int = 0

    def lit(self, now_us: int) -> bool:
        """Whether the sun shines at run time `now_us`."""
        return (now_us - self.first_us) % self.period_us < self.lit_us


class Survival:
    """Keeps the level and says when the robot sleeps; nothing to keep without a `power`."""

    def __init__(self, power: Power | None) -> None:
        self._power = power
        self.level_j = power.level_j if power is not None else 0.0
        self.since_us: int | None = None
        self._used_j: float | None = None
        self._last_us = 0

    @property
    def asleep(self) -> bool:
        """Whether it sleeps, or brings its tools home to."""
        return self.since_us is not None

    def look(self, desk: Desk) -> Progress | None:
        """Why the robot sleeps now, None while it is awake. Called in every tick of the executive."""
        power, now_us = self._power, desk.now_us
        if power is None:
            return None
        self._keep(power, desk)
        if self.since_us is None:
            if self.level_j >= power.reserve_j:
                return None
            self.since_us = now_us
            told = f"{self.level_j / 3600:.2f} W h are left: it sleeps"
            desk.raised.append(Raised(find_fault(LOW), self.level_j / power.reserve_j, told, now_us, ""))
        elif power.lit(now_us) and self.level_j >= power.wake_j:
            self.since_us = None
            return None
        return stopped(LOW, f"{self.level_j / 3600:.2f} W h are left, it sleeps", self.level_j / 3600, "W.h")

    def exhausted(self, now_us: int) -> bool:
        """Whether it has slept for so long that it will not wake."""
        return self.since_us is not None and now_us - self.since_us > MOST_SLEEP_S * 1e6

    def _keep(self, power: Power, desk: Desk) -> None:
        used_j = float(desk.view.obs.energy_used_j)
        if used_j == used_j:  # a meter that reads no number says nothing
            self.level_j -= used_j - (used_j if self._used_j is None else self._used_j)
            self._used_j = used_j
        if desk.running is None and power.lit(desk.now_us):
            self.level_j += power.charge_w * (desk.now_us - self._last_us) * 1e-6
        self.level_j = min(self.level_j, power.battery_j)
        self._last_us = desk.now_us


__all__ = ["LOW", "MOST_SLEEP_S", "Power", "Survival"]
