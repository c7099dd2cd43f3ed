"""Replanner: a new plan after each activity and on each anomaly, accepted only if it is better than carrying on.

The protocol. The running activities are frozen: planning starts from the state at their ends. The rest of the current
plan warms the search, whose iterations are counted and not timed. What comes out is judged by the validator, then
played through with drawn luck; if too many of those missions break a hard limit the margins are raised and the search
runs again. The new plan is swapped in whole or not at all, with what changed and why.

Shares. The search avoids visits after which shares lie (further) outside the band, so that whatever fails next, what
was collected stays fair. Where no fair way on exists it takes the least violation, and the decision tells partners.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from stope.mission.planfile import Activity
from stope.planning.difference import difference
from stope.planning.groundbelief import GroundBelief
from stope.planning.luck import Spread, draw_luck
from stope.planning.margins import widen
from stope.planning.problem import Problem, RobotState, WorkSite
from stope.planning.schedule import activities
from stope.planning.solver import Ask, Route, Solution, solve
from stope.planning.spreadfile import usual_spread
from stope.planning.tables import CHARGE_MINUTES
from stope.planning.validator import check_plan, outside_band, unavoidable_mg
from stope.planning.world import Leg, World

Decided = tuple[tuple[Activity, ...], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Policy:
    """How to replan.

    Attributes:
        iterations: of the search, each time.
        time, energy: margins to start with: on the fitted spread these earn 3 % more than 1.2 and 1.25, roll-outs raise
            them where limits would break.
        rollouts: draws of the next activities and the way home before acceptance; 0 accepts without.
        wanted: part of them that must keep every hard limit.
        keep_fair: avoid visits after which shares would be outside the band.
        learn: let pull tests at some sites change the belief about others.
        shares_margin: part of the band's slack that is planned with: yields are uncertain too.
    """

    iterations: int = 300
    time: float = 1.1
    energy: float = 1.15
    rollouts: int = 20
    wanted: float = 0.9
    keep_fair: bool = True
    learn: bool = True
    shares_margin: float = 0.9


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the mission stands at the end of the running activities.

    Attributes:
        lost: tools that faults have taken away. Only a robot that works in PyBullet or in the world loses any, and such
            an expedition has one robot.
    """

    robots: tuple[RobotState, ...]
    collected_g: tuple[int, ...]
    common_g: int
    taken_g: tuple[int, ...]
    done: frozenset[int]
    tests: tuple[tuple[str, float, bool], ...] = ()
    lost: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do from now on.

    Attributes:
        routes: per robot; legs: the same with the minutes to charge before each.
        swapped: whether this replaces the current plan; if not, its tail is carried on.
        reason: why planning was asked for, and why the plan was taken or kept.
        changes: old against new, a sentence each.
        kept_limits: part of the drawn next activities after which every hard limit held.
        unfair_mg: least violation of the shares that the plan ends with; above 0 partners are to be told `shares`.
        shares: who has what now, in words.
        activities: the plan itself, for whoever judges it; empty when the current one is carried on.
        margins: factors on time and energy that it was made with.
    """

    routes: tuple[Route, ...]
    legs: tuple[tuple[Leg, ...], ...]
    swapped: bool
    reason: str
    changes: tuple[str, ...]
    value: float
    kept_limits: float
    unfair_mg: int
    shares: str
    activities: tuple[Activity, ...] = ()
    margins: tuple[float, float] = (1.0, 1.0)


class Replanner:
    """Plans anew from each situation of one mission; the same problem, seed and situations give the same decisions.

    Args:
        spread: what roll-outs are drawn from; the usual one when None.
    """

    def __init__(self, nominal: Problem, policy: Policy, seed: int, spread: Spread | None = None) -> None:
        self.nominal, self.policy, self.seed = nominal, policy, seed
        self.spread = spread if spread is not None else usual_spread()
        self.calls = 0

    def question(self, now: Situation) -> Problem:
        """The nominal problem from here on, as believed now; what is done is out of it."""
        terms = self.nominal.agreement
        left = tuple(max(0, a - b) for a, b in zip(terms.deposit_left_g, now.taken_g, strict=True))
        agreement = replace(
            terms,
            collected_g=now.collected_g,
            common_g=now.common_g,
            deposit_left_g=left,
            slack_g=int(terms.slack_g * self.policy.shares_margin),
        )
        problem = replace(self.nominal, robots=now.robots, agreement=agreement)
        problem = GroundBelief(now.tests).applied_to(problem) if self.policy.learn else problem
        return replace(problem, sites=tuple(_as_it_is(site, now) for site in problem.sites))

    def ask(self, now: Situation, current: Sequence[Route], reason: str) -> Callable[[], Decision]:
        """Put the question; what is returned gives the answer."""
        found = self.replan(now, current, reason)
        return lambda: found

    def replan(self, now: Situation, current: Sequence[Route], reason: str) -> Decision:
        """The decision from situation `now` with the plan's rest `current`, asked for because of `reason`."""
        self.calls += 1
        problem = self.question(now)
        only = frozenset(s.number for s in problem.sites if s.number not in now.done and not s.forbidden)
        time, energy = self.policy.time, self.policy.energy
        best: tuple[float, Solution, Decided] | None = None
        for _ in range(3):
            planned = widen(problem, time, energy)
            found = self._search(planned, only, current)
            made = activities(planned, found)
            if not found.home or check_plan(planned, made):
                time, energy = 1 + 0.5 * (time - 1), 1 + 0.5 * (energy - 1)  # margins alone may forbid the way home
                continue
            kept = self._kept_limits(problem, legs_of(found), only)
            if best is None or kept > best[0]:
                best = (kept, found, (made, (time, energy)))
            if kept >= self.policy.wanted:
                break
            time, energy = time * 1.08, energy * 1.08
        return self._decide(problem, best, current, only, reason)

    def _search(self, planned: Problem, only: frozenset[int], warm: Sequence[Route]) -> Solution:
        ask = Ask(
            self.policy.iterations, self.seed, f"replan {self.calls}", only, self.policy.keep_fair,
            warm=tuple(tuple(leg for leg in route if leg[0] == 0 or leg[0] in only) for route in warm),
        )  # fmt: skip
        found = solve(planned, ask)
        # The rest of a plan that was fair as a whole may pull the search into a corner: to stay at home is fairer.
        return found if found.unfair_mg <= unavoidable_mg(planned) else solve(planned, replace(ask, warm=()))

    def _kept_limits(self, problem: Problem, legs: Sequence[Sequence[Leg]], only: frozenset[int]) -> float:
        if not self.policy.rollouts:
            return 1.0
        good = 0
        for k in range(self.policy.rollouts):
            world = World(problem, draw_luck(problem, self.seed + 7919 * self.calls + k, self.spread))
            world.done |= {s.number for s in problem.sites} - only
            # the next activity of each robot, then straight home: what comes later is planned anew by then
            play(world, [each[:1] for each in legs])
            good += not world.violations
        return good / self.policy.rollouts

    def _decide(
        self,
        problem: Problem,
        best: tuple[float, Solution, Decided] | None,
        current: Sequence[Route],
        only: frozenset[int],
        reason: str,
    ) -> Decision:
        terms = problem.agreement
        shares = outside_band(terms, terms.collected_g, terms.common_g)[1]
        if best is None:
            return carry_on(current, f"{reason}: no plan passes the validator, the current one is carried on", shares)
        kept, found, (made, margins) = best
        changes = difference(problem, current, found.routes)
        gone = sum(1 for route in current for node, _ in route if node and node not in only)
        if changes and not gone and kept < self.policy.wanted and any(current):
            tail = carry_on(current, "", shares)
            before = self._kept_limits(problem, tail.legs, only)
            if before > kept:
                why = f"all limits hold in {kept:.0%} of drawn next activities, with the current plan in {before:.0%}"
                return replace(tail, reason=f"{reason}: {why}, which is carried on")
        verdict = "a new plan" if changes else "the plan stands"
        if gone:
            verdict += f", as {gone} planned sites can no longer be worked"
        why = f"{reason}: {verdict}, {kept:.0%} of drawn next activities keep all limits"
        if found.unfair_mg:
            why += f"; no fair completion was found, least violation {found.unfair_mg / 1e6:.2f} kg"
        return Decision(
            found.routes, legs_of(found), bool(changes), why, changes, found.value / 100, kept, found.unfair_mg, shares,
            made, margins,
        )  # fmt: skip


