"""The doctor against robots that are wired wrongly, each in another way; the real core in virtual time behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from core_bench import Bench
from still_world import StillWorld

from stope.bridge.doctor import JOG, RunawayError, examine
from stope.bridge.shared_core import CoreEfforts, CoreSensors
from stope.mission.yamltree import parse
from stope.robot.messages import SafetyState
from stope.robot.model import RobotModel


class Miswired(StillWorld):
    """A world whose sensors lie in one way."""

    def __init__(self, model: RobotModel, how: str, index: int) -> None:
        super().__init__(model)
        self.how, self.index = how, index

    def advance(self, now_us: int, efforts: CoreEfforts, sensors: CoreSensors) -> None:
        i = self.index
        if self.how == "stuck":
            self.velocity[i] = 0.0
            efforts.effort[i] = 0.0
        if self.how == "motor poles":
            efforts.effort[i] = -efforts.effort[i]
        if self.how == "motors swapped":
            efforts.effort[i], efforts.effort[i + 3] = efforts.effort[i + 3], efforts.effort[i]
        super().advance(now_us, efforts, sensors)
        if self.how == "velocity in degrees":
            sensors.velocity[i] *= 57.29578 / 10  # a tenth: with all of it the servo itself would ring
        if self.how == "dragged":  # a joint without power that the jogged one takes along
            self.position[i + 3] = self._model.stance[i + 3] + 0.5 * (self.position[i] - self._model.stance[i])
            sensors.position[i + 3] = self.position[i + 3]


def wired(core_libraries: dict[str, Path], model: RobotModel, how: str = "", index: int = 0) -> Bench:
    bench = Bench(core_libraries[model.name], model)
    bench.world = Miswired(model, how, index)
    bench.core._world = bench.world
    bench.robot.connect()
    return bench


@pytest.mark.parametrize("name", ["miner", "bench_rig"])
def test_a_right_robot_is_good_joint_by_joint(
    core_libraries: dict[str, Path], miner: RobotModel, rig: RobotModel, name: str, tmp_path: Path
) -> None:
    model = {"miner": miner, "bench_rig": rig}[name]
    one_of_each_role = {joint.role: joint.name for joint in model.joints}.values()
    names = [joint.name for joint in model.joints if joint.name in one_of_each_role]
    bench = wired(core_libraries, model)
    asked: list[str] = []
    bench.robot.arm()
    bench.robot.disarm()
    largest = np.zeros(len(model.joints))
    step = bench.world.advance

    def watched(now_us: int, efforts: CoreEfforts, sensors: CoreSensors) -> None:
        step(now_us, efforts, sensors)
        largest[:] = np.maximum(largest, np.abs(np.array(bench.world.position) - np.array(model.stance)))

    bench.world.advance = watched
    calibration = examine(bench.robot, lambda question: bool(asked.append(question)) or True, joints=names)
    assert calibration.good
    assert [check.joint for check in calibration.joints] == names
    for check in calibration.joints:
        assert check.moved == pytest.approx(check.wanted, rel=0.2)
        assert check.seen is True
    for joint, reach in zip(model.joints, largest, strict=True):
        assert reach <= (JOG[joint.unit] * 1.1 if joint.name in names else 1e-3)
    assert len(asked) == 2 * len(names)
    assert bench.robot.read().safety is SafetyState.DISARMED
    calibration.write(tmp_path / "calibration.yaml")
    written = parse((tmp_path / "calibration.yaml").read_text(), "calibration.yaml").data
    assert written["robot"] == model.name
    assert [joint["verdict"] for joint in written["joints"]] == ["good"] * len(names)
    assert written["limits_hash"] == model.limits_hash


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("stuck", "moved 0% of what was asked"),
        ("velocity in degrees", "check the unit and sign of velocity"),
        ("dragged", "another joint moved too"),
    ],
)
def test_what_is_wrong_is_told(core_libraries: dict[str, Path], miner: RobotModel, how: str, told: str) -> None:
    bench = wired(core_libraries, miner, how)
    calibration = examine(bench.robot, joints=["fl_hip_yaw"])
    assert told in calibration.joints[0].verdict
    assert not calibration.good
    assert bench.robot.read().safety is SafetyState.DISARMED


@pytest.mark.parametrize("how", ["motor poles", "motors swapped"])
def test_a_motor_against_its_encoder_is_stopped_within_the_jog(
    core_libraries: dict[str, Path], miner: RobotModel, how: str
) -> None:
    bench = wired(core_libraries, miner, how)
    with pytest.raises(RunawayError, match="swap the motor's poles or the channel"):
        examine(bench.robot, joints=["fl_hip_yaw"])
    assert bench.core.safety_state in (SafetyState.SAFING, SafetyState.FAULT)
    assert np.abs(np.array(bench.world.position) - np.array(miner.stance)).max() < 0.15


def test_a_person_who_saw_it_otherwise_is_believed(core_libraries: dict[str, Path], rig: RobotModel) -> None:
    bench = wired(core_libraries, rig)
    calibration = examine(bench.robot, lambda question: "did it move" not in question, joints=["drill_feed"])
    assert calibration.joints[0].seen is False
    assert "correct `sign`" in calibration.joints[0].verdict


def test_a_joint_that_must_not_move_is_left_out(core_libraries: dict[str, Path], rig: RobotModel) -> None:
    bench = wired(core_libraries, rig)
    before = list(bench.world.position)
    told: list[str] = []
    calibration = examine(bench.robot, lambda question: False, told.append)
    assert calibration.joints == ()
    assert bench.world.position == before
    assert told == ["drill_feed: left out", "drill_spindle: left out"]
