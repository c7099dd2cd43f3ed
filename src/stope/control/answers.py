"""What each anchor should be felt to pull: its plan, what the plan is wrong by, and what it was pressed with before.

The plan is fed forward. What all feet together carry beside it (a bit that broke into a hollow, a bump) nobody planned,
and it follows the stiffness: `FootImpedance.shares`. What is left balances itself over the feet: self-stress of grips
and joints with friction, some newtons after a step or a pull test. It is measured while an anchor is asked for nothing.

Both only lower what is expected: an anchor is asked about what was planned for it, never about more. An anchor that is
gone changes neither: the others carry what it does not, so the sum over all feet stays as planned; and while nothing
was asked of it, a foot that nothing holds feels nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.control.impedance import FootImpedance
from stope.control.kinematics import Kinematics
from stope.robot.messages import Vector
from stope.robot.model import RobotModel

QUIET_N = 0.5  # an anchor that is planned to be pulled or pressed with less is asked for nothing
STRESS_FILTER_S = 0.5
STRESS_MOST_N = (
    5.0  # believed of what presses a foot on while nothing is asked: half as much again as was ever measured
)

MOVED_M = 5e-3  # of a foot in the base frame: the limbs' stiffness is then another by a per cent or two

Bools = npt.NDArray[np.bool_]


class Answers:
    """Expected pulls of one robot's anchors; remembers their self-stress."""

    def __init__(self, model: RobotModel, period_s: float) -> None:
        limbs = len(model.limbs)
        self._impedance, self._dt = FootImpedance(model), period_s
        self._shares, self._stress_n = np.zeros((limbs, 3, 6)), np.zeros(limbs)
        self._feet_m, self._holding = np.full((limbs, 3), np.inf), np.zeros(limbs, dtype=np.bool_)

    def stand(self, kinematics: Kinematics, holding: Bools) -> None:
        """Take over posture and grips (L,), where they have changed by more than matters."""
        moved = float(np.abs(kinematics.feet_m - self._feet_m).max()) > MOVED_M
        if moved or holding.tobytes() != self._holding.tobytes():
            self._feet_m, self._holding = kinematics.feet_m.copy(), holding.copy()
            self._shares = self._impedance.shares(kinematics, holding)

    def expected_n(self, planned_n: Vector, felt_n: Vector, arms_m: Vector, relied_on: Bools, proof: int) -> Vector:
        """(L,) pull that each anchor should be felt to pay, N; 0 for one under test, which is there to find out.

        Args:
            planned_n, felt_n: (L, 3) planned and filtered forces of the ground on the feet, base frame.
            arms_m: (L, 3) feet; relied_on: (L,) bool; proof: limb under test, -1 for none.
        """
        keep = min(1.0, self._dt / STRESS_FILTER_S)
        return _expected(planned_n, felt_n, arms_m, relied_on, proof, self._shares, self._stress_n, keep)


@njit(cache=True)
def _expected(
    planned: Vector,
    felt: Vector,
    arms: Vector,
    relied_on: Bools,
    proof: int,
    shares: Vector,
    stress: Vector,
    keep: float,
) -> Vector:
    out, beside = np.zeros(planned.shape[0]), np.zeros(6)
    for i in range(planned.shape[0]):
        if relied_on[i]:
            x, y, z = felt[i, 0] - planned[i, 0], felt[i, 1] - planned[i, 1], felt[i, 2] - planned[i, 2]
            beside[0] += x
            beside[1] += y
            beside[2] += z
            beside[3] += arms[i, 1] * z - arms[i, 2] * y
            beside[4] += arms[i, 2] * x - arms[i, 0] * z
            beside[5] += arms[i, 0] * y - arms[i, 1] * x
    for i in range(planned.shape[0]):
        if not relied_on[i]:
            stress[i] = 0.0
            continue
        asked, more = -planned[i, 2], 0.0
        for j in range(6):
            more -= shares[i, 2, j] * beside[j]
        if abs(asked) < QUIET_N:
            stress[i] += keep * (-felt[i, 2] - asked - more - stress[i])
        if i != proof:
            out[i] = asked + min(more, 0.0) + max(min(stress[i], 0.0), -STRESS_MOST_N)
    return out
