"""Sensors report as real ones do: each error is there, has the size that robot.yaml states, and a stream of its own."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.robot.model import RobotModel, Sensor
from stope.sim.sensors import SensorGroup

PERIOD_S = 0.01


def readings(sensor: Sensor, true: np.ndarray, seed: int = 1, width: int = 1) -> np.ndarray:
    """(n, width) what a sensor says of (n,) true values."""
    group = SensorGroup(seed, PERIOD_S, ("tested", sensor, width))
    last, found = np.zeros(width), []
    for value in true:
        last = group.read(np.full(width, value), last)
        found.append(last)
    return np.array(found)


def test_a_perfect_sensor_says_what_is() -> None:
    true = np.sin(np.arange(50.0))
    assert np.array_equal(readings(Sensor(noise=0.0), true)[:, 0], true)


def test_noise_has_its_size_and_is_white() -> None:
    said = readings(Sensor(noise=0.2), np.zeros(4000))[:, 0]
    assert said.std() == pytest.approx(0.2, rel=0.05)
    assert abs(np.corrcoef(said[:-1], said[1:])[0, 1]) < 0.05


def test_bias_is_the_runs_and_drift_grows_with_the_root_of_time() -> None:
    biases = np.array([readings(Sensor(noise=0.0, bias=0.5), np.zeros(1), seed)[0, 0] for seed in range(400)])
    assert biases.std() == pytest.approx(0.5, rel=0.1)
    walked = readings(Sensor(noise=0.0, drift=0.1), np.zeros(1000), width=300)
    assert walked[99].std() == pytest.approx(0.1 * math.sqrt(1.0), rel=0.15)
    assert walked[-1].std() == pytest.approx(0.1 * math.sqrt(10.0), rel=0.15)


@settings(max_examples=30, deadline=None)
@given(latency_s=st.floats(0.0, 0.1))
def test_latency_shows_the_past(latency_s: float) -> None:
    true = 3.0 * PERIOD_S * np.arange(60)  # a ramp: interpolation between samples is exact on it
    said = readings(Sensor(noise=0.0, latency_s=latency_s), true)[:, 0]
    assert said[20:] == pytest.approx(true[20:] - 3.0 * latency_s, abs=1e-9)
    assert said[0] == 0.0


@settings(max_examples=50, deadline=None)
@given(value=st.floats(-5, 5), resolution=st.floats(1e-3, 0.5), reach=st.floats(0.5, 4.0))
def test_a_reading_is_in_range_and_a_whole_number_of_steps(value: float, resolution: float, reach: float) -> None:
    said = readings(Sensor(noise=0.01, resolution=resolution, range=reach), np.full(3, value))[-1, 0]
    assert abs(said) <= reach + resolution / 2
    assert said / resolution == pytest.approx(round(said / resolution), abs=1e-6)


def test_a_missing_reading_repeats_the_last() -> None:
    said = readings(Sensor(noise=0.0, dropout_share=0.3), np.arange(3000.0))[:, 0]
    repeated = np.diff(said) == 0.0
    assert repeated.mean() == pytest.approx(0.3, abs=0.03)
    arrived = np.flatnonzero(~repeated) + 1
    assert np.array_equal(said[arrived], arrived.astype(float))


def test_errors_of_one_family_do_not_depend_on_the_others() -> None:
    plain = Sensor(noise=1.0)
    alone = SensorGroup(7, PERIOD_S, ("a", plain, 2))
    both = SensorGroup(7, PERIOD_S, ("b", dataclasses.replace(plain, bias=3.0), 4), ("a", plain, 2))
    for _ in range(5):
        first, second = alone.read(np.zeros(2), np.zeros(2)), both.read(np.zeros(6), np.zeros(6))
        assert np.array_equal(first, second[4:])
        assert not np.array_equal(second[:2], second[4:])


def test_shipped_robots_state_every_error(miner: RobotModel, bench_rig: RobotModel) -> None:
    for robot in (miner, bench_rig):
        for family in dataclasses.fields(robot.sensors):
            sensor: Sensor = getattr(robot.sensors, family.name)
            assert sensor.noise > 0.0
            assert sensor.resolution > 0.0
            assert sensor.latency_s > 0.0
            assert sensor.dropout_share > 0.0
        assert robot.sensors.gyro.bias > 0.0
        assert robot.sensors.gyro.drift > 0.0
        assert robot.sensors.load_cell.range < math.inf
        assert {joint.role for joint in robot.joints} == set(robot.actuators)
