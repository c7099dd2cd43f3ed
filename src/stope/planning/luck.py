"""Luck: what durations, energies, yields and anchors will turn out to be, drawn once per mission and site.

Drawn by site and not by order of events, so that two policies on the same seed meet the same ground: paired missions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stope.mission.streams import random_stream
from stope.planning.problem import Problem

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """How far outcomes scatter about their nominal values; uniform between the bounds.

    ASSUMED until enough PyBullet runs are fitted: the bounds of the trial. `fit_spread` replaces them by measured ones.

    Attributes:
        time, energy: factors on durations and energies.
        yields: factor on the mass of a visit.
        strength: factor on every site's probability to hold; 0.75 are anchors 25 % worse than modelled.
    """

    time: tuple[float, float] = (0.85, 1.3)
    energy: tuple[float, float] = (0.85, 1.3)
    yields: tuple[float, float] = (0.95, 1.0)
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Luck:
    """(K+1) entries each: what happens at each node: factors, and whether the anchors hold. Index 0 is the depot."""

    work_time: list[float]
    work_energy: list[float]
    way: list[float]
    mass: list[float]
    holds: list[bool]


def draw_luck(problem: Problem, seed: int, spread: Spread) -> Luck:
    """The luck of mission `seed`; equal arguments give equal luck."""
    nodes = len(problem.sites) + 1

    def stream(name: str, bounds: tuple[float, float]) -> list[float]:
        drawn: list[float] = random_stream(seed, f"luck {name}").uniform(bounds[0], bounds[1], nodes).tolist()
        return drawn

    hold = np.array([1.0, *(site.hold for site in problem.sites)]) * spread.strength
    hold[0] = 1.0
    return Luck(
        stream("work time", spread.time),
        stream("work energy", spread.energy),
        stream("way", spread.time),
        stream("mass", spread.yields),
        (random_stream(seed, "luck anchors").uniform(0.0, 1.0, nodes) < hold).tolist(),
    )


def fit_spread(time_ratios: Array, energy_ratios: Array, yield_ratios: Array, strength: float = 1.0) -> Spread:
    """The spread whose bounds are the 2nd and 98th percentile of measured over nominal values.

    Raises:
        ValueError: fewer than 10 values of one kind, or one that is not a positive number: no spread follows from that.
    """

    def bounds(ratios: Array) -> tuple[float, float]:
        values = np.asarray(ratios, np.float64)
        if len(values) < 10 or not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"need at least 10 positive ratios of measured over nominal, got {values}")
        low, high = np.quantile(values, [0.02, 0.98])
        return float(low), float(high)

    return Spread(bounds(time_ratios), bounds(energy_ratios), bounds(yield_ratios), strength)
