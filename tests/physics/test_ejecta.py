"""Launch speeds and ballistics: against sampling, the flat limit, numerical integration and the published table."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics import ejecta

BENNU = (245.03, 4.892)


@pytest.mark.parametrize(
    ("body", "ranges", "times"),
    [
        (BENNU, (1.23, 32.7, 158.0), (174, 967, 2835)),
        ((448.0, 30.03), (0.67, 17.0, 72.0), (95, 488, 1076)),
    ],
)
def test_ballistics_over_a_sphere_meet_the_table_of_section_5(body, ranges, times):
    speed = np.array([0.01, 0.05, 0.10])
    assert ejecta.spherical_range_m(speed, math.pi / 4, *body) == pytest.approx(ranges, rel=5e-3)
    assert ejecta.spherical_time_s(speed, math.pi / 4, *body) == pytest.approx(times, rel=5e-3)


def test_the_flat_formulas_are_the_limit_of_slow_launches():
    g = BENNU[1] / BENNU[0] ** 2
    for elevation in (0.2, 0.8, 1.4):
        sphere = ejecta.spherical_range_m(1e-4, elevation, *BENNU), ejecta.spherical_time_s(1e-4, elevation, *BENNU)
        flat = ejecta.flat_range_m(1e-4, elevation, g), ejecta.flat_time_s(1e-4, elevation, g)
        assert sphere == pytest.approx(flat, rel=1e-5)


@given(st.floats(0.01, 0.17), st.floats(0.1, 1.5))
@settings(max_examples=6, deadline=None)
def test_spherical_flight_meets_integration(speed, elevation):
    radius, gm = BENNU
    r, v = np.array([0.0, radius]), speed * np.array([math.cos(elevation), math.sin(elevation)])
    time = float(ejecta.spherical_time_s(speed, elevation, radius, gm))
    steps, dt = 4000, time / 4000
    for _ in range(steps):  # velocity Verlet
        v = v - 0.5 * dt * gm * r / np.dot(r, r) ** 1.5
        r = r + dt * v
        v = v - 0.5 * dt * gm * r / np.dot(r, r) ** 1.5
    assert np.hypot(*r) == pytest.approx(radius, rel=1e-3)
    # compared modulo full turns: a fast grazing hop goes most of the way round
    travelled = float(ejecta.spherical_range_m(speed, elevation, radius, gm)) / radius
    landed = math.atan2(r[0], r[1])
    assert math.remainder(travelled - landed, 2 * math.pi) == pytest.approx(0.0, abs=2e-3)


def test_escape_speed_never_comes_down():
    escape = math.sqrt(2 * BENNU[1] / BENNU[0])
    assert ejecta.spherical_time_s([0.99 * escape, 1.01 * escape], 0.5, *BENNU)[1] == math.inf
    assert ejecta.spherical_range_m(1.01 * escape, 0.5, *BENNU) == math.inf
    assert ejecta.escapes([0.99 * escape, escape], escape).tolist() == [False, True]


@given(st.floats(0.0, 0.4))
def test_faster_fraction_is_the_complement_of_launch_speed(threshold):
    speed = ejecta.launch_speed(np.linspace(0, 1, 20001), 0.027, 0.013, -20.0)
    assert ejecta.faster_fraction(threshold, 0.027, 0.013, 20.0) == pytest.approx((speed > threshold).mean(), abs=1e-3)


def test_only_unhooded_fast_cuttings_are_lost():
    rim_at_escape = 0.20 / 0.0135
    assert ejecta.lost_fraction(0.20, 0.027, 0.013, rim_at_escape, 0.0) == pytest.approx(0.0, abs=1e-9)
    bare = ejecta.lost_fraction(0.20, 0.027, 0.013, 20.0, 0.0)
    assert 0.0 < bare < 1.0
    assert ejecta.lost_fraction(0.20, 0.027, 0.013, 20.0, 0.9) == pytest.approx(0.1 * bare)
    assert ejecta.faster_fraction(0.1, 0.027, 0.013, 0.0) == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: ejecta.launch_speed(1.5, 0.027, 0.013, 10.0),
        lambda: ejecta.launch_speed(0.5, 0.013, 0.027, 10.0),
        lambda: ejecta.lost_fraction(0.2, 0.027, 0.013, 10.0, hooded=2.0),
        lambda: ejecta.flat_range_m(0.1, 0.5, 0.0),
        lambda: ejecta.spherical_range_m(-0.1, 0.5, 245.0, 4.9),
        lambda: ejecta.spherical_time_s(0.1, np.nan, 245.0, 4.9),
    ],
)
def test_what_no_tool_throws_is_refused(call):
    with pytest.raises(ValueError, match="expected"):
        call()


@given(st.floats(0.01, 2.0), st.floats(0.005, 0.3), st.floats(0.0, 0.99), st.floats(0.0, 0.999), st.floats(1e-6, 0.5))
def test_at_the_fastest_turn_as_much_is_lost_as_may_be(escape, outer, hollow, hooded, share):
    rate = ejecta.fastest_turn_rad_s(escape, outer, hollow * outer, hooded, share)
    if math.isinf(rate):
        assert share >= 1.0 - hooded
        return
    assert ejecta.lost_fraction(escape, outer, hollow * outer, rate, hooded) == pytest.approx(share, rel=1e-3, abs=1e-6)
    assert float(ejecta.lost_fraction(escape, outer, hollow * outer, 0.99 * rate, hooded)) <= share


IMPACT = {"impactor_radius_m": 0.07, "speed_m_s": 2000.0, "density_kg_m3": 2700.0, "ground_density_kg_m3": 1190.0}


def test_an_impacts_ejecta_slow_with_distance_as_a_point_sources_do():
    """Far from impactor and rim v ~ x^(-1/mu), and with M ~ x^3 the mass faster than v goes as v^(-3 mu)."""
    x = np.array([0.2, 0.4])
    v = ejecta.impact_launch_speed(x, **IMPACT, crater_radius_m=1e6)
    assert v[1] / v[0] == pytest.approx(2.0 ** (-1.0 / ejecta.SAND.mu), rel=1e-6)
    far = np.array([5.0, 10.0])
    mass = ejecta.impact_mass_kg(far, 0.07, 1190.0, 1e6)
    speed = ejecta.impact_launch_speed(far, **IMPACT, crater_radius_m=1e6)
    assert np.log(mass[1] / mass[0]) / np.log(speed[1] / speed[0]) == pytest.approx(-3 * ejecta.SAND.mu, rel=1e-3)


def test_nothing_leaves_the_rim_nor_from_below_the_impactor():
    edge = ejecta.SAND.n2 * 7.0
    assert ejecta.impact_launch_speed([0.05, edge, 2 * edge], **IMPACT, crater_radius_m=7.0).tolist() == [0.0, 0.0, 0.0]
    within = ejecta.impact_mass_kg([0.05, edge, 2 * edge], 0.07, 1190.0, 7.0)
    assert within[0] == 0.0
    assert within[1] == within[2] == pytest.approx(0.3 * 1190.0 * (edge**3 - 0.084**3))


@settings(max_examples=100, deadline=None)
@given(x=st.floats(0.1, 9.0), factor=st.floats(1.01, 3.0))
def test_what_leaves_further_out_is_slower_and_there_is_more_of_it(x, factor):
    near, far = ejecta.impact_launch_speed([x, factor * x], **IMPACT, crater_radius_m=7.0)
    assert near >= far
    less, more = ejecta.impact_mass_kg([x, factor * x], 0.07, 1190.0, 7.0)
    assert less <= more


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["place_m", "crater_radius_m", *IMPACT])
def test_an_impact_of_nothing_is_refused(name, bad):
    with pytest.raises(ValueError, match=name):
        ejecta.impact_launch_speed(**{"place_m": 1.0, "crater_radius_m": 7.0, **IMPACT, name: bad})
