"""Smart servos: joint loops on the plant's side of a link, from the references that the firmware gives."""

from __future__ import annotations

import numpy as np

from stope.bridge.plant_link import References
from stope.robot.messages import Efforts, RawSensors, Vector
from stope.robot.model import RobotModel


class Drives:
    """Joint loops as smart servos close them, where a link is slower or coarser than they are."""

    def __init__(self, model: RobotModel) -> None:
        self._kp = np.array([joint.kp for joint in model.joints])
        self._kd = np.array([joint.kd for joint in model.joints])
        self._effort_max = model.effort_max

    def efforts(self, told: References, now: RawSensors) -> Efforts:
        """Efforts for the next step."""
        error = self._kp * (told.position - now.joint_position)
        damping = self._kd * (told.velocity - now.joint_velocity)
        wanted: Vector = np.select(
            [told.mode == 1, told.mode == 2, told.mode == 3], [error + damping + told.effort, damping + told.effort,
                                                              told.effort], 0.0
        )  # fmt: skip
        limit = np.minimum(told.effort_limit, self._effort_max)
        joint = np.clip(np.where(told.enabled & ~told.brake, wanted, 0.0), -limit, limit)
        brake = told.brake | (not told.enabled)
        return Efforts(joint=joint, brake=brake, anchor=told.anchor, thrust_n=told.thrust_n, hammer=told.hammer)
