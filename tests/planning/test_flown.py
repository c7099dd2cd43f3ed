"""A plan that is flown: judged before, planned anew on the way, each new plan judged; the difference is in the log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stope.mission.expedition import Margins
from stope.mission.planfile import Plan
from stope.planning.flying import Judged, PlanRefusedError, fly
from stope.planning.luck import Spread, draw_luck
from stope.planning.margins import widen
from stope.planning.minebench import minebench
from stope.planning.problem import Problem
from stope.planning.replanner import Decision, Policy, Replanner
from stope.planning.schedule import make_plan
from stope.planning.solver import Ask, solve
from stope.planning.world import Event, World

NOMINAL = minebench(8, 1, 0)
POLICY = Policy(iterations=60, rollouts=3)


def planned() -> tuple[Problem, Plan]:
    asked = widen(NOMINAL, 1.2, 1.25)
    return asked, make_plan(asked, solve(asked, Ask(200)), "0" * 64, 0, 200, Margins())


def test_a_plan_is_flown_and_planned_anew_after_each_activity() -> None:
    asked, plan = planned()
    events: list[Event] = []
    inner = Replanner(NOMINAL, POLICY, 0)
    judged = Judged(inner, inner)
    end = fly(World(NOMINAL, draw_luck(NOMINAL, 3, Spread())), asked, plan, judged, events.append)
    assert len(end.log) == 1 + len(events)
    assert end.good
    assert end.value > 0.5 * plan.value
    assert judged.refused == []
    assert all(decision.reason for decision in end.log)
    assert all(decision.changes for decision in end.log[1:] if decision.swapped)


def test_a_plan_that_the_validator_refuses_does_not_run() -> None:
    asked, plan = planned()
    late = tuple(each.model_copy(update={"end_min": each.end_min - 1}) if each.task == "survey" else each
                 for each in plan.activities)  # fmt: skip
    world = World(NOMINAL, draw_luck(NOMINAL, 3, Spread()))
    with pytest.raises(PlanRefusedError, match="duration"):
        fly(world, asked, plan.model_copy(update={"activities": late}), Replanner(NOMINAL, POLICY, 0), lambda _e: None)
    assert world.rovers[0].time == 0
    assert world.done == set()


def test_a_new_plan_that_breaks_a_limit_is_not_taken_up() -> None:
    """A planner gone wrong: its plans skip a pull test. Each is refused, and the first plan is flown to its end."""
    asked, plan = planned()

    class Wrong(Replanner):
        def replan(self, *arguments: object) -> Decision:
            found = super().replan(*arguments)
            cut = tuple(each for each in found.activities if each.task != "pull_test")
            return replace(found, activities=cut, routes=((),), legs=((),), swapped=True)

    wrong = Judged(Wrong(NOMINAL, POLICY, 0), Replanner(NOMINAL, POLICY, 0))
    end = fly(World(NOMINAL, draw_luck(NOMINAL, 3, Spread())), asked, plan, wrong, lambda _event: None)
    assert end.visited >= 3
    assert wrong.refused
    assert all("plan.invalid" in sentence for sentence in wrong.refused)
