"""The joint servo of the simulated device: set-points to efforts at the physics rate, inside every limit.

Gains are explicit PD on joints with at least 0.15 kg m2 (or 4 kg) behind them, stable at the 2 ms step; lighter ones
(spindle, drums) carry their rotor's reflected inertia in the URDF (research/physics.md 8.1 says why both matter).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stope.robot.messages import Codes, Command, JointMode, Vector
from stope.robot.model import RobotModel


class JointServo:
    """PD servo of all joints; holds the last set-points until told otherwise.

    Attributes:
        limit: (n,) effort limit in force; braked: (n,) bool, joints that hold by their brake.
        set_points: (5, n) mode, position, velocity, effort and limit; gains: (2, n); for the compiled loop.
    """

    def __init__(self, model: RobotModel) -> None:
        count = len(model.joints)
        self.gains = np.array([(j.kp, j.kd) for j in model.joints]).T.copy()
        self._effort_max = model.effort_max
        self.set_points = np.zeros((5, count))  # mode, position, velocity, effort, limit: one array, one argument
        self.limit = self.set_points[4]
        self.limit[:] = self._effort_max
        self._held = np.array([j.kind != "continuous" for j in model.joints])
        self.braked = np.ones(count, dtype=bool)

    def take(self, command: Command) -> None:
        """Adopt a command's set-points."""
        changed = _adopt(
            command.joint_mode, command.joint_position, command.joint_velocity, command.joint_effort,
            command.joint_effort_limit, self._effort_max, self.set_points,
        )  # fmt: skip
        if changed:
            self.braked = self.set_points[0] == BRAKE

    def hold(self, position: Vector) -> None:
        """Hold `position`; continuous joints (spindle, drums) ramp to rest. Feed-forward efforts stay.

        The feed-forward carries the standing load of the anchors: dropping it would be a step on every anchor.
        """
        self.set_points[0] = np.where(self._held, POSITION, VELOCITY)
        self.set_points[1], self.set_points[2] = position, 0.0
        self.braked = np.zeros(len(position), dtype=bool)

    def efforts(self, position: Vector, velocity: Vector) -> tuple[Vector, int]:
        """Joint efforts (n,) for measured position and velocity (n,), and a bit mask of saturated joints."""
        out = np.empty(len(position))
        return out, drive(self.set_points, self.gains, position, velocity, out)


BRAKE, POSITION, VELOCITY = int(JointMode.BRAKE), int(JointMode.POSITION), int(JointMode.VELOCITY)


@njit(cache=True)
def _adopt(
    mode: Codes, position: Vector, velocity: Vector, effort: Vector, limit: Vector, limit_max: Vector, rows: Vector
) -> bool:
    """Copy the set-points; whether a brake opens or closes."""
    changed = False
    for i in range(rows.shape[1]):
        changed |= (mode[i] == BRAKE) != (rows[0, i] == BRAKE)
        rows[0, i], rows[1, i], rows[2, i], rows[3, i] = mode[i], position[i], velocity[i], effort[i]
        rows[4, i] = min(limit[i], limit_max[i])
    return changed


@njit(cache=True)
def drive(rows: Vector, gains: Vector, q: Vector, dq: Vector, out: Vector) -> int:
    """Efforts (n,) for measured position and velocity (n,) into `out`; a bit mask of saturated joints."""
    saturated = 0
    for i in range(q.shape[0]):
        mode, limit = rows[0, i], rows[4, i]
        effort = 0.0
        if mode == 1:
            effort = gains[0, i] * (rows[1, i] - q[i]) + gains[1, i] * (rows[2, i] - dq[i]) + rows[3, i]
        elif mode == 2:
            effort = gains[1, i] * (rows[2, i] - dq[i]) + rows[3, i]
        elif mode == 3:
            effort = rows[3, i]
        # Written so that NaN fails: it becomes zero effort, never a passed value.
        if effort <= limit and effort >= -limit:
            out[i] = effort
        else:
            saturated |= 1 << i
            out[i] = limit if effort > limit else (-limit if effort < -limit else 0.0)
    return saturated
