"""Limb kinematics from the robot's URDF: feet, Jacobians, inverse kinematics, the limbs' own weight. Base frame.

What every tick needs comes from the compiled `robot.tree` and `robot.reach`; the limbs' own weight from Pinocchio.
"""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from stope.robot.messages import Vector
from stope.robot.model import RobotModel
from stope.robot.reach import Reach
from stope.robot.tree import Tree


class Kinematics:
    """Feet and Jacobians at the present joint angles, and joint angles for wanted feet.

    Call `update` once per control tick; everything else then refers to those joint angles.

    Attributes:
        feet_m: (L, 3) feet.
        mass_kg: of the whole robot as the URDF says.
    """

    def __init__(self, model: RobotModel) -> None:
        names = tuple(joint.name for joint in model.joints)
        points = tuple(limb.foot_link for limb in model.limbs) + ((model.drill.bit_link,) if model.drill else ())
        self._tree = Tree(model.urdf, names, points)
        self._at_origin, self._at_rest = np.array((0.0,) * 6 + (1.0,) + (0.0,) * 6), np.zeros(len(names))
        self.feet_m = np.zeros((len(model.limbs), 3))
        self.mass_kg = self._tree.total_mass_kg
        self._bit = len(model.limbs) if model.drill else None
        self._jointed = np.array([i for i, limb in enumerate(model.limbs) if limb.joints], dtype=np.int64)
        self._chains = np.array([model.limbs[i].joints for i in self._jointed], dtype=np.int64).reshape(-1, 3)
        self._jacobians = np.zeros((len(self._jointed), 3, 3))
        low, high = model.position_min, model.position_max
        self._reach = {i: Reach(self._tree, i, model.limbs[i].joints, low, high) for i in self._jointed.tolist()}
        self._build_pinocchio(model)
        self.update(np.array(model.stance))

    def _build_pinocchio(self, model: RobotModel) -> None:
        self._pin = pin.buildModelFromUrdf(str(model.urdf))
        self._trial = self._pin.createData()
        joints = [self._pin.joints[self._pin.getJointId(j.name)] for j in model.joints]
        first, width = np.array([j.idx_q for j in joints]), np.array([j.nq for j in joints])
        self._plain, self._round = np.flatnonzero(width == 1), np.flatnonzero(width == 2)
        self._plain_q, self._round_q = first[self._plain], first[self._round]
        self._rates = [j.idx_v for j in joints]
        self._trial_config = pin.neutral(self._pin)

    def update(self, joint_position: Vector) -> None:
        """Evaluate at these joint angles (n,)."""
        self._tree.sweep(self._at_origin, joint_position, self._at_rest)
        self.feet_m[:] = self._tree.point_m[: len(self.feet_m)]

    @property
    def jacobians(self) -> Vector:
        """(K, 3, 3) foot velocity to limb rates of the K limbs that have joints."""
        self._tree.jacobians(self._chains, self._jointed, self._jacobians)
        return self._jacobians

    @property
    def axes(self) -> Vector:
        """(K, 3, 3) axes of the joints of those limbs, in columns: foot spin to limb rates."""
        return self._tree.axes(self._chains)

    @property
    def centre_m(self) -> Vector:
        """(3,) centre of mass, base frame."""
        return np.asarray(self._tree.momentum[6:9])

    def holding_effort(self, joint_position: Vector, gravity_base_m_s2: Vector) -> Vector:
        """(n,) joint efforts that carry the limbs' own weight under gravity (3,) in the base frame."""
        self._pin.gravity.linear = gravity_base_m_s2
        q = self._configuration(joint_position)
        weight = pin.computeGeneralizedGravity(self._pin, self._trial, q)
        return np.asarray(weight[self._rates])

    @property
    def bit_tip_m(self) -> Vector:
        """(3,) bit tip, base frame.

        Raises:
            ValueError: the robot has no drill.
        """
        if self._bit is None:
            raise ValueError("this robot has no drill")
        return np.asarray(self._tree.point_m[self._bit].copy())

    def joints_for(self, limb: int, foot_m: Vector, start: Vector) -> tuple[Vector, float]:
        """Joint angles (3,) of a limb that put its foot at `foot_m` (base frame), and what distance is left over.

        Newton on the limb's own Jacobian from `start` (n,), inside the joint limits; an unreachable target ends at
        the nearest posture found and a positive distance, which the caller must judge.
        """
        return self._reach[limb].angles(foot_m, start)

    def _configuration(self, joint_position: Vector) -> Vector:
        q: Vector = self._trial_config
        q[self._plain_q] = joint_position[self._plain]
        if len(self._round):  # Pinocchio keeps a continuous joint as cosine and sine
            angles = joint_position[self._round]
            q[self._round_q], q[self._round_q + 1] = np.cos(angles), np.sin(angles)
        return q
