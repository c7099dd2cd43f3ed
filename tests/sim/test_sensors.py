"""Sensors report as real ones do: each error is there, has the size that robot.yaml states, and a stream of its own."""

from __future__ import annotations

import dataclasses
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest_sim import PlantMaker, grip_all, idle
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.mission.errors import InputError
from stope.mission.shipped import find_data
from stope.robot.model import RobotModel, Sensor
from stope.robot.modelfile import load_robot
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
            if robot is bench_rig and family.name in {"bin_fill", "drum_fill", "propellant"}:
                continue  # it has none of these
            sensor: Sensor = getattr(robot.sensors, family.name)
            assert sensor.noise > 0.0
            assert sensor.resolution > 0.0
            assert sensor.latency_s > 0.0
            assert sensor.dropout_share > 0.0
        assert robot.sensors.gyro.bias > 0.0
        assert robot.sensors.gyro.drift > 0.0
        assert robot.sensors.load_cell.range < math.inf
        assert {joint.role for joint in robot.joints} == set(robot.actuators)


def test_levels_and_grippers_are_read_through_wires_too(make_plant: PlantMaker, miner: RobotModel) -> None:
    """Bin, drums, tank and grippers: noisy, late, in steps, never negative, each from a stream of its own."""
    plant = make_plant()
    grip_all(plant)
    said = [plant.step(idle(miner)) for _ in range(1_000)]
    tank = np.array([raw.propellant_kg for raw in said])
    drums = np.array([raw.drum_fill for raw in said])
    travel = np.array([raw.anchor_engagement for raw in said])
    slip = np.array([raw.anchor_slip_m for raw in said])
    assert tank.std() > 0.0
    assert tank.mean() == pytest.approx(miner.propellant_kg, abs=3e-3)
    assert np.allclose(tank / 1e-4, np.rint(tank / 1e-4))
    assert len(np.unique(tank)) <= 1_000 * 2_000 // 50_000 + 1  # 20 Hz
    assert (drums >= 0.0).all()
    assert drums.std() > 0.0
    assert travel.max() <= 1.0
    assert travel.std() > 0.0
    assert (slip >= 0.0).all()
    assert slip.max() < 0.3e-3  # below what counts as evidence (control.watch)
    assert not np.array_equal(drums[:, 0], drums[:, 1])


def test_a_robot_with_a_tank_must_say_what_its_sensor_is_like(tmp_path: Path) -> None:
    shutil.copytree(find_data("robot", "miner").parent, tmp_path / "miner")
    file = tmp_path / "miner" / "robot.yaml"
    file.write_text(re.sub(r"\n  propellant_kg: {noise[^\n]*", "", file.read_text()))
    with pytest.raises(InputError, match=r"sensors.propellant_kg: read nothing, expected the level sensor"):
        load_robot(file)
