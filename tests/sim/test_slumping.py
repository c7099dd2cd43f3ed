"""Loose ground comes to rest at its angle of repose, locally, and loses nothing on the way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.sim.heightmap import HeightMap
from stope.sim.slumping import NOTICED_M, Slopes

CELL = 0.02


def steepest(heights: HeightMap) -> float:
    """Largest excess-free slope between neighbours, of the cells that have cover to give."""
    z, cover = heights.surface_m, heights.cover_m
    worst = 0.0
    for axis, far in ((0, 1.0), (1, 1.0)):
        fall = np.diff(z, axis=axis)
        upper = np.where(fall > 0, *(np.delete(cover, i, axis=axis) for i in (0, -1)))
        worst = max(worst, float((np.abs(fall) * (upper > 0)).max()) / (far * CELL))
    return worst


@settings(deadline=None, max_examples=25)
@given(friction_deg=st.floats(20, 50), piled_m=st.floats(0.05, 0.3), seed=st.integers(0, 2**32 - 1))
def test_a_heap_comes_to_rest_and_keeps_its_mass(friction_deg: float, piled_m: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cover = rng.uniform(0.0, 0.01, (60, 60))
    cover[29:31, 29:31] += piled_m
    heights = HeightMap(CELL, rng.normal(0.0, 0.001, (60, 60)), cover)
    before = heights.cover_mass_kg(1000.0)
    slopes = Slopes(heights, math.radians(friction_deg))
    slopes.relax(np.arange(3600))
    assert heights.cover_mass_kg(1000.0) == pytest.approx(before, rel=1e-13)
    assert heights.cover_m.min() >= 0.0
    assert steepest(heights) <= math.tan(math.radians(friction_deg)) + 1.01 * NOTICED_M / CELL
    assert slopes.relax(np.arange(3600)) == 0  # at rest is at rest
    assert np.allclose(heights.surface_m, heights.bedrock_m + heights.cover_m, rtol=0.0, atol=1e-12)


def test_a_point_heap_is_a_cone_of_the_angle_of_repose() -> None:
    heights = HeightMap(CELL, np.zeros((81, 81)), np.zeros((81, 81)))
    centre = np.array([40 * 81 + 40])
    slopes = Slopes(heights, math.radians(35.0))
    for _ in range(200):
        heights.deposit(centre, 10**9, 1000.0)
        slopes.relax(centre)
    profile = heights.cover_m[40, 40:]
    on = profile[1:8]
    slope = -np.polyfit(CELL * np.arange(7), on, 1)[0]
    assert math.degrees(math.atan(slope)) == pytest.approx(35.0, abs=2.0)
    assert heights.cover_m[40, 50] == pytest.approx(heights.cover_m[50, 40], rel=0.1)


def test_far_ground_is_left_alone() -> None:
    cover = np.full((80, 80), 0.05)
    cover[40, 60] = 0.5  # a pillar that nobody has touched
    heights = HeightMap(CELL, np.zeros((80, 80)), cover)
    cells = heights.footprint((-0.5, 0.0), 0.05, 0.05, 0.0)
    heights.excavate(cells, -1.0, 10**12, 1000.0)
    assert Slopes(heights, math.radians(35.0)).relax(cells) > 0
    assert np.array_equal(heights.cover_m[:, 40:], cover[:, 40:])


def test_a_tool_in_the_ground_keeps_its_hole_open() -> None:
    heights = HeightMap(CELL, np.zeros((40, 40)), np.full((40, 40), 0.05))
    hole = np.array([20 * 40 + 20])
    heights.excavate(hole, -1.0, 10**12, 1000.0)
    slopes = Slopes(heights, math.radians(35.0))
    slopes.held[hole] = True
    slopes.relax(hole)
    assert heights.cover_m[20, 20] == 0.0
    slopes.held[hole] = False
    slopes.relax(hole)
    assert heights.cover_m[20, 20] > 0.01


def test_boring_sinks_rock_by_its_volume() -> None:
    heights = HeightMap(CELL, np.zeros((20, 20)), np.full((20, 20), 0.01))
    cells = np.array([210, 211, 230, 231])
    heights.bore(cells, 1, 1e-5)
    heights.bore(cells, 2, 2e-5)
    assert heights.bored_m3(1) == pytest.approx(1e-5, rel=1e-14)
    assert heights.bored_m3(2) == pytest.approx(2e-5, rel=1e-14)
    assert -float(heights.bedrock_m.sum()) * CELL**2 == pytest.approx(3e-5, rel=1e-12)
    assert heights.height(heights.centres(cells[:1]))[0] == pytest.approx(0.01 - 3e-5 / (4 * CELL**2))
    with pytest.raises(ValueError, match="bore"):
        heights.bore(cells, 1, math.nan)
