"""Hold-down: the mix gives the force that was asked, levels the robot, and no nozzle pulls or exceeds its limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import robot

from stope.control.rotation import exponential
from stope.control.thrust import HoldDown

MODEL = robot()
MAX_N = np.array([thruster.max_n for thruster in MODEL.thrusters])
STILL = np.zeros(3)
small = st.floats(-0.5, 0.5)


def torque_nm(thrust_n: np.ndarray) -> np.ndarray:
    arms = [np.cross(t.position_m, t.direction) for t in MODEL.thrusters]
    return np.asarray(thrust_n @ np.array(arms))


def test_a_level_robot_gets_the_force_and_no_torque() -> None:
    thrust = HoldDown(MODEL, np.eye(3)).thrusts(8.0, np.eye(3), STILL, steer=True)
    assert thrust.sum() == pytest.approx(8.0)
    assert np.allclose(torque_nm(thrust)[:2], 0.0, atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_tilt_is_answered_by_a_torque_against_it(axis: int, sign: float) -> None:
    tilt = np.zeros(3)
    tilt[axis] = sign * 0.05
    thrust = HoldDown(MODEL, np.eye(3)).thrusts(8.0, exponential(tilt), STILL, steer=True)
    assert sign * torque_nm(thrust)[axis] < -0.05
    assert thrust.sum() == pytest.approx(8.0)


def test_anchored_robots_do_not_steer() -> None:
    tilted = exponential(np.array((0.1, 0.0, 0.0)))
    assert np.allclose(HoldDown(MODEL, np.eye(3)).thrusts(8.0, tilted, STILL, steer=False), 2.0)


@settings(max_examples=50, deadline=None)
@given(st.floats(-5.0, 50.0), small, small, small, small)
def test_nozzles_only_push_and_never_beyond_their_limit(total: float, a: float, b: float, p: float, q: float) -> None:
    thrust = HoldDown(MODEL, np.eye(3)).thrusts(total, exponential(np.array((a, b, 0))), np.array((p, q, 0)), True)
    assert (thrust >= 0.0).all()
    assert (thrust <= MAX_N).all()
    assert total > 0.0 or not thrust.any()


def test_a_robot_without_nozzles_has_no_thrust() -> None:
    assert HoldDown(replace(MODEL, thrusters=()), np.eye(3)).thrusts(8.0, np.eye(3), STILL, True).shape == (0,)
