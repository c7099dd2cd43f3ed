"""Drilling: energy is conserved, the E-S line is never crossed, and the plant's function behaves at its edges."""

from __future__ import annotations

import math
import timeit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics import drilling
from stope.physics.drilling import CoreBit, core_drill_response

ROTARY = CoreBit(0.027, 0.013)
HAMMER = CoreBit(0.027, 0.013, 2.0, 30.0)
TURN = 2 * math.pi

weights = st.floats(0.5, 300.0)
speeds = st.floats(1.0, 40.0)
rocks = st.floats(1e5, 3e8)
ratios = st.floats(0.5, 3.0)
wears = st.floats(0.0, 1.0)


@given(weights, speeds, rocks, ratios, wears)
@settings(max_examples=200)
def test_every_rotary_state_is_on_the_line_of_the_drag_bit_model(weight, speed, ucs, ratio, wear):
    bit = CoreBit(0.027, 0.013, wear=wear)
    rate, torque = core_drill_response(weight, speed, ucs, ratio, bit)
    if rate <= 1e-12:
        assert weight <= drilling.threshold_thrust_n(ucs, bit) * (1 + 1e-9)
        return
    depth = rate / (speed / TURN)
    full_torque = -torque / math.tanh(speed / drilling.STANDSTILL_RAD_S)
    state = drilling.drag_bit(weight, depth, ratio * ucs, 0.027, 0.013)
    assert full_torque == pytest.approx(float(state.torque_nm), rel=1e-6)
    assert state.specific_energy_pa >= ratio * ucs * (1 - 1e-9)
    assert depth <= drilling.DEPTH_OF_CUT_MAX_M


@given(weights, speeds, rocks, ratios)
@settings(max_examples=100)
def test_the_work_put_in_covers_the_rock_broken(weight, speed, ucs, ratio):
    rate, torque = core_drill_response(weight, speed, ucs, ratio, HAMMER)
    power = weight * rate - torque * speed + HAMMER.blow_power_w
    assert power >= 0.999 * math.tanh(speed) * rate * HAMMER.kerf_m2 * ratio * ucs


@given(weights, speeds, rocks, ratios)
@settings(max_examples=100)
def test_more_weight_never_drills_slower_and_harder_rock_never_faster(weight, speed, ucs, ratio):
    rate = core_drill_response(weight, speed, ucs, ratio, HAMMER)[0]
    assert core_drill_response(1.3 * weight, speed, ucs, ratio, HAMMER)[0] >= rate
    assert core_drill_response(weight, speed, 1.3 * ucs, ratio, HAMMER)[0] <= rate
    worn = CoreBit(0.027, 0.013, 2.0, 30.0, wear=1.0)
    assert core_drill_response(weight, speed, ucs, ratio, worn)[0] <= rate


@given(weights, st.floats(-40.0, 40.0), rocks)
@settings(max_examples=100)
def test_torque_opposes_the_turn_and_is_odd(weight, speed, ucs):
    forward, backward = (core_drill_response(weight, s, ucs, 1.0, HAMMER) for s in (speed, -speed))
    assert forward[0] == backward[0] >= 0.0
    assert forward[1] == -backward[1]
    assert forward[1] * speed <= 0.0


def test_torque_goes_smoothly_through_standstill():
    torque = [core_drill_response(30.0, w, 5e6, 1.0, HAMMER)[1] for w in np.linspace(-0.1, 0.1, 201)]
    assert np.abs(np.diff(torque)).max() < 3e-4
    assert torque[100] == 0.0


def test_no_contact_no_turn_no_penetration():
    assert core_drill_response(0.0, 12.0, 1e6, 1.0, HAMMER) == (0.0, 0.0)
    assert core_drill_response(-5.0, 12.0, 1e6, 1.0, HAMMER) == (0.0, 0.0)
    assert core_drill_response(30.0, 0.0, 1e6, 1.0, HAMMER)[0] == 0.0


def test_cover_without_cohesion_is_drilled_at_the_full_depth_of_cut():
    rate, _ = core_drill_response(1.0, 12.0, 0.0, 1.0, HAMMER)
    assert rate == pytest.approx(drilling.DEPTH_OF_CUT_MAX_M * 12.0 / TURN, rel=1e-2)


def test_below_the_threshold_only_the_hammer_drills():
    weight = 0.5 * drilling.threshold_thrust_n(100e6, ROTARY)
    assert core_drill_response(weight, 12.0, 100e6, 1.0, ROTARY)[0] == 0.0
    assert core_drill_response(weight, 12.0, 100e6, 1.0, HAMMER)[0] > 1e-5


@pytest.mark.parametrize(
    ("ucs", "slowest", "fastest"), [(1e6, 0.5e-3, 2e-3), (5e6, 0.3e-3, 1e-3), (100e6, 0.01e-3, 0.05e-3)]
)
def test_rates_of_a_30_n_bit_are_credible(ucs, slowest, fastest):
    assert slowest <= core_drill_response(30.0, 12.0, ucs, 1.0, HAMMER)[0] <= fastest


def test_the_plants_inner_loop_is_cheap():
    runs = min(timeit.repeat(lambda: core_drill_response(30.0, 12.0, 5e6, 1.0, HAMMER), number=5000, repeat=5))
    assert runs / 5000 < 12e-6  # 2 us on an idle core; the bound allows a loaded one


def test_a_drag_bit_cannot_cut_with_less_weight_than_cutting_takes():
    with pytest.raises(ValueError, match="less than this depth of cut takes"):
        drilling.drag_bit(1.0, 1e-3, 50e6, 0.027, 0.013)


@pytest.mark.parametrize(
    "broken",
    [{"outer_m": 0.01}, {"inner_m": -0.1}, {"transfer": 1.5}, {"wear": math.nan}, {"blow_energy_j": -1.0}],
)
def test_a_bit_that_cannot_exist_is_refused(broken):
    with pytest.raises(ValueError, match=r"got|cannot be"):
        CoreBit(**({"outer_m": 0.027, "inner_m": 0.013} | broken))


def test_penetration_rate_is_zero_below_the_threshold_and_linear_in_power_above():
    rate = drilling.penetration_rate([10.0, 20.0, 20.0], 4e-4, 1e6, 1.0, 0.5, [50.0, 50.0, 5.0], 10.0)
    assert rate == pytest.approx([0.0125, 0.025, 0.0])


def test_specific_energy_without_progress_is_infinite():
    assert drilling.specific_energy(30.0, 4e-4, 2.0, 0.1, 0.0) == math.inf


def test_specific_energy_inverts_penetration_rate():
    area = drilling.annulus_area_m2(0.027, 0.013)
    rate = drilling.penetration_rate(60.0, area, 80e6, 1.2, 0.03)
    energy = drilling.specific_energy(0.0, area, 0.0, 0.0, rate, 2.0, 30.0, 0.03)
    assert energy == pytest.approx(1.2 * 80e6)


def test_an_auger_stands_still_on_a_steep_flight_and_chokes_without_rotation():
    with pytest.raises(ValueError, match="90 deg"):
        drilling.auger_critical_speed(9.81, 0.0125, 1.0, 0.7, 0.5)
    ratio = drilling.choke_ratio(5e-4, [1e-3, 1e-3, 0.0], [2.0, 0.0, 0.0], 2e-4, 0.01)
    assert ratio.tolist() == [pytest.approx(0.375), math.inf, 0.0]
