"""Large-neighbourhood search: ruin a part of the tour, fill it again, keep it by annealing. Compiled, deterministic.

Written here instead of on the `alns` package: its loop calls back into Python at every destroy, repair and accept, so
nothing of it could be compiled, and in the trial the Python inner loop was what cost quality. Operators after Ropke
and Pisinger 2006 (random, related) with a stretch of a route, one partner's sites and charging modes added.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.planning.compiled import compiled
from stope.planning.dice import Dice, below, uniform
from stope.planning.insertion import PENALTY, Desk, fill
from stope.planning.state import Score, Tour, copy_tour, score, simulate
from stope.planning.tables import Ints, Tables

#: Annealing starts accepting losses of this part of the value.
_WARMTH = 0.02


@compiled
def _remove(tour: Tour, r: int, k: int) -> None:
    """Take element `k` out of route `r`."""
    for j in range(k, tour.length[r] - 1):
        tour.nodes[r, j], tour.modes[r, j] = tour.nodes[r, j + 1], tour.modes[r, j + 1]
    tour.length[r] -= 1


@compiled
def _remove_useless_unloads(tour: Tour) -> None:
    """An unloading at the start of a route or straight after another one does nothing."""
    for r in range(len(tour.length)):
        k = 0
        while k < tour.length[r]:
            at_depot = tour.nodes[r, k - 1] == 0 if k else tour.rows[r, 0, 0] == 0 and tour.rows[r, 0, 3] == 0
            if tour.nodes[r, k] == 0 and at_depot:
                _remove(tour, r, k)
            else:
                k += 1


@compiled
def _ruin(T: Tables, tour: Tour, dice: Dice) -> None:
    """Take something out, or change how a robot charges."""
    total = 0
    for each in tour.length:
        total += each
    if total == 0:
        return
    choice = uniform(dice)
    robots = len(tour.length)
    r = below(dice, robots)
    many = 1 + below(dice, max(2, min(8, total)))
    if choice < 0.35:
        if tour.length[r]:
            first = below(dice, tour.length[r])
            for _ in range(min(many, tour.length[r] - first)):
                _remove(tour, r, first)
    elif choice < 0.6:
        for _ in range(many):
            r = below(dice, robots)
            if tour.length[r]:
                _remove(tour, r, below(dice, tour.length[r]))
    elif choice < 0.75:
        _ruin_around(T, tour, 1 + below(dice, len(T.node) - 1), many)
    elif choice < 0.87:
        _ruin_partner(T, tour, below(dice, len(T.base)) - (len(T.base) - len(T.share)), dice)
    elif tour.length[r] > 1:
        a, b = below(dice, tour.length[r]), below(dice, tour.length[r])
        node, mode = tour.nodes[r, a], tour.modes[r, a]
        tour.nodes[r, a], tour.modes[r, a] = tour.nodes[r, b], tour.modes[r, b]
        tour.nodes[r, b], tour.modes[r, b] = node, 1 - mode


@compiled
def _ruin_around(T: Tables, tour: Tour, centre: int, many: int) -> None:
    """Take out the `many` sites nearest to `centre`."""
    for _ in range(many):
        nearest, at_r, at_k = 1 << 60, -1, 0
        for r in range(len(tour.length)):
            for k in range(tour.length[r]):
                if tour.nodes[r, k] and T.pair[centre, tour.nodes[r, k]].minutes < nearest:
                    nearest, at_r, at_k = T.pair[centre, tour.nodes[r, k]].minutes, r, k
        if at_r < 0:
            return
        _remove(tour, at_r, at_k)


@compiled
def _ruin_partner(T: Tables, tour: Tour, partner: int, dice: Dice) -> None:
    """Take out half of one partner's sites (-1: of the common ground)."""
    for r in range(len(tour.length)):
        k = 0
        while k < tour.length[r]:
            node = tour.nodes[r, k]
            if node and T.node[node].partner == partner and uniform(dice) < 0.5:
                _remove(tour, r, k)
            else:
                k += 1


@compiled
def weight(found: Score) -> float:
    """What the annealing compares: value less the price of unfairness."""
    return found.value - PENALTY * (found.unfair + found.worse)


@compiled
def better(a: Score, b: Score) -> bool:
    """Fairer first, then worth more: a band that cannot be met is missed by as little as can be."""
    if a.unfair + a.worse != b.unfair + b.worse:
        return a.unfair + a.worse < b.unfair + b.worse
    return a.value > b.value


@compiled
def improve(
    T: Tables,
    current: Tour,
    trial: Tour,
    best: Tour,
    allowed: npt.NDArray[np.bool_],
    first: int,
    last: int,
    total: int,
    on_the_way: bool,
    dice: Dice,
    stays: Ints,
    order: Ints,
    desk: Desk,
) -> Score:
    """Iterations `first` to `last` of `total`: `current` and `best` are moved on; returns the score of `best`.

    Iteration 0 fills `current` as it is (a warm start, or nothing) and makes it the best. The rest is scratch.
    """
    for i in range(first, last):
        if i == 0:
            copy_tour(current, best)  # a warm start is a plan too
            fill(T, current, allowed, 0.0, 0.0, dice, stays, order, on_the_way, desk)
            if better(score(T, current, on_the_way, desk.mass, order), score(T, best, on_the_way, desk.mass, order)):
                copy_tour(current, best)
            continue
        copy_tour(current, trial)
        _ruin(T, trial, dice)
        _remove_useless_unloads(trial)
        if not simulate(T, trial, stays):
            continue
        noise = 0.6 if uniform(dice) < 0.8 else 2.5
        price = 0.0 if uniform(dice) < 0.4 else 20.0 * uniform(dice)
        fill(T, trial, allowed, noise, price, dice, stays, order, on_the_way, desk)
        before, after = score(T, current, on_the_way, desk.mass, order), score(T, trial, on_the_way, desk.mass, order)
        warmth = max(1e-9, _WARMTH * abs(weight(before)) * (1.0 - i / total))
        if weight(after) >= weight(before) or uniform(dice) < np.exp((weight(after) - weight(before)) / warmth):
            copy_tour(trial, current)
        if better(after, score(T, best, on_the_way, desk.mass, order)):
            copy_tour(trial, best)
    return score(T, best, on_the_way, desk.mass, order)


def scratch_stays(tour: Tour) -> Ints:
    """Room for where all robots stand."""
    return np.zeros((tour.nodes.size + len(tour.length), 3), np.int64)
