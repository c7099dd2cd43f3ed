"""Estimator: fits to anchors, integrates in free flight, and sees the motion that joint encoders cannot see."""

from __future__ import annotations

import numpy as np
import pytest
from scripted import observation, robot

from stope.control.estimator import BaseEstimate, Estimator
from stope.control.kinematics import Kinematics
from stope.control.rotation import exponential

MODEL = robot()
DT_S = 0.01
ALL, NONE = np.ones(4, dtype=bool), np.zeros(4, dtype=bool)
GRAVITY = np.array((0.0, 0.0, -5e-5))
FEET = Kinematics(MODEL).feet_m.copy()


def estimator(velocity: tuple[float, float, float] = (0.0, 0.0, 0.0), clamps: np.ndarray = NONE) -> Estimator:
    return Estimator(np.array((0.0, 0.0, 0.32)), np.eye(3), np.array(velocity), GRAVITY, DT_S, clamps)


def run(made: Estimator, ticks: int, feet: np.ndarray, engaged: np.ndarray, **given: object) -> BaseEstimate:
    for _ in range(ticks):
        found = made.update(observation(MODEL, **({"imu_accel_m_s2": -GRAVITY} | given)), feet, engaged)
    return found


def anchored() -> Estimator:
    made = estimator()
    for limb in range(4):
        made.mark_anchor(limb, FEET[limb])
    run(made, 5, FEET, ALL)
    return made


def test_the_base_is_where_the_anchored_feet_put_it() -> None:
    """Feet that are seen 2 cm lower and turned about z: the base is 2 cm higher and turned the other way."""
    made, turn = anchored(), exponential(np.array((0.0, 0.0, 0.05)))
    feet = FEET @ turn + (0.0, 0.0, -0.02) @ turn
    found = run(made, 40, feet, ALL)
    assert np.allclose(found.position_m, (0.0, 0.0, 0.34), atol=1e-6)
    assert np.allclose(found.rotation, turn, atol=1e-6)
    assert found.residual_m < 1e-6
    assert found.anchored


def test_free_flight_integrates_gyro_and_accelerometer() -> None:
    """Half a second at 0.2 m/s2 from rest: 0.1 m/s and 25 mm; 0.1 rad/s turns by 50 mrad."""
    thrust = np.array((0.0, 0.0, 0.2)) - GRAVITY
    found = run(estimator(), 50, FEET, NONE, imu_accel_m_s2=thrust, imu_gyro_rad_s=np.zeros(3))
    assert found.velocity_m_s[2] == pytest.approx(0.1, rel=1e-6)
    assert found.position_m[2] - 0.32 == pytest.approx(0.025, rel=0.03)
    turned = run(estimator(), 50, FEET, NONE, imu_gyro_rad_s=np.array((0.0, 0.0, 0.1)))
    assert np.allclose(turned.rotation, exponential(np.array((0.0, 0.0, 0.05))), atol=1e-9)
    assert not found.anchored
    assert not found.innovation_m_s.any()


def test_common_motion_that_no_joint_shows_is_the_innovation() -> None:
    """All anchors let go at once: the feet stay in the base frame, the IMU feels 0.5 m/s2."""
    made = anchored()
    calm = run(made, 50, FEET, ALL)
    assert np.linalg.norm(calm.innovation_m_s) < 1e-4
    moving = run(made, 5, FEET, ALL, imu_accel_m_s2=np.array((0.0, 0.0, 0.5)) - GRAVITY)
    assert moving.innovation_m_s[2] > 0.010


def test_a_commanded_move_over_standing_anchors_is_no_innovation() -> None:
    """The body rises at 6 mm/s by its legs: kinematics and IMU agree."""
    made, feet = anchored(), FEET.copy()
    worst, speed = 0.0, 0.0
    for _ in range(200):
        faster = min(0.006, speed + 0.02 * DT_S)
        accel = (faster - speed) / DT_S
        speed = faster
        feet = feet - (0.0, 0.0, speed * DT_S)
        found = run(made, 1, feet, ALL, imu_accel_m_s2=np.array((0.0, 0.0, accel)) - GRAVITY)
        worst = max(worst, float(np.linalg.norm(found.innovation_m_s)))
    assert worst < 0.003
    assert found.velocity_m_s[2] == pytest.approx(0.006, abs=1e-3)


def test_what_free_flight_gathered_in_error_is_not_news_about_new_anchors() -> None:
    made = estimator(velocity=(0.05, 0.0, 0.0))
    for limb in range(4):
        made.mark_anchor(limb, FEET[limb])
    assert np.linalg.norm(run(made, 3, FEET, ALL).innovation_m_s) < 0.002


def test_standing_feet_bring_the_velocity_to_rest() -> None:
    pressed = np.zeros((4, 3))
    pressed[:2, 2] = 2.0
    found = run(estimator(velocity=(0.0, 0.0, -0.05)), 200, FEET, NONE, limb_force_n=pressed)
    assert found.contact.tolist() == [True, True, False, False]
    assert abs(found.climb_m_s) < 0.002


def test_a_clamp_alone_fixes_the_pose() -> None:
    rig = robot("bench_rig")
    made = Estimator(np.array((0.0, 0.0, 0.17)), np.eye(3), np.zeros(3), GRAVITY, DT_S, np.ones(1, dtype=bool))
    foot, closed = np.array([[0.0, 0.0, -0.17]]), np.ones(1, dtype=bool)
    made.mark_anchor(0, foot[0])
    for _ in range(300):
        found = made.update(observation(rig, imu_accel_m_s2=-GRAVITY, imu_gyro_rad_s=np.full(3, 1e-3)), foot, closed)
    assert found.anchored
    assert np.allclose(found.position_m, (0.0, 0.0, 0.17))
    assert np.allclose(found.rotation, np.eye(3))


@pytest.mark.parametrize("channel", ["imu_gyro_rad_s", "imu_accel_m_s2", "limb_force_n"])
@pytest.mark.parametrize("nonsense", [np.nan, np.inf])
@pytest.mark.parametrize("engaged", [ALL, NONE])
def test_a_reading_that_is_not_finite_changes_nothing_for_good(
    channel: str, nonsense: float, engaged: np.ndarray
) -> None:
    made = anchored()
    before = run(made, 20, FEET, engaged)
    reading = getattr(observation(MODEL), channel).copy()
    reading.flat[0] = nonsense
    during = run(made, 3, FEET, engaged, **{channel: reading})
    after = run(made, 20, FEET, engaged)
    for found in (during, after):
        assert np.allclose(found.position_m, before.position_m, atol=1e-6)
        assert np.allclose(found.rotation, before.rotation, atol=1e-6)
        assert np.allclose(found.velocity_m_s, before.velocity_m_s, atol=1e-6)
        assert np.allclose(found.limb_force_n, before.limb_force_n, atol=1e-6)
