"""A weight law of one's own: hold a constant rate of penetration by weight alone, with the hammer at half.

    PYTHONPATH=examples python benchmarks/drilling_time.py --sites 10 --laws adaptive,constant_rate_law:ConstantRate

As a package: offer it in the entry-point group `stope.controllers`, and name it in a mission (`weight_law: ...`).
"""

from stope.control.weight_law import Hole, Setting

RATE_M_S = 0.4e-3
GAIN_N_S_PER_M = 2e4  # newtons per second for each metre per second of missing rate


class ConstantRate:
    """Integral control of the rate of penetration."""

    def __init__(self) -> None:
        self._weight_n = 10.0

    def choose(self, hole: Hole) -> Setting:
        """More weight while too slow, less while too fast; never outside 5 N and the bound."""
        missing = RATE_M_S - hole.rate_m_s
        self._weight_n += GAIN_N_S_PER_M * missing * hole.dt_s
        self._weight_n = min(max(self._weight_n, 5.0), hole.bound_n)
        return Setting(weight_n=self._weight_n, spindle_rad_s=hole.spindle_max_rad_s, hammer=0.5)
