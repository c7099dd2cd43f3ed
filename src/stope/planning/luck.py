"""Luck: what durations, energies, yields and anchors will turn out to be, drawn once per mission and site.

Drawn by site and not by order of events, so that two policies on the same seed meet the same ground: paired missions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stope.mission.streams import random_stream
from stope.planning.problem import Problem

Array = npt.NDArray[np.float64]
#: Values that the distribution does not exceed with probabilities 0 to 1 in even steps; two are a uniform one.
Quantiles = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How outcomes scatter about their nominal values. These defaults are ASSUMED, by the trial of 2026-11-22.

    What PyBullet runs say instead, and what none of them measures, is `spreadfile.usual_spread`.

    Attributes:
        time, energy: factors on a visit's duration and energy.
        way: factor on the duration of a way, and on its energy.
        yields: factor on the mass of a visit.
        strength: factor on every site's probability to hold; 0.75 are anchors 25 % worse than modelled.
    """

    time: Quantiles = (0.85, 1.3)
    energy: Quantiles = (0.85, 1.3)
    way: Quantiles = (0.85, 1.3)
    yields: Quantiles = (0.95, 1.0)
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
    """The luck of mission `seed`; equal arguments give equal luck.

    A visit that takes long takes much energy: in PyBullet their ranks agree to 0.99, so one chance decides both.
    """
    nodes = len(problem.sites) + 1

    def stream(name: str, quantiles: Quantiles) -> list[float]:
        chance = random_stream(seed, f"luck {name}").uniform(0.0, 1.0, nodes)
        drawn: list[float] = value_at(quantiles, chance).tolist()
        return drawn

    hold = np.array([1.0, *(site.hold for site in problem.sites)]) * spread.strength
    hold[0] = 1.0
    return Luck(
        stream("work", spread.time),
        stream("work", spread.energy),
        stream("way", spread.way),
        stream("mass", spread.yields),
        (random_stream(seed, "luck anchors").uniform(0.0, 1.0, nodes) < hold).tolist(),
    )


def value_at(quantiles: Sequence[float], chance: npt.ArrayLike) -> Array:
    """Values that are not exceeded with the probabilities `chance`: the quantile function, linear in between."""
    steps = np.linspace(0.0, 1.0, len(quantiles))
    return np.asarray(np.interp(np.asarray(chance, np.float64), steps, quantiles), np.float64)
