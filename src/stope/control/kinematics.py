"""Limb kinematics from the robot's URDF through Pinocchio: feet, Jacobians, inverse kinematics. Base frame."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from stope.robot.messages import Vector
from stope.robot.model import RobotModel

IK_ITERATIONS = 8
IK_TOLERANCE_M = 1e-6
JACOBIAN_TICKS = 5  # limbs turn by less than 1 mrad in that time when they carry load
IK_STEP_RAD = 0.3  # longest Newton step per joint: keeps an unreachable target from throwing the limb about


class Kinematics:
    """Feet and Jacobians at the present joint angles, and joint angles for wanted feet.

    Call `update` once per control tick; the properties then refer to those joint angles.
    """

    def __init__(self, model: RobotModel) -> None:
        self._pin = pin.buildModelFromUrdf(str(model.urdf))
        self._data = self._pin.createData()
        self._trial = self._pin.createData()
        joints = [self._pin.joints[self._pin.getJointId(j.name)] for j in model.joints]
        first, width = np.array([j.idx_q for j in joints]), np.array([j.nq for j in joints])
        self._plain, self._round = np.flatnonzero(width == 1), np.flatnonzero(width == 2)
        self._plain_q, self._round_q = first[self._plain], first[self._round]
        self._rates = [j.idx_v for j in joints]
        self._feet = [self._pin.getFrameId(limb.foot_link) for limb in model.limbs]
        self._columns = [[joints[i].idx_v for i in limb.joints] for limb in model.limbs]
        self._limbs = [list(limb.joints) for limb in model.limbs]
        self._low, self._high = model.position_min, model.position_max
        self._bit = self._pin.getFrameId(model.drill.bit_link) if model.drill else None
        self._config, self._trial_config = pin.neutral(self._pin), pin.neutral(self._pin)
        base = self._pin.inertias[0]  # Pinocchio leaves the fixed base out of its totals
        self._base_mass, self._base_lever = float(base.mass), base.lever.copy()
        self._limb_mass = float(pin.computeTotalMass(self._pin))
        self.mass_kg = self._base_mass + self._limb_mass
        self.feet_m = np.zeros((len(self._feet), 3))
        self._jacobians = np.zeros((len(self._feet), 3, 3))
        self._age = JACOBIAN_TICKS
        self._centre: Vector | None = None
        self.update(np.array(model.stance))

    def update(self, joint_position: Vector) -> None:
        """Evaluate at these joint angles (n,): feet (L, 3) m at once, the rest when it is asked for."""
        q = self._configuration(joint_position, self._config)
        pin.framesForwardKinematics(self._pin, self._data, q)
        for i, frame in enumerate(self._feet):
            self.feet_m[i] = self._data.oMf[frame].translation
        self._age += 1
        self._centre = None

    @property
    def jacobians(self) -> Vector:
        """(L, 3, 3) foot velocity to limb rates; at most `JACOBIAN_TICKS` updates old."""
        if self._age >= JACOBIAN_TICKS:
            self._age = 0
            pin.computeJointJacobians(self._pin, self._data, self._config)
            for i, frame in enumerate(self._feet):
                if self._columns[i]:
                    full = pin.getFrameJacobian(self._pin, self._data, frame, pin.LOCAL_WORLD_ALIGNED)
                    self._jacobians[i] = full[:3, self._columns[i]]
        return self._jacobians

    @property
    def centre_m(self) -> Vector:
        """(3,) centre of mass, base frame."""
        if self._centre is None:
            moving = pin.centerOfMass(self._pin, self._data, self._config)
            self._centre = (self._limb_mass * moving + self._base_mass * self._base_lever) / self.mass_kg
        return self._centre

    def holding_effort(self, joint_position: Vector, gravity_base_m_s2: Vector) -> Vector:
        """(n,) joint efforts that carry the limbs' own weight under gravity (3,) in the base frame."""
        self._pin.gravity.linear = gravity_base_m_s2
        q = self._configuration(joint_position, self._trial_config)
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
        return np.asarray(self._data.oMf[self._bit].translation.copy())

    def joints_for(self, limb: int, foot_m: Vector, start: Vector) -> tuple[Vector, float]:
        """Joint angles (3,) of a limb that put its foot at `foot_m` (base frame), and what distance is left over.

        Newton on the limb's own Jacobian from `start` (n,), inside the joint limits; an unreachable target ends at
        the nearest posture found and a positive distance, which the caller must judge.
        """
        joints, columns, frame = self._limbs[limb], self._columns[limb], self._feet[limb]
        angles = start.copy()
        for _ in range(IK_ITERATIONS):
            q = self._configuration(angles, self._trial_config)
            jacobian = pin.computeFrameJacobian(self._pin, self._trial, q, frame, pin.LOCAL_WORLD_ALIGNED)
            pin.updateFramePlacement(self._pin, self._trial, frame)
            error = foot_m - self._trial.oMf[frame].translation
            if float(error @ error) < IK_TOLERANCE_M**2:
                break
            square = jacobian[:3, columns]
            step = square.T @ np.linalg.solve(square @ square.T + 1e-8 * np.eye(3), error)
            step = np.clip(step, -IK_STEP_RAD, IK_STEP_RAD)
            angles[joints] = np.clip(angles[joints] + step, self._low[joints], self._high[joints])
        return angles[joints], float(np.linalg.norm(error))

    def _configuration(self, joint_position: Vector, into: Vector) -> Vector:
        into[self._plain_q] = joint_position[self._plain]
        if len(self._round):  # Pinocchio keeps a continuous joint as cosine and sine
            angles = joint_position[self._round]
            into[self._round_q], into[self._round_q + 1] = np.cos(angles), np.sin(angles)
        return into
