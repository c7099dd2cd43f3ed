"""The elevation map that an auxiliary sensor gives: noisy points of the ground around the robot, base frame."""

from __future__ import annotations

import numpy as np

from stope.mission.streams import random_stream
from stope.robot.messages import Vector
from stope.sim.heightmap import HeightMap

PERIOD_US = 5_000_000
REACH_M, SPACING_M = 1.0, 0.05
NOISE_M = 3.0e-3  # one sigma in height, ASSUMED for a flash lidar at a metre


class ElevationSensor:
    """One map every five seconds; nothing in between."""

    def __init__(self, heights: HeightMap, seed: int) -> None:
        self._heights, self._rng = heights, random_stream(seed, "sensor.terrain")
        axis = np.arange(-REACH_M, REACH_M + 1e-9, SPACING_M)
        x, y = np.meshgrid(axis, axis)
        self._grid = np.column_stack((x.ravel(), y.ravel()))
        self._next_us = 0

    def read(self, time_us: int, position_m: Vector, rotation: Vector) -> Vector | None:
        """(n, 3) points around a base at `position_m` with attitude `rotation` (3, 3); None until the next is due."""
        if time_us < self._next_us:
            return None
        self._next_us = time_us + PERIOD_US
        xy = self._grid + position_m[:2]
        inside = (np.abs(xy) < self._heights.half_m - 2.0 * self._heights.cell_m).all(axis=1)
        xy = xy[inside]
        z = self._heights.height(xy) + NOISE_M * self._rng.standard_normal(len(xy))
        return np.asarray((np.column_stack((xy, z)) - position_m) @ rotation)
