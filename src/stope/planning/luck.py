"""Luck: what durations, energies, yields and anchors will turn out to be, drawn once per mission and site.

Drawn by site and not by order of events, so that two policies on the same seed meet the same ground: paired missions.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stope.mission.errors import InputError
from stope.mission.streams import random_stream
from stope.planning.problem import Problem

Array = npt.NDArray[np.float64]
LEAST_RUNS = 10
MAX_CHARS = 10_000
_BOUNDS = ("time", "energy", "yields")


@dataclass(frozen=True, slots=True)
class Spread:
    """How far outcomes scatter about their nominal values; uniform between the bounds.

    These bounds are ASSUMED: those of the trial. `benchmarks/fit_spread.py` fits others to logs of PyBullet runs, and
    `stope plan --spread FILE` plays with them.

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


def fit_spread(time_ratios: Array, energy_ratios: Array, yield_ratios: Array | None, strength: float = 1.0) -> Spread:
    """The spread whose bounds are the 2nd and 98th percentile of measured over nominal values.

    Args:
        yield_ratios: None leaves the assumed ones.

    Raises:
        ValueError: fewer than `LEAST_RUNS` values of one kind, or one that is not a positive number: no spread follows
            from that.
    """

    def bounds(ratios: Array) -> tuple[float, float]:
        values = np.asarray(ratios, np.float64)
        if len(values) < LEAST_RUNS or not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(f"need at least {LEAST_RUNS} positive ratios of measured over nominal, got {len(values)}")
        low, high = np.quantile(values, [0.02, 0.98])
        return float(low), float(high)

    yields = Spread().yields if yield_ratios is None else bounds(yield_ratios)
    return Spread(bounds(time_ratios), bounds(energy_ratios), yields, strength)


def write_spread(spread: Spread, file: Path) -> None:
    """Write it as JSON."""
    file.write_text(json.dumps(asdict(spread), indent=1) + "\n", encoding="utf-8")


def read_spread(file: Path) -> Spread:
    """A spread that was written.

    Raises:
        InputError: missing, or its bounds are not ordered positive numbers.
    """
    try:
        with file.open(encoding="utf-8") as stream:
            told = json.loads(stream.read(MAX_CHARS))
        time, energy, yields = ((float(low), float(high)) for low, high in (told[name] for name in _BOUNDS))
        found = Spread(time, energy, yields, float(told["strength"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            str(file), read=f"something else ({error})", expected="a spread, as fit_spread writes"
        ) from None
    for name in _BOUNDS:
        bounds = getattr(found, name)
        if not 0 < bounds[0] <= bounds[1] < math.inf:
            raise InputError(str(file), field=name, read=str(list(bounds)), expected="two ordered positive numbers")
    if not 0 <= found.strength < math.inf:
        raise InputError(str(file), field="strength", read=str(found.strength), expected="a number of at least 0")
    return found
