"""Closed loop: a mission on the activity-level simulator under a policy: replanning, or one to compare it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from stope.planning.anomaly import Anomaly
from stope.planning.luck import Luck
from stope.planning.margins import widen
from stope.planning.problem import Problem
from stope.planning.replanner import Decision, Policy, Replanner, Situation, legs_of, play
from stope.planning.schedule import place_name
from stope.planning.solver import Ask, Route, search_tables, solve
from stope.planning.validator import outside_band
from stope.planning.world import Event, Leg, World

#: replan: after each activity. open_loop: one plan, failures are skipped. pause: as that, but after a failure all wait
#: for the next communication window, in which the ground plans anew. greedy: the best next site by value per minute
#: that keeps shares inside the band, no look-ahead.
Name = Literal["replan", "open_loop", "pause", "greedy"]


class Planner(Protocol):
    """Who makes a new plan: a `Replanner`, or one in a process of its own."""

    def replan(self, now: Situation, current: Sequence[Route], reason: str) -> Decision:
        """What to do from now on."""

    def ask(self, now: Situation, current: Sequence[Route], reason: str) -> Callable[[], Decision]:
        """Put the question and, where planning has a process of its own, return at once; calling gives the answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a mission ended.

    Attributes:
        value: realised, in units of value. collected_kg: everybody's.
        unfair_kg: outside the agreement's band. violations: hard limits that were broken.
        log: the decisions, in order.
    """

    value: float
    collected_kg: float
    unfair_kg: float
    failures: int
    visited: int
    violations: tuple[str, ...]
    log: tuple[Decision, ...] = ()

    @property
    def fair(self) -> bool:
        """Shares inside the band."""
        return self.unfair_kg <= 0.0

    @property
    def good(self) -> bool:
        """Fair, and no hard limit broken."""
        return self.fair and not self.violations


def run_mission(nominal: Problem, luck: Luck, name: Name, policy: Policy, seed: int) -> Outcome:
    """One mission on `luck` under the policy called `name`; deterministic in its arguments."""
    world = World(nominal, luck)
    if name == "greedy":
        _greedy(world, policy)
        return outcome(world)
    planner = Replanner(nominal, policy, seed)
    decision = planner.replan(situation(world), ((),) * len(nominal.robots), "start")
    if name == "open_loop":
        play(world, decision.legs)
        return outcome(world, (decision,))
    log = carry_out(world, decision, planner, lambda event: _asks(name, event, world))
    return outcome(world, tuple(log))


def carry_out(world: World, first: Decision, planner: Planner, asks: Callable[[Event], bool]) -> list[Decision]:
    """Carry out `first` and what `planner` makes of it after each event that `asks`; all decisions, in order.

    The robot that is free first always acts next. At the end all are sent home. An anomaly is planned for while what
    runs goes on to its end, frozen; the answer is taken up there, and from what has really come of it planned anew.
    """
    log = [first]
    routes, legs = [list(r) for r in first.routes], [list(each) for each in first.legs]
    answers: list[Callable[[], Decision]] = []

    def notice(anomaly: Anomaly) -> None:
        after: list[Route] = [tuple(r[1:] if k == anomaly.robot else r) for k, r in enumerate(routes)]
        reason = (
            f"{anomaly.code} in minute {anomaly.minute:.0f} at {place_name(world.problem, anomaly.node)}:"
            f" {anomaly.reason}; frozen until minute {anomaly.until.time}"
        )
        answers.append(planner.ask(expected(world, anomaly), tuple(after), reason))

    world.on_anomaly = notice
    while any(legs):
        robot = min((r for r, each in enumerate(legs) if each), key=lambda r: (world.rovers[r].time, r))
        event = world.carry_out(robot, legs[robot][0])
        if event.what == "waiting":
            continue
        legs[robot].pop(0)
        routes[robot].pop(0)
        for answer in answers:
            log.append(answer())
            routes, legs = [list(r) for r in log[-1].routes], [list(each) for each in log[-1].legs]
        answers.clear()
        if not asks(event):
            continue
        rest: tuple[Route, ...] = tuple(tuple(route) for route in routes)
        reason = f"{event.what} {place_name(world.problem, event.node)}"
        decision = planner.replan(situation(world), rest, reason)
        log.append(decision)
        routes, legs = [list(r) for r in decision.routes], [list(each) for each in decision.legs]
    for robot in range(len(world.rovers)):
        world.go_home(robot)
    return log


def situation(world: World) -> Situation:
    """What planners may know of the world."""
    return Situation(
        tuple(rover.state() for rover in world.rovers),
        tuple(round(g) for g in world.collected),
        round(world.common),
        tuple(round(g) for g in world.deposit),
        frozenset(world.done),
        tuple(world.outcomes),
        frozenset(world.lost),
    )


def expected(world: World, anomaly: Anomaly) -> Situation:
    """What planners may know when an anomaly comes up: it is expected where and when it will be free again."""
    now = situation(world)
    robots = tuple(anomaly.until if k == anomaly.robot else each for k, each in enumerate(now.robots))
    return replace(now, robots=robots, done=now.done | {anomaly.node})


def outcome(world: World, log: tuple[Decision, ...] = ()) -> Outcome:
    """The books of a mission that has ended."""
    own = [round(g) for g in world.collected]
    unfair, _ = outside_band(world.problem.agreement, own, round(world.common))
    total = (sum(world.collected) + world.common) / 1000
    held = sum(passed for _, _, passed in world.outcomes)
    return Outcome(world.value / 100, total, unfair / 1e6, world.failures, held, tuple(world.violations), log)


def _asks(name: Name, event: Event, world: World) -> bool:
    """Whether this event leads to a new plan; the pause policy first waits for the end of a window."""
    if name != "pause":
        return True
    if event.what != "failed":
        return False
    now = max(rover.time for rover in world.rovers)
    end = next((end for begin, end in sorted(world.problem.comm) if begin >= now), None)
    if end is None or end >= world.problem.horizon:
        return False
    for rover in world.rovers:
        world.wait_until(rover, end)
    return True


def _greedy(world: World, policy: Policy) -> None:
    """Always the next site with the most value per minute among those after which shares are still in the band."""
    open_robots = set(range(len(world.rovers)))
    while open_robots:
        robot = min(open_robots, key=lambda r: (world.rovers[r].time, r))
        leg = _greedy_leg(world, robot, policy)
        if leg is None:
            world.go_home(robot)
            open_robots.discard(robot)
            continue
        for each in leg:
            while world.carry_out(robot, each).what == "waiting":
                pass


def _greedy_leg(world: World, robot: int, policy: Policy) -> tuple[Leg, ...] | None:
    now = situation(world)
    left = tuple(max(0, a - b) for a, b in zip(world.problem.agreement.deposit_left_g, now.taken_g, strict=True))
    agreement = replace(
        world.problem.agreement, collected_g=now.collected_g, common_g=now.common_g, deposit_left_g=left
    )
    problem = replace(world.problem, robots=(now.robots[robot],), agreement=agreement, zones=frozenset())
    problem = widen(problem, policy.time, policy.energy)
    best: tuple[float, tuple[Leg, ...]] | None = None
    made = search_tables(problem)
    for site in problem.sites:
        if site.number in now.done or site.gain <= 0 or site.forbidden:
            continue
        own = [g + (site.mass_g if p == site.partner else 0) for p, g in enumerate(now.collected_g)]
        if outside_band(agreement, own, now.common_g + (site.mass_g if site.partner < 0 else 0))[0]:
            continue
        found = solve(problem, Ask(1, only=frozenset({site.number})), made=made)
        if not found.routes[0]:
            continue
        end = int(found.rows[0, len(found.routes[0]), 1])
        rate = found.value / (end - now.robots[robot].time + 1)
        if best is None or rate > best[0]:
            best = (rate, legs_of(found)[0])
    return best[1] if best else None


__all__ = ["Name", "Outcome", "Planner", "carry_out", "expected", "outcome", "run_mission", "situation"]
