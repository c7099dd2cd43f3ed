"""solve(): a Problem, an iteration budget and a seed in, the best routes found out; equal arguments, equal answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stope.planning.decoder import route
from stope.planning.dice import dice
from stope.planning.insertion import new_desk
from stope.planning.problem import Problem
from stope.planning.search import improve, scratch_stays
from stope.planning.state import Tour, collect_stays, new_tour, simulate
from stope.planning.tables import Ints, Tables, start_row, tables

#: (node, mode) each; node 0 is an unloading.
Route = tuple[tuple[int, int], ...]
#: Value in hundredths that the search sees on top of a demanded site's gain, so that no other gain outweighs it.
_DEMAND = 10_000_000


@dataclass(frozen=True, slots=True)
class Solution:
    """What the search found.

    Attributes:
        routes: one a robot.
        value: hundredths, expected: gains less travel.
        unfair_mg: milligrams outside the agreement's band at the end; 0 is fair.
        worse_mg: milligrams by which shares worsen on the way (only where the search was asked to avoid that).
        missing: demanded sites that are not visited.
        rows: (R, L, COLUMNS) the simulated rows, start first, the way home last; `len(routes[r]) + 2` of them count.
        home: whether every robot can get home at all; if not, the routes are empty and the caller needs its safe mode.
    """

    routes: tuple[Route, ...]
    value: int
    unfair_mg: int
    worse_mg: int
    missing: tuple[int, ...]
    rows: Ints
    home: bool = True

    @property
    def visited(self) -> tuple[int, ...]:
        """Sites in the plan, sorted."""
        return tuple(sorted(node for each in self.routes for node, _ in each if node))


@dataclass(frozen=True, slots=True)
class Ask:
    """How to search.

    Attributes:
        iterations: the budget; nothing else ends a search.
        stream: name of the random stream under `seed`.
        only: sites that may be visited; all when None.
        keep_fair: shares must not worsen at any visit, wherever the plan is cut short.
        warm: routes to start from; each is cut short where it is no longer possible.
    """

    iterations: int
    seed: int = 0
    stream: str = "planner"
    only: frozenset[int] | None = None
    keep_fair: bool = False
    warm: Sequence[Sequence[tuple[int, int]]] = ()


def solve(
    problem: Problem, ask: Ask, on_best: Callable[[int, int], None] | None = None, made: Tables | None = None
) -> Solution:
    """The best plan within the budget.

    Args:
        made: `search_tables(problem)`, where several searches share them.
        on_best: called with (iterations done, value) about ten times on the way, for an anytime display.
    """
    T = made if made is not None else search_tables(problem)
    starts = np.array([start_row(problem, r) for r in range(len(problem.robots))])
    capacity = 2 * len(problem.sites) + 4
    current, trial, best = (new_tour(T, starts, capacity) for _ in range(3))
    stays = scratch_stays(current)
    if not simulate(T, current, stays):
        return Solution(((),) * len(starts), 0, 0, 0, _missing(problem, ()), starts[:, None, :], home=False)
    for r, warm in enumerate(ask.warm):
        _warm(T, current, r, warm, stays)
    allowed = allowed_sites(problem, ask.only)
    state = dice(ask.seed, ask.stream)
    chunk = max(1, ask.iterations // 10) if on_best else max(1, ask.iterations)
    desk, found = new_desk(T), None
    for first in range(0, max(1, ask.iterations), chunk):
        last = min(first + chunk, max(1, ask.iterations))
        found = improve(
            T,
            current,
            trial,
            best,
            allowed,
            first,
            last,
            max(1, ask.iterations),
            ask.keep_fair,
            state,
            stays,
            scratch_stays(current),
            desk,
        )
        if on_best:
            on_best(last, int(found.value))
    assert found is not None  # the loop runs at least once
    routes = tuple(
        tuple((int(n), int(m)) for n, m in zip(best.nodes[r, :k], best.modes[r, :k], strict=True))
        for r, k in enumerate(best.length)
    )
    visited = {node for each in routes for node, _ in each}
    bonus = _DEMAND * sum(1 for site in problem.sites if site.demanded and site.number in visited)
    return Solution(
        routes, int(found.value) - bonus, int(found.unfair), int(found.worse), _missing(problem, visited),
        best.rows[:, : int(best.length.max()) + 2].copy(),
    )  # fmt: skip


def allowed_sites(problem: Problem, only: frozenset[int] | None = None) -> npt.NDArray[np.bool_]:
    """(K+1,) the sites worth considering: enterable, gainful or demanded, and in `only`."""
    allowed = np.zeros(len(problem.sites) + 1, np.bool_)
    for site in problem.sites:
        wanted = site.gain > 0 or site.demanded
        allowed[site.number] = wanted and not site.forbidden and (only is None or site.number in only)
    return allowed


def search_tables(problem: Problem) -> Tables:
    """The tables as the search sees them, demanded sites made irresistible."""
    sites = tuple(replace(s, gain=s.gain + _DEMAND) if s.demanded else s for s in problem.sites)
    return tables(replace(problem, sites=sites))


def _warm(T: Tables, tour: Tour, r: int, warm: Sequence[tuple[int, int]], stays: Ints) -> None:
    """Take over as much of a former route as is still possible, from its start."""
    for length in range(len(warm), 0, -1):
        for k, (node, mode) in enumerate(warm[:length]):
            tour.nodes[r, k], tour.modes[r, k] = node, mode
        tour.length[r] = length
        count = collect_stays(tour, r, len(tour.length), stays) if T.rule["zoned"] else 0
        if route(T, tour.nodes[r], tour.modes[r], length, stays, count, tour.rows[r]) == 0 and simulate(T, tour, stays):
            return
    tour.length[r] = 0
    simulate(T, tour, stays)


def _missing(problem: Problem, visited: Sequence[int] | set[int]) -> tuple[int, ...]:
    return tuple(site.number for site in problem.sites if site.demanded and site.number not in visited)
