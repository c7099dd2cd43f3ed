"""The local terrain patch: the measured shape at the site, and under the shape model's resolution seeded relief.

A shape model's facets are metres wide. What a limb meets is finer, so roughness, boulders and a pond of regolith are
added on top; all are drawn from one stream, so one seed is one patch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.mission.shape import Mesh
from stope.physics.site_field import SiteError, SiteField
from stope.sim.heightmap import HeightMap

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

CORRELATION_M = 0.3  #: of the roughness: about a gripper's reach
GENTLE = 0.25  #: share of the roughness left inside the clear radius
DUSTING_M = 0.002  #: loose cover outside the pond
FADE = 0.5  #: pond and clear zone end over this share of their radius
MAX_CELLS = 2001  # along an edge
_POWER = 2.5  # cumulative boulder sizes N(>d) ~ d^-2.5, near what is counted on Bennu, Ryugu and Itokawa
_SMALLEST = 0.2  # of the largest boulder
_TRIES = 1000


def build_patch(
    field: SiteField,
    mesh: Mesh | None,
    *,
    size_m: float,
    cell_m: float,
    roughness_m: float,
    cover_m: float,
    pond_radius_m: float,
    boulders: int,
    boulder_max_m: float,
    clear_radius_m: float,
    rng: np.random.Generator,
) -> HeightMap:
    """The ground around a site, site frame; the surface at the site centre is at height 0.

    Args:
        field: where the site lies on the body.
        mesh: the body; None for a flat bench.
        size_m: edge of the patch.
        cell_m: edge of a cell.
        roughness_m: standard deviation of the relief; a quarter of it inside the clear radius.
        cover_m: thickness of loose regolith in the pond; outside it thins to a dusting. 0: bare rock everywhere.
        pond_radius_m: of the pond, around the site centre.
        boulders: how many, all outside the clear radius; bare of cover.
        boulder_max_m: diameter of the largest that may be drawn.
        clear_radius_m: no boulder reaches into this.
        rng: the patch's own random stream.

    Raises:
        ValueError: a size is negative or not finite, or there is no room for the boulders.
        SiteError: the patch reaches beyond the ground that faces up.
    """
    _check(size_m, cell_m, roughness_m, cover_m, pond_radius_m, boulders, boulder_max_m, clear_radius_m)
    half_cells = max(1, round(size_m / (2.0 * cell_m)))
    axis: Array = cell_m * np.arange(-half_cells, half_cells + 1, dtype=np.float64)
    radius = np.hypot(axis[None, :], axis[:, None])
    surface = np.zeros(radius.shape) if mesh is None else sample_surface(field, mesh, axis)
    gentle = GENTLE + (1.0 - GENTLE) * _rise(radius, clear_radius_m)
    surface += roughness_m * gentle * _relief(len(axis), cell_m, rng)
    dusting = min(DUSTING_M, cover_m)
    cover = dusting + (cover_m - dusting) * (1.0 - _rise(radius, pond_radius_m))
    bedrock = surface - cover
    for x, y, size in _draw_boulders(axis[-1], boulders, boulder_max_m, clear_radius_m, rng):
        _set_boulder(bedrock, cover, axis, x, y, size, sunk=rng.uniform(0.2, 0.5))
    centre = half_cells, half_cells
    return HeightMap(cell_m, bedrock - (bedrock[centre] + cover[centre]), cover)


def sample_surface(field: SiteField, mesh: Mesh, axis_m: Array) -> Array:
    """(n, n) height of the body's surface over a square grid, by rays along site z; [row, column] = [y, x].

    Only facets that face up and lie within two patch widths of the site count: not the far side, not an overhang
    across a neck.

    Raises:
        SiteError: a ray meets no such facet.
    """
    corners = field.to_site(mesh.vertices)[mesh.faces]
    low, high = corners.min(axis=1), corners.max(axis=1)
    edge, step = float(axis_m[-1]), float(axis_m[1] - axis_m[0])
    over = (high[:, :2] >= -edge - step).all(axis=1) & (low[:, :2] <= edge + step).all(axis=1)
    up = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] > 0.0
    near = (low[:, 2] <= 4.0 * edge) & (high[:, 2] >= -4.0 * edge)
    height = np.full((len(axis_m), len(axis_m)), -np.inf)
    for triangle in corners[over & up & near]:
        _raise_to(height, axis_m, triangle)
    missed = np.isneginf(height) | (np.abs(height) > 4.0 * edge)
    if missed.any():
        raise SiteError(
            f"a patch of {2.0 * edge:g} m on a slope of {field.slope_deg:.0f} deg reaches beyond the ground that faces "
            f"up ({int(missed.sum())} of {missed.size} cells): choose a smaller patch or a flatter site"
        )
    return height


def triangles(heightmap: HeightMap) -> tuple[Array, Indices]:
    """The surface for renderers: vertices (n*n, 3) m and faces (2*(n-1)**2, 3), counter-clockwise seen from above."""
    n, axis = heightmap.n, heightmap.axis_m
    x, y = np.meshgrid(axis, axis)
    vertices = np.stack([x.reshape(-1), y.reshape(-1), heightmap.surface_m.reshape(-1)], axis=1)
    first = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)[None, :]).reshape(-1)
    lower = np.stack([first, first + 1, first + n + 1], axis=1)
    upper = np.stack([first, first + n + 1, first + n], axis=1)
    return vertices, np.concatenate([lower, upper]).astype(np.int64)


def _raise_to(height: Array, axis_m: Array, triangle: Array) -> None:
    """Raise `height` to the triangle (3, 3) where its shadow falls on the grid."""
    low, high, step = triangle.min(axis=0), triangle.max(axis=0), axis_m[1] - axis_m[0]
    columns = slice(*np.searchsorted(axis_m, (low[0] - 1e-9 * step, high[0] + 1e-9 * step)))
    rows = slice(*np.searchsorted(axis_m, (low[1] - 1e-9 * step, high[1] + 1e-9 * step)))
    (ax, ay, az), ab, ac = triangle[0], triangle[1] - triangle[0], triangle[2] - triangle[0]
    dx, dy = axis_m[columns][None, :] - ax, axis_m[rows][:, None] - ay
    area = ab[0] * ac[1] - ab[1] * ac[0]
    u, v = (dx * ac[1] - dy * ac[0]) / area, (dy * ab[0] - dx * ab[1]) / area
    hit = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1.0 + 1e-9)
    z = np.where(hit, az + u * ab[2] + v * ac[2], -np.inf)
    window = height[rows, columns]
    np.maximum(window, z, out=window)


def _relief(n: int, cell_m: float, rng: np.random.Generator) -> Array:
    """(n, n) Gaussian relief of standard deviation 1 and correlation exp(-(r/0.3 m)^2), smooth by its spectrum."""
    wave_y, wave_x = 2.0 * np.pi * np.fft.fftfreq(n, cell_m), 2.0 * np.pi * np.fft.rfftfreq(n, cell_m)
    # White noise through the square root of the correlation's spectrum, exp(-(k l)^2 / 8).
    keep = np.exp(-(wave_y[:, None] ** 2 + wave_x[None, :] ** 2) * CORRELATION_M**2 / 8.0)
    keep[0, 0] = 0.0  # the mean height is the shape model's business
    relief = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(n, n))) * keep, s=(n, n))
    spread = float(relief.std())
    return np.asarray(relief / spread if spread > 0.0 else relief)


def _rise(radius: Array, start_m: float) -> Array:
    """0 up to `start_m`, smoothly 1 from (1 + FADE) times that; 1 everywhere when `start_m` is 0."""
    if start_m == 0.0:
        return np.ones_like(radius)
    t = np.clip((radius - start_m) / (FADE * start_m), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _draw_boulders(
    edge_m: float, count: int, largest_m: float, clear_m: float, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """x, y and diameter of each boulder, from a truncated power law of sizes."""
    drawn = []
    for _ in range(count):
        size = _SMALLEST * largest_m * (1.0 - rng.uniform() * (1.0 - _SMALLEST**_POWER)) ** (-1.0 / _POWER)
        for _ in range(_TRIES):
            x, y = rng.uniform(-edge_m, edge_m, size=2)
            if np.hypot(x, y) >= clear_m + size / 2.0:
                break
        else:
            raise ValueError(f"no room for a boulder of {size:.2g} m between {clear_m:g} m and {edge_m:g} m")
        drawn.append((float(x), float(y), float(size)))
    return drawn


def _set_boulder(bedrock: Array, cover: Array, axis: Array, x: float, y: float, size: float, *, sunk: float) -> None:
    """Let a spherical cap stand out of the ground: its centre `sunk` radii below the surface beneath it; bare rock."""
    radius = size / 2.0
    column, row = int(np.argmin(np.abs(axis - x))), int(np.argmin(np.abs(axis - y)))
    ground = bedrock[row, column] + cover[row, column]
    square = radius**2 - (axis[None, :] - x) ** 2 - (axis[:, None] - y) ** 2
    cap = ground - sunk * radius + np.sqrt(np.maximum(square, 0.0))
    stone = (square > 0.0) & (cap > bedrock + cover)
    bedrock[stone] = cap[stone]
    cover[stone] = 0.0


def _check(
    size_m: float,
    cell_m: float,
    roughness_m: float,
    cover_m: float,
    pond_radius_m: float,
    boulders: int,
    boulder_max_m: float,
    clear_radius_m: float,
) -> None:
    lengths = {
        "size_m": size_m,
        "cell_m": cell_m,
        "roughness_m": roughness_m,
        "cover_m": cover_m,
        "pond_radius_m": pond_radius_m,
        "boulders": boulders,
        "boulder_max_m": boulder_max_m,
        "clear_radius_m": clear_radius_m,
    }
    for name, value in lengths.items():
        if not 0.0 <= value < np.inf or (value == 0.0 and name in ("size_m", "cell_m")):
            raise ValueError(f"patch: {name} is {value}, expected a positive number")
    if not 2.0 <= size_m / cell_m < MAX_CELLS:
        raise ValueError(f"patch of {size_m} m in cells of {cell_m} m: expected 2 to {MAX_CELLS - 1} cells an edge")
