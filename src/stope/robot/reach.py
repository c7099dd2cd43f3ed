"""Inverse kinematics of a limb of turning joints, compiled: joint angles that put its foot at a place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.robot.messages import Vector
from stope.robot.solve3 import solve3
from stope.robot.tree import PARENT, POINT_AT, POINT_BODY, POINT_TURN, SLIDES, Tree, about, cross, multiply, rotate

ITERATIONS = 8
TOLERANCE_M = 1e-6
STEP_RAD = 0.3  # longest Newton step per joint: keeps an unreachable target from throwing the limb about
DAMPING_M2 = 1e-8  # keeps the step finite where the limb is stretched out

Indices = npt.NDArray[np.int64]


class Reach:
    """One limb's chain from the base to its foot.

    Args:
        tree: of the robot; point: row of the foot among its points of interest.
        joints: the limb's three, from the base outward; low, high: (n,) position limits of all joints.

    Raises:
        ValueError: the joints are not a chain of turning joints that begins at the base.
    """

    def __init__(self, tree: Tree, point: int, joints: tuple[int, ...], low: Vector, high: Vector) -> None:
        body_of_joint, links, points, _, _ = tree.packed
        self._bodies: Indices = np.ascontiguousarray(body_of_joint[list(joints)])
        parents = links[self._bodies, PARENT].astype(np.int64).tolist()
        if len(joints) != 3 or parents != [0, *self._bodies[:-1].tolist()] or links[self._bodies, SLIDES].any():
            raise ValueError(f"limb with joints {joints}: expected three turning joints, each on the one before it")
        if int(points[point, POINT_BODY]) != self._bodies[-1]:
            raise ValueError(f"limb with joints {joints}: its foot is not on its last link")
        self._joints = list(joints)
        self._links, self._foot = links, points[point, POINT_AT:POINT_TURN].copy()
        self._low, self._high = low[self._joints], high[self._joints]

    def angles(self, foot_m: Vector, start: Vector) -> tuple[Vector, float]:
        """Joint angles (3,) that put the foot at `foot_m` (3,), base frame, and what distance is left over.

        Newton from `start` (n,), inside the joint limits; an unreachable target ends at the nearest posture found and
        a positive distance, which the caller must judge.
        """
        angles = start[self._joints]
        left = _reach(self._links, self._bodies, self._foot, self._low, self._high, foot_m, angles)
        return angles, left


@njit(cache=True)
def _reach(
    links: Vector, bodies: Indices, foot: Vector, low: Vector, high: Vector, target: Vector, angles: Vector
) -> float:
    rotation, frame, local = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    at, way = np.empty((3, 3)), np.empty((3, 3))
    arm, tip, column, error = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    jacobian, square = np.empty((3, 3)), np.empty((3, 3))
    left = 0.0
    for turn in range(ITERATIONS + 1):
        tip[:] = 0.0
        rotation[:] = np.eye(3)
        for k in range(3):
            link = links[bodies[k]]
            rotate(rotation, link[0:3], arm)
            for j in range(3):
                tip[j] += arm[j]
                at[k, j] = tip[j]
            multiply(rotation, link[3:12].reshape(3, 3), frame)
            rotate(frame, link[12:15], way[k])
            about(link[12:15], angles[k], local)
            multiply(frame, local, rotation)
        rotate(rotation, foot, arm)
        left = 0.0
        for j in range(3):
            tip[j] += arm[j]
            error[j] = target[j] - tip[j]
            left += error[j] * error[j]
        if left < TOLERANCE_M * TOLERANCE_M or turn == ITERATIONS:
            break
        for k in range(3):
            for j in range(3):
                arm[j] = tip[j] - at[k, j]
            cross(way[k], arm, column)
            for j in range(3):
                jacobian[j, k] = column[j]
        for i in range(3):
            for j in range(3):
                square[i, j] = DAMPING_M2 if i == j else 0.0
                for k in range(3):
                    square[i, j] += jacobian[i, k] * jacobian[j, k]
        push = solve3(square, error)
        for k in range(3):
            step = jacobian[0, k] * push[0] + jacobian[1, k] * push[1] + jacobian[2, k] * push[2]
            step = min(max(step, -STEP_RAD), STEP_RAD)
            angles[k] = min(max(angles[k] + step, low[k]), high[k])
    return float(np.sqrt(left))
