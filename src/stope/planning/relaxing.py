"""Relaxing: the same problem with one constraint group loosened by so much; what explanations try out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from stope.planning.problem import Problem


@dataclass(frozen=True, slots=True)
class Group:
    """One constraint group.

    Attributes:
        what: a sentence's end, with {} for the amount: how it would be loosened.
        most: an amount at which it no longer binds.
        per: amount a unit that people read (60 watt-minutes are a watt-hour).
    """

    name: str
    what: str
    most: Callable[[Problem], int]
    loosen: Callable[[Problem, int], Problem]
    per: int = 1


def relaxed(problem: Problem, amounts: dict[str, int]) -> Problem:
    """`problem` with each named group loosened by its amount."""
    for name, amount in amounts.items():
        problem = GROUPS[name].loosen(problem, amount)
    return problem


def _fleet(problem: Problem, **changes: int) -> Problem:
    return replace(problem, fleet=replace(problem.fleet, **changes))


def _thermal(problem: Problem, minutes: int) -> Problem:
    def wider(windows: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        merged: list[tuple[int, int]] = []
        for begin, end in sorted((max(0, b - minutes), e + minutes) for b, e in windows):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return tuple(merged)

    return replace(problem, sites=tuple(replace(s, cut_windows=wider(s.cut_windows)) for s in problem.sites))


def _deadline(problem: Problem, minutes: int) -> Problem:
    return replace(
        problem,
        sites=tuple(
            replace(s, deadline=min(problem.horizon, s.deadline + minutes), not_before=max(0, s.not_before - minutes))
            for s in problem.sites
        ),
    )


def _horizon(problem: Problem, minutes: int) -> Problem:
    """Deadlines that are the horizon move with it; windows go on as their last period did."""
    sites = tuple(
        replace(s, deadline=s.deadline + (minutes if s.deadline >= problem.horizon else 0),
                cut_windows=_continued(s.cut_windows, problem.horizon + minutes)) for s in problem.sites
    )  # fmt: skip
    end = problem.horizon + minutes
    return replace(
        problem, horizon=end, sites=sites, sun=_continued(problem.sun, end), comm=_continued(problem.comm, end)
    )


def _continued(windows: tuple[tuple[int, int], ...], end: int) -> tuple[tuple[int, int], ...]:
    found = list(windows)
    if len(found) > 1:
        period = max(1, found[-1][1] - found[-2][1])
        length = max(e - b for b, e in found)
        while found[-1][1] < end:
            found.append((found[-1][1] + period - length, found[-1][1] + period))
    return tuple(found)


def _battery(problem: Problem, energy: int) -> Problem:
    """A larger battery, full by that much more at the start."""
    robots = tuple(replace(state, level=state.level + energy) for state in problem.robots)
    return replace(_fleet(problem, battery=problem.fleet.battery + energy), robots=robots)


def _terms(problem: Problem, **changes: object) -> Problem:
    return replace(problem, agreement=replace(problem.agreement, **changes))  # type: ignore[arg-type]


def _shares(problem: Problem, grams: int) -> Problem:
    return _terms(problem, slack_g=problem.agreement.slack_g + grams)


def _deposits(problem: Problem, grams: int) -> Problem:
    return _terms(problem, deposit_left_g=tuple(left + grams for left in problem.agreement.deposit_left_g))


def _mass(problem: Problem) -> int:
    return sum(site.mass_g for site in problem.sites) + sum(problem.agreement.collected_g)


GROUPS: dict[str, Group] = {
    group.name: group
    for group in (
        Group("thermal", "cutting allowed {} min before and after its windows", lambda p: p.horizon, _thermal),
        Group("deadline", "deadlines {} min later, earliest starts as much earlier", lambda p: p.horizon, _deadline),
        Group("battery", "{} Wh more battery, charged at the start",
              lambda p: sum(s.energy for s in p.sites) + sum(map(max, p.travel_energy)) + p.fleet.battery,
              _battery, 60),
        Group("bin", "{} kg more bin", _mass, lambda p, g: _fleet(p, bin_g=p.fleet.bin_g + g), 1000),
        Group("wear", "{} more of the bit's wear budget", lambda p: sum(s.wear for s in p.sites),
              lambda p, w: _fleet(p, wear=p.fleet.wear + w)),
        Group("log_store", "{} MB more log store", lambda p: sum(s.data_mb for s in p.sites),
              lambda p, mb: _fleet(p, store_mb=p.fleet.store_mb + mb)),
        Group("shares", "shares {} kg further outside the band", _mass, _shares, 1000),
        Group("horizon", "a horizon {} min later", lambda p: 4 * p.horizon, _horizon),
        Group("deposits", "{} kg more from each limited deposit", _mass, _deposits, 1000),
    )
}  # fmt: skip
