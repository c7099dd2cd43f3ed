"""Anomalies: planned for while what runs goes on to its end; the answer is taken up there, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from stope.planning.anomaly import Anomaly, cut_short, expected_end
from stope.planning.closedloop import carry_out, expected, situation
from stope.planning.luck import Luck, Spread
from stope.planning.minebench import minebench
from stope.planning.problem import Problem, WorkSite
from stope.planning.replanner import Decision, Policy, Replanner, Situation
from stope.planning.solver import Route
from stope.planning.world import Event, World

PROBLEM = minebench(8, 1, 0)
POLICY = Policy(iterations=60, rollouts=3)


class Trouble(World):
    """In the first visit that drills, the drill is lost."""

    def __init__(self, problem: Problem) -> None:
        nodes = len(problem.sites) + 1
        super().__init__(problem, Luck([1.0] * nodes, [1.0] * nodes, [1.0] * nodes, [1.0] * nodes, [True] * nodes))
        self.told: list[Anomaly] = []
        self.visits: list[int] = []

    def visit(self, robot: int, site: WorkSite) -> Event:
        self.visits.append(site.number)
        if "drill" in {step.task for step in site.steps} and not self.lost:
            rover = self.rovers[robot]
            begun, until = expected_end(rover.state(), site, "drill", round(rover.time))
            self.lost.add("drill")
            self.broken_off[site.number] = "drill"
            self.told.append(Anomaly(robot, site.number, begun, "drill", "bit.broken", "it cuts nothing", until))
            self.on_anomaly(self.told[-1])
        return super().visit(robot, site)


class Heard(Replanner):
    """Remembers what was asked and when answers were taken up."""

    def __init__(self, world: World) -> None:
        super().__init__(PROBLEM, POLICY, 3, Spread())
        self.world, self.asked, self.taken_at = world, [], []

    def ask(self, now: Situation, current: Sequence[Route], reason: str) -> Callable[[], Decision]:
        self.asked.append((now, tuple(current)))
        answer = super().ask(now, current, reason)

        def take() -> Decision:
            self.taken_at.append(self.world.rovers[0].time)
            return answer()

        return take


def test_a_lost_drill_is_planned_for_at_once_and_taken_up_when_the_robot_is_free() -> None:
    world = Trouble(PROBLEM)
    planner = Heard(world)
    first = planner.replan(situation(world), ((),), "start")
    log = carry_out(world, first, planner, lambda _event: True)
    drilled = {site.number for site in PROBLEM.sites if "drill" in {step.task for step in site.steps}}
    (anomaly,) = world.told
    (now, current), (taken_min,) = planner.asked[0], planner.taken_at
    assert len(planner.asked) == 1
    assert anomaly.minute < taken_min <= anomaly.until.time  # what was frozen took no longer than expected
    assert now.robots[0] == anomaly.until
    assert now.lost == {"drill"}
    assert anomaly.node in now.done
    assert anomaly.node not in {node for route in current for node, _ in route}
    assert len(drilled & {node for node, _ in first.routes[0]}) > 1  # else nothing would have to be dropped
    assert drilled & set(world.visits) == {anomaly.node}
    at = next(k for k, each in enumerate(log) if "bit.broken" in each.reason)
    assert f"frozen until minute {anomaly.until.time}" in log[at].reason
    assert log[at].swapped
    assert any(change.startswith("drops ") for change in log[at].changes)
    assert "can no longer be worked" in log[at].reason
    assert not drilled & {node for route in log[at].routes for node, _ in route}
    assert world.violations == []


def test_a_site_that_cannot_be_worked_is_no_longer_demanded() -> None:
    site = next(each for each in PROBLEM.sites if "drill" in {step.task for step in each.steps})
    wanted = tuple(replace(each, demanded=each == site) for each in PROBLEM.sites)
    asked = replace(PROBLEM, sites=wanted)
    world = World(asked, Trouble(PROBLEM).luck)
    world.lost.add("drill")
    told = Replanner(asked, POLICY, 0).question(situation(world)).site(site.number)
    assert told.forbidden == "its drill was lost"
    assert not told.demanded


def test_what_is_frozen_is_the_running_task_and_the_leaving() -> None:
    site = next(each for each in PROBLEM.sites if "drill" in {step.task for step in each.steps})
    names = [step.task for step in cut_short(site, "drill")]
    assert names == ["survey", "anchor", "pull_test", "drill", "stow", "release"]
    begun, until = expected_end(PROBLEM.robots[0], site, "drill", 100)
    assert begun == 100 + site.cut_from
    left = sum(step.minutes for step in site.steps if step.task in ("drill", "stow", "release"))
    assert until.time == pytest.approx(begun + 1.2 * left, abs=1.0)
    assert until.level < PROBLEM.robots[0].level
    assert until.node == site.number


def test_the_end_of_what_is_frozen_is_where_planning_starts() -> None:
    world = Trouble(PROBLEM)
    site = PROBLEM.sites[0]
    _, until = expected_end(PROBLEM.robots[0], site, site.cut_task, 0)
    now = expected(world, Anomaly(0, site.number, 5.0, site.cut_task, "robot.creep", "it moves", until))
    assert now.robots == (until,)
    assert now.done == {site.number}
