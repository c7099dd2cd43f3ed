"""How full of chips the flights are, before they choke: from rate of penetration and from the spindle's torque.

Rock asks for torque in proportion to weight (Detournay & Defourny 1992); chips that pack add to it, and grow it
exponentially with the plug's length (Janssen, `physics.drilling.plug_torque_nm`). So what torque per weight has grown
by since the flights were clean is the chips', if what was cut since can have filled them at all.
"""

from __future__ import annotations

import math

from stope.physics.drilling import plug_growth_terms
from stope.robot.model import Drill

CLEAN_S = 1.0  # after a touch: before the bit cuts in earnest it only rubs, with less torque per weight
LEAST_WEIGHT_N, LEAST_SPIN_RAD_S = 3.0, 2.0
FALLS_S, RISES_S = 0.5, 60.0  # of the clean ratio: chips make it rise within ten seconds, wear within minutes
FAST_S, SLOW_S = 0.5, 2.0  # filters whose difference is the trend
AHEAD_S = 6.0  # to draw the bit up in time
PACKED_NM = 0.04
FILL_LEAST = 0.15  # pessimistic share of the flights that moving chips fill: less is not known of dry cuttings. ASSUMED
PLUG_M = 3.0e-3  # of full flights, below which chips grip nobody: the length over which their torque grows e-fold


class ChipFill:
    """Follows one hole; `clean` after each clearing.

    Attributes:
        most_m: length of full flights, if they carry no more than is pessimistic.
        packed_nm: torque that chips are believed to take; rises_nm_s: its trend.
    """

    def __init__(self, drill: Drill, kerf_m2: float) -> None:
        flight_m2 = math.pi * drill.auger_gap_m * (drill.bit_outer_m - drill.auger_gap_m)
        made, carried_m_rev = plug_growth_terms(kerf_m2, flight_m2, drill.auger_pitch_m, flight_fill=FILL_LEAST)
        self._made, self._carried_m_rev = float(made), float(carried_m_rev)
        self.clean()

    def clean(self) -> None:
        """The flights are empty, and the bit is off the bottom."""
        self.most_m = self.packed_nm = self.rises_nm_s = 0.0
        self._slow_nm = self._cut_s = 0.0
        self._arm_m: float | None = None

    def update(self, rate_m_s: float, spin_rad_s: float, torque_nm: float, weight_n: float, dt_s: float) -> None:
        """One tick of cutting; torque as measured at the spindle, a magnitude."""
        if weight_n < LEAST_WEIGHT_N or spin_rad_s < LEAST_SPIN_RAD_S:
            return
        self._cut_s += dt_s
        turns = spin_rad_s / (2.0 * math.pi)
        grown_m_rev = max(0.0, self._made * max(rate_m_s, 0.0) / turns - self._carried_m_rev)
        self.most_m += grown_m_rev * turns * dt_s
        if self._cut_s < CLEAN_S:
            return
        arm = torque_nm / weight_n
        if self._arm_m is None:
            self._arm_m = arm
        self._arm_m += (arm - self._arm_m) * min(1.0, dt_s / (FALLS_S if arm < self._arm_m else RISES_S))
        packed = max(0.0, torque_nm - self._arm_m * weight_n)
        self.packed_nm += (packed - self.packed_nm) * min(1.0, dt_s / FAST_S)
        self._slow_nm += (packed - self._slow_nm) * min(1.0, dt_s / SLOW_S)
        self.rises_nm_s = (self.packed_nm - self._slow_nm) / (SLOW_S - FAST_S)

    def will_pass(self, most_nm: float, weight_n: float) -> bool:
        """Whether torque will pass `most_nm` within `AHEAD_S` at this weight, and chips can be why."""
        if self._arm_m is None or self.most_m < PLUG_M or self.packed_nm < PACKED_NM or self.rises_nm_s <= 0.0:
            return False
        return self._arm_m * weight_n + self.packed_nm + AHEAD_S * self.rises_nm_s > most_nm
