"""Footholds from a noisy elevation map: flat spots near where a foot should go, best first."""

from __future__ import annotations

import math

import numpy as np

from stope.robot.messages import Vector

NEAR_M = 0.09  # how far from the wanted place a foothold may lie
PATCH_M = 0.08  # points this near to a spot say how flat it is: a gripper's pad and the map's cells
FEWEST = 5
SLOPE_MAX = math.tan(math.radians(25.0))
PER_SLOPE_M, PER_ROUGHNESS = 0.10, 5.0  # what slope and roughness are worth in metres of detour


def footholds(points_m: Vector, wanted_m: Vector, spots: int = 4) -> Vector:
    """(k, 3) spots near `wanted_m` (3,), best first, k <= `spots`; empty where the map shows nothing fit.

    Args:
        points_m: (n, 3) map, in the frame of `wanted_m`, z up.

    A spot is judged by the plane through the points around it: its slope and the residual, and the detour to it.
    """
    if len(points_m) == 0:
        return np.zeros((0, 3))
    apart = np.hypot(points_m[:, 0] - wanted_m[0], points_m[:, 1] - wanted_m[1])
    found: list[tuple[float, Vector]] = []
    for index in np.flatnonzero(apart < NEAR_M):
        at = points_m[index]
        near = points_m[np.hypot(points_m[:, 0] - at[0], points_m[:, 1] - at[1]) < PATCH_M]
        if len(near) < FEWEST:
            continue
        flat = near - at
        plane, *_ = np.linalg.lstsq(np.column_stack((flat[:, :2], np.ones(len(flat)))), flat[:, 2], rcond=None)
        rough = float(np.std(flat[:, 2] - flat[:, :2] @ plane[:2] - plane[2]))
        slope = float(np.hypot(plane[0], plane[1]))
        if slope < SLOPE_MAX:
            cost = float(apart[index]) + PER_SLOPE_M * slope + PER_ROUGHNESS * rough
            found.append((cost, np.array((at[0], at[1], at[2] + plane[2]))))
    found.sort(key=lambda entry: entry[0])
    return np.array([spot for _, spot in found[:spots]]).reshape(-1, 3)
