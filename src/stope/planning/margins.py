"""Margins: the same question with longer durations and higher energies, so that a plan has room for bad luck.

An optimal plan with mean durations has no slack at all: in the trial it broke at 2 % and did worse than greedy.
"""

from __future__ import annotations

import math
from dataclasses import replace

from stope.planning.problem import Matrix, Problem, WorkSite


def widen(problem: Problem, time: float, energy: float) -> Problem:
    """`problem` with durations times `time` and energies times `energy`, rounded up; gains and costs stay.

    A cutting never grows beyond the longest window that allows it, else margins alone would forbid the site.
    """
    if time == 1.0 and energy == 1.0:
        return problem
    fleet = replace(
        problem.fleet,
        downlink_minutes=problem.fleet.downlink_minutes,  # a transmission takes what it takes
        downlink_energy=_up(problem.fleet.downlink_energy, energy),
        unload_minutes=_up(problem.fleet.unload_minutes, time),
        unload_energy=_up(problem.fleet.unload_energy, energy),
    )
    return replace(
        problem,
        sites=tuple(_site(site, time, energy) for site in problem.sites),
        travel_minutes=_matrix(problem.travel_minutes, time),
        travel_energy=_matrix(problem.travel_energy, energy),
        fleet=fleet,
    )


def _site(site: WorkSite, time: float, energy: float) -> WorkSite:
    longest = max((end - begin for begin, end in site.cut_windows), default=0)
    steps = []
    for step in site.steps:
        minutes = _up(step.minutes, time)
        if step.task == site.cut_task:
            minutes = max(step.minutes, min(minutes, longest))
        steps.append(replace(step, minutes=minutes, energy=_up(step.energy, energy)))
    return replace(site, steps=tuple(steps))


def _matrix(rows: Matrix, factor: float) -> Matrix:
    return tuple(tuple(_up(each, factor) for each in row) for row in rows)


def _up(value: int, factor: float) -> int:
    return math.ceil(value * factor - 1e-9)
