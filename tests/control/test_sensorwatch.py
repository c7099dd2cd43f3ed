"""Sensor faults, scripted: each is told in its time, mended, and told apart from what it looks like."""

from __future__ import annotations

import numpy as np
import pytest
from scripted import estimate, observation, robot

from stope.control.estimator import BaseEstimate
from stope.control.kinematics import Kinematics
from stope.control.sensorwatch import (
    ACCEL_BIAS_M_S2,
    FROZEN_S,
    GYRO_BIAS_RAD_S,
    GYRO_SETTLED_S,
    TARE_S,
    UNANSWERED_S,
    UNNOTICED_S,
    SensorWatch,
)
from stope.control.watch import Alarm
from stope.robot.messages import Observation

MODEL = robot()
DT = 0.01
MASS = 47.0


class Lab:
    """A miner at rest on four anchors, its sensors noisy, 40 N on the bit paid by the feet."""

    def __init__(self, light: bool = True) -> None:
        self.rng, self.kinematics = np.random.default_rng(3), Kinematics(MODEL)
        self.watch = SensorWatch(MODEL, MASS, DT, light)
        self.true_force = np.tile((0.0, 0.0, -10.0), (4, 1))
        self.accel, self.gyro = np.zeros(3), np.zeros(3)
        self.frozen: dict[int, np.ndarray] = {}
        self.misfit, self.planned_n = np.zeros(4), np.full(4, 10.0)
        self.told: list[tuple[float, Alarm]] = []
        self.lost: list[int] = []
        self.now_s = 0.0

    def reading(self) -> Observation:
        rng = self.rng
        force = self.true_force + 0.2 * rng.standard_normal((4, 3))
        for limb, value in self.frozen.items():
            force[limb] = value
        effort = np.zeros(len(MODEL.joints))
        for limb in range(4):
            joints = list(MODEL.limbs[limb].joints)
            effort[joints] = -self.kinematics.jacobians[limb].T @ self.true_force[limb]
        return observation(
            MODEL,
            limb_force_n=force,
            joint_effort=effort,
            imu_accel_m_s2=self.accel + 1e-3 * rng.standard_normal(3),
            imu_gyro_rad_s=self.gyro + 1e-4 * rng.standard_normal(3),
            weight_on_bit_n=40.0 + 0.1 * rng.standard_normal(),
        )

    def run(self, seconds: float, **believed: object) -> None:
        seen: BaseEstimate = estimate(limb_force_n=self.true_force, **believed)
        for _ in range(round(seconds / DT)):
            self.now_s += DT
            raw = self.reading()
            mended = self.watch.mended(raw, self.kinematics)
            alarm, lost = self.watch.look(raw, mended, seen, self.misfit, self.planned_n)
            if alarm is not None:
                self.told.append((self.now_s, alarm))
            if lost >= 0:
                self.lost.append(lost)


def settled(**given: bool) -> Lab:
    lab = Lab(**given)
    lab.run(TARE_S + 1.0)
    assert lab.told == []
    return lab


def test_sound_sensors_raise_nothing_and_are_left_alone() -> None:
    lab = settled()
    lab.run(10.0)
    assert lab.told == []
    raw = lab.reading()
    assert lab.watch.mended(raw, lab.kinematics) is raw


@pytest.mark.parametrize("value", [-9.7, 0.0, np.nan])
def test_a_frozen_limb_force_sensor_is_told_once_and_replaced_by_the_joints(value: float) -> None:
    lab = settled()
    lab.frozen[2], start = np.full(3, value), lab.now_s
    lab.run(5.0)
    assert [alarm.fault for _, alarm in lab.told] == ["limb_force.dropout"]
    assert lab.told[0][0] - start <= FROZEN_S + 2.5 * DT
    assert not lab.told[0][1].blocking
    assert lab.watch.dropped_out.tolist() == [False, False, True, False]
    mended = lab.watch.mended(lab.reading(), lab.kinematics)
    assert mended.limb_force_n[2] == pytest.approx(lab.true_force[2], abs=1e-6)
    assert mended.limb_force_n[1] == pytest.approx(lab.true_force[1], abs=1.0)


