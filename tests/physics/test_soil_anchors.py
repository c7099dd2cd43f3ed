"""Anchors in soil, wedges, hold-down, single spines: signs, limits, monotony, scaling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics import anchoring

few = settings(max_examples=25)
EARTH, BENNU = 9.81, 5.5e-5


@few
@given(st.floats(0.02, 0.5), st.floats(0.02, 0.2), st.floats(0.0, 0.8), st.floats(0.0, 1e4))
def test_a_plate_holds_more_deeper_and_in_stickier_ground(depth, width, friction, cohesion):
    base = anchoring.plate_strength_n(depth, width, 1700.0, EARTH, friction, cohesion)
    assert base > 0.0
    assert anchoring.plate_strength_n(1.1 * depth, width, 1700.0, EARTH, friction, cohesion) > base
    assert anchoring.plate_strength_n(depth, width, 1700.0, EARTH, friction, cohesion + 10.0) > base


@few
@given(st.floats(1e-6, 20.0), st.floats(0.1, 10.0))
def test_a_plate_without_cohesion_scales_with_weight_and_cubed_size(gravity, size):
    one = anchoring.plate_strength_n(0.2, 0.1, 1700.0, gravity, 0.6)
    assert anchoring.plate_strength_n(0.2 * size, 0.1 * size, 1700.0, gravity, 0.6) == pytest.approx(one * size**3)
    assert anchoring.plate_strength_n(0.2, 0.1, 1700.0, 2 * gravity, 0.6) == pytest.approx(2 * one)


def test_the_plate_with_its_own_factors_is_near_the_published_table():
    """phi 44 deg: the interpolated shape factor and K_u tan(phi) are those of the table within 3 %."""
    table = [63.0, 279.0, 738.0, 1531.0]
    ours = anchoring.plate_strength_n([0.1, 0.2, 0.3, 0.4], 0.1, 17_000 / EARTH, EARTH, math.radians(44.0))
    np.testing.assert_allclose(ours, table, rtol=0.03)


def test_deep_cohesive_plates_end_at_the_breakout_factor():
    deep = anchoring.plate_strength_n(3.0, 0.1, 1.0, 0.0, 0.0, 1000.0)
    assert deep == pytest.approx(anchoring.plate_breakout_n(1000.0, 0.01))


def test_a_helix_is_no_stronger_than_its_plates_nor_its_cylinder():
    near = anchoring.helix_strength_n(0.5, 0.1, 1700.0, EARTH, 0.6, 100.0, plates=3, spacing_m=0.01)
    far = anchoring.helix_strength_n(0.5, 0.1, 1700.0, EARTH, 0.6, 100.0, plates=3, spacing_m=0.2)
    single = anchoring.helix_strength_n(0.5, 0.1, 1700.0, EARTH, 0.6, 100.0)
    assert single <= near * 1.05
    assert far <= 3 * single
    with pytest.raises(ValueError, match="above the surface"):
        anchoring.helix_strength_n(0.2, 0.1, 1700.0, EARTH, 0.6, plates=3, spacing_m=0.1)


def test_soil_anchors_do_nothing_on_bennu_and_screws_do():
    assert anchoring.plate_strength_n(0.2, 0.1, 600.0, BENNU, 0.6) < 1e-3
    assert anchoring.screw_pull_out_n(0.02, 0.06, 2e5) > 100.0


def test_poncelet_limits():
    """Slow: the energy over the static force; strengthless ground is never deep enough; standing still goes nowhere."""
    area = math.pi / 4 * 0.02**2
    slow = anchoring.penetrator_depth_m(1.0, 0.02, 1e-3, 1e6, 1500.0)
    assert slow == pytest.approx(0.5 * 1e-6 / (area * 1e6), rel=1e-6)
    assert anchoring.penetrator_depth_m(1.0, 0.02, 10.0, 0.0, 1500.0) == np.inf
    assert anchoring.penetrator_depth_m(1.0, 0.02, 0.0, 0.0, 1500.0) == 0.0
    depth = anchoring.penetrator_depth_m(1.0, 0.02, [1.0, 10.0, 100.0], 1e6, 1500.0)
    assert np.all(np.diff(depth) > 0)
    assert anchoring.penetrator_pull_out_n(0.02, 0.5, 1e3) == pytest.approx(math.pi * 0.02 * 0.5 * 1e3)


@few
@given(st.floats(0.0, 1.5), st.floats(0.0, 1.2), st.floats(-0.5, 0.5))
def test_jaws_hold_less_on_a_cone_and_more_on_an_undercut(preload, friction, taper):
    straight = anchoring.jaw_grip_n(preload, friction)
    assert straight == pytest.approx(2 * preload * friction)
    if taper > 0:
        assert anchoring.jaw_grip_n(preload, friction, taper) <= straight + 1e-12
    if -0.3 < taper < 0 and friction < 1.0:
        assert anchoring.jaw_grip_n(preload, friction, taper) >= straight


def test_a_bolt_locks_below_its_friction_and_then_only_the_rock_ends_it():
    assert anchoring.wedge_locks(math.radians(8.0), 0.5, 0.1)
    assert not anchoring.wedge_locks(math.radians(25.0), 0.3, 0.1)
    locked = anchoring.expansion_bolt_n(math.radians(8.0), 0.5, 0.1, 2e-4, [1e6, 1e7])
    assert locked[1] == pytest.approx(10 * locked[0])
    slipping = anchoring.expansion_bolt_n(math.radians(25.0), 0.3, 0.1, 2e-4, 1e8, [0.0, 100.0, 200.0])
    np.testing.assert_allclose(slipping, slipping[1] * np.array([0.0, 1.0, 2.0]))
    assert 0.0 < slipping[1] < 100.0


def test_thrusters_bridge_seconds_not_cores():
    assert anchoring.propellant_kg(20.0, 1800.0, 65.0) == pytest.approx(56.5, rel=0.01)
    assert anchoring.hold_time_s(anchoring.propellant_kg(20.0, 7.0, 65.0), 20.0, 65.0) == pytest.approx(7.0)
    assert anchoring.friction_hold_n(50.0, BENNU, 0.5) < 2e-3
    assert anchoring.friction_hold_n(50.0, BENNU, 0.5, 8.0) == pytest.approx(4.0, rel=1e-3)
    assert anchoring.thruster_feed_limit_n(50.0, BENNU, 8.0) == pytest.approx(8.0, rel=1e-3)
    assert anchoring.free_motion_distance_m(50.0, 20.0, 0.5) == pytest.approx(0.05)


@few
@given(st.floats(0.05, 2.0), st.floats(0.0, 1.4), st.floats(0.1, 3.0))
def test_engagement_is_a_probability_that_falls_with_pull_and_rises_with_roughness(friction, load, slope):
    p = anchoring.engagement_probability(friction, load, slope)
    assert 0.0 <= p <= 1.0
    assert anchoring.engagement_probability(friction, load + 0.05, slope) <= p
    assert anchoring.engagement_probability(friction, load, 1.2 * slope) >= p
    assert anchoring.engaged_after_drag(p, 0.01, 0.001) >= p - 1e-15


def test_smooth_height_fields_hold_no_steep_pull():
    assert anchoring.engagement_probability(0.2, math.radians(30.0), 1.0) == 0.0
    assert anchoring.engaged_after_drag(0.1, [0.0, 0.001, 0.01], 0.001) == pytest.approx([0.0, 0.1, 1 - 0.9**10])


def test_a_spine_slips_spalls_or_yields():
    spall = anchoring.spall_load_n(25e-6, [15e6, 1e5])
    assert spall[0] == pytest.approx(1.5)
    assert anchoring.spall_load_n(50e-6, 15e6) == pytest.approx(4 * 1.5)
    bend = anchoring.yield_load_n(0.5e-3, 3e-3, 1.5e9)
    assert bend == pytest.approx(math.pi * 0.5e-3**3 * 1.5e9 / (32 * 3e-3))
    steep, flat = math.radians(85.0), math.radians(60.0)
    got = anchoring.spine_capacity([steep, flat, steep], 0.0, 0.2, [1.5, 1.5, 9.0], bend)
    assert got.mode.tolist() == ["spall", "slip", "yield"]
    assert got.load_n == pytest.approx([1.5, 0.0, float(bend)])


def test_release_faults_add_up():
    assert anchoring.release_fault_probability(40) == pytest.approx(1 - 0.99**40)
    assert anchoring.release_fault_probability(0) == 0.0
    drawn = anchoring.draw_releases(200_000, np.random.default_rng(1))
    assert np.mean(drawn == 2) == pytest.approx(0.01, rel=0.1)
    assert np.mean(drawn == 1) == pytest.approx(0.05, rel=0.05)
    with pytest.raises(ValueError, match="add up"):
        anchoring.draw_releases(1, np.random.default_rng(1), 0.6, 0.6)


def test_a_bundle_rises_peaks_at_daniels_load_and_is_gone():
    def cdf(x):
        return np.clip(x / 2.0, 0.0, 1.0)

    force = anchoring.bundle_force_n(np.linspace(0.0, 2e-3, 2001), 256, 1000.0, cdf)
    assert force[0] == force[-1] == 0.0
    assert force.max() == pytest.approx(anchoring.bundle_strength_uniform(256, 0.0, 2.0).asymptote_n, rel=1e-6)


def test_weibull_bundle_is_daniels_closed_form():
    for shape in (0.8, 1.0, 3.0, 8.0):
        bundle = anchoring.bundle_strength_weibull(100, shape, 1.5)
        assert bundle.asymptote_n == pytest.approx(100 * 1.5 * (shape * math.e) ** (-1 / shape), rel=1e-4)


@few
@given(st.floats(0.0, math.pi / 2), st.floats(1.0, 300.0), st.floats(1.0, 300.0))
def test_directional_strength_lies_on_the_limit_surface(angle, normal, shear):
    load = anchoring.directional_strength_n(angle, normal, shear)
    used = anchoring.utilisation(load * math.cos(angle), load * math.sin(angle), normal, shear, 0.5)
    assert used == pytest.approx(1.0, rel=1e-9)


def test_opposed_grippers_pay_preload_with_pull_off():
    assert anchoring.opposed_pull_off_n(130.0, 140.0, [0.0, 84.0, 140.0, 200.0]) == pytest.approx([130, 104, 0, 0])
    assert anchoring.residual_shear_n([-5.0, 0.0, 10.0], 0.5) == pytest.approx([0.0, 0.0, 5.0])


def test_the_allowable_load_is_held_with_its_probability():
    load = anchoring.allowable_load_n(130.0, 30.0, 0.999)
    assert anchoring.grasp_success(130.0, 30.0, load) == pytest.approx(0.999, rel=1e-9)
    assert anchoring.allowable_load_n(10.0, 30.0, 0.999) == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: anchoring.plate_strength_n(-0.1, 0.1, 1700.0, EARTH, 0.6),
        lambda: anchoring.plate_strength_n(0.1, 0.1, 1700.0, EARTH, 35.0),  # degrees
        lambda: anchoring.plate_uplift_n(0.1, 0.1, 17e3, length_m=0.05),
        lambda: anchoring.plate_breakout_n(np.nan, 0.01),
        lambda: anchoring.engagement_angle_rad(-0.1, 0.0),
        lambda: anchoring.grasp_success(30.0, 0.0, 20.0),
        lambda: anchoring.jaw_grip_n(1.0, 0.5, 2.0),
        lambda: anchoring.free_motion_time_to_speed(50.0, 0.0, 0.2),
        lambda: anchoring.penetrator_depth_m(0.0, 0.02, 1.0, 1e6, 1500.0),
        lambda: anchoring.spall_load_n([25e-6, -1.0], 1e6),
    ],
)
def test_what_no_ground_has_is_refused(call):
    with pytest.raises(ValueError, match=r"expected|must|less than"):
        call()
