"""What makes an anchor fail under a load that it should hold: direction, time and cycles, each with its number.

An anchor of strength scale s fails while it is asked for utilisation u (both of the same median surface) with

    F(x) = 1 - Phi(x / h) exp(-(T / tau) e^(-n x) - K e^(-m x)),    x = ln s - ln u

- direction, h: the surface is known for the directions that were pulled; a task pulls in its own, and wrench models of
  spiny grippers meet the bench to 10-15 % (SpinyHand, abstract, V);
- time, n and tau: static fatigue of the asperities; the time to failure of rock under constant load goes as load^-n
  with n of 20 to 60 (subcritical crack growth, Atkinson 1984, M); tau: the strength is that of a ramp of ten seconds;
- cycles, m: fatigue of rock lowers its strength by some 8 % a decade of load cycles (M), which is m of about 30.

All depend on x alone: one table serves every strength and every load. tau, n, m are ASSUMED for spines on asteroid
rock; air and water, which drive static fatigue on Earth, are absent, so n errs to the safe side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stope.physics.normal import normal_cdf

Array = npt.NDArray[np.float64]

#: Wrench models of spiny grippers meet the bench to 10-15 % (SpinyHand, abstract): the scatter that tests cannot see.
SCATTER_LOG_SD = 0.12
FATIGUE_TIME_S = 10.0
TIME_EXPONENT = 40.0
CYCLE_EXPONENT = 30.0
_LARGEST_EXPONENT = 700.0  # of e: beyond it a double overflows, and the anchor has long failed


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a task does to an anchor besides loading it once: how long, and how often it is loaded anew.

    Attributes:
        duration_s: time under load; cycles: times that the load is taken off and put on again. 0, 0: one ramp.
    """

    duration_s: float = 0.0
    cycles: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration_s + self.cycles) and min(self.duration_s, self.cycles) >= 0.0):
            raise ValueError(f"need finite duration and cycles >= 0, got {self.duration_s} s and {self.cycles}")


@dataclass(frozen=True, slots=True)
class Hazards:
    """The three hazards of one kind of anchor; see the module.

    Attributes:
        direction_log_sd: h, > 0; time_s: tau, > 0; time_exponent: n, > 0; cycle_exponent: m, > 0.
    """

    direction_log_sd: float = SCATTER_LOG_SD
    time_s: float = FATIGUE_TIME_S
    time_exponent: float = TIME_EXPONENT
    cycle_exponent: float = CYCLE_EXPONENT

    def __post_init__(self) -> None:
        numbers = (self.direction_log_sd, self.time_s, self.time_exponent, self.cycle_exponent)
        if not all(math.isfinite(number) and number > 0.0 for number in numbers):
            raise ValueError(f"hazards must be finite and > 0, got {self}")

    def failure(self, surplus: npt.ArrayLike, exposure: Exposure) -> Array:
        """F(x), any shape, for x = ln s - ln u; falls with x, rises with the exposure."""
        x = np.asarray(surplus, dtype=np.float64)
        dose = self.dose(x, exposure)
        ramp = normal_cdf(-x / self.direction_log_sd)
        # 1 - (1 - ramp) e^-dose, without cancellation where both are small
        failed: Array = -np.expm1(-dose) + ramp * np.exp(-dose)
        return failed

    def dose(self, surplus: npt.ArrayLike, exposure: Exposure) -> Array:
        """Cumulated hazard of time and cycles, (T / tau) e^(-n x) + K e^(-m x): survived with e^-dose."""
        x = np.asarray(surplus, dtype=np.float64)
        by_time = np.exp(np.minimum(-self.time_exponent * x, _LARGEST_EXPONENT)) * (exposure.duration_s / self.time_s)
        by_cycles = np.exp(np.minimum(-self.cycle_exponent * x, _LARGEST_EXPONENT)) * exposure.cycles
        total: Array = by_time + by_cycles
        return total
