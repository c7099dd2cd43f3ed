"""The recorded robot: readings come when they came, a gap stays a gap, and another robot's log is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_corpus import FILES as HOSTILE

from stope.clock import RunClock
from stope.mission.errors import InputError
from stope.mission.shipped import find_data
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot
from stope.robot.seam import Robot
from stope.session.recording import observation as as_message
from stope.session.replay import ReplayEndedError, ReplayRobot, _observations
from stope.session.request import RunRequest
from stope.session.robot_choice import check_robot
from stope.tasklog import RunHeader, TaskLogError, TaskLogWriter, new
from stope.tasklog.messages import message_class

START_NS = 1_800_000_000_000_000_000
TIMES_US = (0, 20_000, 40_000, 140_000, 160_000)  # 100 ms are missing


@pytest.fixture(scope="module")
def model() -> RobotModel:
    return load_robot(find_data("robot", "miner"))


def fields(model: RobotModel, seq: int, time_us: int) -> dict[str, Any]:
    rng = np.random.default_rng(seq)
    joints, limbs = len(model.joints), len(model.limbs)
    drums = len(model.drums.links) if model.drums else 0
    return {
        "device_time_us": time_us,
        "device_seq": seq,
        **{f"joint_{name}": rng.random(joints) for name in ("position", "velocity", "effort")},
        "imu_gyro": rng.random(3),
        "imu_accel": rng.random(3),
        "limb_force": rng.random((limbs, 3)),
        "anchor_phase": np.full(limbs, 2, np.int8),
        "anchor_engagement": rng.random(limbs),
        "anchor_slip_m": rng.random(limbs),
        "drum_fill": rng.random(drums),
        "weight_on_bit_n": float(rng.random()),
        "safety_state": 3,
        "applied_seq": seq - 1,
        "applied_limited": ("joint_effort:feed",),
        "applied_why": "5 N",
        "bad_frames": seq,
    }


def write(path: Path, model: RobotModel, **changes: Any) -> Path:
    header = RunHeader("0", 1, "m", "{}", model.name, json.dumps({}), "ab" * 32, "bennu", "CC0-1.0", "t")
    with TaskLogWriter(path, header, start_utc_ns=START_NS) as log:
        for seq, time_us in enumerate(TIMES_US):
            log.write("/robot/observation", new("RobotObservation", **fields(model, seq, time_us) | changes), time_us)
    return path


def follow(robot: ReplayRobot, clock: RunClock, seen: list[tuple[int, int]]) -> None:
    while True:
        robot.wait(robot.read().time_us + 20_000)
        seen.append((robot.read().seq, clock.now_us))


def test_readings_come_when_they_came_and_gaps_stay(tmp_path: Path, model: RobotModel) -> None:
    clock = RunClock()
    robot = ReplayRobot(model, write(tmp_path / "a.mcap", model), clock)
    assert isinstance(robot, Robot)
    assert robot.connect().limits_hash == "ab" * 32
    robot.arm()
    seen = [(robot.read().seq, clock.now_us)]
    with pytest.raises(ReplayEndedError, match=r"a\.mcap: the recording ends at 0\.16 s"):
        follow(robot, clock, seen)
    assert seen == [
        (0, 0),
        (1, 20_000),
        (2, 40_000),
        *[(2, at) for at in (60_000, 80_000, 100_000, 120_000)],
        (3, 140_000),
    ]


def test_what_was_logged_is_what_was_sensed(tmp_path: Path, model: RobotModel) -> None:
    log = write(tmp_path / "a.mcap", model)
    for (time_us, reading), seq in zip(_observations(log, model), range(5), strict=True):
        assert time_us == reading.time_us == TIMES_US[seq]
        message = message_class("RobotObservation").FromString(as_message(reading).SerializeToString())
        assert message == new("RobotObservation", **fields(model, seq, time_us))
        assert not reading.joint_position.flags.writeable


def test_a_log_that_was_killed_can_be_replayed(tmp_path: Path, model: RobotModel) -> None:
    log = write(tmp_path / "a.mcap", model)
    log.write_bytes(log.read_bytes()[:-100])
    assert len(list(_observations(log, model))) == 5


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"joint_position": [1.0]}, r"joint_position: read 1 values, expected \d+ finite ones: miner's"),
        ({"imu_gyro": [0.0, 0.0, float("nan")]}, "imu_gyro: read 3 values, expected 3 finite ones"),
        ({"safety_state": 77}, "safety state 77"),
    ],
)
def test_other_robots_and_nonsense(tmp_path: Path, model: RobotModel, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ReplayRobot(model, write(tmp_path / "a.mcap", model, **changes), RunClock())


def test_logs_without_observations(tmp_path: Path, model: RobotModel) -> None:
    header = RunHeader("0", 1, "m", "{}", "r", "{}", "", "bennu", "CC0-1.0", "t")
    with TaskLogWriter(tmp_path / "a.mcap", header, start_utc_ns=START_NS) as log:
        log.write("/log", new("/log", message="hello"), 0)
    with pytest.raises(InputError, match="no messages on /robot/observation"):
        ReplayRobot(model, tmp_path / "a.mcap", RunClock())


def test_the_command_line_knows_it() -> None:
    request = RunRequest("bennu_core", robot="replay:a.mcap")
    check_robot(request)
    with pytest.raises(InputError, match="--inject"):
        check_robot(replace(request, inject=("anchors.lost@drill",)))
    with pytest.raises(InputError, match="replay:LOG"):
        check_robot(replace(request, robot="replay"))


@pytest.mark.parametrize("name", ["says 1.5 GiB", "frame of 64 MiB in a chunk of 1", "golden, bit flipped"])
def test_a_hostile_log_is_refused_before_it_is_replayed(
    name: str, tmp_path: Path, model: RobotModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the child with its limits: here nothing of it is read."""
    (tmp_path / "a.mcap").write_bytes(HOSTILE[name]())
    monkeypatch.setattr("stope.session.replay.read_log", lambda *_, **__: pytest.fail("read in this process"))
    with pytest.raises(TaskLogError, match=r"a\.mcap: "):
        ReplayRobot(model, tmp_path / "a.mcap", RunClock())
