"""Failure is shown: refused with the value, noticed in time, recovered or honestly lost, never by exception."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from short_missions import SHORT, drill_only, run

from stope.mission.errors import InputError
from stope.mission.shipped import find_data
from stope.session.build import build
from stope.session.loop import Detection, run_loop
from stope.session.outcome import FAILED, LOST, RECOVERED
from stope.session.request import RunRequest

pytestmark = pytest.mark.mission
NOTICED_M = 5e-3  # case D13


class EnoughSeenError(Exception):
    """The test has seen what it came for."""


def test_without_anchors_drilling_is_refused_with_the_bound() -> None:
    outcome = run("bennu_core", SHORT["bennu_core"], anchors="none")
    states = {row.task: row.state for row in outcome.tasks}
    assert (outcome.verdict, outcome.exit_code) == (FAILED, 1)
    assert "weight-on-bit bound is 0.0 N" in outcome.reason
    assert states["anchor"] == states["pull_test"] == "skipped"
    assert states["drill"] == states["collect"] == "refused"
    assert states["stow"] == states["release"] == "succeeded"
    assert outcome.depth_m == 0.0
    assert outcome.detections == ()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lost_anchors_are_noticed_within_5_mm(seed: int, tmp_path: Path) -> None:
    """Belief is unchanged until evidence comes, and then no anchor is relied on any more."""
    run_ = build(RunRequest(drill_only(tmp_path), seed=seed, inject=("anchors.lost@drill",)))
    believed: list[int] = []
    found: list[Detection] = []

    def stop(detection: Detection) -> None:
        found.append(detection)
        raise EnoughSeenError

    try:
        with pytest.raises(EnoughSeenError):
            run_loop(run_, [lambda tick, _sent, _executive: believed.append(int(tick.view.anchored.sum()))], stop)
    finally:
        run_.robot.close()
    assert found[0].alarm.fault in ("anchors.lost", "anchors.unanswered")
    assert found[0].injected_us is not None
    assert 0.0 < found[0].moved_m < NOTICED_M
    assert found[0].time_us - found[0].injected_us <= 250_000
    ticks = (found[0].time_us - found[0].injected_us) // 10_000
    assert min(believed[-ticks:]) >= 3  # what the grippers say of themselves has not changed
    assert (run_.stack.belief.state != 1).all()


def test_a_robot_that_lost_its_anchors_comes_back_and_grips_again(tmp_path: Path) -> None:
    outcome = run(drill_only(tmp_path), inject=("anchors.lost@drill",))
    assert (outcome.verdict, outcome.exit_code) == (RECOVERED, 0)
    assert "anchored again" in outcome.reason
    assert len(outcome.detections) == 1
    assert outcome.detections[0].moved_m is not None
    assert outcome.detections[0].moved_m < NOTICED_M
    states = {row.task: row.state for row in outcome.tasks}
    assert states == {
        "descend": "succeeded", "anchor": "succeeded", "drill": "failed", "release": "skipped", "recover": "succeeded",
    }  # fmt: skip
    assert outcome.impulse_error_rel < 1e-5


def test_without_gas_to_come_back_it_is_lost_with_its_drift_and_verdict(tmp_path: Path) -> None:
    robot = shutil.copytree(find_data("robot", "miner").parent, tmp_path / "thirsty") / "robot.yaml"
    text = robot.read_text(encoding="utf-8")
    assert "propellant_kg: 0.5" in text
    robot.write_text(text.replace("propellant_kg: 0.5", "propellant_kg: 0.105"), encoding="utf-8")
    outcome = run(drill_only(tmp_path, robot), inject=("anchors.lost@drill",))
    assert (outcome.verdict, outcome.exit_code) == (LOST, 1)
    assert "drifts at" in outcome.reason
    assert "below the escape speed of 19.1 cm/s" in outcome.reason
    assert outcome.propellant_kg < 2e-3


def test_too_few_anchors_end_the_mission_in_order() -> None:
    outcome = run("bennu_core", SHORT["bennu_core"], inject=("grippers.weak@anchor",))
    states = {row.task: row.state for row in outcome.tasks}
    assert (outcome.verdict, outcome.exit_code) == (FAILED, 1)
    assert "anchors hold after the pull test" in outcome.reason
    assert states["drill"] == states["collect"] == "skipped"
    assert states["stow"] == states["release"] == "succeeded"


def test_a_fault_whose_task_is_not_at_work_is_said_to_be_not_caused(tmp_path: Path) -> None:
    outcome = run(drill_only(tmp_path), ("site.rock=s_rock",), anchors="none", inject=("anchors.lost@drill",))
    assert outcome.not_caused == ("anchors.lost@drill",)


def test_a_fault_that_the_robot_cannot_have_is_refused_before_the_run() -> None:
    with pytest.raises(InputError, match="a fault that miner can have; it has no sampler"):
        build(RunRequest("bennu_core", inject=("sampler.valve_open@drill",)))
