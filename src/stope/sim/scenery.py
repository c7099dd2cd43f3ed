"""The ground and the sky of a picture: what the site's height map looks like under a low sun.

Only the heights and the cover come from the run. Pebbles, grain, the ground beyond the map and the stars are
decoration, seeded, and exist in pictures alone. The picture's sun is chosen for legibility; it is not the ephemeris.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from stope.robot.messages import Vector
from stope.sim.grain import TILE, hills, pebbles, sun_visibility, waves
from stope.sim.heightmap import HeightMap
from stope.sim.lens import Lens, Pixels
from stope.sim.patch import triangles

ROCK: Final = np.array(
    [0.40, 0.375, 0.35], dtype=np.float32
)  #: display albedo, exposed for the eye: Bennu is darker than coal
COVER: Final = np.array([0.60, 0.555, 0.505], dtype=np.float32)
BARE: Final = 0.12  #: how much of the cover's colour bare rock has
AMBIENT: Final = 0.10  #: under an open, black sky
HALL: Final = 0.35  #: in a lit hall
SUNLIGHT: Final = 1.25
SHOWS_AS_COVER_M: Final = 0.01  #: a centimetre of fines hides the rock
GRID: Final = 192  #: cells a side of the shading grid
HORIZON_RADIUS_M: Final = 250.0  #: of the body whose curvature ends the view; about Bennu's
LOOP: Final = 256  #: vertices in each ring of the ground beyond the map


@dataclass(frozen=True)
class Ground:
    """The triangles of a height map, site frame.

    Attributes:
        vertices_m: (v, 3).
        faces: (f, 3) vertex indices, counter-clockwise from above.
        cover_m: (v,) thickness of loose material.
    """

    vertices_m: Vector
    faces: npt.NDArray[np.integer[Any]]
    cover_m: Vector

    @classmethod
    def of(cls, heights: HeightMap) -> Self:
        """A height map as it is now; a copy, so what is dug later does not show."""
        vertices_m, faces = triangles(heights)
        return cls(vertices_m, faces, heights.cover_m.ravel().copy())


class Scenery:
    """Shades points of the ground and fills the sky.

    Args:
        ground: the map.
        sun: (3,) unit vector toward the sun, site frame.
        seed: of the decoration.
        open_sky: stars and a curved, hilly surround; False: a level bench in a dark hall.
    """

    def __init__(self, ground: Ground, sun: Vector, seed: int, *, open_sky: bool = True) -> None:
        self._ground, self._sun, self._open = ground, sun, open_sky
        streams = np.random.SeedSequence(seed).spawn(4)
        low, high = ground.vertices_m[:, :2].min(axis=0), ground.vertices_m[:, :2].max(axis=0)
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        self._waves = waves(np.random.default_rng(streams[0]))
        self._near = self._gridded(ground.vertices_m[:, 2])
        self._tile = pebbles(np.random.default_rng(streams[1]), sun) if open_sky else np.zeros((TILE, TILE, 4))
        self._tile = self._tile.reshape(-1, 4).astype(np.float32)
        self._stars, self._grain = np.random.default_rng(streams[2]), np.random.default_rng(streams[3])
        self._reach = 60.0 if open_sky else 6.0
        self._light = self._lit_grids()

    def meshes(self) -> list[tuple[Vector, npt.NDArray[np.integer[Any]]]]:
        """Triangles to draw: the map, and rings around it out to the horizon."""
        return [(self._ground.vertices_m, self._ground.faces), self._surround()]

    def shade(self, points_m: Pixels, distance_m: Pixels) -> tuple[Pixels, Pixels]:
        """(k, 3) colours of ground points (3, k) seen from `distance_m` (k,): in the robot's shadow, and out of it."""
        slope_x, slope_y, albedo, seen = self._sample(points_m)
        fade = 1.0 / (1.0 + (distance_m / 9.0) ** 2)
        for size_m, strength in ((1.31, 0.7), (0.47, 0.5)):
            column, row = ((points_m[i] * np.float32(TILE / size_m)).astype(np.int32) & (TILE - 1) for i in (0, 1))
            bump = self._tile[row * TILE + column]
            weight = strength * fade
            slope_x += bump[:, 0] * weight
            slope_y += bump[:, 1] * weight
            albedo += bump[:, 2] * weight
            seen *= 1.0 - bump[:, 3] * weight
        x, y, z = self._sun.astype(np.float32)
        facing = np.maximum((z - slope_x * x - slope_y * y) / np.sqrt(1 + slope_x**2 + slope_y**2), np.float32(0))
        colour = ROCK + (COVER - ROCK) * np.clip(albedo, -0.5, 1.4)[:, None]
        ambient = np.float32(AMBIENT if self._open else HALL)
        return colour * ambient, colour * (ambient + np.float32(SUNLIGHT) * facing * seen)[:, None]

    def sky(self, lens: Lens) -> Pixels:
        """(h, w, 3) picture of the sky alone: stars fixed to the site, or the wall of the hall."""
        width, height = lens.size
        if not self._open:
            rise = np.linspace(0.20, 0.09, height, dtype=np.float32)[:, None, None]
            return np.broadcast_to(rise * np.array([0.92, 0.97, 1.06], np.float32), (height, width, 3)).copy()
        picture = np.zeros((height, width, 3), dtype=np.float32)
        picture += np.linspace(0.012, 0.020, height, dtype=np.float32)[:, None, None] * np.array(
            [0.8, 0.9, 1.2], np.float32
        )
        directions = self._stars.normal(size=(5200, 3))
        bright = self._stars.pareto(2.2, size=5200).astype(np.float32)
        warm = self._stars.uniform(-0.18, 0.18, size=5200).astype(np.float32)
        row, column, ahead = lens.project((lens.eye_m + directions * 1e3).T)
        on = (ahead > 0) & (row >= 1) & (row < height - 1) & (column >= 1) & (column < width - 1)
        r, c = row[on].astype(np.int64), column[on].astype(np.int64)
        light = (
            np.minimum(0.3 + 0.6 * bright[on], 1.0)[:, None] * np.stack([1 + warm, np.ones_like(warm), 1 - warm], 1)[on]
        )
        for dr, dc, share in ((0, 0, 1.0), (1, 0, 0.35), (-1, 0, 0.35), (0, 1, 0.35), (0, -1, 0.35)):
            np.maximum.at(picture, (r + dr, c + dc), light * share)
        return picture

    def height(self, xy: npt.NDArray[Any]) -> Vector:
        """(k,) height of the drawn ground at (k, 2), beyond the map too."""
        inside = np.clip(xy, self._middle - self._half, self._middle + self._half)
        near = self._over_map(self._near, inside)
        beyond = np.linalg.norm(xy - inside, axis=1)
        if not self._open:
            return np.asarray(near)
        far = hills(self._waves, xy) * np.minimum(beyond / 7.0, 1.5) - beyond**2 / (2 * HORIZON_RADIUS_M)
        return np.asarray(near * np.exp(-beyond / 3.0) + far)

    def _gridded(self, values: Vector) -> Vector:
        """(s, s) of `values` (v,) [y, x] over the map, about one vertex a cell; a regular map lands exactly."""
        side = int(np.clip(round(math.sqrt(len(values))), 2, 768))
        at = (self._ground.vertices_m[:, :2] - self._middle + self._half) / (2 * self._half) * (side - 1)
        cells = np.clip(np.rint(at), 0, side - 1).astype(np.int64)
        flat = cells[:, 1] * side + cells[:, 0]
        count = np.asarray(np.bincount(flat, minlength=side * side), dtype=np.float64).reshape(side, side)
        total = np.asarray(np.bincount(flat, values, side * side), dtype=np.float64).reshape(side, side)
        for _ in range(side):  # where the mesh is irregular: widen what is known until every cell knows
            if (count > 0).all():
                break
            grown, wider = _spread(total), _spread(count)
            total, count = np.where(count > 0, total, grown), np.where(count > 0, count, wider)
        return np.asarray(total / count)

    def _over_map(self, grid: Vector, xy: npt.NDArray[Any]) -> Vector:
        """(k,) bilinear values of a grid over the map at (k, 2), clamped to its edge."""
        at = (xy - self._middle + self._half) / (2 * self._half) * (len(grid) - 1)
        return np.asarray(_bilinear(grid[:, :, None], np.clip(at, 0, len(grid) - 1))[:, 0])

    def _surround(self) -> tuple[Vector, npt.NDArray[np.integer[Any]]]:
        edge = np.linspace(-1, 1, LOOP // 4, endpoint=False)
        one = np.ones_like(edge)
        square = np.concatenate(
            [np.stack(side, 1) for side in ((edge, -one), (one, edge), (-edge, one), (-one, -edge))]
        )
        scale = np.concatenate([[0.96, 1.0], 1.0 + np.geomspace(0.03, self._reach / self._half.min(), 34)])
        rings = (scale[:, None, None] * square * self._half + self._middle).reshape(-1, 2)
        z = self.height(rings)
        z[:LOOP] -= 0.03  # the innermost ring dips under the map, so that no seam shows the sky
        i = np.arange(len(rings)).reshape(len(scale), LOOP)
        a, b = i[:-1], i[1:]
        a2, b2 = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
        faces = np.concatenate([np.stack([a, b, b2], -1).reshape(-1, 3), np.stack([a, b2, a2], -1).reshape(-1, 3)])
        return np.column_stack([rings, z]), faces

    def _lit_grids(self) -> list[tuple[Vector, float, Pixels]]:
        """Coarse to fine: (middle, half width, (n, n, 4) slopes, albedo and sun visibility) over squares of ground."""
        grids = []
        for half in (self._reach, float(self._half.max()) * 1.02):
            axis = np.linspace(-half, half, GRID)
            x, y = np.meshgrid(axis, axis)
            xy = np.stack([x, y], -1).reshape(-1, 2) + self._middle
            z = self.height(xy).reshape(GRID, GRID)
            slope_y, slope_x = np.gradient(z, axis, axis)
            seen = sun_visibility(z, axis[1] - axis[0], self._sun)
            patches = (
                0.33 + 0.25 * hills(self._waves, xy * 1.7).reshape(GRID, GRID) if self._open else np.zeros((GRID, GRID))
            )
            cover = BARE + patches
            grids.append((self._middle, half, np.stack([slope_x, slope_y, cover, seen], -1).astype(np.float32)))
        fine = grids[1][2]
        thick = self._over_map(self._gridded(self._ground.cover_m), xy).reshape(GRID, GRID)
        fine[:, :, 2] = (
            BARE + (1 - BARE) * np.clip(thick / SHOWS_AS_COVER_M, 0, 1) + 0.1 * (fine[:, :, 2] - BARE - 0.33)
        )
        return grids

    def _sample(self, points_m: Pixels) -> Pixels:
        """(4, k) slopes, albedo and sun at (3, k), off the finest grid that holds the point.

        Nearest cell after a random shift of up to half a cell: bilinear on average, grain in the single pixel, and a
        fifth of the time.
        """
        shift = self._grain.random((2, points_m.shape[1]), dtype=np.float32)
        values = np.empty((points_m.shape[1], 4), dtype=np.float32)
        far, near = (_cells(points_m, shift, middle, half) for middle, half, _ in self._light)
        values[:] = self._light[0][2].reshape(-1, 4)[np.maximum(far, 0)]
        inside = np.flatnonzero(near >= 0)
        values[inside] = self._light[1][2].reshape(-1, 4)[near[inside]]
        return np.ascontiguousarray(values.T)


def _cells(points_m: Pixels, shift: Pixels, middle: Vector, half: float) -> npt.NDArray[np.int64]:
    """(k,) flat cells of the shading grid over a square; -1 outside it."""
    per_m = np.float32((GRID - 1) / (2 * half))
    column, row = (((points_m[i] - np.float32(middle[i] - half)) * per_m + shift[i]).astype(np.int32) for i in (0, 1))
    inside = (column >= 0) & (column < GRID) & (row >= 0) & (row < GRID)
    return np.where(inside, row * GRID + column, -1)


def _spread(values: Vector) -> Vector:
    sides = [_shifted(values, shift, axis) for shift in (-1, 1) for axis in (0, 1)]
    return np.asarray(values + sides[0] + sides[1] + sides[2] + sides[3])


def _shifted(values: Vector, shift: int, axis: int) -> Vector:
    moved = np.roll(values, shift, axis=axis)
    edge: list[slice | int] = [slice(None), slice(None)]
    edge[axis] = 0 if shift > 0 else -1
    moved[tuple(edge)] = 0.0
    return moved


def _bilinear(grid: npt.NDArray[Any], at: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(k, c) values of grid (n, n, c) [y, x] at (k, 2) cell coordinates (x, y)."""
    corner = np.clip(at.astype(np.int64), 0, np.array(grid.shape[1::-1]) - 2)
    f = (at - corner).astype(grid.dtype)
    n, (x, y) = grid.shape[1], corner.T
    flat, first = grid.reshape(-1, grid.shape[2]), y * n + x
    fx, fy = f[:, :1], f[:, 1:]
    lower = flat[first] * (1 - fx) + flat[first + 1] * fx
    upper = flat[first + n] * (1 - fx) + flat[first + n + 1] * fx
    return np.asarray(lower * (1 - fy) + upper * fy)
