"""An anchor that gives way under a pull test: spine after spine lets go, and what it is felt to pay falls off.

It takes a tenth of a second, in which the whole robot sinks a millimetre: taken for the loss of all anchors, one weak
grip would end a mission that three others can carry.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.control.watch import Alarm
from stope.robot.messages import Vector

FALL = 0.10  # of the pull that was reached: a quarter of what a mission's alarm takes, twice what a stiff posture gives
LOWERED = 0.02  # of the planned pull: then nobody asks for as much any more
LEAST_PULL_N = 8.0  # a fall by a tenth of less is within a force sensor's noise
YIELDED_TICKS = 2


class YieldWatch:
    """Looks at the pull of each limb while one is under test."""

    def __init__(self, limbs: int) -> None:
        self._reached_n, self._planned_n = np.zeros(limbs), np.zeros(limbs)
        self._ticks = 0

    def look(
        self, felt_n: Vector, planned_n: Vector, relied_on: npt.NDArray[np.bool_], proof: int
    ) -> tuple[Alarm, int] | None:
        """The alarm and the limb whose anchor yields, if one does in this tick.

        Args:
            felt_n, planned_n: (L, 3) filtered and planned forces of the ground on the feet, base frame.
            proof: limb under test, -1 for none: then nothing is looked at.
        """
        if proof < 0:
            self._reached_n[:], self._ticks = 0.0, 0
            return None
        limb, fall = _deepest_fall(felt_n, planned_n, relied_on, self._reached_n, self._planned_n)
        self._ticks = self._ticks + 1 if fall > FALL else 0
        if self._ticks < YIELDED_TICKS:
            return None
        self._reached_n[:], self._ticks = 0.0, 0
        return Alarm("anchor.let_go", fall, FALL, "1", blocking=False), limb


@njit(cache=True)
def _deepest_fall(
    felt: Vector, planned: Vector, relied_on: npt.NDArray[np.bool_], reached: Vector, most: Vector
) -> tuple[int, float]:
    """The limb whose pull has fallen most from what it had reached, as a share of that; in place: what was reached."""
    limb, deepest = -1, 0.0
    for i in range(felt.shape[0]):
        pull, asked = -felt[i, 2], -planned[i, 2]
        if not relied_on[i] or asked < (1.0 - LOWERED) * most[i] or reached[i] == 0.0:
            reached[i], most[i] = pull, asked
        reached[i], most[i] = max(reached[i], pull), max(most[i], asked)
        if reached[i] >= LEAST_PULL_N:
            fall = 1.0 - pull / reached[i]
            if fall > deepest:
                limb, deepest = i, fall
    return limb, deepest
