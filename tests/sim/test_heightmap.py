"""Height map: geometry, and books that close to the microgram."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.sim.heightmap import HeightMap

DENSITY = 1190.0


def rough(n: int = 41, cell: float = 0.05, seed: int = 0, cover: float = 0.05) -> HeightMap:
    rng = np.random.default_rng(seed)
    return HeightMap(cell, rng.normal(size=(n, n)) * 0.02, np.abs(rng.normal(size=(n, n))) * cover)


def plane(slope_x: float, slope_y: float, n: int = 21, cell: float = 0.1) -> HeightMap:
    axis = (np.arange(n) - n // 2) * cell
    return HeightMap(cell, slope_x * axis[None, :] + slope_y * axis[:, None], np.full((n, n), 0.01))


def test_x_runs_along_columns_and_y_along_rows():
    ground = plane(0.3, -0.1)
    np.testing.assert_allclose(ground.height([0.5, 0.2]), 0.3 * 0.5 - 0.1 * 0.2 + 0.01)
    expected = np.array([-0.3, 0.1, 1.0]) / np.linalg.norm([-0.3, 0.1, 1.0])
    np.testing.assert_allclose(ground.normal([0.5, 0.2]), expected)
    np.testing.assert_allclose(ground.normal([[0.5, 0.2]]), expected[None])
    assert ground.axis_m[0] == pytest.approx(-1.0)
    assert ground.surface_m[0, -1] == pytest.approx(0.3 * 1.0 + 0.1 * 1.0 + 0.01)


def test_cell_centres_are_reproduced():
    ground = rough()
    cells = np.arange(ground.n**2)
    np.testing.assert_allclose(ground.height(ground.centres(cells)), ground.surface_m.reshape(-1), atol=1e-14)
    np.testing.assert_allclose(ground.cover_at(ground.centres(cells)), ground.cover_m.reshape(-1), atol=1e-14)
    np.testing.assert_array_equal(ground.cell_of(ground.centres(cells)), cells)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.floats(0.1, 3.0))
def test_the_short_path_equals_the_array_path(seed, reach):
    ground = rough(seed=seed)
    xy = np.random.default_rng(seed).uniform(-reach, reach, size=(40, 2))
    z, normal = ground.height_and_normal(xy)
    few = [ground.height_and_normal(xy[i : i + 4]) for i in range(0, 40, 4)]
    np.testing.assert_allclose(np.concatenate([f[0] for f in few]), z, atol=1e-14)
    np.testing.assert_allclose(np.concatenate([f[1] for f in few]), normal, atol=1e-12)
    np.testing.assert_allclose(ground.height(xy), z, atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1.0)


def test_the_normal_is_the_slope_of_the_height():
    ground = rough()
    xy, h = np.random.default_rng(1).uniform(-0.9, 0.9, size=(30, 2)), 1e-7
    normal = ground.height_and_normal(xy)[1]
    for axis in range(2):
        slope = (ground.height(xy + h * np.eye(2)[axis]) - ground.height(xy - h * np.eye(2)[axis])) / (2 * h)
        np.testing.assert_allclose(-normal[:, axis] / normal[:, 2], slope, atol=1e-5)


def test_beyond_the_edge_the_ground_goes_on_level():
    ground = plane(0.3, 0.0)
    assert ground.height([50.0, 0.0]) == pytest.approx(ground.height([1.0, 0.0]))
    assert ground.cell_of([50.0, 0.0]) == -1


@pytest.mark.parametrize("count", [1, 40])
def test_nan_never_passes(count):
    with pytest.raises(ValueError, match="NaN"):
        rough().height_and_normal(np.full((count, 2), np.nan))


def test_no_points():
    z, normal = rough().height_and_normal(np.empty((0, 2)))
    assert (z.shape, normal.shape) == ((0,), (0, 3))


def test_arrays_are_views_that_nobody_can_write():
    ground = rough()
    for name in ("bedrock_m", "cover_m", "surface_m"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(ground, name)[0, 0] = 1.0
    ground.deposit([0], 10**9, DENSITY)
    np.testing.assert_array_equal(ground.surface_m, ground.bedrock_m + ground.cover_m)


@settings(max_examples=60)
@given(
    st.tuples(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2)), st.floats(0.01, 0.5), st.floats(0.01, 0.5), st.floats(-7, 7)
)  # fmt: skip
def test_footprint_is_the_turned_rectangle(centre, half_x, half_y, yaw):
    ground = rough()
    cells = ground.footprint(centre, half_x, half_y, yaw)
    offset = ground.centres(np.arange(ground.n**2)) - centre
    along = offset @ [math.cos(yaw), math.sin(yaw)]
    across = offset @ [-math.sin(yaw), math.cos(yaw)]
    inside = (np.abs(along) <= half_x) & (np.abs(across) <= half_y)
    clear = (np.abs(np.abs(along) - half_x) > 1e-9) & (np.abs(np.abs(across) - half_y) > 1e-9)
    if inside.any():
        mine = np.zeros(ground.n**2, dtype=bool)
        mine[cells] = True
        np.testing.assert_array_equal(mine[clear], inside[clear])
    else:
        assert cells.tolist() == [c for c in [int(ground.cell_of(centre))] if c >= 0]
    assert (np.diff(cells) > 0).all()


def test_a_footprint_smaller_than_a_cell_is_the_cell_under_it():
    ground = rough()
    assert ground.footprint((0.02, 0.02), 0.001, 0.001, 0.3).tolist() == [ground.cell_of((0.02, 0.02))]
    assert ground.footprint((9.0, 0.0), 0.001, 0.001, 0.3).size == 0


@settings(max_examples=60)
@given(st.integers(0, 1000), st.floats(-0.1, 0.1), st.integers(0, 10**10), st.floats(100.0, 4000.0))
def test_what_is_dug_is_what_the_map_lost(seed, floor, limit, density):
    ground = rough(seed=seed)
    before, bedrock, surface = ground.cover_mass_kg(density), ground.bedrock_m.copy(), ground.surface_m.copy()
    cells = ground.footprint((0.1, -0.2), 0.15, 0.1, 0.4)
    there = np.minimum(ground.cover_m.ravel()[cells], np.maximum(surface.ravel()[cells] - floor, 0.0)).sum()
    taken = ground.excavate(cells, floor, limit, density)
    assert isinstance(taken, int)
    available = there * density * ground.cell_area_m2 * 1e9
    # the floor of a sum may fall either way when rounding brings it to a whole microgram
    assert min(limit, math.floor(available - 1e-3)) <= taken <= min(limit, math.floor(available + 1e-3))
    assert before - ground.cover_mass_kg(density) == pytest.approx(taken * 1e-9, abs=1e-12)
    np.testing.assert_array_equal(ground.bedrock_m, bedrock)
    assert (ground.cover_m >= 0.0).all()
    untouched = np.setdiff1d(np.arange(ground.n**2), cells)
    np.testing.assert_array_equal(ground.surface_m.ravel()[untouched], surface.ravel()[untouched])
    cut = surface.ravel()[cells] - ground.surface_m.ravel()[cells]
    assert (ground.surface_m.ravel()[cells] >= np.minimum(surface.ravel()[cells], floor) - 1e-12).all()
    assert (cut >= -1e-15).all()


def test_all_of_the_cover_can_be_dug_and_then_none():
    ground = rough()
    everything = np.arange(ground.n**2)
    there = ground.cover_mass_kg(DENSITY)
    taken = ground.excavate(everything, -np.inf, 2**62, DENSITY)
    assert taken == math.floor(there * 1e9)
    assert ground.cover_mass_kg(DENSITY) < 2e-9
    assert ground.excavate(everything, -np.inf, 2**62, DENSITY) == 0


def test_bare_rock_gives_nothing():
    ground = HeightMap(0.1, np.zeros((5, 5)), np.zeros((5, 5)))
    assert ground.excavate([12], -1.0, 10**9, DENSITY) == 0
    assert ground.excavate([], -1.0, 10**9, DENSITY) == 0
    assert rough().excavate([12], -1.0, 0, DENSITY) == 0


def test_repeated_cells_are_dug_once():
    one, twice = rough(), rough()
    assert one.excavate([12], -1.0, 2**62, DENSITY) == twice.excavate([12, 12], -1.0, 2**62, DENSITY)
    np.testing.assert_array_equal(one.cover_m, twice.cover_m)


def test_books_close_over_thousands_of_small_moves():
    ground = rough()
    rng = np.random.default_rng(0)
    start, balance = ground.cover_mass_kg(DENSITY), 0
    for _ in range(3000):
        at = rng.uniform(-0.8, 0.8, size=2)
        balance -= ground.excavate(ground.footprint(at, 0.1, 0.06, 0.2), -0.05, 5_000_000, DENSITY)
        balance += ground.deposit(rng.uniform(-0.8, 0.8, size=(3, 2)), 1_234_567, DENSITY)
    moved = 3000 * 5e-3
    assert ground.cover_mass_kg(DENSITY) - start == pytest.approx(balance * 1e-9, abs=1e-9 * moved)


def test_deposit_by_cells_and_by_points_agree():
    one, other = rough(), rough()
    cells = np.array([100, 101, 500])
    assert one.deposit(cells, 10**9, DENSITY) == other.deposit(one.centres(cells), 10**9, DENSITY) == 10**9
    np.testing.assert_array_equal(one.cover_m, other.cover_m)
    raised = one.cover_m.ravel()[cells] - rough().cover_m.ravel()[cells]
    np.testing.assert_allclose(raised, 1.0 / 3.0 / (DENSITY * one.cell_area_m2))


def test_points_off_the_map_take_their_share_with_them():
    ground = rough()
    start = ground.cover_mass_kg(DENSITY)
    assert ground.deposit([[0.0, 0.0], [9.0, 9.0], [0.0, 0.0]], 100, DENSITY) == 66
    assert ground.deposit([[9.0, 9.0]], 100, DENSITY) == 0
    assert ground.deposit(np.empty((0, 2)), 100, DENSITY) == 0
    assert ground.cover_mass_kg(DENSITY) - start == pytest.approx(66e-9, abs=1e-13)


def test_misuse_is_refused():
    ground = rough()
    for cells in ([ground.n**2], [-3]):
        with pytest.raises(IndexError, match="not all on a map"):
            ground.excavate(cells, 0.0, 1, DENSITY)
    with pytest.raises(IndexError, match="not all on a map"):
        ground.deposit([ground.n**2], 1, DENSITY)
    with pytest.raises(ValueError, match="bulk density"):
        ground.excavate([0], 0.0, 1, 0.0)
    with pytest.raises(ValueError, match="expected 0 or more"):
        ground.deposit([0], -1, DENSITY)
    flat = np.zeros((3, 3))
    for cell, bedrock, cover, says in (
        (0.0, flat, flat, "cell"),
        (0.1, flat[:2], flat[:2], "shape"),
        (0.1, flat, flat[:2], "shape"),
        (0.1, flat * np.nan, flat, "finite"),
        (0.1, flat, flat - 1.0, "negative"),
        (0.1, flat[:1, :1], flat[:1, :1], "n >= 2"),
    ):
        with pytest.raises(ValueError, match=says):
            HeightMap(cell, bedrock, cover)
