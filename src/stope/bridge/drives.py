"""Smart servos: joint loops on the plant's side of a link, from the references that the firmware gives."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.bridge.plant_link import References
from stope.robot.messages import Codes, Efforts, JointMode, RawSensors, Vector
from stope.robot.model import RobotModel

POSITION, VELOCITY, EFFORT = int(JointMode.POSITION), int(JointMode.VELOCITY), int(JointMode.EFFORT)


class Drives:
    """Joint loops as smart servos close them, where a link is slower or coarser than they are."""

    def __init__(self, model: RobotModel) -> None:
        self._kp = np.array([joint.kp for joint in model.joints])
        self._kd = np.array([joint.kd for joint in model.joints])
        self._effort_max = model.effort_max

    def efforts(self, told: References, now: RawSensors) -> Efforts:
        """Efforts for the next step."""
        joint = _loops(
            self._kp, self._kd, self._effort_max, told.mode, told.position, told.velocity, told.effort,
            told.effort_limit, told.brake, told.enabled, now.joint_position, now.joint_velocity,
        )  # fmt: skip
        brake = told.brake | (not told.enabled)
        return Efforts(joint=joint, brake=brake, anchor=told.anchor, thrust_n=told.thrust_n, hammer=told.hammer)


@njit(cache=True)
def _loops(
    kp: Vector, kd: Vector, effort_max: Vector, mode: Codes, position: Vector, velocity: Vector, effort: Vector,
    effort_limit: Vector, brake: npt.NDArray[np.bool_], enabled: bool, at: Vector, turning: Vector,
) -> Vector:  # fmt: skip
    wanted = np.zeros(len(kp))
    for i in range(len(kp)):
        if not enabled or brake[i]:
            continue
        damping = kd[i] * (velocity[i] - turning[i])
        if mode[i] == POSITION:
            wanted[i] = kp[i] * (position[i] - at[i]) + damping + effort[i]
        elif mode[i] == VELOCITY:
            wanted[i] = damping + effort[i]
        elif mode[i] == EFFORT:
            wanted[i] = effort[i]
        limit = min(effort_limit[i], effort_max[i])
        wanted[i] = min(max(wanted[i], -limit), limit)
    return wanted
