"""Sensor noise, one named stream per sensor family, drawn in blocks so that a reading costs a slice."""

from __future__ import annotations

import numpy as np

from stope.mission.streams import random_stream
from stope.robot.messages import Vector

BLOCK = 1024


class NoiseStream:
    """White noise of one sensor family: `next()` gives (width,) samples of standard deviation `sigma`."""

    def __init__(self, seed: int, name: str, sigma: float, width: int) -> None:
        self._rng = random_stream(seed, f"sensor.{name}")
        self._sigma, self._width = sigma, width
        self._block = np.empty((0, width))
        self._row = 0

    def next(self) -> Vector:
        """The next (width,) sample."""
        if self._row == len(self._block):
            self._block = self._sigma * self._rng.standard_normal((BLOCK, self._width))
            self._row = 0
        self._row += 1
        return np.asarray(self._block[self._row - 1])
