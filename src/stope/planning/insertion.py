"""Best insertion: fills the gaps of a tour with the sites that pay most for the time they take. Compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.planning.compiled import compiled, put
from stope.planning.decoder import FILL, JUST_ENOUGH, home_clear, route, step_clear
from stope.planning.dice import Dice, uniform
from stope.planning.fairness import violation, worsening
from stope.planning.state import Tour, book, collect_stays
from stope.planning.tables import ARRIVE, COLUMNS, NODE, Ints, Tables


class Desk(NamedTuple):
    """Scratch of one search."""

    keys: npt.NDArray[np.float64]  # (K+1,) what a site pays per minute
    order: Ints  # (K+1,) sites by it
    mass: Ints  # (P+1,)
    places: Ints
    detours: Ints
    two: Ints  # (2, COLUMNS)
    last: Ints  # (3,) where the last insertion went: robot, place, width


#: Value (hundredths) that the search charges for a milligram outside the band: 5 a gram.
PENALTY = 0.005
_POSITIONS = 6  # places tried in each route, nearest first


def new_desk(T: Tables) -> Desk:
    """Room to work in."""
    nodes = len(T.node)
    return Desk(
        np.zeros(nodes), np.zeros(nodes, np.int64), np.zeros(len(T.base), np.int64), np.zeros(_POSITIONS, np.int64),
        np.zeros(_POSITIONS, np.int64), np.zeros((2, COLUMNS), np.int64),
        np.zeros(3, np.int64),
    )  # fmt: skip


@compiled
def _rank(desk: Desk, count: int, site: int) -> None:
    """Sort `site` into the `count` first of `desk.order`, best first."""
    j = count
    while j > 0 and desk.keys[desk.order[j - 1]] < desk.keys[site]:
        desk.order[j] = desk.order[j - 1]
        j -= 1
    desk.order[j] = site


@compiled
def _try(
    T: Tables, tour: Tour, r: int, k: int, unload: bool, site: int, mode: int, stays: Ints, count: int, two: Ints
) -> int:
    """Minute of the return if `site` goes to place `k` of route `r` (after an unloading); -1 if impossible."""
    here = 0
    put(two[0], tour.rows[r, k])
    if unload:
        if step_clear(T, two[0], 0, FILL, stays, count, two[1]):
            return -1
        here = 1
    if step_clear(T, two[here], site, mode, stays, count, two[1 - here]):
        return -1
    here = 1 - here
    for j in range(k, tour.length[r]):
        if step_clear(T, two[here], tour.nodes[r, j], tour.modes[r, j], stays, count, two[1 - here]):
            return -1
        here = 1 - here
    if home_clear(T, two[here], stays, count, two[1 - here]):
        return -1
    return int(two[1 - here, ARRIVE])


@compiled
def _nearest(T: Tables, tour: Tour, r: int, site: int, places: Ints, detours: Ints) -> int:
    """The `_POSITIONS` places of route `r` with the smallest detours, in order; returns how many."""
    found = 0
    for k in range(tour.length[r] + 1):
        a = tour.rows[r, k, NODE]
        b = tour.nodes[r, k] if k < tour.length[r] else 0
        detour = T.pair[a, site].cost + T.pair[site, b].cost - T.pair[a, b].cost
        j = min(found, _POSITIONS - 1)
        if found == _POSITIONS and detour >= detours[j]:
            continue
        while j > 0 and detours[j - 1] > detour:
            detours[j], places[j] = detours[j - 1], places[j - 1]
            j -= 1
        detours[j], places[j] = detour, k
        found = min(found + 1, _POSITIONS)
    return found


@compiled
def _place(tour: Tour, r: int, k: int, unload: bool, site: int, mode: int) -> None:
    """Write the insertion into the route."""
    width = 2 if unload else 1
    for j in range(tour.length[r] - 1, k - 1, -1):
        tour.nodes[r, j + width], tour.modes[r, j + width] = tour.nodes[r, j], tour.modes[r, j]
    if unload:
        tour.nodes[r, k], tour.modes[r, k] = 0, FILL
    tour.nodes[r, k + width - 1], tour.modes[r, k + width - 1] = site, mode
    tour.length[r] += width


@compiled
def _take_back(T: Tables, tour: Tour, stays: Ints, desk: Desk) -> None:
    """Undo the last insertion."""
    r, k, width = desk.last[0], desk.last[1], desk.last[2]
    for j in range(k, tour.length[r] - width):
        tour.nodes[r, j], tour.modes[r, j] = tour.nodes[r, j + width], tour.modes[r, j + width]
    tour.length[r] -= width
    count = collect_stays(tour, r, len(tour.length), stays) if T.rule.zoned else 0
    route(T, tour.nodes[r], tour.modes[r], tour.length[r], stays, count, tour.rows[r])


@compiled
def fill(
    T: Tables,
    tour: Tour,
    allowed: npt.NDArray[np.bool_],
    noise: float,
    minute_price: float,
    dice: Dice,
    stays: Ints,
    order: Ints,
    on_the_way: bool,
    desk: Desk,
) -> None:
    """Insert what pays, in the order of gain per minute of work and charging, disturbed by `noise`.

    Args:
        minute_price: hundredths of value charged for each minute by which an insertion delays the return; only for
            choosing the place.
        on_the_way: take back an insertion after which shares worsen (more than before) at any visit.
    """
    nodes = len(T.node)
    count = 0
    for i in range(1, nodes):
        if allowed[i] and not tour.used[i]:
            effort = T.node[i].minutes + T.node[i].energy / T.rule.charge_w
            if T.node[i].gain > 0:
                desk.keys[i] = (T.node[i].gain / effort) * (1.0 + noise * uniform(dice))
                _rank(desk, count, i)
                count += 1
    unfair = violation(T.share, T.rule.tolerance, T.rule.slack, tour.mass)
    worse = worsening(T, tour.rows, tour.length, desk.mass, order) if on_the_way else 0
    for j in range(count):
        site = desk.order[j]
        at = T.node[site].deposit
        if at >= 0 and tour.deposit[at] + T.node[site].mass > T.deposit_left[at]:
            continue
        put(desk.mass, tour.mass)
        desk.mass[T.node[site].partner] += T.node[site].mass
        then = violation(T.share, T.rule.tolerance, T.rule.slack, desk.mass)
        worth = T.node[site].gain - PENALTY * (then - unfair)
        if worth > 0.0 and _insert(T, tour, site, worth, minute_price, stays, desk):
            if on_the_way:
                now = worsening(T, tour.rows, tour.length, desk.mass, order)
                if now > worse:
                    _take_back(T, tour, stays, desk)
                    continue
                worse = now
            book(T, tour, site)
            unfair = then


@compiled
def _insert(
    T: Tables,
    tour: Tour,
    site: int,
    worth: float,
    minute_price: float,
    stays: Ints,
    desk: Desk,
) -> bool:
    """Put `site` where it costs least; False if nowhere."""
    best, best_r, best_k, best_unload, best_mode = -1e18, -1, 0, False, 0
    for r in range(len(tour.length)):
        if tour.length[r] + 2 > tour.nodes.shape[1]:
            continue
        count = collect_stays(tour, r, len(tour.length), stays) if T.rule.zoned else 0
        found = _nearest(T, tour, r, site, desk.places, desk.detours)
        back = tour.rows[r, tour.length[r] + 1, ARRIVE]
        for p in range(found):
            k = desk.places[p]
            at = tour.rows[r, k, NODE]
            if worth - desk.detours[p] <= max(0.0, best):
                break
            for unload in (False, True):
                if unload and at == 0:
                    continue
                extra = T.pair[at, 0].cost + T.pair[0, site].cost - T.pair[at, site].cost if unload else 0
                done = False
                for mode in (FILL, JUST_ENOUGH):
                    end = _try(T, tour, r, k, unload, site, mode, stays, count, desk.two)
                    if end < 0:
                        continue
                    net = worth - desk.detours[p] - extra
                    if net > 0.0 and net - minute_price * (end - back) > best:
                        best = net - minute_price * (end - back)
                        best_r, best_k, best_unload, best_mode = r, k, unload, mode
                    done = True
                    break
                if done:
                    break
    if best_r < 0:
        return False
    _place(tour, best_r, best_k, best_unload, site, best_mode)
    desk.last[0], desk.last[1], desk.last[2] = best_r, best_k, 2 if best_unload else 1
    count = collect_stays(tour, best_r, len(tour.length), stays) if T.rule.zoned else 0
    route(T, tour.nodes[best_r], tour.modes[best_r], tour.length[best_r], stays, count, tour.rows[best_r])
    return True
