"""RockBelief: how much work this ground takes, from what the drill measures while it drills (Teale 1965)."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Depth over which old rock is forgotten: a few cutter heights, so that a new layer shows within millimetres (ours).
MEMORY_M = 3.0e-3
#: Depth that must have been cut before an estimate is stated; before it the answer is "not known".
FIRST_M = 0.5e-3


@dataclass(frozen=True, slots=True)
class RockEstimate:
    """What is believed of the ground at the bit.

    Attributes:
        specific_energy_pa: work per volume of kerf.
        ucs_pa: unconfined compressive strength that it suggests, "very roughly" (Teale 1965).
        torque_per_weight_m: spindle torque per weight on bit, m; the bit's friction arm when it only rubs.
        depth_m: effective depth that the estimate rests on, up to `MEMORY_M`.
        area_m2: kerf; blow_power_w: of the full hammer, that breaks rock: what the estimate was made with.
    """

    specific_energy_pa: float
    ucs_pa: float
    torque_per_weight_m: float
    depth_m: float
    area_m2: float
    blow_power_w: float


class RockBelief:
    """Exponentially weighted work over exponentially weighted volume, forgotten per metre drilled and not per second.

    A ratio of sums: at a stall the volume stands still while work goes on, so the estimate rises smoothly to "hard"
    instead of dividing by zero, and noise in the rate of penetration averages out before the division.

    Args:
        area_m2: kerf area A, m2.
        specific_energy_ratio: k in MSE = k UCS, believed.
        blow_power_w: blow energy x rate x transfer of a percussive drill while it hammers.
        memory_m, first_m: see module constants.

    Raises:
        ValueError: an argument that is not positive (blow_power_w: negative).
    """

    def __init__(
        self,
        area_m2: float,
        specific_energy_ratio: float = 1.0,
        blow_power_w: float = 0.0,
        memory_m: float = MEMORY_M,
        first_m: float = FIRST_M,
    ) -> None:
        if min(area_m2, specific_energy_ratio, memory_m, first_m) <= 0.0 or blow_power_w < 0.0:
            raise ValueError("area, ratio, memory and first depth must be positive, blow power not negative")
        self._area, self._ratio, self._blow_power = area_m2, specific_energy_ratio, blow_power_w
        self._memory, self._first = memory_m, first_m
        self.reset()

    def reset(self) -> None:
        """A new hole: nothing is known."""
        self._depth = self._work = self._torque_time = self._weight_time = 0.0

    def update(
        self,
        weight_on_bit_n: float,
        torque_nm: float,
        spindle_rad_s: float,
        penetration_m_s: float,
        dt_s: float,
        hammer: float = 1.0,
    ) -> None:
        """One tick of measurements: feed force, spindle torque and speed (signs ignored), rate of penetration; and the
        share of the full blow energy that the hammer worked with.

        A bit that is out of the ground or drawn back teaches nothing. A reading that is not finite is a gap.
        """
        if not math.isfinite(weight_on_bit_n + torque_nm + spindle_rad_s + penetration_m_s) or dt_s <= 0.0:
            return
        if weight_on_bit_n <= 0.0 or penetration_m_s < 0.0:
            return
        advance = penetration_m_s * dt_s
        power = weight_on_bit_n * penetration_m_s + abs(torque_nm * spindle_rad_s)
        power += self._blow_power * hammer
        keep = math.exp(-advance / self._memory)
        self._depth = self._depth * keep + advance
        self._work = self._work * keep + power * dt_s
        self._torque_time = self._torque_time * keep + abs(torque_nm) * dt_s
        self._weight_time = self._weight_time * keep + weight_on_bit_n * dt_s

    def estimate(self) -> RockEstimate | None:
        """The belief, or None while less than `first_m` has been cut: missing data is a gap."""
        if self._depth < self._first:
            return None
        energy = self._work / (self._area * self._depth)
        arm = self._torque_time / self._weight_time
        return RockEstimate(energy, energy / self._ratio, arm, self._depth, self._area, self._blow_power)

    @property
    def specific_energy_pa(self) -> float | None:
        """Work per volume of kerf, Pa; None while not known."""
        known = self.estimate()
        return known.specific_energy_pa if known else None
