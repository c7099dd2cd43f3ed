"""The joint servo of the simulated device: set-points to efforts at the physics rate, inside every limit.

Gains are explicit PD on joints with at least 0.15 kg m2 (or 4 kg) behind them, stable at the 2 ms step; lighter ones
(spindle, drums) carry their rotor's reflected inertia in the URDF (research/physics.md 8.1 says why both matter).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stope.robot.messages import Command, JointMode, Vector
from stope.robot.model import RobotModel


class JointServo:
    """PD servo of all joints; holds the last set-points until told otherwise."""

    def __init__(self, model: RobotModel) -> None:
        count = len(model.joints)
        self._kp = np.array([j.kp for j in model.joints])
        self._kd = np.array([j.kd for j in model.joints])
        self._effort_max = model.effort_max
        self.mode = np.full(count, int(JointMode.BRAKE), dtype=np.int8)
        self.position = np.zeros(count)
        self.velocity = np.zeros(count)
        self.effort = np.zeros(count)
        self.limit = self._effort_max.copy()
        self.held = np.array([j.kind != "continuous" for j in model.joints])
        self.braked = np.ones(count, dtype=bool)

    def take(self, command: Command) -> None:
        """Adopt a command's set-points."""
        self.mode = command.joint_mode
        self.braked = self.mode == JointMode.BRAKE
        self.position, self.velocity, self.effort = command.joint_position, command.joint_velocity, command.joint_effort
        self.limit = np.minimum(command.joint_effort_limit, self._effort_max)

    def hold(self, position: Vector) -> None:
        """Hold `position`; continuous joints (spindle, drums) ramp to rest. Feed-forward efforts stay.

        The feed-forward carries the standing load of the anchors: dropping it would be a step on every anchor.
        """
        self.mode = np.where(self.held, int(JointMode.POSITION), int(JointMode.VELOCITY)).astype(np.int8)
        self.braked = np.zeros(len(position), dtype=bool)
        self.position = position.copy()
        self.velocity = np.zeros_like(position)

    def efforts(self, position: Vector, velocity: Vector) -> tuple[Vector, int]:
        """Joint efforts (n,) for measured position and velocity (n,), and a bit mask of saturated joints."""
        out = np.empty(len(position))
        saturated = _pd(
            self.mode, self.position, self.velocity, self.effort, self.limit, self._kp, self._kd, position, velocity, out
        )
        return out, saturated


@njit(cache=True)  # type: ignore[untyped-decorator]
def _pd(mode, want_q, want_dq, feed_forward, limit, kp, kd, q, dq, out):  # type: ignore[no-untyped-def]
    saturated = 0
    for i in range(q.shape[0]):
        effort = 0.0
        if mode[i] == 1:
            effort = kp[i] * (want_q[i] - q[i]) + kd[i] * (want_dq[i] - dq[i]) + feed_forward[i]
        elif mode[i] == 2:
            effort = kd[i] * (want_dq[i] - dq[i]) + feed_forward[i]
        elif mode[i] == 3:
            effort = feed_forward[i]
        # Written so that NaN fails: it becomes zero effort, never a passed value.
        if effort <= limit[i] and effort >= -limit[i]:
            out[i] = effort
        else:
            saturated |= 1 << i
            out[i] = limit[i] if effort > limit[i] else (-limit[i] if effort < -limit[i] else 0.0)
    return saturated
