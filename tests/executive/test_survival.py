"""Survival and idle: asleep below the reserve, awake in the sun, awake to orders when nothing is left to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from stub_tasks import TASKS, Play

from stope.control.goal import View
from stope.executive.operator import Mode
from stope.executive.survival import LOW, MOST_SLEEP_S, Power, Survival
from stope.executive.tree import Executive

SUN = Power(
    battery_j=1000.0, level_j=1000.0, reserve_j=300.0, wake_j=600.0, charge_w=50.0,
    period_us=100_000_000, lit_us=50_000_000, first_us=50_000_000,
)  # fmt: skip


class Draining:
    """A robot that draws 100 W while `draws`."""

    def __init__(self) -> None:
        self.draws, self.used_j, self.last_s = True, 0.0, 0.0

    def __call__(self, time_s: float) -> View:
        self.used_j += (100.0 if self.draws else 0.0) * (time_s - self.last_s)
        self.last_s = time_s
        return cast(View, SimpleNamespace(obs=SimpleNamespace(time_us=round(time_s * 1e6), energy_used_j=self.used_j)))


def play(power: Power | None = SUN, stay_s: float = 0.0, hold: str = "drill") -> tuple[Play, Draining]:
    made, robot = Play(hold=frozenset({hold} - {""})), Draining()
    old = made.executive
    made.executive = _again(made, Survival(power), stay_s)
    assert old.activities != ()
    made.view = robot
    return made, robot


def _again(made: Play, survival: Survival, stay_s: float) -> Executive:
    """The play's executive, with survival and stay."""
    from stub_tasks import at

    from stope.executive.activity import Activity
    from stope.executive.task import Task

    activities = [Activity(index, task, 1e5) for index, task in enumerate(TASKS)]
    tasks = [Task(task, 1e5, made._maker(task), resources=frozenset({task})) for task in TASKS]
    recover: Any = (Activity(-1, "recover", 300.0), Task("recover", 300.0, made._maker("recover")))
    return Executive(at(0.0), activities, tasks, recover, {}, survival=survival, stay_s=stay_s)


def test_below_the_reserve_it_sleeps_anchored_and_goes_on_in_the_sun() -> None:
    made, robot = play()
    made.until("drill")
    while not made.executive.survival.asleep:
        made.tick()
    assert made.time_s == pytest.approx(7.0, abs=0.2)  # 1000 J less 300 J at 100 W
    robot.draws = False
    made.tick(5)
    drill = made.executive.activities[3]
    assert (drill.state, made.executive.desk.running) == ("waiting", None)
    assert made.executive.desk.operator.mode is Mode.PAUSED
    made.tick(20 * 20)
    assert made.begun[-1] == "drill"
    assert len(made.begun) == 4  # dark: nothing is begun, whatever is in the battery
    made.order("abort")  # heard once it is awake: survival comes before orders
    made.tick(10)
    assert drill.state == "waiting"
    assert not made.executive.finished
    while made.executive.survival.asleep:
        made.tick()
    assert made.time_s == pytest.approx(56.0, abs=0.5)  # the sun rises at 50 s; 300 J at 50 W
    made.run()
    assert made.states["release"] == "skipped"


def test_without_an_order_the_suspended_task_goes_on() -> None:
    made, robot = play()
    made.until("drill")
    while not made.executive.survival.asleep:
        made.tick()
    robot.draws = False
    while made.executive.survival.asleep:
        made.tick()
    made.tick(2)
    made.hold.clear()
    made.run()
    assert set(made.states.values()) == {"succeeded"}
    assert made.begun.count("drill") == 2
    news = [(each.task, each.state, each.code) for each in made.executive.desk.news if each.task == "drill"]
    assert [state for _, state, _ in news] == ["running", "suspended", "running", "succeeded"]
    assert news[1][2] == LOW
    assert [each.row.id for each in made.executive.desk.raised] == [LOW]


def test_a_fault_and_the_e_stop_come_before_sleep() -> None:
    for happening in ("anchors.lost", "estop"):
        made, _ = play()
        made.until("drill")
        while not made.executive.survival.asleep:
            made.tick()
        made.tick(5)
        if happening == "estop":
            made.order("estop")
        else:
            made.executive.raise_fault(happening)
        made.run()
        assert made.executive.recovery.state == ("succeeded" if happening == "anchors.lost" else "waiting")
        assert made.executive.finished


def test_it_does_not_sleep_before_it_is_anchored() -> None:
    made, _ = play(hold="descend")
    made.tick(20 * 10)
    assert made.executive.survival.asleep
    assert made.executive.desk.running is not None
    assert made.executive.desk.running.task == "descend"
    made.hold.clear()
    made.tick(10)
    assert made.begun == ["descend", "anchor"]
    assert made.executive.desk.running is None


def test_who_is_not_woken_is_parked_for_good() -> None:
    made, robot = play(Power(1000.0, 1000.0, 300.0, 600.0, 0.0, 100, 50))
    made.until("drill")
    while not made.executive.survival.asleep:
        made.tick()
    robot.draws = False
    made.tick(5)
    made.time_s += MOST_SLEEP_S
    made.run()
    assert made.executive.desk.ended is not None
    assert made.executive.desk.ended.code == "power.exhausted"
    assert made.states["stow"] == "succeeded"
    assert made.states["release"] == "skipped"


def test_a_meter_without_a_number_changes_nothing() -> None:
    survival = Survival(SUN)
    made, robot = play()
    made.tick(3)
    before = made.executive.survival.level_j
    robot.used_j = float("nan")
    made.tick(3)
    assert made.executive.survival.level_j == before
    assert survival.level_j == SUN.level_j


def test_idle_stays_listens_and_ends() -> None:
    made, robot = play(None, stay_s=30.0, hold="")
    robot.draws = False
    while not all(each.ended for each in made.executive.activities):
        made.tick()
    ended_s = made.time_s
    made.tick(20 * 10)
    assert not made.executive.finished
    assert made.executive.desk.operator.mode is Mode.IDLE
    assert len(made.executive.desk.news) == 2 * len(TASKS)  # nothing starts again, nothing is told twice
    made.tick(20 * 20)
    assert made.executive.finished
    assert made.time_s - ended_s == pytest.approx(30.0, abs=0.2)


def test_idle_hears_the_e_stop() -> None:
    made, _ = play(None, stay_s=1e6, hold="")
    while not all(each.ended for each in made.executive.activities):
        made.tick()
    made.tick(10)
    made.order("estop")
    made.tick(2)
    assert made.executive.finished
    assert made.executive.desk.ended is not None
    assert made.executive.desk.ended.code == "operator.estop"
