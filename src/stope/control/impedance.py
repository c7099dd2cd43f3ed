"""Impedance of a foot: what the joint servos' gains, set in robot.yaml, mean at the end of a limb.

A joint servo answers a displacement with kp and a rate with kd, so a foot held by its limb's joints gives way like a
spring and damper of stiffness (J Kp^-1 J^T)^-1 and damping (J Kd^-1 J^T)^-1: joint-space impedance control with the
virtual stiffness chosen once, as in Hogan 1985 (Impedance control, part 2). A set-point moves the spring's far end:
so far, and the foot presses or pulls with that much.
"""

from __future__ import annotations

import numpy as np

from stope.control.kinematics import Kinematics
from stope.robot.messages import Vector
from stope.robot.model import RobotModel


class FootImpedance:
    """Stiffness and compliance of all feet; a limb without joints is rigid but for its gripper."""

    def __init__(self, model: RobotModel) -> None:
        self._jointed = [i for i, limb in enumerate(model.limbs) if limb.joints]
        chains = [list(model.limbs[i].joints) for i in self._jointed]
        self._per_kp = np.array([[1.0 / model.joints[j].kp for j in chain] for chain in chains]).reshape(-1, 1, 3)
        self._grip = np.array([1.0 / limb.gripper.stiffness_n_m for limb in model.limbs])

    def compliance_m_n(self, kinematics: Kinematics) -> Vector:
        """(L, 3, 3) displacement of each engaged foot's limb and spines per force on it, base frame, m/N."""
        out = self._grip[:, None, None] * np.eye(3)
        jacobians = kinematics.jacobians
        out[self._jointed] += (jacobians * self._per_kp) @ np.swapaxes(jacobians, 1, 2)
        return np.asarray(out)

    def draw_m(self, kinematics: Kinematics, outward: Vector, force_n: float) -> Vector:
        """(L, 3) shift of the foot targets that loads each held foot with `force_n` along `outward` (L, 3).

        For feet that oppose one another; one that nothing holds follows its target and feels nothing.
        """
        along = np.einsum("li,lij,lj->l", outward, self.compliance_m_n(kinematics), outward)
        return np.asarray(-force_n * along[:, None] * outward)
