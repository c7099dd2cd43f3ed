"""Forecast: one plan played many times with drawn luck, and what came of it as a distribution with margins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stope.mission.planfile import DEPOT, Activity
from stope.planning.closedloop import Outcome, outcome
from stope.planning.luck import Spread, draw_luck
from stope.planning.problem import Problem
from stope.planning.replanner import play
from stope.planning.world import Leg, World


@dataclass(frozen=True, slots=True)
class Forecast:
    """Outcome of `missions` plays of a plan without replanning.

    Attributes:
        value, collected_kg: 5, 50 and 95 % quantiles.
        good: part that ended fair and broke no hard limit, with its 95 % interval (Wilson).
        fair, kept: parts that ended fair, and that broke no hard limit.
        margin_min: 5, 50 and 95 % quantiles of minutes left at the last return.
        broken: how often each hard limit was broken.
    """

    missions: int
    value: tuple[float, float, float]
    collected_kg: tuple[float, float, float]
    good: tuple[float, float, float]
    fair: float
    kept: float
    margin_min: tuple[float, float, float]
    broken: dict[str, int]


def forecast(nominal: Problem, plan: Sequence[Activity], missions: int, seed: int, spread: Spread) -> Forecast:
    """Play `plan` on `missions` draws: flexible starts, failed sites are skipped, nothing is planned anew.

    Args:
        nominal: the problem without margins: durations as they are expected.
    """
    legs = legs_of_plan(nominal, plan)
    ends: list[Outcome] = []
    margins = []
    for k in range(missions):
        world = World(nominal, draw_luck(nominal, seed + k, spread))
        play(world, legs)
        ends.append(outcome(world))
        margins.append(nominal.horizon - max(rover.time for rover in world.rovers))
    broken = Counter(" ".join(v.split()[2:]) for end in ends for v in end.violations)
    good = sum(end.good for end in ends)
    return Forecast(
        missions,
        _quantiles([end.value for end in ends]),
        _quantiles([end.collected_kg for end in ends]),
        (good / missions, *wilson(good, missions)),
        sum(end.fair for end in ends) / missions,
        sum(not end.violations for end in ends) / missions,
        _quantiles(margins),
        dict(broken.most_common(5)),
    )


def legs_of_plan(problem: Problem, plan: Sequence[Activity]) -> list[list[Leg]]:
    """Per robot: where it goes, and the minutes that it is to charge there before its activity."""
    nodes = {site.name: site.number for site in problem.sites} | {DEPOT: 0}
    found: list[list[Leg]] = [[] for _ in problem.robots]
    for robot, legs in enumerate(found):
        charge = 0
        for a in sorted((a for a in plan if a.robot == robot), key=lambda each: each.start_min):
            if a.task == "charge":
                charge += a.end_min - a.start_min
            elif a.task == "approach":
                charge = 0
            elif a.task == "unload" or a.task == problem.site(max(1, nodes[a.site])).steps[0].task:
                legs.append(Leg(nodes[a.site], charge))
                charge = 0
    return found


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927)."""
    z = 1.96
    centre = (hits + z * z / 2) / (trials + z * z)
    half = z * np.sqrt(hits * (trials - hits) / trials + z * z / 4) / (trials + z * z)
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def _quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(np.asarray(values, np.float64), [0.05, 0.5, 0.95])
    return float(low), float(middle), float(high)


__all__ = ["Forecast", "forecast", "legs_of_plan", "wilson"]
