"""What decorates a picture's ground below and beyond the map: pebbles, hills, and the shadows that relief throws."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stope.robot.messages import Vector

TILE: Final = 512  #: texels a side of the pebble tile


def waves(rng: np.random.Generator) -> Vector:
    """(m, 4) plane waves: wave vector x, y, phase, amplitude; lengths from 1.5 to 40 m."""
    length = np.geomspace(1.5, 40.0, 28)
    angle, phase = rng.uniform(0, 2 * math.pi, 28), rng.uniform(0, 2 * math.pi, 28)
    k = 2 * math.pi / length
    return np.column_stack([k * np.cos(angle), k * np.sin(angle), phase, 0.012 * length**0.9 + 0.01])


def hills(waves: Vector, xy: npt.NDArray[Any]) -> Vector:
    """(k,) sum of the waves at (k, 2)."""
    height = np.zeros(len(xy))
    for kx, ky, phase, amplitude in waves:
        height += amplitude * np.sin(kx * xy[:, 0] + ky * xy[:, 1] + phase)
    return height


def sun_visibility(z: Vector, cell_m: float, sun: Vector) -> Vector:
    """(n, n) 1 in the sun, 0 in the ground's own shadow: march toward the sun, three cells to soften the edge."""
    away = math.hypot(sun[0], sun[1])
    if away < 1e-6:
        return np.ones_like(z)
    step = np.array([sun[1], sun[0]]) / max(abs(sun[0]), abs(sun[1]))
    rise = sun[2] / away * cell_m * float(np.linalg.norm(step))
    lowest = np.full_like(z, np.inf)
    for i in range(1, 48):
        dy, dx = np.rint(step * i).astype(int)
        blocked = np.roll(z, (-dy, -dx), axis=(0, 1))
        ray = z + rise * i
        margin = ray - blocked
        if dy > 0:
            margin[-dy:] = np.inf
        elif dy < 0:
            margin[:-dy] = np.inf
        if dx > 0:
            margin[:, -dx:] = np.inf
        elif dx < 0:
            margin[:, :-dx] = np.inf
        lowest = np.minimum(lowest, margin)
    return np.asarray(np.clip(lowest / (0.25 * cell_m) * 0.5 + 1.0, 0.0, 1.0))


def pebbles(rng: np.random.Generator, sun: Vector) -> Vector:
    """(TILE, TILE, 4) repeating grain: slope x, slope y, albedo change, shadow; heights in texels."""
    z = rng.normal(scale=0.12, size=(TILE, TILE))
    z = (z + np.roll(z, 1, 0) + np.roll(z, 1, 1) + np.roll(z, (1, 1), (0, 1))) / 2
    tint = rng.normal(scale=0.05, size=(TILE, TILE))
    radius = np.minimum(1.2 * (1 + rng.pareto(1.8, size=2400)), 15.0)
    at, tall = rng.integers(0, TILE, (2400, 2)), rng.uniform(0.45, 1.0, 2400)
    squash, shade = rng.uniform(0.65, 1.5, 2400), rng.normal(scale=0.16, size=2400)
    for r in range(2, 16):  # all pebbles of one size at a time, small ones first so that large ones lie on them
        some = np.flatnonzero(np.ceil(radius) == r)
        dy, dx = np.mgrid[-r : r + 1, -r : r + 1][:, None]
        across = (dx * squash[some, None, None]) ** 2 + (dy / squash[some, None, None]) ** 2
        bulge = np.sqrt(np.maximum(radius[some, None, None] ** 2 - across, 0.0)) * tall[some, None, None]
        rows, columns = (at[some, k, None, None] + d for k, d in ((0, dy), (1, dx)))
        flat = rows % TILE * TILE + columns % TILE
        np.maximum.at(z.reshape(-1), flat, bulge)
        tint.reshape(-1)[flat[bulge > 0]] = np.broadcast_to(shade[some, None, None], bulge.shape)[bulge > 0]
    slope_x, slope_y = (np.roll(z, -1, 1) - np.roll(z, 1, 1)) / 2, (np.roll(z, -1, 0) - np.roll(z, 1, 0)) / 2
    away = max(math.hypot(sun[0], sun[1]), 1e-6)
    shadow = np.zeros_like(z)
    for i in range(1, 28):
        shift = (-round(sun[1] / away * i), -round(sun[0] / away * i))
        over = np.roll(z, shift, axis=(0, 1)) - z - i * sun[2] / away
        shadow = np.maximum(shadow, np.clip(over, 0.0, 1.0))
    return np.stack([np.clip(slope_x, -1.5, 1.5), np.clip(slope_y, -1.5, 1.5), tint, shadow], -1)
