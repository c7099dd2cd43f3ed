"""Blade models beside McKyes: limits, scaling, and a spread that is shown; drums that fill."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics import excavation
from stope.physics.excavation import BLADE_MODELS, BladeCase

MOON = BladeCase(0.05, 0.20, 0.15, math.radians(45), 1600.0, 500.0, math.radians(37), math.radians(22), 1.62, 0.02)


@pytest.mark.parametrize("name", BLADE_MODELS)
@settings(max_examples=20)
@given(depth=st.floats(0.005, 0.2), cohesion=st.floats(0.0, 2000.0), gravity=st.floats(1e-5, 9.81))
def test_force_grows_with_depth_width_and_gravity(name: str, depth: float, cohesion: float, gravity: float) -> None:
    model, case = BLADE_MODELS[name], replace(MOON, depth_m=depth, cohesion_pa=cohesion, gravity_m_s2=gravity)
    force = model(case)
    assert force > 0.0
    assert model(replace(case, depth_m=1.1 * depth)) > force
    assert model(replace(case, gravity_m_s2=1.1 * gravity)) >= force
    assert force < model(replace(case, width_m=2 * case.width_m)) <= 2 * force * (1 + 1e-12)


@pytest.mark.parametrize("name", BLADE_MODELS)
@pytest.mark.parametrize("size", [0.5, 3.0])
def test_without_cohesion_and_speed_force_scales_with_the_cube_of_size(name: str, size: float) -> None:
    dry = replace(MOON, cohesion_pa=0.0, speed_m_s=0.0)
    large = replace(dry, depth_m=size * 0.05, width_m=size * 0.20, length_m=size * 0.15)
    assert BLADE_MODELS[name](large) == pytest.approx(size**3 * BLADE_MODELS[name](dry), rel=1e-6)
    heavy = replace(dry, density_kg_m3=2 * dry.density_kg_m3)
    assert BLADE_MODELS[name](heavy) == pytest.approx(2 * BLADE_MODELS[name](dry))


def test_the_passive_wedge_at_rest_is_mckyes() -> None:
    """Both search the failure angle; McKyes' minimises the weight term alone, so it can only be above."""
    for cohesion in (0.0, 500.0):
        still = replace(MOON, cohesion_pa=cohesion, speed_m_s=0.0)
        wedge, mckyes = excavation.swick_perumpral_draft_n(still), excavation.mckyes_draft_n(still)
        assert wedge <= mckyes * (1 + 1e-6)
        assert wedge == pytest.approx(mckyes, rel=1e-5 if cohesion == 0.0 else 0.1)


def test_balovnev_has_rankines_limit() -> None:
    smooth = replace(MOON, rake_rad=math.pi / 2, tool_friction_rad=0.0, cohesion_pa=0.0)
    passive = math.tan(math.pi / 4 + MOON.friction_rad / 2) ** 2
    assert excavation.balovnev_draft_n(smooth) == pytest.approx(0.5 * 1600 * 1.62 * 0.05**2 * 0.20 * passive)


def test_inertia_counts_with_the_square_of_speed() -> None:
    for model in (excavation.swick_perumpral_draft_n, excavation.gill_vanden_berg_draft_n):
        light = replace(MOON, gravity_m_s2=1e-9, cohesion_pa=0.0)
        assert model(replace(light, speed_m_s=2.0)) == pytest.approx(4 * model(replace(light, speed_m_s=1.0)), rel=1e-6)


def test_the_spread_is_several_fold_on_earth_and_depths_answer_forces() -> None:
    drafts = excavation.draft_spread(replace(MOON, cohesion_pa=200.0, gravity_m_s2=9.81))
    assert max(drafts.values()) > 3 * min(drafts.values())
    for name, depth in excavation.depth_for_draft_m(MOON, 20.0).items():
        assert BLADE_MODELS[name](replace(MOON, depth_m=depth)) == pytest.approx(20.0, rel=1e-6)


def test_a_drum_fills_and_never_overfills() -> None:
    fill = excavation.drum_fill([0.0, 0.1, 1.0, 100.0], 10.0)
    assert fill[0] == 0.0
    assert fill[1] == pytest.approx(0.95 * 0.01, rel=0.01)
    assert np.all(np.diff(fill) > 0)
    assert fill[3] <= 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: replace(MOON, depth_m=0.0),
        lambda: replace(MOON, cohesion_pa=-1.0),
        lambda: replace(MOON, rake_rad=3.0),
        lambda: excavation.gill_vanden_berg_draft_n(replace(MOON, rake_rad=math.radians(85))),
        lambda: excavation.balovnev_draft_n(replace(MOON, tool_friction_rad=1.0)),
        lambda: excavation.mckyes_force(-0.1, 0.2, 1600.0, 0.0, 0.6, 9.81),
        lambda: excavation.mckyes_force(0.1, 0.2, np.nan, 0.0, 0.6, 9.81),
        lambda: excavation.drum_fill(1.0, 0.0),
        lambda: excavation.depth_for_draft_m(MOON, -1.0),
    ],
)
def test_what_no_blade_has_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"expected|cannot|wedge|needs|ends"):
        call()
