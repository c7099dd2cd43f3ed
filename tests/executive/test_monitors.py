"""Monitors: each row of the table that the executive watches is raised after its time, not before, and answered."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest
from stub_tasks import Play

from stope.control.goal import View
from stope.executive.faults.table import find_fault, load_faults
from stope.executive.monitors import Monitors, standard_monitors

#: Rows with tests of their own: one needs a limit, one a sampler (tests/session/test_sampling_missions.py).
APART = ("power.energy_low", "sampler.valve_open")
ACTED = [row for row in load_faults() if row.action and row.id not in APART]
TICK_US = 50_000


class Vec(list):
    """As much of an array as monitors look at."""

    def ravel(self) -> Vec:
        return self

    def tolist(self) -> list[float]:
        return list(self)


class Robot:
    """Readings of a healthy robot at work, and a way to break each of them."""

    def __init__(self) -> None:
        self.broken = ""
        self.seq = 0
        self.last_us = 0

    def __call__(self, time_s: float) -> View:
        now_us, bad = round(time_s * 1e6), self.broken
        self.seq += 1
        noise = 1e-6 * (self.seq % 7)
        still = bad == "imu.frozen"
        if bad != "telemetry.stale":
            self.last_us = now_us
        obs = SimpleNamespace(
            time_us=self.last_us + (600_000 if bad == "clock.jump" else 0),
            seq=self.seq,
            imu_gyro_rad_s=Vec([0.0 if still else noise] * 3),
            imu_accel_m_s2=Vec([0.0 if still else noise] * 3),
            joint_position=Vec([noise] * 3),
            joint_effort=Vec([noise] * 3),
            limb_force_n=Vec([noise] * 3),
            anchor_slip_m=Vec([0.0] * 3),
            drum_fill=Vec([0.0] * 3),
            weight_on_bit_n=30.0 if bad == "load_cell.frozen" else 90.0 if bad == "drill.over_weight" else 30.0 + noise,
            bin_fill=0.2 if bad == "collector.leak" else 0.5,
            propellant_kg=math.nan if bad == "telemetry.gap" else 0.4,
            bus_voltage_v=20.0 if bad == "power.bus_low" else 28.0,
            energy_used_j=1000.0,
            applied=SimpleNamespace(refused=bad == "command.refused"),
            health=SimpleNamespace(dropped=self.seq if bad == "link.gaps" else 0, bad_frames=0),
        )
        creep = 0.02 if bad == "robot.creep" else 0.001
        margin = -0.5 if bad == "anchor.overloaded" else 0.4
        estimate = SimpleNamespace(residual_m=creep)
        return cast(View, SimpleNamespace(obs=obs, estimate=estimate, margin=margin, reserve_n=60.0))


def play(hold: str = "drill") -> tuple[Play, Robot]:
    robot = Robot()
    monitors = Monitors(standard_monitors(28.0, math.inf, frozenset({"drill", "collect"})))
    made = Play(monitors=monitors, hold=frozenset({hold}))
    made.view = robot
    made.until(hold)
    made.tick(40)
    assert made.executive.desk.raised == []
    return made, robot


@pytest.mark.parametrize("row", ACTED, ids=lambda row: row.id)
def test_a_row_is_raised_after_its_time_and_not_before(row: Any) -> None:
    """And its response is the table's: the tool comes home, and what the action says follows."""
    made, robot = play()
    robot.broken = row.id
    began = made.time_s
    latest = row.time_s + row.threshold * (row.unit in ("s", "1/s")) + 0.15
    while not made.executive.desk.raised and made.time_s < began + 5.0:
        made.tick()
    raised = made.executive.desk.raised
    assert [each.row.id for each in raised] == [row.id]
    assert row.time_s - 0.051 <= made.time_s - began <= latest
    assert raised[0].sentence
    made.hold.clear()
    made.run()
    states, drill = made.states, made.executive.activities[3]
    if row.action == "note" or raised[0].tool == "collect":
        assert states["collect"] == ("refused" if raised[0].tool else "succeeded")
        states["collect"] = "succeeded"
        assert set(states.values()) == {"succeeded"}
        return
    assert drill.state in ("failed", "interrupted")
    assert drill.code == row.id
    if row.action == "park":
        assert (states["collect"], states["stow"], states["release"]) == ("skipped", "succeeded", "skipped")
    elif row.action == "stop":
        assert made.executive.desk.ended is not None
        assert made.begun[-1] == "drill"
    else:
        assert states["collect"] == states["release"] == "succeeded"


def test_a_row_is_raised_once_until_it_is_clear_again() -> None:
    made, robot = play()
    for _ in range(2):
        robot.broken = "link.gaps"
        made.tick(100)
        robot.broken = ""
        made.tick(100)
    assert [each.row.id for each in made.executive.desk.raised] == ["link.gaps"] * 2


def test_every_action_of_the_table_has_a_monitor_and_every_monitor_a_row() -> None:
    watched = {monitor.row.id for monitor in standard_monitors(28.0, 1.0, frozenset({"drill", "sample"}))}
    assert watched == {row.id for row in load_faults() if row.action}


def test_energy_is_counted_against_the_missions_limit() -> None:
    """The row's threshold is a share of it; without a limit it is never raised."""
    assert find_fault("power.energy_low").action == "park"
    robot = Robot()
    made = Play(monitors=Monitors(standard_monitors(28.0, 999.0, frozenset({"drill"}))), hold=frozenset({"drill"}))
    made.view = robot
    made.run()
    assert made.executive.desk.ended is not None
    assert made.executive.desk.ended.code == "power.energy_low"
    assert made.states["drill"] == "skipped"  # it was so from the start, and descent and anchoring still took place
    assert (made.states["anchor"], made.states["release"]) == ("succeeded", "skipped")


@pytest.mark.parametrize("task", ["descend", "anchor"])
def test_a_robot_that_is_not_anchored_yet_is_anchored_before_it_parks(task: str) -> None:
    made, robot = play(task)
    robot.broken = "power.bus_low"
    made.tick(20)
    made.hold.clear()
    made.run()
    assert made.states["anchor"] == "succeeded"
    assert made.states["pull_test"] == made.states["release"] == "skipped"
