"""Cold-gas hold-down: a collective thrust, with the nozzles' differences spent on keeping the robot level."""

from __future__ import annotations

import numpy as np

from stope.control.rotation import rotation_vector
from stope.robot.messages import Vector
from stope.robot.model import RobotModel

LEVEL_NM_RAD = 3.0  # attitude stiffness and damping: about 0.25 rad/s closed loop on 3 kg m2 of robot
LEVEL_NMS_RAD = 4.0


class HoldDown:
    """Nozzle thrusts for a wanted total force along -z of the base and an attitude parallel to the ground.

    Args:
        level: (3, 3) that attitude, base to site.
    """

    def __init__(self, model: RobotModel, level: Vector) -> None:
        self._level = level
        jet = model.sampler.jet if model.sampler is not None else -1
        self._max = np.array([0.0 if place == jet else t.max_n for place, t in enumerate(model.thrusters)])
        rows = [(np.array(t.direction)[2], *np.cross(t.position_m, t.direction)[:2].tolist()) for t in model.thrusters]
        if jet >= 0:
            rows[jet] = (0.0, 0.0, 0.0)  # a sampler's jet holds nothing down
        self._mix = np.linalg.pinv(np.array(rows).reshape(-1, 3).T) if rows else np.zeros((0, 3))

    def thrusts(self, total_n: float, rotation: Vector, angular_rad_s: Vector, steer: bool) -> Vector:
        """(thrusters,) N >= 0 for `total_n` of hold-down; `steer` adds the levelling torque while flying."""
        if len(self._max) == 0 or total_n <= 0.0:
            return np.zeros(len(self._max))
        torque = np.zeros(2)
        if steer:
            tilt = rotation_vector(self._level.T @ rotation)
            rate = rotation.T @ angular_rad_s
            torque = -LEVEL_NM_RAD * tilt[:2] - LEVEL_NMS_RAD * rate[:2]
            torque = np.clip(torque, -0.15 * total_n, 0.15 * total_n)  # nozzles only push: stay inside the collective
        return np.asarray(np.clip(self._mix @ np.array((-total_n, *torque)), 0.0, self._max))
