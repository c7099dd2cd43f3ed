"""Slopes that are too steep come down: loose cover moves downhill until nothing exceeds the angle of repose.

Only disturbed ground is looked at, and what its coming down disturbs. Digging breaks what cohesion the cover had, so
the angle is the friction angle, which does not depend on gravity (validation case N02); how long it takes does, and is
left out: the ground is at rest after each call.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.sim.heightmap import HeightMap

NOTICED_M = 1e-5  # steps that exceed the angle by less stay
MOST_MOVES = 200_000  # in one call: an avalanche that is longer goes on at the next

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Cells = npt.NDArray[np.int64]


class Slopes:
    """The loose cover of one map and its angle of repose.

    Attributes:
        held: (n * n) cells that give and take nothing: where a tool stands in the ground.
    """

    def __init__(self, heights: HeightMap, friction_rad: float) -> None:
        if not 0.0 < friction_rad < math.pi / 2:
            raise ValueError(f"angle of repose is {friction_rad} rad, expected 0 to pi/2")
        self._heights, self._tangent = heights, math.tan(friction_rad)
        self._queued = np.zeros(heights.n * heights.n, dtype=np.bool_)
        self._queue = np.empty(heights.n * heights.n, dtype=np.int64)
        self.held: Flags = np.zeros(heights.n * heights.n, dtype=np.bool_)

    def relax(self, cells: Cells) -> int:
        """Let the ground around these cells come to rest; how many moves from cell to cell that took."""
        cover, surface = self._heights.loose()
        rise = self._tangent * self._heights.cell_m
        return int(_relax(cells, cover, surface, self._heights.n, rise, self.held, self._queue, self._queued))


@njit(cache=True)
def _relax(
    start: Cells, cover: Floats, surface: Floats, n: int, rise: float, held: Flags, queue: Cells, queued: Flags
) -> int:
    """Move cover downhill from `start` outward; `rise` is the height that one cell's width may have.

    A move takes half of what the steepest step has too much, so no step is turned over and the loop ends.
    """
    head, count, moves = 0, 0, 0
    for k in range(start.shape[0]):
        count = _neighbourhood(start[k], n, queue, head, count, queued)
    while count > 0:
        cell = queue[head]
        head = (head + 1) % (n * n)
        count -= 1
        queued[cell] = False
        if moves >= MOST_MOVES:
            continue  # empties the flags
        if held[cell] or cover[cell] <= 0.0:
            continue
        row, column = cell // n, cell % n
        lowest, most = -1, NOTICED_M
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                r, c = row + dr, column + dc
                if (dr == 0 and dc == 0) or r < 0 or c < 0 or r >= n or c >= n or held[r * n + c]:
                    continue
                far = math.sqrt(2.0) if dr != 0 and dc != 0 else 1.0
                excess = surface[cell] - surface[r * n + c] - rise * far
                if excess > most:
                    lowest, most = r * n + c, excess
        if lowest < 0:
            continue
        moved = min(cover[cell], 0.5 * most)
        cover[cell] -= moved
        surface[cell] -= moved
        cover[lowest] += moved
        surface[lowest] += moved
        moves += 1
        count = _neighbourhood(cell, n, queue, head, count, queued)
        count = _neighbourhood(lowest, n, queue, head, count, queued)
    return moves


@njit(cache=True)
def _neighbourhood(cell: int, n: int, queue: Cells, head: int, count: int, queued: Flags) -> int:
    """Queue a cell and its neighbours; the new length of the queue."""
    row, column = cell // n, cell % n
    for r in range(max(0, row - 1), min(n, row + 2)):
        for c in range(max(0, column - 1), min(n, column + 2)):
            if not queued[r * n + c]:
                queued[r * n + c] = True
                queue[(head + count) % (n * n)] = r * n + c
                count += 1
    return count
