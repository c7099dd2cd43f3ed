"""How missions scatter: durations, energies, yields and grips of PyBullet runs from their logs, for the planner's luck.

Runs of one mission that differ in nothing but the seed are compared with their median: what a plan counts as a visit's
nominal duration is that visit at its usual pace. A whole run from the first grip to the end counts once, because the
activity-level simulator draws one factor a visit.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from stope.planning.luck import LEAST_RUNS, Spread, fit_spread
from stope.tasklog.info import describe
from stope.tasklog.reader import read

#: A run is one visit from here on; the way before it is another activity.
FIRST = "anchor"


@dataclass(frozen=True, slots=True)
class Visit:
    """What one run came to.

    Attributes:
        kind: equal for runs that differ in their seeds alone.
        minutes, energy_j: from the first grip to the end of the last task that succeeded.
        mass_kg: collected. held: whether it gripped.
    """

    kind: str
    minutes: float
    energy_j: float
    mass_kg: float
    held: bool


def visit_of(log: Path) -> Visit | None:
    """The visit in one run's log; None where no grip was tried, or the run was broken off.

    Raises:
        TaskLogError: it is no log of ours.
    """
    info = describe(log)
    header = info.header
    if header is None or not info.complete:
        return None
    asked = json.loads(header.mission_json)
    mission = asked.get("mission", asked)
    wanted = {name: mission[name] for name in mission if name not in ("seed", "name", "description", "start_utc")}
    kind = json.dumps([wanted, header.robot, header.stope_version], sort_keys=True)
    begun: int | None = None
    ended: dict[str, str] = {}
    end_us, mass_kg, energy = 0, 0.0, [(0, 0.0)]
    for each in read(log, ("/task/event", "/task/progress", "/robot/observation")):
        message = each.message
        if each.topic == "/robot/observation":
            energy.append((each.time_us, message.energy_used_j))
        elif each.topic == "/task/progress":
            mass_kg = max(mass_kg, message.mass_collected_kg)
        else:
            phase = message.Phase.Name(message.phase)
            if message.task == FIRST and phase == "PHASE_STARTED" and begun is None:
                begun = each.time_us
            elif phase not in ("PHASE_STARTED", "PHASE_RETRIED"):
                ended[message.task], end_us = phase, each.time_us
    if begun is None or not ended:
        return None
    times, used = zip(*energy, strict=True)
    spent = np.interp([begun, end_us], times, used)
    whole = all(phase == "PHASE_SUCCEEDED" for phase in ended.values())
    held = ended.get("pull_test", ended.get(FIRST)) == "PHASE_SUCCEEDED"
    if not whole and held:
        return None  # faults were injected or orders given: that is another table's business
    return Visit(kind, (end_us - begun) / 60e6, float(spent[1] - spent[0]), mass_kg, held)


def spread_of(visits: Iterable[Visit]) -> tuple[Spread, str]:
    """The spread over all kinds with at least two whole visits, and on how many runs it rests.

    Raises:
        ValueError: fewer than `LEAST_RUNS` visits are left.
    """
    kinds: dict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        kinds[visit.kind].append(visit)
    time, energy, mass, tried, held = [], [], [], 0, 0
    for group in kinds.values():
        good = [visit for visit in group if visit.held]
        tried, held = tried + len(group), held + len(good)
        if len(good) < 2:
            continue
        time += _ratios([visit.minutes for visit in good])
        energy += _ratios([visit.energy_j for visit in good])
        if all(visit.mass_kg > 0 for visit in good):
            mass += _ratios([visit.mass_kg for visit in good])
    found = fit_spread(np.array(time), np.array(energy), np.array(mass) if len(mass) >= LEAST_RUNS else None)
    told = f"{len(time)} visits of {len(kinds)} kinds; {held} of {tried} runs gripped"
    return found, told if len(mass) >= LEAST_RUNS else f"{told}; too few collected for a spread of yields: assumed"


def _ratios(values: Sequence[float]) -> list[float]:
    middle = median(values)
    return [value / middle for value in values]


__all__ = ["Visit", "spread_of", "visit_of"]
