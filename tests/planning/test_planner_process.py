"""The planner as a process: the same answers, and nobody waits for one that is late or dead."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from stope.planning.closedloop import situation
from stope.planning.luck import Spread, draw_luck
from stope.planning.minebench import minebench
from stope.planning.process import PlannerProcess
from stope.planning.replanner import Policy, Replanner
from stope.planning.world import World

PROBLEM = minebench(8, 1, 0)
POLICY = Policy(iterations=50, rollouts=3)
NOW = situation(World(PROBLEM, draw_luck(PROBLEM, 1, Spread())))


@pytest.fixture(scope="module")
def planner() -> Iterator[PlannerProcess]:
    made = PlannerProcess(PROBLEM, POLICY, 7, late_s=60.0)
    yield made
    made.close()


def test_it_answers_as_it_would_in_this_process(planner: PlannerProcess) -> None:
    here = Replanner(PROBLEM, POLICY, 7)
    assert planner.replan(NOW, ((),), "start") == here.replan(NOW, ((),), "start")
    assert planner.replan(NOW, ((),), "again") == here.replan(NOW, ((),), "again")


def test_it_is_asked_and_not_waited_for(planner: PlannerProcess) -> None:
    here = Replanner(PROBLEM, POLICY, 7)
    forgotten, newest = planner.ask(NOW, ((),), "first"), planner.ask(NOW, ((),), "second")
    here.calls = planner.calls - 1
    assert newest() == here.replan(NOW, ((),), "second")
    assert "asked anew" in forgotten().reason


def test_a_dead_planner_is_started_again(planner: PlannerProcess) -> None:
    current = (((1, 0), (2, 1)),)
    os.kill(planner.pid, signal.SIGKILL)
    planner._process.join()
    told = planner.ask(NOW, current, "while control runs")()  # at once: nothing is started while a robot must be held
    assert (told.routes, planner.restarts) == (current, 0)
    assert "died" in told.reason
    decision = planner.replan(NOW, current, "anomaly")
    again = decision if planner.restarts else planner.replan(NOW, current, "anomaly")
    assert planner.restarts == 1
    assert again.activities
    if again is not decision:  # the line took the question before it was seen to be dead
        assert decision.routes == current
        assert "died" in decision.reason


def test_a_late_planner_is_not_waited_for(planner: PlannerProcess) -> None:
    planner._late_s = 1e-4
    current = (((1, 0), (2, 1)),)
    decision = planner.replan(NOW, current, "visited ridge-1")
    assert decision.routes == current
    assert not decision.swapped
    assert decision.reason == "visited ridge-1: the planner is late, the current plan is carried on"
    assert planner.late == 1
    planner._late_s = 60.0
    assert planner.replan(NOW, current, "next").reason.startswith("next: ")  # and not the answer to the last question
