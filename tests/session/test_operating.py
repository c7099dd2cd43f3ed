"""Operators, limits and broken sensors on whole runs of the bench rig: what is ordered happens, what breaks is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcap.reader import make_reader
from short_missions import run

from stope.executive.faults.table import load_faults
from stope.session.outcome import FAILED, PASSED

pytestmark = pytest.mark.mission
SHORT = ("tasks.drill.depth_m=0.003",)
#: Sensors that break, by the name that `--inject` knows, and what becomes of the drill and of the mission.
BROKEN = {
    "imu.frozen": "interrupted",
    "load_cell.frozen": "failed",
    "bus.sag": "interrupted",
    "gauge.broken": "interrupted",
}


def topics(log: Path | None, topic: str) -> int:
    assert log is not None
    with log.open("rb") as stream:
        return sum(1 for _ in make_reader(stream).iter_messages(topics=[topic]))


@pytest.mark.parametrize("cause", BROKEN)
def test_a_broken_sensor_is_found_and_the_robot_stays_where_it_is(cause: str) -> None:
    row = next(row for row in load_faults() if row.inject == cause)
    outcome = run("lab_bench", SHORT, inject=(f"{cause}@drill",))
    states = {task.task: (task.state, task.code) for task in outcome.tasks}
    assert outcome.verdict == FAILED
    assert outcome.detections == ()  # above all no false alarm about the anchors, whose answer opens grips that hold
    assert states["drill"] == (BROKEN[cause], row.id)
    assert states["stow"][0] == "succeeded"
    assert topics(outcome.log, "/safety/event") >= 1


def test_a_pause_in_the_hole_costs_time_and_nothing_else() -> None:
    outcome = run("lab_bench", SHORT, orders=("pause@12", "resume@60"))
    (drill,) = (task for task in outcome.tasks if task.task == "drill")
    assert outcome.verdict == PASSED
    assert drill.duration_s > 50.0
    assert outcome.depth_m == pytest.approx(0.003, abs=4e-4)


def test_a_mission_that_has_drawn_its_energy_parks_anchored() -> None:
    outcome = run("lab_bench", (*SHORT, "energy_limit_wh=0.05"))
    states = {task.task: task.state for task in outcome.tasks}
    assert outcome.verdict == FAILED
    assert "energy" in outcome.reason
    assert states == {"anchor": "succeeded", "drill": "interrupted", "stow": "succeeded"}
    assert outcome.energy_j > 0.05 * 3600
