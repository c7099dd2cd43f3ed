"""Operators, limits and broken sensors on whole runs of the bench rig: what is ordered happens, what breaks is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcap.reader import make_reader
from short_missions import run

from stope.executive.faults.table import load_faults
from stope.mission.shipped import find_data
from stope.session.outcome import FAILED, PASSED
from stope.tasklog.reader import read

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


def test_a_robot_low_on_power_sleeps_in_the_hole_and_goes_on_in_the_sun(tmp_path: Path) -> None:
    """The drill's bit comes home, the dark is slept through anchored, and the hole is drilled to its end."""
    text = find_data("mission", "lab_bench").read_text(encoding="utf-8")
    power = "power: {battery_wh: 0.1, reserve_wh: 0.06, wake_wh: 0.09, charge_w: 60, sunlight: SUN}"
    power = power.replace("SUN", "{period_min: 2, open_min: 1, first_min: 1}")
    mission = tmp_path / "low.yaml"
    mission.write_text(text.replace("tasks:", f"{power}\ntasks:", 1), encoding="utf-8")
    outcome = run(mission, SHORT)
    (drill,) = (task for task in outcome.tasks if task.task == "drill")
    assert outcome.verdict == PASSED
    assert outcome.depth_m == pytest.approx(0.003, abs=4e-4)
    assert drill.start_s + drill.duration_s > 60.0  # the sun is not up before
    told = [message.message for message in read(outcome.log, ("/task/event",))]
    assert "power.low" in {each.reason for each in told}


def test_a_mission_that_has_drawn_its_energy_parks_anchored() -> None:
    outcome = run("lab_bench", (*SHORT, "energy_limit_wh=0.05"))
    states = {task.task: task.state for task in outcome.tasks}
    assert outcome.verdict == FAILED
    assert "energy" in outcome.reason
    assert states == {"anchor": "succeeded", "drill": "interrupted", "stow": "succeeded"}
    assert outcome.energy_j > 0.05 * 3600
