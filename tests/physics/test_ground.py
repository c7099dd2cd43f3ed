"""Granular stopping, repose, cohesion, bouncing, samplers, boulders: limits, monotony, scaling, inverses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics import boulders, cohesion, granular, restitution, sampling

few = settings(max_examples=25)


@few
@given(st.floats(0.01, 5.0), st.floats(0.1, 50.0), st.floats(0.0, 10.0), st.floats(10.0, 1e5), st.floats(0.01, 10.0))
def test_an_intruder_stops_where_its_speed_is_gone(speed, mass, gravity, friction, drag):
    state = (speed, mass, gravity, friction, drag)
    depth = float(granular.stopping_depth(*state))
    assert 0.0 < depth < np.inf
    assert granular.speed_at_depth(0.0, *state) == pytest.approx(speed)
    assert granular.speed_at_depth(0.9999999 * depth, *state) < 0.05 * speed + 1e-3 * math.sqrt(gravity * depth)
    assert granular.speed_at_depth(1.01 * depth, *state) == 0.0
    assert granular.stopping_depth(1.1 * speed, *state[1:]) >= depth * (1 - 1e-12)  # equal where drag forgets the start
    assert granular.stopping_depth(speed, mass, gravity, 1.1 * friction, drag) < depth


def test_energy_is_what_resistance_took():
    """m v^2/2 + m g z = k z^2/2 + integral of m v^2 / d_1, by quadrature."""
    state = (1.0, 2.0, 3.0, 400.0, 0.2)
    depth = float(granular.stopping_depth(*state))
    z = np.linspace(0.0, depth, 20_001)
    drag = np.trapezoid(2.0 * granular.speed_at_depth(z, *state) ** 2 / 0.2, z)
    assert 0.5 * 2.0 + 2.0 * 3.0 * depth == pytest.approx(0.5 * 400.0 * depth**2 + drag, rel=1e-6)


def test_the_spring_and_the_log_are_its_limits():
    assert granular.stopping_depth(0.1, 1.0, 0.0, 1e3, 1e9) == pytest.approx(0.1 / math.sqrt(1e3))
    assert granular.stopping_time(0.1, 1.0, 0.0, 1e3, 1e9) == pytest.approx(math.pi / 2 / math.sqrt(1e3), rel=1e-6)
    assert granular.stopping_depth(0.1, 1.0, 0.0, 0.0, 0.5) == np.inf
    assert granular.stopping_time(0.1, 1.0, 0.0, 0.0, 0.5) == np.inf
    assert granular.stopping_depth(0.0, 1.0, 0.0, 10.0, 0.5) == 0.0
    # under drag alone v falls by e every d_1, whatever its start
    assert granular.speed_at_depth(0.5, [0.1, 3.0], 1.0, 0.0, 0.0, 0.5) == pytest.approx(np.array([0.1, 3.0]) / math.e)
    assert granular.speed_under_drag(0.1, 5.0, 0.5) == pytest.approx(0.05)


def test_sinking_in_from_rest_is_twice_the_static_depth_without_drag():
    assert granular.stopping_depth(0.0, 1.0, 2.0, 50.0, 1e9) == pytest.approx(2 * 1.0 * 2.0 / 50.0)


def test_time_agrees_with_stepping():
    state = (0.4, 1.4, 0.5, 60.0, 0.08)
    speed, depth, time, step = 0.4, 0.0, 0.0, 1e-5
    while speed > 0.0:
        speed += step * (0.5 - 60.0 * depth / 1.4 - speed**2 / 0.08)
        depth += step * speed
        time += step
    assert granular.stopping_depth(*state) == pytest.approx(depth, rel=1e-3)
    assert granular.stopping_time(*state) == pytest.approx(time, rel=1e-3)


@few
@given(st.floats(0.1, 1.2), st.floats(1e-6, 10.0))
def test_repose_is_friction_without_cohesion_and_steeper_with_it(friction, gravity):
    assert granular.repose_angle_rad(friction, 0.0, 1500.0, gravity, 1.0) == pytest.approx(friction, abs=1e-9)
    steep = granular.repose_angle_rad(friction, [1.0, 10.0], 1500.0, gravity, 1.0)
    assert friction < steep[0] <= steep[1] <= math.pi / 2
    # the slope found is the slope that stands just so high
    if steep[0] < math.pi / 2 - 1e-6:
        assert granular.critical_height_m(steep[0], friction, 1.0, 1500.0, gravity) == pytest.approx(1.0, rel=1e-4)


def test_a_bank_stands_4_c_over_gamma_root_kp():
    phi = math.radians(35.0)
    bank = 4.0 * 1.0 / (600.0 * 5.5e-5) * math.tan(math.pi / 4 + phi / 2)
    assert granular.critical_height_m(math.pi / 2, phi, 1.0, 600.0, 5.5e-5) == pytest.approx(bank)


@few
@given(st.floats(1e-5, 1.0), st.floats(500.0, 4000.0), st.floats(1e-6, 10.0))
def test_bond_number_falls_with_the_square_of_size(radius, density, gravity):
    bond = cohesion.bond_number(radius, density, gravity)
    assert cohesion.bond_number(2 * radius, density, gravity) == pytest.approx(bond / 4)
    assert cohesion.bond_number(radius, density, 2 * gravity) == pytest.approx(bond / 2)
    at_one = cohesion.sticking_radius_m(density, gravity)
    assert cohesion.bond_number(at_one, density, gravity) == pytest.approx(1.0)


def test_cohesion_numbers():
    assert cohesion.hamaker_force_n(0.001, 1e-9) == pytest.approx(4.3e-20 * 1e-3 / 12e-18)
    assert cohesion.matrix_strength_pa(5e-6) == pytest.approx(31.2)
    assert cohesion.rumpf_strength_pa(1e-6, 1e-3, 0.5) == pytest.approx(1.0)
    assert cohesion.mohr_coulomb_ucs_pa(1.0, 0.0) == 2.0
    assert cohesion.mohr_coulomb_ucs_pa(1.0, math.radians(35.0)) == pytest.approx(3.84, abs=0.01)


@few
@given(st.floats(0.01, 1.0), st.floats(1.0, 1e6), st.floats(0.1, 100.0))
def test_restitution_and_damping_are_inverse(e, stiffness, mass):
    assert restitution.restitution(restitution.damping_ratio(e)) == pytest.approx(e)
    damping = restitution.contact_damping_n_s_m(e, stiffness, mass)
    assert damping >= 0.0
    assert restitution.contact_time_s(e, stiffness, mass) >= math.pi * math.sqrt(mass / stiffness) * (1 - 1e-12)


def test_restitution_of_a_stepped_contact():
    stiffness, mass, e = 1e4, 2.0, 0.6
    damping = float(restitution.contact_damping_n_s_m(e, stiffness, mass))
    x, v, step, time = 0.0, -1.0, 1e-6, 0.0
    while x <= 0.0:
        v += step * (-stiffness * x - damping * v) / mass
        x += step * v
        time += step
    assert v == pytest.approx(e, rel=1e-3)
    assert time == pytest.approx(float(restitution.contact_time_s(e, stiffness, mass)), rel=1e-3)
    assert restitution.restitution([0.16, 1.0, 2.0]) == pytest.approx([0.601, 0.0, 0.0], abs=1e-3)


def test_bouncing_is_the_sum_of_its_bounces():
    total = sum(2 * 0.1 * 0.6**k / 1e-4 for k in range(1, 200))
    assert restitution.bouncing_time_s(0.1, 0.6, 1e-4) == pytest.approx(total)
    assert restitution.bouncing_time_s(0.1, [0.0, 1.0], 1e-4).tolist() == [0.0, np.inf]
    assert restitution.bounce_height_m(0.1, 0.5, 1e-3) == pytest.approx(1.25)


def test_a_jet_and_its_nozzle_close_their_energy():
    """Nitrogen at 293 K: 780 m/s; half the square of the speed is the enthalpy."""
    jet = sampling.jet_speed_m_s(293.0, 0.028, 1.4)
    assert jet**2 / 2 == pytest.approx(3.5 * 8.314462618 / 0.028 * 293.0)
    flow = sampling.choked_flow_kg_s(1e-5, [1e5, 2e5], 293.0, 0.028, 1.4)
    assert flow[1] == 2 * flow[0]
    assert flow[0] == pytest.approx(1e-5 * 1e5 * 0.6847 / math.sqrt(8.314462618 / 0.028 * 293.0), rel=1e-4)
    assert sampling.gas_lift_ratio(jet, 9.81, 0.4) == pytest.approx(sampling.gas_lift_ratio(jet, 9.81, 0.1) / 2)
    assert sampling.jet_impulse_n_s(0.02, jet) == pytest.approx(15.6, abs=0.1)


def test_craters_end_at_strength_and_grow_in_low_gravity():
    dry = sampling.crater_volume_m3(2.0, 2000.0, 2700.0, 1190.0, [9.81, 1e-4])
    assert dry[1] > 10 * dry[0]
    rock = sampling.crater_volume_m3(2.0, 2000.0, 2700.0, 1190.0, [1e-4, 1e-6], sampling.SOFT_ROCK)
    assert rock[1] == pytest.approx(rock[0], rel=0.01)
    assert rock[0] < dry[1]
    assert sampling.crater_diameter_m(8.0) == pytest.approx(2 * sampling.crater_diameter_m(1.0))


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_drawn_boulders_follow_their_law(seed):
    field = boulders.draw_boulders(np.random.default_rng(seed), 100.0, 0.2, 20.0, 2.65, 1e-3)
    again = boulders.draw_boulders(np.random.default_rng(seed), 100.0, 0.2, 20.0, 2.65, 1e-3)
    assert np.array_equal(field.diameter_m, again.diameter_m)
    expected = boulders.cumulative_count(0.2, 2.65, 1e-3) * 1e4
    assert abs(len(field.diameter_m) - expected) < 6 * math.sqrt(expected)
    assert np.all((field.diameter_m >= 0.2) & (field.diameter_m <= 20.0))
    larger = (field.diameter_m > 0.4).mean()
    assert larger == pytest.approx(2**-2.65, abs=0.06)
    assert np.abs(field.centre_m).max() <= 50.0
    assert field.buried.mean() == pytest.approx(0.4, abs=0.05)


def test_covered_ground_is_the_integral_over_sizes():
    size = np.geomspace(0.2, 20.0, 200_001)
    number = 1e-3 * size**-2.65
    area = np.sum(0.5 * (size[1:] ** 2 + size[:-1] ** 2) * -np.diff(number)) * math.pi / 4
    assert boulders.covered_fraction(0.2, 20.0, 2.65, 1e-3) == pytest.approx(area, rel=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: granular.stopping_depth(-1.0, 1.0, 1.0, 1.0, 1.0),
        lambda: granular.stopping_depth(1.0, 0.0, 1.0, 1.0, 1.0),
        lambda: granular.stopping_depth(1.0, 1.0, np.nan, 1.0, 1.0),
        lambda: granular.critical_height_m(2.0, 0.5, 1.0, 1.0, 1.0),
        lambda: granular.katsuragi_durian(0.1, 2700.0, 1500.0, 30.0, 1.0),  # degrees
        lambda: cohesion.bond_number(0.0, 1.0, 1.0),
        lambda: cohesion.van_der_waals_n(1.0, 2.0),
        lambda: cohesion.rumpf_strength_pa(1.0, 1.0, 0.0),
        lambda: restitution.damping_ratio(0.0),
        lambda: restitution.bouncing_time_s(1.0, 1.1, 1.0),
        lambda: sampling.jet_speed_m_s(293.0, 0.028, 1.0),
        lambda: sampling.gas_lift_ratio(700.0, 9.81, 0.1, 2.0),
        lambda: boulders.draw_boulders(np.random.default_rng(0), 1.0, 2.0, 1.0, 2.0, 1.0),
    ],
)
def test_what_no_ground_does_is_refused(call):
    with pytest.raises(ValueError, match=r"expected|must"):
        call()
