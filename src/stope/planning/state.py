"""Tour: the routes that the search works on, with their simulated rows; and how it is measured. Compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.planning.compiled import compiled, put
from stope.planning.decoder import route
from stope.planning.fairness import violation, worsening
from stope.planning.tables import ARRIVE, COLUMNS, DEPART, NODE, Ints, Tables


class Tour(NamedTuple):
    """Routes of R robots, at most L elements each. Changed in place; `length` says how much counts."""

    nodes: Ints  # (R, L)
    modes: Ints  # (R, L)
    length: Ints  # (R,)
    rows: Ints  # (R, L + 2, COLUMNS): start, one an element, the way home
    used: npt.NDArray[np.bool_]  # (K+1,)
    mass: Ints  # (P+1,) grams by partner, the last one common
    deposit: Ints  # (D,) grams taken


class Score(NamedTuple):
    """What a tour is worth: value in hundredths, milligrams outside the band, and worsened on the way."""

    value: int
    unfair: int
    worse: int


def new_tour(T: Tables, starts: Ints, capacity: int) -> Tour:
    """Everybody goes straight home. `starts` (R, COLUMNS)."""
    robots, nodes = len(starts), len(T.node)
    rows = np.zeros((robots, capacity + 2, COLUMNS), np.int64)
    rows[:, 0] = starts
    shape = (robots, capacity)
    return Tour(
        np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(robots, np.int64), rows,
        np.zeros(nodes, np.bool_), T.base.copy(), np.zeros(len(T.deposit_left), np.int64),
    )  # fmt: skip


@compiled
def copy_tour(source: Tour, target: Tour) -> None:
    """`target` becomes `source`; only what counts is copied."""
    for r in range(len(source.length)):
        n = source.length[r]
        target.length[r] = n
        for k in range(n):
            target.nodes[r, k], target.modes[r, k] = source.nodes[r, k], source.modes[r, k]
        for k in range(n + 2):
            put(target.rows[r, k], source.rows[r, k])
    for i in range(len(source.used)):
        target.used[i] = source.used[i]
    put(target.mass, source.mass)
    put(target.deposit, source.deposit)


@compiled
def collect_stays(tour: Tour, robot: int, among: int, stays: Ints) -> int:
    """Where the robots below `among` other than `robot` stand, and when: rows (node, from, until); returns how many."""
    count = 0
    for q in range(among):
        if q == robot:
            continue
        for k in range(tour.length[q] + 1):
            if tour.rows[q, k, NODE]:
                stays[count, 0] = tour.rows[q, k, NODE]
                stays[count, 1] = tour.rows[q, k, ARRIVE]
                stays[count, 2] = tour.rows[q, k + 1, DEPART]
                count += 1
    return count


@compiled
def simulate(T: Tables, tour: Tour, stays: Ints) -> bool:
    """Simulate all routes anew, each clear of those before it, and count again; False if one is impossible."""
    for r in range(len(tour.length)):
        count = collect_stays(tour, r, r, stays) if T.rule.zoned else 0
        if route(T, tour.nodes[r], tour.modes[r], tour.length[r], stays, count, tour.rows[r]) < 0:
            return False
    for i in range(len(tour.used)):
        tour.used[i] = False
    put(tour.mass, T.base)
    for i in range(len(tour.deposit)):
        tour.deposit[i] = 0
    for r in range(len(tour.length)):
        for k in range(tour.length[r]):
            book(T, tour, tour.nodes[r, k])
    return True


@compiled
def book(T: Tables, tour: Tour, node: int) -> None:
    """Count a visit."""
    if node:
        tour.used[node] = True
        tour.mass[T.node[node].partner] += T.node[node].mass
        if T.node[node].deposit >= 0:
            tour.deposit[T.node[node].deposit] += T.node[node].mass


@compiled
def score(T: Tables, tour: Tour, on_the_way: bool, mass: Ints, order: Ints) -> Score:
    """Value, violation, and (if asked) worsening of the shares on the way."""
    value = 0
    for r in range(len(tour.length)):
        at = tour.rows[r, 0, NODE]
        for k in range(tour.length[r]):
            node = tour.nodes[r, k]
            value += T.node[node].gain - T.pair[at, node].cost
            at = node
        value -= T.pair[at, 0].cost
    unfair = violation(T.share, T.rule.tolerance, T.rule.slack, tour.mass)
    return Score(value, unfair, worsening(T, tour.rows, tour.length, mass, order) if on_the_way else 0)
