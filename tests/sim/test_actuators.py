"""Drives: torque-speed curve, heat, backlash, friction; nothing that they do makes energy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.robot.model import RobotModel
from stope.sim.actuators import HEAT, Motors, actuate, build_motors

PEAK, NO_LOAD, CONTINUOUS, THERMAL_S = 10.0, 5.0, 4.0, 2.0
STEP_S = 0.002


def motors(coulomb: float = 0.0, viscous: float = 0.0, backlash: float = 0.0, rotor: float = 0.1) -> Motors:
    row = (PEAK, NO_LOAD, CONTINUOUS, THERMAL_S, coulomb, viscous, 0.02, backlash, rotor)
    return Motors(np.array([row]), np.zeros((1, 3)))


def made(drive: Motors, effort: float, speed: float, step_s: float = STEP_S) -> float:
    out = np.array([effort])
    actuate(out, np.array([speed]), drive, step_s)
    return float(out[0])


@pytest.mark.parametrize(("speed", "expected"), [(0.0, 10.0), (2.5, 5.0), (5.0, 0.0), (9.0, 0.0), (-2.5, 10.0)])
def test_the_curve_bounds_what_drives_and_not_what_brakes(speed: float, expected: float) -> None:
    assert made(motors(), 100.0, speed) == pytest.approx(expected)
    assert made(motors(), -100.0, -speed) == pytest.approx(-expected)


def test_a_winding_heats_and_the_drive_folds_back_to_what_it_bears() -> None:
    drive = motors()
    for _ in range(round(30 * THERMAL_S / STEP_S)):
        last = made(drive, 100.0, 0.0)
    assert last == pytest.approx(CONTINUOUS, rel=0.06)
    assert drive.state[0, HEAT] == pytest.approx(1.0, abs=0.06)
    cool = motors()
    for _ in range(5000):
        assert made(cool, 0.99 * CONTINUOUS, 0.0) == pytest.approx(0.99 * CONTINUOUS)


@settings(max_examples=60, deadline=None)
@given(effort=st.floats(-20, 20), speed=st.floats(-6, 6))
def test_friction_takes_power_and_never_gives_any(effort: float, speed: float) -> None:
    free, rubbed = made(motors(), effort, speed), made(motors(coulomb=0.4, viscous=0.1), effort, speed)
    assert (rubbed - free) * speed <= 0.0
    if abs(speed) > 0.2:
        assert abs(rubbed - free) == pytest.approx(0.4 + 0.1 * abs(speed), rel=1e-3)


def test_a_reversal_crosses_the_gap_before_it_pushes() -> None:
    drive = motors(backlash=0.01, rotor=0.1)
    ahead = [made(drive, 2.0, 0.0) for _ in range(200)]
    back = [made(drive, -2.0, 0.0) for _ in range(200)]
    crossing = np.sqrt(2 * 0.01 * 0.1 / 2.0) / STEP_S  # steps under constant acceleration
    for found in (ahead, back):
        assert found.count(0.0) == pytest.approx(crossing, abs=2)
        assert found[-1] != 0.0
    assert made(drive, 0.0, 0.0) == 0.0


def test_units_scatter_each_parameter_by_itself_and_roles_left_out_are_ideal(miner: RobotModel) -> None:
    a, b, again = (build_motors(miner, seed).parameters for seed in (1, 2, 1))
    assert np.array_equal(a, again)
    scattered = [2, 4, 5]  # continuous, coulomb, viscous
    assert (a[:, scattered] != b[:, scattered]).all()
    assert np.array_equal(a[:, 0], b[:, 0])  # the peak is the data sheet's
    ratios = np.log(a[:, scattered] / b[:, scattered])
    assert abs(np.corrcoef(ratios.T)[0, 1]) < 0.9
    bare = Motors(np.array([(np.inf, np.inf, np.inf, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0)]), np.zeros((1, 3)))
    assert made(bare, 123.0, 45.0) == 123.0


def test_every_shipped_drive_can_do_what_its_joint_is_allowed(miner: RobotModel, bench_rig: RobotModel) -> None:
    for robot in (miner, bench_rig):
        for joint in robot.joints:
            drive = robot.actuators[joint.role]
            assert drive.peak >= joint.effort_max
            assert drive.no_load > joint.velocity_max
            assert drive.coulomb < 0.1 * joint.effort_max
