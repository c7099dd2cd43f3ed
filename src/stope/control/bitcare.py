"""What is believed of the bit itself: how warm, how worn, whole or broken. No sensor says it; the work done does."""

from __future__ import annotations

import math

from stope.physics.drilling import FRICTION_SHAPE, WEAR_FLAT_NEW, WEAR_FLAT_WORN, CoreBit
from stope.physics.drilling.wear import ARCHARD_COEFFICIENT, CARBIDE_HARDNESS_PA
from stope.robot.model import Drill

START_K = 260.0  # of the drill head
HEAT_CAPACITY_J_K = 40.0  # bench figures of bit and string
CONDUCTANCE_W_K = 0.09  # to the drill head; on the careful side
HEAT_OF_TURNING, HEAT_OF_BLOWS = 0.55, 0.22  # shares that stay in the bit; on the careful side
RESUME_WARMTH = 0.75
CUTTER_HEIGHT_M = 1e-3
WORN = 0.95
BROKEN_SHARE = 0.3  # of the torque that even a rubbing bit has
BROKEN_S = 0.5
BROKEN_WEIGHT_N = 8.0
FILTER_S = 0.1


class BitCare:
    """Follows one bit from hole to hole.

    Attributes:
        temperature_k; wear: 0 new to 1 worn out; broken: its crown is gone.
    """

    def __init__(self, drill: Drill) -> None:
        bit = CoreBit(drill.bit_outer_m, drill.bit_inner_m, drill.blow_energy_j, drill.blow_rate_hz)
        self._limit_k = drill.bit_temperature_max_k
        self._blow_w = drill.blow_energy_j * drill.blow_rate_hz
        self._arm_m = bit.arm_m
        full = 0.5 * bit.kerf_m2 * (WEAR_FLAT_WORN - WEAR_FLAT_NEW) * CUTTER_HEIGHT_M
        self._worn_per_nm = ARCHARD_COEFFICIENT / CARBIDE_HARDNESS_PA / full
        self._worn = self._light_s = self._torque_nm = 0.0
        self.temperature_k = START_K
        self.broken = False

    @property
    def warmth(self) -> float:
        """0 as at the start, 1 at the limit."""
        return (self.temperature_k - START_K) / (self._limit_k - START_K)

    @property
    def wear(self) -> float:
        """Archard's volume on wedge-shaped cutters: see `physics.drilling.wear_after`."""
        return min(1.0, math.sqrt(self._worn))

    def update(self, weight_n: float, torque_nm: float, spin_rad_s: float, hammer: float, dt_s: float) -> None:
        """One tick of work; a reading that is not finite is a gap."""
        if not math.isfinite(weight_n + torque_nm + spin_rad_s):
            return
        heat_w = HEAT_OF_TURNING * abs(torque_nm * spin_rad_s) - CONDUCTANCE_W_K * (self.temperature_k - START_K)
        if weight_n > 1.0:
            heat_w += HEAT_OF_BLOWS * self._blow_w * hammer
            self._worn += self._worn_per_nm * weight_n * abs(spin_rad_s) * self._arm_m * dt_s
        self.temperature_k += heat_w * dt_s / HEAT_CAPACITY_J_K
        self._torque_nm += (abs(torque_nm) - self._torque_nm) * min(1.0, dt_s / FILTER_S)

    def look_for_break(self, weight_n: float, spin_rad_s: float, wanted_rad_s: float, dt_s: float) -> float:
        """Torque per weight (m) of a pressed, turning bit; sets `broken` when no whole bit turns so lightly."""
        pressed = weight_n > BROKEN_WEIGHT_N and abs(spin_rad_s) > 0.7 * abs(wanted_rad_s) > 1.0
        arm = self._torque_nm / weight_n if pressed else FRICTION_SHAPE * self._arm_m
        light = arm < BROKEN_SHARE * FRICTION_SHAPE * self._arm_m
        self._light_s = self._light_s + dt_s if light else 0.0
        self.broken = self.broken or self._light_s >= BROKEN_S
        return arm
