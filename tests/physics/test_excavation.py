"""McKyes' coefficients against a brute-force search, and the bucket drum's books of force and volume."""

from __future__ import annotations

import math
import timeit

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stope.physics.excavation import SCOOP_OPENING, drum_cut, mckyes_coefficients, mckyes_force

BENNU = (1190.0, 1.0, math.radians(37.0), 5.5e-5)
EARTH = (1600.0, 200.0, math.radians(37.0), 9.81)


@given(st.floats(0.3, math.pi / 2), st.floats(0.0, 0.6), st.floats(0.1, 0.8))
@settings(max_examples=60)
def test_the_closed_form_failure_angle_is_the_minimum(rake, delta, phi):
    assume(rake + delta + phi < 2.8)
    n = mckyes_coefficients(rake, delta, phi)
    b = np.linspace(1e-3, math.pi - phi - 1e-3, 20001)
    denominator = np.cos(rake + delta) + np.sin(rake + delta) / np.tan(b + phi)
    n_g = (1 / np.tan(rake) + 1 / np.tan(b)) / (2 * denominator)
    valid = (denominator > 1e-6) & (n_g > 0)
    assert n.gravity <= n_g[valid].min() * (1 + 1e-9)
    assert n.gravity == pytest.approx(n_g[valid].min(), rel=1e-4)


def test_coefficients_take_arrays():
    n = mckyes_coefficients(np.full((2, 3), 0.8), 0.3, [0.5, 0.6, 0.7])
    assert n.gravity.shape == (2, 3)
    assert (np.diff(n.gravity[0]) > 0).all()


@pytest.mark.parametrize("angles", [(1.5, 0.9, 0.9), (0.0, 0.1, 0.5), (0.8, 0.1, 0.0)])
def test_no_wedge_no_force(angles):
    with pytest.raises(ValueError, match="no failure wedge"):
        mckyes_coefficients(*angles)


@given(st.floats(1e-3, 0.1), st.floats(1.01, 3.0))
@settings(max_examples=50)
def test_force_grows_with_depth_cohesion_surcharge_and_gravity(depth, factor):
    base = {"depth_m": depth, "width_m": 0.2, "density_kg_m3": 1600.0, "cohesion_pa": 100.0, "gravity_m_s2": 1.6}
    rest = {"friction_rad": 0.6, "rake_rad": 0.8, "tool_friction_rad": 0.3, "surcharge_pa": 10.0}
    force = mckyes_force(**base, **rest)
    for name in ("depth_m", "cohesion_pa", "gravity_m_s2"):
        assert mckyes_force(**(base | {name: base[name] * factor}), **rest) > force
    assert mckyes_force(**base, **(rest | {"surcharge_pa": 20.0})) > force


@given(st.floats(1e-4, 0.09), st.floats(0.05, 5.0), st.floats(-0.2, 0.2))
@settings(max_examples=100)
def test_a_drum_pays_for_what_it_cuts(depth, rate, advance):
    cut = drum_cut(depth, 0.15, 0.1, rate, advance, *BENNU)
    tip = rate * 0.1 + advance
    assert (cut.volume_rate_m3_s > 0) == (tip > 0)
    assert cut.volume_rate_m3_s <= 0.15 * min(depth, SCOOP_OPENING * 0.1) * max(tip, 0.0) * (1 + 1e-9)
    # at least the momentum that the soil is given
    assert cut.horizontal_n >= BENNU[0] * cut.volume_rate_m3_s * max(tip, 0.0) * (1 - 1e-9)
    assert cut.torque_nm == pytest.approx(cut.horizontal_n * 0.1)


def test_a_slow_cut_on_earth_is_mckyes_force_for_the_share_of_time_that_scoops_cut():
    depth, speed = 0.02, 0.2
    cut = drum_cut(depth, 0.15, 0.1, speed, 0.0, *EARTH)
    delta = EARTH[2] * 2 / 3
    blade = mckyes_force(depth, 0.15, *EARTH, tool_friction_rad=delta)
    assert 0.8 * math.sin(math.pi / 4 + delta) * blade < cut.horizontal_n < 1.05 * blade
    assert cut.vertical_n < 0.0  # scoops lift the soil: the ground pulls the drum in


def test_a_drum_out_of_the_ground_or_turned_back_takes_nothing():
    assert drum_cut(0.0, 0.15, 0.1, 2.0, 0.0, *BENNU) == (0.0, 0.0, 0.0, 0.0)
    back = drum_cut(0.01, 0.15, 0.1, -2.0, 0.0, *BENNU)
    assert back.volume_rate_m3_s == back.horizontal_n == 0.0


def test_a_drum_deeper_than_its_scoops_rides_on_its_shell():
    shallow, deep = (drum_cut(d, 0.15, 0.1, 2.0, 0.0, *EARTH) for d in (0.02, 0.06))
    assert shallow.vertical_n < 0.0 < deep.vertical_n
    assert deep.volume_rate_m3_s == drum_cut(0.05, 0.15, 0.1, 2.0, 0.0, *EARTH).volume_rate_m3_s


def test_cover_without_friction_is_cut_too():
    cut = drum_cut(0.01, 0.15, 0.1, 2.0, 0.0, 1200.0, 0.0, 0.0, 1e-4)
    assert 0.0 < cut.horizontal_n < math.inf


def test_the_drum_is_cheap():
    runs = min(timeit.repeat(lambda: drum_cut(0.01, 0.15, 0.1, 2.0, 0.0, *BENNU), number=3000, repeat=5))
    assert runs / 3000 < 20e-6  # 3 us on an idle core; the bound allows a loaded one
