"""A plant behind the compiled core: times, signs and order, with a plant that writes down what it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from core_bench import still_command

from stope.bridge.twin import FirmwareTwin, PlantWorld
from stope.clock import RunClock
from stope.robot.messages import Efforts, JointMode, RawSensors, SafetyState
from stope.robot.model import RobotModel
from stope.robot.seam import Plant, Robot

STEP_US = 2000


class NotedPlant:
    """Implements `Plant`: each joint a double integrator; keeps the efforts of every step."""

    def __init__(self, model: RobotModel) -> None:
        self.model = model
        self.asked: list[Efforts] = []
        self.closed = False
        self.position = np.array(model.stance)
        self.velocity = np.zeros(len(model.joints))
        self.time_us = 0

    @property
    def step_us(self) -> int:
        return STEP_US

    def sense(self) -> RawSensors:
        n, limbs, drums = len(self.model.joints), len(self.model.limbs), len(self.model.drums.joints)
        return RawSensors(
            self.time_us, self.position.copy(), self.velocity.copy(), np.arange(n) * 1.0, np.array((0.1, 0.2, 0.3)),
            np.array((1.0, 2.0, 3.0)), np.arange(3.0 * limbs).reshape(limbs, 3), np.arange(limbs, dtype=np.int8),
            np.full(limbs, 0.5), np.full(limbs, 1e-4), 2.0, 1.5, 0.25, np.arange(drums) * 0.125, 1.75, 28.0, 1e3,
        )  # fmt: skip

    def step(self, efforts: Efforts) -> RawSensors:
        self.asked.append(efforts)
        inertia = np.array([{"revolute": 0.3, "prismatic": 5.0, "continuous": 0.05}[j.kind] for j in self.model.joints])
        dt = STEP_US * 1e-6
        self.velocity = np.where(efforts.brake, 0.0, self.velocity + efforts.joint / inertia * dt)
        self.position = self.position + self.velocity * dt
        self.time_us += STEP_US
        return self.sense()

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def plant(miner: RobotModel) -> NotedPlant:
    return NotedPlant(miner)


@pytest.fixture
def twin(core_libraries: dict[str, Path], miner: RobotModel, plant: NotedPlant) -> FirmwareTwin:
    return FirmwareTwin(miner, core_libraries["miner"], plant, plant.sense(), RunClock())


def test_the_twin_is_a_robot_and_the_plant_a_plant(twin: FirmwareTwin, plant: NotedPlant) -> None:
    assert isinstance(twin, Robot)
    assert isinstance(plant, Plant)


def test_the_plant_begins_with_the_first_command(twin: FirmwareTwin, plant: NotedPlant) -> None:
    twin.connect()
    twin.arm()
    assert plant.time_us == 0
    for number in range(1, 6):
        before_us = twin.read().time_us
        twin.write(still_command(twin.model, number, before_us + 100_000))
        twin.wait(before_us + 10_000)
        assert twin.read().time_us == before_us + 10_000
        assert plant.time_us == number * 10_000
    assert len(plant.asked) == plant.time_us // STEP_US


def test_readings_and_efforts_pass_as_they_are(twin: FirmwareTwin, plant: NotedPlant) -> None:
    twin.connect()
    twin.arm()
    effort = np.zeros(16)
    effort[3], effort[13] = 2.5, -1.25
    mode = np.full(16, JointMode.BRAKE, np.int8)
    mode[[3, 13]] = JointMode.EFFORT
    thrust = np.array([0.0, 0.1, 0.2, 0.3])
    action = np.array([1, 0, 0, 1], np.int8)
    for number in range(1, 4):
        now_us = twin.read().time_us
        change = {"joint_effort": effort, "joint_mode": mode, "thrust_n": thrust, "anchor_action": action}
        twin.write(still_command(twin.model, number, now_us + 100_000, hammer=0.3, **change))
        twin.wait(now_us + 10_000)
    asked, obs = plant.asked[-1], twin.read()
    assert asked.joint == pytest.approx(effort)
    assert asked.brake.tolist() == (mode == JointMode.BRAKE).tolist()
    assert asked.thrust_n == pytest.approx(thrust)
    assert asked.anchor.tolist() == action.tolist()
    assert asked.hammer == pytest.approx(0.3)
    raw = twin.world.raw
    assert obs.joint_effort == pytest.approx(raw.joint_effort)
    assert obs.joint_position == pytest.approx(raw.joint_position, abs=1e-6)
    assert obs.limb_force_n == pytest.approx(raw.limb_force_n)
    assert obs.imu_gyro_rad_s == pytest.approx(raw.imu_gyro_rad_s)
    assert obs.imu_accel_m_s2 == pytest.approx(raw.imu_accel_m_s2)
    assert obs.anchor_phase.tolist() == raw.anchor_phase.tolist()
    assert obs.drum_fill == pytest.approx(raw.drum_fill)
    one_by_one = ("weight_on_bit_n", "spindle_current_a", "bin_fill", "propellant_kg", "bus_voltage_v", "energy_used_j")
    assert [getattr(obs, name) for name in one_by_one] == pytest.approx([getattr(raw, name) for name in one_by_one])


def test_set_points_are_followed_and_faster_than_they_happen(twin: FirmwareTwin) -> None:
    twin.connect()
    twin.arm()
    there = np.array(twin.model.stance) + 0.02 * np.array([j.kind == "revolute" for j in twin.model.joints])
    for number in range(1, 301):
        now_us = twin.read().time_us
        twin.write(still_command(twin.model, number, now_us + 100_000, joint_position=there))
        twin.wait(now_us + 10_000)
    obs = twin.read()
    assert obs.joint_position == pytest.approx(there, abs=1e-3)
    assert obs.safety is SafetyState.ARMED


def test_a_plant_that_steps_between_ticks_is_refused(miner: RobotModel, plant: NotedPlant) -> None:
    class Odd(NotedPlant):
        @property
        def step_us(self) -> int:
            return 1500

    with pytest.raises(ValueError, match="multiple of the core's 1000 us"):
        PlantWorld(miner, Odd(miner), plant.sense())


def test_freeing_closes_the_plant(twin: FirmwareTwin, plant: NotedPlant) -> None:
    twin.connect()
    twin.close()
    assert plant.closed
