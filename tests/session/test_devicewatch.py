"""The stack listens to its device: reflexes are noted, a device that stopped ends the mission."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stope.robot.messages import Command, Observation, SafetyState, Sent
from stope.session.build import Run, build
from stope.session.devicewatch import DeviceWatch
from stope.session.loop import run_loop
from stope.session.request import RunRequest
from stope.session.run import verdict_of


@pytest.fixture
def run() -> Run:
    made = build(RunRequest("bennu_core", out=Path("unused"), video=False, progress=False))
    yield made
    made.robot.close()


def test_each_flag_is_reported_once_when_it_rises(run: Run) -> None:
    obs, watch = run.robot.read(), DeviceWatch()
    armed = replace(obs, safety=SafetyState.ARMED)
    assert watch.news(armed) == []
    first = watch.news(replace(armed, fault_flags=2 | 4))
    assert [item.row for item in first] == ["feed.over_press", "spindle.stall"]
    assert watch.news(replace(armed, fault_flags=2 | 4)) == []
    assert [item.row for item in watch.news(replace(armed, fault_flags=2 | 8))] == ["feed.interlock"]


def test_a_device_that_stops_ends_the_mission(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    robot, plain = run.robot, run.robot.read

    def read() -> Observation:
        obs = plain()
        return replace(obs, safety=SafetyState.ESTOP) if obs.time_us >= 500_000 else obs

    monkeypatch.setattr(robot, "read", read)
    result = run_loop(run, [], lambda _found: None)
    assert verdict_of(run, result) == ("FAILED", "the device is ESTOP")
    assert result.executive.activities[0].code == "device.stopped"
    assert run.clock.now_us <= 520_000


def test_a_command_of_nonsense_ends_in_safe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, sent = run.robot.write, []

    def write(command: Command) -> Sent:
        if command.seq > 20:
            effort = command.joint_effort.copy()
            effort[3] = np.nan
            command = replace(command, joint_effort=effort)
        sent.append(command.seq)
        return plain(command)

    monkeypatch.setattr(run.robot, "write", write)
    result = run_loop(run, [], lambda _found: None)
    verdict, reason = verdict_of(run, result)
    assert verdict == "FAILED"
    assert "joint_effort holds nan" in reason
    assert sent[-1] == 21
    assert run.robot.read().safety in (SafetyState.FAULT, SafetyState.DISARMED)


def test_an_error_in_the_stack_makes_the_robot_safe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(run.robot, "safe", calls.append)

    def burst(*_: object) -> None:
        raise RuntimeError("a controller broke")

    with pytest.raises(RuntimeError, match="a controller broke"):
        run_loop(run, [burst], lambda _found: None)
    assert calls == ["RuntimeError in the loop"]
