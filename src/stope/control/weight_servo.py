"""The weight-on-bit servo: a feed that pushes with what the bit should bear, ramped, trimmed and limited."""

from __future__ import annotations

from stope.control.goal import Goal, View

TOUCH_N = 2.0
RAMP_N_S = 10.0  # up; five times as fast down
TRIM_1_S = 0.5  # integral of the weight-on-bit error into the push: carriage weight and friction
TRIM_MAX_N = 15.0
LIMIT_OVER_TARGET = 1.1  # feed effort limit handed to the device, over the wanted push; never above the reserve


class WeightServo:
    """Follows one hole.

    Attributes:
        push_n: weight that the bit should bear now.
    """

    def __init__(self) -> None:
        self.push_n = self._trim_n = 0.0

    def press(self, view: View, goal: Goal, wanted_n: float, rate_m_s: float) -> None:
        """Set the feed of `goal` to push toward `wanted_n` while it follows the bit down at `rate_m_s`."""
        step = RAMP_N_S * view.dt_s
        self.push_n += min(max(wanted_n - self.push_n, -5.0 * step), step)
        error = self.push_n - view.obs.weight_on_bit_n
        self._trim_n = min(max(self._trim_n + TRIM_1_S * error * view.dt_s, -TRIM_MAX_N), TRIM_MAX_N)
        goal.feed_velocity_m_s = max(rate_m_s, 0.0)
        goal.feed_push_n = self.push_n + self._trim_n
        goal.feed_limit_n = min(LIMIT_OVER_TARGET * self.push_n + abs(self._trim_n) + TOUCH_N, view.reserve_n)
