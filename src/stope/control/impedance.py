"""Impedance of the feet: what the joint servos' gains of robot.yaml mean at the end of a limb, and softened contact.

A joint servo answers a displacement with kp and a rate with kd, so a foot held by its limb's joints gives way like a
spring and damper of stiffness (J Kp^-1 J^T)^-1 and damping (J Kd^-1 J^T)^-1: joint-space impedance control with the
virtual stiffness chosen once, as in Hogan 1985 (Impedance control, part 2). A set-point moves the spring's far end:
so far, and the foot presses or pulls with that much.

What is planned is fed forward, and so the plan is what the feet carry. What nobody planned follows the stiffness: of
all splits that balance it, the one of least elastic energy, sum h' C h / 2 (Castigliano), `FootImpedance.shares`.

While a robot touches down its limbs are to swallow the blow and not to give it back. The gains live in the device and
are stiff, for drilling; what the host commands is the set-point. `Softened` moves it most of the way to the measured
joint, q* = q_k + s (q_ref - q_k), each control period T. Then the servo's effort is

    s kp (q_ref - q_k) - kp (q - q_k) - kd dq

that is a spring of s kp, and the damping kd plus what the held set-point adds, kp T / 2 on average against s kp T / 2
of the delayed spring: never less than kd for s <= 1, so no share makes the limb give back more than it took.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.control.kinematics import Kinematics
from stope.robot.messages import Vector
from stope.robot.model import RobotModel

STIFFEN_S = 1.0


class FootImpedance:
    """Stiffness and compliance of all feet; a limb without joints is rigid but for its gripper."""

    def __init__(self, model: RobotModel) -> None:
        self._jointed = [i for i, limb in enumerate(model.limbs) if limb.joints]
        chains = [list(model.limbs[i].joints) for i in self._jointed]
        self._per_kp = np.array([[1.0 / model.joints[j].kp for j in chain] for chain in chains]).reshape(-1, 1, 3)
        grippers = [limb.gripper for limb in model.limbs]
        self._grip = np.zeros((len(grippers), 6, 6))
        for i, gripper in enumerate(grippers):
            self._grip[i] = np.diag([1.0 / gripper.stiffness_n_m] * 3 + [1.0 / gripper.stiffness_nm_rad] * 3)

    def compliance(self, kinematics: Kinematics) -> Vector:
        """(L, 6, 6) displacement and turn of each engaged foot per force and moment on it, base frame, m, rad, N, N m.

        Of joints, spines and pad in series.
        """
        out = self._grip.copy()
        rates = np.concatenate((kinematics.jacobians, kinematics.axes), axis=1)
        out[self._jointed] += (rates * self._per_kp) @ np.swapaxes(rates, 1, 2)
        return out

    def compliance_m_n(self, kinematics: Kinematics) -> Vector:
        """(L, 3, 3) displacement of each engaged foot's limb and spines per force on it, base frame, m/N."""
        return self.compliance(kinematics)[:, :3, :3]

    def shares(self, kinematics: Kinematics, holding: np.ndarray) -> Vector:
        """(L, 3, 6) force of the ground on each foot per unit of a wrench that all feet pay and nobody planned.

        All feet take part in one small motion of the base, each with its stiffness; pads also pay moments, so a single
        grip has an answer too. Zero for feet that do not hold.

        Args:
            holding: (L,) bool, feet that grip.
        """
        move = _foot_motion(kinematics.feet_m)
        pay = np.zeros_like(move)
        pay[holding] = np.linalg.solve(self.compliance(kinematics)[holding], move[holding])
        if not holding.any():
            return pay[:, :3]
        stiffness = (np.swapaxes(move, 1, 2) @ pay).sum(axis=0)
        return np.asarray(pay[:, :3] @ np.linalg.inv(stiffness))

    def draw_m(self, kinematics: Kinematics, outward: Vector, force_n: float) -> Vector:
        """(L, 3) shift of the foot targets that loads each held foot with `force_n` along `outward` (L, 3).

        For feet that oppose one another; one that nothing holds follows its target and feels nothing.
        """
        along = np.einsum("li,lij,lj->l", outward, self.compliance_m_n(kinematics), outward)
        return np.asarray(-force_n * along[:, None] * outward)


def _foot_motion(arms_m: Vector) -> Vector:
    """(L, 6, 6) velocity and spin of a point at each arm (L, 3) for velocity and spin of the base."""
    out = np.tile(np.eye(6), (len(arms_m), 1, 1))
    x, y, z = arms_m.T
    out[:, 0, 4], out[:, 0, 5] = z, -y
    out[:, 1, 3], out[:, 1, 5] = -z, x
    out[:, 2, 3], out[:, 2, 4] = y, -x
    return out


class Softened:
    """Set-points of softened limbs.

    The share of the stiffness falls at once, as a touch must find the limb soft, and rises in `STIFFEN_S`.
    """

    def __init__(self, model: RobotModel, period_s: float) -> None:
        self._joints: npt.NDArray[np.int64] = np.array([j for limb in model.limbs for j in limb.joints], dtype=np.int64)
        self._step = period_s / STIFFEN_S
        self._share = 1.0

    def set_points(self, wanted: Vector, measured: Vector, share: float) -> Vector:
        """(n,) positions that let the limbs answer with `share`, 0 < s <= 1, of their stiffness toward `wanted`.

        A joint whose reading is no number keeps its wanted position.
        """
        self._share = share if share < self._share else min(share, self._share + self._step)
        if self._share >= 1.0:
            return wanted
        out, mine = wanted.copy(), self._joints
        soft = measured[mine] + self._share * (wanted[mine] - measured[mine])
        out[mine] = np.where(np.isfinite(soft), soft, wanted[mine])
        return out
