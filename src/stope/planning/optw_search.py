"""The search for orienteering with time windows: ruin, best insertion with forward slack, annealing. Compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stope.planning.compiled import compiled
from stope.planning.dice import Dice, below, uniform
from stope.planning.tables import Ints

BANNED = 2  #: mark of a vertex that this iteration may not insert
_WARMTH = 0.03  #: annealing starts accepting losses of this part of the best profit


class Orienteering(NamedTuple):
    """One instance in whole time units; vertex 0 is the depot, `closes[0]` the end of the day."""

    way: Ints  # (n, n)
    service: Ints
    profit: Ints
    opens: Ints
    closes: Ints


class Tours(NamedTuple):
    """Tours of m vehicles with their earliest starts and latest feasible starts."""

    nodes: Ints  # (m, n)
    length: Ints  # (m,)
    start: Ints  # (m, n)
    latest: Ints  # (m, n)
    used: Ints  # (n,) 1 where visited
    place: Ints  # (n, m) best insertion position of each vertex, -1 none, -2 to be worked out
    worth: np.ndarray[tuple[int, int], np.dtype[np.float64]]  # (n, m) its rating


def new_tours(t: Orienteering, vehicles: int) -> Tours:
    """Empty tours."""
    n = len(t.profit)
    each = [np.zeros((vehicles, n), np.int64) for _ in range(3)]
    return Tours(
        each[0], np.zeros(vehicles, np.int64), each[1], each[2], np.zeros(n, np.int64),
        np.full((n, vehicles), -2, np.int64), np.zeros((n, vehicles)),
    )  # fmt: skip


@compiled
def _times(t: Orienteering, s: Tours, q: int) -> None:
    """Earliest and latest starts of tour `q`, and forget what was known about insertions into it."""
    time, at = 0, 0
    for k in range(s.length[q]):
        i = s.nodes[q, k]
        time = max(time + t.service[at] + t.way[at, i], t.opens[i])
        s.start[q, k] = time
        at = i
    late, following = t.closes[0], 0
    for k in range(s.length[q] - 1, -1, -1):
        i = s.nodes[q, k]
        late = min(t.closes[i], late - t.way[i, following] - t.service[i])
        s.latest[q, k] = late
        following = i
    for i in range(len(t.profit)):
        s.place[i, q] = -2


@compiled
def _rate(t: Orienteering, s: Tours, i: int, q: int, power: float) -> None:
    """Where vertex `i` fits best into tour `q`: most profit to the `power` per time by which it shifts the rest."""
    s.place[i, q], s.worth[i, q] = -1, 0.0
    gain = float(t.profit[i]) ** power
    at, time = 0, 0
    for k in range(s.length[q] + 1):
        if k:
            at, time = s.nodes[q, k - 1], s.start[q, k - 1]
        if time > t.closes[i]:
            return
        begin = time + t.service[at] + t.way[at, i]
        if begin > t.closes[i]:
            continue
        begin = max(begin, t.opens[i])
        following = s.nodes[q, k] if k < s.length[q] else 0
        arrive = begin + t.service[i] + t.way[i, following]
        if arrive > (s.latest[q, k] if k < s.length[q] else t.closes[0]):
            continue
        if k < s.length[q]:
            shift = max(arrive, t.opens[following]) - s.start[q, k]
        else:
            shift = arrive - (time + t.service[at] + t.way[at, 0])
        rating = gain / (shift + 5.0)
        if rating > s.worth[i, q]:
            s.worth[i, q], s.place[i, q] = rating, k


@compiled
def _fill(t: Orienteering, s: Tours, noise: float, power: float, dice: Dice) -> None:
    """Insert the best rated vertex again and again, ratings disturbed by `noise`."""
    while True:
        best, vertex, tour = 0.0, -1, -1
        for i in range(1, len(t.profit)):
            if s.used[i]:
                continue
            for q in range(len(s.length)):
                if s.place[i, q] == -2:
                    _rate(t, s, i, q, power)
                if s.place[i, q] >= 0:
                    rating = s.worth[i, q] * (1.0 + noise * uniform(dice)) if noise > 0.0 else s.worth[i, q]
                    if rating > best:
                        best, vertex, tour = rating, i, q
        if vertex < 0:
            return
        k = s.place[vertex, tour]
        for j in range(s.length[tour], k, -1):
            s.nodes[tour, j] = s.nodes[tour, j - 1]
        s.nodes[tour, k] = vertex
        s.length[tour] += 1
        s.used[vertex] = 1
        _times(t, s, tour)


@compiled
def _ruin(t: Orienteering, s: Tours, dice: Dice) -> None:
    """Take a stretch, or vertices at random, or those near one, out of the tours."""
    choice = uniform(dice)
    mark = BANNED if uniform(dice) < 0.1 else 0  # now and then they may not come back at once
    centre = 1 + below(dice, len(t.profit) - 1)
    part = 0.1 + 0.3 * uniform(dice)
    radius = t.way[centre, 1 + below(dice, len(t.profit) - 1)] * 0.5
    for q in range(len(s.length)):
        n = s.length[q]
        if n == 0:
            continue
        many = 1 + below(dice, n if n < 6 else n // 2)  # of a short tour perhaps all
        first = below(dice, n)
        kept = 0
        for k in range(n):
            i = s.nodes[q, k]
            if choice < 0.55:
                gone = first <= k < first + many
            elif choice < 0.85:
                gone = uniform(dice) < part
            else:
                gone = t.way[centre, i] < radius
            if gone:
                s.used[i] = mark
            else:
                s.nodes[q, kept] = i
                kept += 1
        s.length[q] = kept
        _times(t, s, q)


@compiled
def _profit(t: Orienteering, s: Tours) -> int:
    total = 0
    for i in range(1, len(t.profit)):
        if s.used[i] == 1:
            total += t.profit[i]
    return total


@compiled
def _copy(source: Tours, target: Tours) -> None:
    for q in range(len(source.length)):
        target.length[q] = source.length[q]
        for k in range(source.length[q]):
            target.nodes[q, k] = source.nodes[q, k]
    for i in range(len(source.used)):
        target.used[i] = source.used[i]


@compiled
def improve_tours(
    t: Orienteering, current: Tours, trial: Tours, best: Tours, first: int, total: int, dice: Dice
) -> int:
    """Iterations `first` to `total`; returns the profit of `best`. Annealing is reheated four times on the way."""
    for q in range(len(current.length)):
        _times(t, current, q)
    _fill(t, current, 0.0, 2.0, dice)
    _copy(current, best)
    now = top = _profit(t, current)
    rounds = max(1, total // 4)
    for i in range(first, total):
        if i % rounds == 0 and i:
            _copy(best, current)
            now = top
        _copy(current, trial)
        _ruin(t, trial, dice)
        choice = uniform(dice)
        noise = 0.0 if choice < 0.33 else (0.3 if choice < 0.66 else 0.8)
        power = 1.0 + 1.5 * uniform(dice)
        _fill(t, trial, noise, power, dice)
        for k in range(len(trial.used)):
            if trial.used[k] == BANNED:
                trial.used[k] = 0
        found = _profit(t, trial)
        warmth = _WARMTH * top * (1.0 - (i % rounds) / rounds) + 1e-9
        if found >= now or uniform(dice) < np.exp((found - now) / warmth):
            _copy(trial, current)
            now = found
        if found > top:
            _copy(trial, best)
            top = found
    return top
