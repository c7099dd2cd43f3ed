"""HeightMap: the ground of the work site as rock and the loose cover on it.

A square grid of cells centred on the site's origin; arrays are [row, column] = [y, x], values belong to cell centres.
Geometry follows parcels: a transfer's integer mass is fixed first, then the cover changes by exactly that mass over
density and area, so the mass books and the map cannot drift apart.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.sim.precise_sum import precise_sum

Array = npt.NDArray[np.float64]
Cells = npt.NDArray[np.int64]

_FEW: Final = 12  # measured: up to about here plain floats are faster
UG_PER_KG: Final = 1e9  #: micrograms in a kilogram
# Bilinear coefficients (1, x, y, xy) from the corners (00, 10, 01, 11); x runs along a row.
_BILINEAR: Final = np.array([[1, -1, -1, 1], [0, 1, 0, -1], [0, 0, 1, -1], [0, 0, 0, 1]], dtype=np.float64)


class HeightMap:
    """Bedrock height and loose cover on it, site frame, metres. Outside the grid the edge goes on level.

    `cells` are flat indices row * n + column.

    Args:
        cell_m: edge of a cell.
        bedrock_m: (n, n) height of the rock.
        cover_m: (n, n) thickness of loose regolith.

    Raises:
        ValueError: shapes differ or are not square, fewer than 2 x 2 cells, a number is not finite, cover is negative.
    """

    def __init__(self, cell_m: float, bedrock_m: npt.ArrayLike, cover_m: npt.ArrayLike) -> None:
        bedrock, cover = np.array(bedrock_m, dtype=np.float64), np.array(cover_m, dtype=np.float64)
        if not 0.0 < cell_m < np.inf:
            raise ValueError(f"cell is {cell_m} m, expected a positive length")
        if bedrock.ndim != 2 or bedrock.shape[0] != bedrock.shape[1] or bedrock.shape[0] < 2:
            raise ValueError(f"bedrock has shape {bedrock.shape}, expected (n, n) with n >= 2")
        if cover.shape != bedrock.shape:
            raise ValueError(f"cover has shape {cover.shape}, bedrock {bedrock.shape}")
        if not (np.isfinite(bedrock).all() and np.isfinite(cover).all()):
            raise ValueError("height map holds a number that is not finite")
        if (cover < 0.0).any():
            raise ValueError(f"cover is negative: {cover.min()} m")
        self.cell_m: Final = float(cell_m)
        self.n: Final = bedrock.shape[0]
        self.half_m: Final = 0.5 * (self.n - 1) * self.cell_m  #: from the origin to the outermost cell centres
        self._bedrock = bedrock.reshape(-1)
        self._cover = cover.reshape(-1)
        self._surface = self._bedrock + self._cover
        self._bored: dict[int, Array] = {}
        self._memory = self._surface.data  # the same numbers: reading one is ten times cheaper than from NumPy
        self._corners: Final = np.array([0, 1, self.n, self.n + 1])

    @property
    def bedrock_m(self) -> Array:
        """(n, n) read-only view; it changes by `bore` alone."""
        return self._view(self._bedrock)

    @property
    def cover_m(self) -> Array:
        """(n, n) read-only view; it changes by `excavate`, `deposit` and `slumping` alone."""
        return self._view(self._cover)

    @property
    def surface_m(self) -> Array:
        """(n, n) read-only view of bedrock plus cover."""
        return self._view(self._surface)

    @property
    def axis_m(self) -> Array:
        """(n,) cell centres along x and along y."""
        return np.linspace(-self.half_m, self.half_m, self.n)

    @property
    def cell_area_m2(self) -> float:
        """Area of one cell."""
        return self.cell_m * self.cell_m

    def height(self, xy: npt.ArrayLike) -> Array:
        """() or (N,) bilinear surface height at (2,) or (N, 2)."""
        return self._interpolate(self._surface, xy)

    def cover_at(self, xy: npt.ArrayLike) -> Array:
        """() or (N,) bilinear thickness of loose cover at (2,) or (N, 2)."""
        return self._interpolate(self._cover, xy)

    def normal(self, xy: npt.ArrayLike) -> Array:
        """(3,) or (N, 3) upward unit normal of the bilinear surface at (2,) or (N, 2)."""
        points = np.asarray(xy, dtype=np.float64)
        return np.asarray(self.height_and_normal(points.reshape(-1, 2))[1].reshape(*points.shape[:-1], 3))

    def height_and_normal(self, xy: Array) -> tuple[Array, Array]:
        """Height (N,) and upward unit normal (N, 3) at (N, 2): the path of every physics step.

        Raises:
            ValueError: a point is NaN.
        """
        if len(xy) <= _FEW:
            return self._height_and_normal_of_few(xy)
        c, x, y = self._coefficients(self._surface, xy)
        normal = np.empty((len(c), 3))
        normal[:, 0] = -(c[:, 1] + c[:, 3] * y)
        normal[:, 1] = -(c[:, 2] + c[:, 3] * x)
        normal[:, 2] = self.cell_m
        z = c[:, 0] + c[:, 2] * y - normal[:, 0] * x
        normal /= np.sqrt(np.einsum("ij,ij->i", normal, normal))[:, None]
        return z, normal

    def _height_and_normal_of_few(self, xy: Array) -> tuple[Array, Array]:
        """As `height_and_normal`, in plain floats: for a few feet an array operation costs more than its work."""
        surface, n, cell, half, last = self._memory, self.n, self.cell_m, self.half_m, self.n - 1.0
        heights, normals = [], []
        for x, y in xy.tolist():
            x, y = (x + half) / cell, (y + half) / cell
            x = 0.0 if x < 0.0 else last if x > last else x
            y = 0.0 if y < 0.0 else last if y > last else y
            column, row = min(int(x), n - 2), min(int(y), n - 2)
            x, y = x - column, y - row
            first = row * n + column
            z00, z10, z01, z11 = surface[first], surface[first + 1], surface[first + n], surface[first + n + 1]
            along_x, twist = z10 - z00, z11 - z10 - z01 + z00
            east, north = along_x + twist * y, z01 - z00 + twist * x
            size = math.sqrt(east * east + north * north + cell * cell)
            heights.append(z00 + east * x + (z01 - z00) * y)
            normals.append((-east / size, -north / size, cell / size))
        return np.array(heights, dtype=np.float64), np.array(normals, dtype=np.float64).reshape(-1, 3)

    def cell_of(self, xy: npt.ArrayLike) -> Cells:
        """() or (N,) index of the cell at (2,) or (N, 2); -1 outside the grid."""
        at = np.floor((np.asarray(xy, dtype=np.float64) + self.half_m) / self.cell_m + 0.5)
        inside = ((at >= 0.0) & (at < self.n)).all(axis=-1)
        whole = np.where(inside[..., None], at, 0.0).astype(np.int64)
        return np.asarray(np.where(inside, whole[..., 1] * self.n + whole[..., 0], -1))

    def centres(self, cells: npt.ArrayLike) -> Array:
        """(N, 2) x, y of cell centres."""
        rows, columns = np.divmod(np.asarray(cells, dtype=np.int64), self.n)
        return np.asarray(np.stack([columns, rows], axis=-1) * self.cell_m - self.half_m)

    def footprint(self, centre_xy: npt.ArrayLike, half_x: float, half_y: float, yaw: float) -> Cells:
        """Cells whose centre lies in a rectangle turned by `yaw` rad; at least the one under its centre. Rising order.

        Empty when the rectangle is off the grid.
        """
        x0, y0 = np.asarray(centre_xy, dtype=np.float64)
        cos, sin = math.cos(yaw), math.sin(yaw)
        reach_x = abs(half_x * cos) + abs(half_y * sin)
        reach_y = abs(half_x * sin) + abs(half_y * cos)
        columns, rows = self._span(x0, reach_x), self._span(y0, reach_y)
        dx = (columns * self.cell_m - self.half_m - x0)[None, :]
        dy = (rows * self.cell_m - self.half_m - y0)[:, None]
        inside = (np.abs(cos * dx + sin * dy) <= half_x) & (np.abs(cos * dy - sin * dx) <= half_y)
        cells: Cells = (rows[:, None] * self.n + columns[None, :])[inside]
        if cells.size:
            return cells
        under = self.cell_of((x0, y0))
        return under.reshape(1) if under >= 0 else cells

    def excavate(self, cells: npt.ArrayLike, depth_below_z: float, max_mass_ug: int, bulk_density: float) -> int:
        """Dig loose cover above a height out of cells; bedrock stays.

        The cut is shared in proportion to what each cell holds above `depth_below_z`.

        Args:
            cells: flat indices; repeats count once.
            depth_below_z: height of the cut's floor, site frame, m.
            max_mass_ug: take no more than this.
            bulk_density: of the cover, kg/m3.

        Returns:
            Micrograms removed: floor of what was there or `max_mass_ug`.
        """
        per_metre = self._ug_per_metre(bulk_density)
        index = np.unique(np.asarray(cells, dtype=np.int64))
        self._check(index)
        cover = self._cover[index]
        loose = np.minimum(cover, np.maximum(self._surface[index] - depth_below_z, 0.0))
        held_ug = math.fsum(loose) * per_metre
        taken = min(int(max_mass_ug), math.floor(held_ug))
        if taken <= 0:
            return 0
        # never above 1, so no cell goes below its bedrock
        self._set_cover(index, cover - loose * min(taken / held_ug, 1.0))
        return taken

    def deposit(self, where: npt.ArrayLike, mass_ug: int, bulk_density: float) -> int:
        """Spread loose cover evenly over cells (integers) or over the cells under points (N, 2) (floats).

        Returns:
            Micrograms that landed: all of `mass_ug`, less the share of points off the grid.
        """
        per_metre = self._ug_per_metre(bulk_density)
        if mass_ug < 0:
            raise ValueError(f"deposit of {mass_ug} ug, expected 0 or more")
        array = np.asarray(where)
        index = (array if array.dtype.kind in "iu" else self.cell_of(array)).reshape(-1).astype(np.int64)
        landed = index[index >= 0]
        self._check(landed)
        if not landed.size:
            return 0
        placed = int(mass_ug) * landed.size // index.size
        cells, shares = np.unique(landed, return_counts=True)
        self._set_cover(cells, self._cover[cells] + shares * (placed / (landed.size * per_metre)))
        return placed

    def bore(self, cells: Cells, layer: int, volume_m3: float) -> None:
        """Take a volume of rock of one layer out from under the cells, evenly; the cover on them sinks with it."""
        self._check(cells)
        if not 0.0 <= volume_m3 < np.inf or not cells.size:
            raise ValueError(f"bore of {volume_m3} m3 in {cells.size} cells")
        sunk = volume_m3 / (cells.size * self.cell_area_m2)
        self._bored.setdefault(layer, np.zeros(len(self._bedrock)))[cells] += sunk
        self._bedrock[cells] -= sunk
        self._surface[cells] = self._bedrock[cells] + self._cover[cells]

    def bored_m3(self, layer: int) -> float:
        """Volume of rock of this layer that `bore` took out of the map."""
        return math.fsum(self._bored.get(layer, ())) * self.cell_area_m2

    def loose(self) -> tuple[Array, Array]:
        """Cover and surface, (n * n,) each, for `slumping`, which alone changes them and keeps their sums."""
        return self._cover, self._surface

    def cover_mass_kg(self, density: float) -> float:
        """All loose cover on the map, summed without rounding error."""
        return precise_sum(self._cover) * density * self.cell_area_m2

    def _interpolate(self, values: Array, xy: npt.ArrayLike) -> Array:
        points = np.asarray(xy, dtype=np.float64)
        z = np.empty(points.shape[:-1])
        if not _bilinear(values, self.n, self.half_m, self.cell_m, points.reshape(-1, 2), z.reshape(-1)):
            raise ValueError("height asked at a point that is NaN")
        return z

    def _coefficients(self, values: Array, xy: Array) -> tuple[Array, Array, Array]:
        """(N, 4) coefficients of 1, x, y, xy in each point's cell, and its x, y there, 0..1."""
        at = (xy + self.half_m) * (1.0 / self.cell_m)
        if np.isnan(at).any():
            raise ValueError("height asked at a point that is NaN")
        at = np.minimum(np.maximum(at, 0.0), self.n - 1.0)
        corner = np.minimum(at.astype(np.int64), self.n - 2)
        at -= corner
        flat = corner[:, 1] * self.n + corner[:, 0]
        c = values[flat[:, None] + self._corners] @ _BILINEAR
        return c, at[:, 0], at[:, 1]

    def _span(self, middle: float, reach: float) -> Cells:
        low = max(0, math.ceil((middle - reach + self.half_m) / self.cell_m - 1e-9))
        high = min(self.n - 1, math.floor((middle + reach + self.half_m) / self.cell_m + 1e-9))
        return np.arange(low, high + 1, dtype=np.int64)

    def _ug_per_metre(self, bulk_density: float) -> float:
        if not 0.0 < bulk_density < np.inf:
            raise ValueError(f"bulk density is {bulk_density} kg/m3, expected a positive number")
        return bulk_density * self.cell_area_m2 * UG_PER_KG

    def _check(self, index: Cells) -> None:
        if index.size and not (index.min() >= 0 and index.max() < self._cover.size):
            raise IndexError(f"cells {index.min()} to {index.max()} are not all on a map of {self._cover.size}")

    def _set_cover(self, index: Cells, cover: Array) -> None:
        self._cover[index] = cover
        self._surface[index] = self._bedrock[index] + cover

    def _view(self, flat: Array) -> Array:
        view = flat.reshape(self.n, self.n)
        view.setflags(write=False)
        return view


@njit(cache=True)
def _bilinear(values: Array, n: int, half_m: float, cell_m: float, xy: Array, out: Array) -> bool:
    """Bilinear interpolation of a flat (n n,) grid at (N, 2) into (N,), clamped to the grid; False at a NaN."""
    last = n - 1.0
    for i in range(xy.shape[0]):
        x, y = (xy[i, 0] + half_m) / cell_m, (xy[i, 1] + half_m) / cell_m
        if not (x == x and y == y):
            return False
        x, y = min(max(x, 0.0), last), min(max(y, 0.0), last)
        column, row = min(int(x), n - 2), min(int(y), n - 2)
        x, y = x - column, y - row
        first = row * n + column
        z00, z10, z01, z11 = values[first], values[first + 1], values[first + n], values[first + n + 1]
        out[i] = z00 + (z10 - z00) * x + (z01 - z00) * y + (z11 - z10 - z01 + z00) * x * y
    return True