def _as_it_is(site: WorkSite, now: Situation) -> WorkSite:
    """Forbidden where a tool is gone that it needs; a demand that was met, or cannot be, is no demand any more."""
    gone = sorted({step.task for step in site.steps} & now.lost)
    why = site.forbidden or (f"its {gone[0]} was lost" if gone else "")
    return replace(site, demanded=site.demanded and site.number not in now.done and not gone, forbidden=why)


def carry_on(current: Sequence[Route], why: str, shares: str = "") -> Decision:
    """The decision to go on with the rest of the current plan."""
    tail = tuple(tuple(route) for route in current)
    legs = tuple(tuple(Leg(node, 0) for node, _ in route) for route in tail)
    return Decision(tail, legs, False, why, (), 0.0, 0.0, 0, shares)


def legs_of(found: Solution) -> tuple[tuple[Leg, ...], ...]:
    """The solution's routes with the minutes of charging that were planned before each activity."""
    return tuple(
        tuple(Leg(node, int(found.rows[r, k + 1, CHARGE_MINUTES])) for k, (node, _) in enumerate(route))
        for r, route in enumerate(found.routes)
    )


def play(world: World, legs: Sequence[Sequence[Leg]]) -> None:
    """Carry out fixed legs to the end, the robot that is free first always next, then send all home."""
    rest = [list(each) for each in legs]
    while any(rest):
        robot = min((r for r, each in enumerate(rest) if each), key=lambda r: (world.rovers[r].time, r))
        if world.carry_out(robot, rest[robot][0]).what != "waiting":
            rest[robot].pop(0)
    for robot in range(len(rest)):
        world.go_home(robot)


__all__ = ["Decision", "Policy", "Replanner", "Situation", "carry_on", "legs_of", "play"]
