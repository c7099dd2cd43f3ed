"""Energy, wear, heat, augers, layers: signs, limits, inverses and scaling."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics import drilling
from stope.physics.drilling import CoreBit, Layer

few = settings(max_examples=25)
BIT = CoreBit(0.027, 0.013, blow_energy_j=2.0, blow_rate_hz=30.0)


@few
@given(st.floats(0.1, 50.0), st.floats(1.0, 60.0), st.floats(0.01, 1.0), st.floats(1e5, 3e8))
def test_blow_energy_and_rate_are_inverse(energy, rate, transfer, strength):
    speed = drilling.percussive_rate(energy, rate, transfer, 4e-4, strength)
    assert drilling.blow_energy_for_rate_j(speed, rate, transfer, 4e-4, strength) == pytest.approx(energy)


@few
@given(st.floats(1.0, 500.0), st.floats(0.5, 20.0), st.floats(0.01, 5.0), st.floats(1e-6, 1e-3))
def test_specific_energy_is_work_over_volume(weight, speed, torque, rate):
    energy = drilling.specific_energy(weight, 1e-4, speed, torque, rate)
    power = weight * rate + 2 * math.pi * speed * torque
    assert energy * 1e-4 * rate == pytest.approx(power)
    assert drilling.strength_from_energy_pa(energy, 2.0) == pytest.approx(energy / 2)


def test_no_progress_costs_infinitely_much_and_no_work_nothing():
    assert drilling.specific_energy(10.0, 1e-4, 2.0, 1.0, 0.0) == np.inf
    assert drilling.specific_energy(10.0, 1e-4, 0.0, 0.0, 0.0) == pytest.approx(1e5)


def test_levels_rise_with_need_and_end_at_the_strongest():
    levels = np.geomspace(0.05, 1.0, 6)
    assert drilling.blow_level([0.0, 0.05, 0.06, 1.0, 9.0], levels).tolist() == [0, 0, 1, 5, 5]
    with pytest.raises(ValueError, match="rise"):
        drilling.blow_level(0.1, [1.0, 0.5])


@few
@given(st.floats(1.0, 200.0), st.floats(0.001, 1.0), st.floats(1e-6, 1e-4))
def test_wear_grows_with_force_and_path_and_never_beyond_one(weight, depth, cut):
    one = drilling.wear_after(BIT, weight, depth, cut)
    assert 0.0 <= one <= 1.0
    assert drilling.wear_after(BIT, 2 * weight, depth, cut) >= one
    assert drilling.wear_after(BIT, weight, depth, cut / 2) >= one
    worn = CoreBit(0.027, 0.013, wear=0.5)
    assert drilling.wear_after(worn, weight, depth, cut) >= 0.5


def test_wear_adds_up_over_two_holes():
    first = float(drilling.wear_after(BIT, 30.0, 0.05, 1e-4))
    second = drilling.wear_after(CoreBit(0.027, 0.013, wear=first), 30.0, 0.05, 1e-4)
    assert second == pytest.approx(drilling.wear_after(BIT, 30.0, 0.10, 1e-4))
    assert drilling.archard_volume_m3(10.0, 2.0, 1e9, 1e-4) == pytest.approx(2e-12)
    assert drilling.rubbing_distance_m(1.0, 1e-6, 0.01) == pytest.approx(2 * math.pi * 1e4)


def test_a_worn_bit_needs_more_thrust():
    sharp, worn = CoreBit(0.027, 0.013), CoreBit(0.027, 0.013, wear=1.0)
    assert drilling.threshold_thrust_n(1e8, worn) == pytest.approx(10 * drilling.threshold_thrust_n(1e8, sharp))


@few
@given(st.floats(0.0, 1e4), st.floats(0.0, 100.0), st.floats(0.0, 2.0))
def test_a_bit_warms_towards_its_steady_state(time, heat, conductance):
    warm = drilling.bit_temperature_k(time, heat, 50.0, conductance, 200.0, 250.0)
    if conductance > 1e-6:
        steady = 200.0 + heat / conductance
        assert min(steady, 250.0) - 1e-6 <= warm <= max(steady, 250.0) + 1e-6
    else:
        assert warm == pytest.approx(250.0 + heat * time / 50.0, rel=1e-3)


def test_a_bit_that_conducts_nothing_reaches_its_limit_in_the_longest_burst():
    burst = drilling.longest_burst_s(300.0, 20.0, 50.0, 220.0)
    assert drilling.bit_temperature_k(burst, 20.0, 50.0, 0.0, 200.0, 220.0) == pytest.approx(300.0)
    assert drilling.longest_burst_s(300.0, 20.0, 50.0, 320.0) == 0.0


def test_heat_goes_into_the_bit_and_little_into_the_cuttings():
    assert drilling.bit_heat_share(1.7e4, 300.0) == pytest.approx(0.983, abs=1e-3)
    assert drilling.cuttings_temperature_rise_k(1e8, 2900.0, 800.0) == pytest.approx(43.1, abs=0.1)


@few
@given(st.floats(0.5, 5.0), st.floats(1e-4, 1e-3))
def test_the_fastest_feed_has_a_choke_ratio_of_one(turns, area):
    feed = drilling.fastest_feed_m_s(4e-4, turns, area, 0.01)
    assert drilling.choke_ratio(4e-4, feed, turns, area, 0.01) == pytest.approx(1.0)
    assert drilling.plug_growth_m_rev(4e-4, 0.99 * feed / turns, area, 0.01) == 0.0
    assert drilling.plug_growth_m_rev(4e-4, 2 * feed / turns, area, 0.01) > 0.0
    assert drilling.auger_capacity_m3_s(-turns, area, 0.01) == drilling.auger_capacity_m3_s(turns, area, 0.01)


def test_a_plug_jams_exponentially():
    torque = drilling.plug_torque_nm([0.0, 0.01, 0.02, 0.1], 0.0125, 0.003, 1e3, 0.5)
    assert torque[0] == 0.0
    assert torque[1] / 0.01 > 2 * math.pi * 0.0125**2 * 1e3  # more than unstressed fines would take
    assert torque[2] / torque[1] > 4.0
    assert torque[3] > 1e3 * torque[2]


def test_bare_cuttings_leave_bennu_above_150_rpm():
    assert drilling.retention_speed_rad_s(0.0125, 0.20) * 60 / (2 * math.pi) == pytest.approx(153, abs=1)
    assert drilling.flight_angle_rad(2 * math.pi * 0.0125 * math.tan(0.26), 0.0125) == pytest.approx(0.26)


COLUMN = [Layer("cover", 0.0, 100.0), Layer("weak", 0.287, 1e6), Layer("rock", 0.74, 3e8)]


def test_a_column_stops_the_drill_where_its_rock_is():
    bit = CoreBit(0.027, 0.013)
    run = drilling.drill_column(COLUMN, 1.0, bit, 60.0, 12.0)
    assert (run.stopped_by, run.depth_m, run.layer_top_m) == ("rock", 0.74, 0.74)
    short = drilling.drill_column(COLUMN, 0.5, bit, 60.0, 12.0)
    assert (short.stopped_by, short.depth_m) == ("", 0.5)
    assert 0.0 < short.time_s < run.time_s
    assert 0.0 < short.work_j < run.work_j


def test_layers_are_found_by_depth():
    assert drilling.layer_index([-1.0, 0.0, 0.286, 0.287, 5.0], [0.0, 0.287, 0.74]).tolist() == [0, 0, 0, 1, 2]
    with pytest.raises(ValueError, match="increase"):
        drilling.layer_index(0.1, [0.0, 0.0])


def test_drawn_layers_are_seeded_and_as_thick_as_asked():
    columns = [
        drilling.draw_layers(np.random.default_rng(s), 5.0, 0.25, ["a", "b", "c"], [1e2, 1e6, 1e8]) for s in range(60)
    ]
    again = drilling.draw_layers(np.random.default_rng(0), 5.0, 0.25, ["a", "b", "c"], [1e2, 1e6, 1e8])
    assert columns[0] == again
    assert np.mean([len(column) for column in columns]) == pytest.approx(21.0, rel=0.1)
    for column in columns:
        assert all(one.name != two.name for one, two in pairwise(column))


@pytest.mark.parametrize(
    "call",
    [
        lambda: drilling.specific_energy(10.0, 0.0, 1.0, 1.0, 1e-4),
        lambda: drilling.specific_energy(10.0, 1e-4, 1.0, 1.0, -1e-4),
        lambda: drilling.annulus_area_m2(0.01, 0.02),
        lambda: drilling.hole_volume_m3(0.01, -1.0),
        lambda: drilling.penetration_rate(-1.0, 1e-4, 1e6),
        lambda: drilling.drag_bit(10.0, 0.0, 1e6, 0.02),
        lambda: drilling.auger_critical_speed(1.0, 0.0, 0.2, 0.5, 0.5),
        lambda: drilling.auger_critical_speed(1.0, 0.01, 15.0, 30.0, 0.5),  # degrees
        lambda: drilling.bit_temperature_k(1.0, 1.0, 0.0, 1.0, 200.0, 200.0),
        lambda: drilling.draw_layers(np.random.default_rng(0), 1.0, 0.1, [], []),
        lambda: drilling.drill_column(COLUMN, 0.0, BIT, 60.0, 12.0),
    ],
)
def test_what_no_drill_does_is_refused(call):
    with pytest.raises(ValueError, match=r"expected|must|increase"):
        call()


def test_the_coring_model_broadcasts_and_gives_floats_for_floats():
    weights, strengths = np.array([[10.0], [60.0]]), np.array([1e6, 1e7, 1e8])
    rate, torque = drilling.core_drill_response(weights, 12.0, strengths, 1.0, BIT)
    assert rate.shape == torque.shape == (2, 3)
    single = drilling.core_drill_response(60.0, 12.0, 1e7, 1.0, BIT)
    assert all(type(value) is float for value in single)
    assert (rate[1, 1], torque[1, 1]) == single
    with pytest.raises(ValueError, match="ucs_pa"):
        drilling.core_drill_response(60.0, 12.0, [1e7, -1.0], 1.0, BIT)
    assert drilling.core_drill_response(np.empty(0), 12.0, 1e7, 1.0, BIT)[0].shape == (0,)
