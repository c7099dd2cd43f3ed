"""Flying a plan: judged first, carried out activity by activity, planned anew after each, every new plan judged too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stope.mission.planfile import Plan
from stope.planning.closedloop import Outcome, Planner, carry_out, outcome
from stope.planning.forecast import legs_of_plan
from stope.planning.margins import widen
from stope.planning.problem import Problem
from stope.planning.replanner import Decision, Replanner, Situation, carry_on
from stope.planning.solver import Route
from stope.planning.validator import check_plan
from stope.planning.world import Event, World


class PlanRefusedError(ValueError):
    """The validator refuses the plan; nothing of it was carried out."""


class Judged:
    """A planner whose plans run only if the validator, which shares no code with the search, lets them.

    Args:
        inner: who plans. framing: makes the question of a situation, as the planner does.
    """

    def __init__(self, inner: Planner, framing: Replanner) -> None:
        self._inner, self._framing = inner, framing
        self.refused: list[str] = []

    def replan(self, now: Situation, current: Sequence[Route], reason: str) -> Decision:
        """The inner planner's decision, or to carry on where its plan breaks a limit."""
        return self._judge(self._inner.replan(now, current, reason), now, current, reason)

    def ask(self, now: Situation, current: Sequence[Route], reason: str) -> Callable[[], Decision]:
        """As `replan`, judged once the answer is there."""
        answer = self._inner.ask(now, current, reason)
        return lambda: self._judge(answer(), now, current, reason)

    def _judge(self, found: Decision, now: Situation, current: Sequence[Route], reason: str) -> Decision:
        if not found.activities:
            return found
        asked = widen(self._framing.question(now), *found.margins)
        complaints = check_plan(asked, found.activities)
        if not complaints:
            return found
        sentence = f"{reason}: plan.invalid: {complaints[0].group}: {complaints[0].sentence}"
        self.refused.append(sentence)
        return carry_on(current, f"{sentence}; the current plan is carried on", found.shares)


def fly(world: World, planned: Problem, plan: Plan, planner: Planner, on_event: Callable[[Event], None]) -> Outcome:
    """Carry out `plan` in `world`, planning anew after each activity.

    Args:
        planned: the problem with the plan's own margins, which it is judged against.
        on_event: told of each activity's end, before planning.

    Raises:
        PlanRefusedError: the plan breaks a limit; nothing was done.
    """
    complaints = check_plan(planned, plan.activities)
    if complaints:
        raise PlanRefusedError(f"the plan may not run: {complaints[0].group}: {complaints[0].sentence}")
    legs = tuple(tuple(each) for each in legs_of_plan(world.problem, plan.activities))
    routes = tuple(tuple((leg.node, 0) for leg in each) for each in legs)
    first = Decision(routes, legs, True, "start: the plan as it was given", (), plan.value, 1.0, 0, "", plan.activities)

    def asks(event: Event) -> bool:
        on_event(event)
        return True

    log = carry_out(world, first, planner, asks)
    return outcome(world, tuple(log))


__all__ = ["Judged", "PlanRefusedError", "fly"]
