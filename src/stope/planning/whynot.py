"""Why not: which constraint groups keep these sites out of any plan, and the smallest relaxation that lets them in.

Each answer is tried out: the problem with only these sites, with a group loosened. The search finds plans, CP-SAT (if
the extra `exact` is there) proves that there is none. Groups are dropped one at a time until each that is left is
needed to make it impossible: an irreducible conflict. Then each group is loosened alone, by bisection, as little as
helps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stope.planning.exact import available, can_visit
from stope.planning.problem import Problem
from stope.planning.relaxing import GROUPS, relaxed
from stope.planning.schedule import activities
from stope.planning.solver import Ask, solve
from stope.planning.validator import check_plan

_ITERATIONS = 300


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One group, loosened alone by `amount` (in `sentence`, in people's units), makes a plan possible."""

    group: str
    amount: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Impossible:
    """Why these sites cannot all be visited.

    Attributes:
        conflict: an irreducible set of groups that together make it impossible; empty: the ways alone are too long,
            or a site may not be entered.
        relaxations: what would help, smallest part of the group's own size first.
        proved: by CP-SAT; otherwise the search found no plan.
        forbidden: sites that may not be entered, with the reason.
    """

    conflict: tuple[str, ...]
    relaxations: tuple[Relaxation, ...]
    proved: bool
    forbidden: tuple[str, ...] = ()


def why_impossible(problem: Problem, sites: frozenset[int]) -> Impossible | None:
    """Why no plan visits all these sites; None if one does."""
    barred = tuple(f"{s.name}: {s.forbidden}" for s in problem.sites if s.number in sites and s.forbidden)
    if barred:
        return Impossible((), (), True, barred)
    possible = _possible(problem, sites)
    if possible:
        return None
    everything = {name: group.most(problem) for name, group in GROUPS.items()}
    dropped: dict[str, int] = {}
    conflict = list(GROUPS)
    for name in GROUPS:  # deletion filter
        if not _possible(relaxed(problem, dropped | {name: everything[name]}), sites):
            dropped[name] = everything[name]
            conflict.remove(name)
    helping = [name for name in GROUPS if _possible(relaxed(problem, {name: everything[name]}), sites)]
    relaxations = [_smallest(problem, sites, name, everything[name]) for name in helping]
    relaxations.sort(key=lambda each: each.amount / max(1, everything[each.group]))
    return Impossible(tuple(conflict), tuple(relaxations), possible is False and available())


def _possible(problem: Problem, sites: frozenset[int]) -> bool | None:
    """Whether a plan visits exactly these sites: True, False (proved), or None (not found)."""
    question = replace(problem, sites=tuple(replace(s, demanded=s.number in sites, gain=0) for s in problem.sites))
    found = solve(question, Ask(_ITERATIONS, stream="why not", only=sites))
    complete = found.home and not found.missing and not found.unfair_mg
    if complete and not check_plan(question, activities(question, found)):
        return True
    return can_visit(problem, sites) if available() else None


def _smallest(problem: Problem, sites: frozenset[int], name: str, most: int) -> Relaxation:
    """By bisection to 1 % of what helps, or one unit; more relaxation never hurts."""
    low, high = 0, most
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        if _possible(relaxed(problem, {name: middle}), sites):
            high = middle
        else:
            low = middle
    amount = high / GROUPS[name].per
    return Relaxation(name, high, GROUPS[name].what.format(f"{amount:.3g}" if amount < 1000 else f"{amount:.0f}"))