def test_a_device_that_repeats_its_last_sample_has_not_lost_a_sensor() -> None:
    lab = settled()
    still, seen = lab.reading(), estimate(limb_force_n=lab.true_force)
    for _ in range(100):
        assert lab.watch.look(still, still, seen, lab.misfit, np.zeros(4)) == (None, -1)


@pytest.mark.parametrize("bias", [0.08, 0.2, 1.0, 5.0])
def test_an_accelerometer_bias_is_told_before_it_passes_for_motion_and_taken_off(bias: float) -> None:
    lab = settled()
    lab.accel[2] = bias
    began, innovation = lab.now_s, 0.0
    while not lab.told and lab.now_s < began + 2.0:
        lab.run(DT)
        innovation += bias * DT
        if innovation > 0.010 + bias * DT:  # two ticks beyond the limit of anchors.lost, the alarm would stand
            assert lab.told or lab.watch.explains_motion
    assert [alarm.fault for _, alarm in lab.told] == ["imu.biased"]
    assert lab.now_s - began < 0.35
    lab.run(5.0)
    assert len(lab.told) == 1
    # what is left is a tenth of what would raise the alarm of lost anchors
    assert lab.watch.mended(lab.reading(), lab.kinematics).imu_accel_m_s2[2] == pytest.approx(0.0, abs=3.5e-3 + 3e-3)


def test_motion_that_the_contact_forces_confirm_is_no_bias() -> None:
    """All anchors let go under 40 N on the bit: the forces say so too, and nothing is forgiven."""
    lab = settled()
    lab.true_force[:] = 0.0
    lab.accel[2] = 40.0 / MASS
    for _ in range(20):
        lab.run(DT)
        assert lab.told == []
        assert not lab.watch.explains_motion


def test_after_one_bias_was_taken_off_motion_is_motion() -> None:
    lab = settled()
    lab.accel[2] = 0.3
    lab.run(0.5)
    lab.accel[2] = 0.8
    lab.run(0.5)
    assert len(lab.told) == 1
    assert not lab.watch.explains_motion


def test_a_gyro_bias_is_told_and_taken_off() -> None:
    lab = settled()
    lab.gyro[1], began = 4.0 * GYRO_BIAS_RAD_S, lab.now_s
    lab.run(6.0)
    assert [(alarm.fault, alarm.unit) for _, alarm in lab.told] == [("imu.biased", "rad/s")]
    assert lab.told[0][0] - began < GYRO_SETTLED_S + 0.3
    assert lab.watch.gyro_bias_rad_s[1] == pytest.approx(4.0 * GYRO_BIAS_RAD_S, rel=0.1)


def test_under_weight_a_hoist_may_carry_what_no_sensor_sees() -> None:
    lab = settled(light=False)
    lab.accel[2] = 2.0 * ACCEL_BIAS_M_S2
    lab.run(5.0)
    assert lab.told == []


def test_a_foot_that_slid_unnoticed_loses_its_anchor() -> None:
    lab = settled()
    lab.misfit[3], began = 2.5e-3, lab.now_s
    lab.run(0.5)
    assert lab.lost[0] == 3
    assert lab.told[0][1].fault == "anchor.let_go"
    assert lab.told[0][0] - began <= UNNOTICED_S + 2.5 * DT


def test_an_anchor_that_does_not_answer_its_planned_pull_is_lost() -> None:
    lab = settled()
    lab.true_force[1], began = 0.0, lab.now_s
    lab.run(0.6)
    assert lab.lost[0] == 1
    assert lab.told[0][1].fault == "anchor.let_go"
    assert lab.told[0][0] - began <= UNANSWERED_S + 2.5 * DT


def test_what_spines_stretch_is_no_slip() -> None:
    lab = settled()
    lab.true_force[:] = (0.0, 0.0, -60.0)
    lab.misfit[:] = 1.4e-3 + 60.0 / MODEL.limbs[0].gripper.stiffness_n_m
    lab.run(2.0)
    assert lab.lost == []


def test_free_flight_and_gas_are_not_compared() -> None:
    lab = Lab()
    lab.accel[2] = 3.0
    lab.run(5.0, anchored=False)
    assert lab.told == []
