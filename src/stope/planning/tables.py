"""Tables: a Problem as arrays, for the compiled decoder; windows become "how long until" by the minute."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stope.planning.problem import Problem, Window

Ints = npt.NDArray[np.int64]

#: Columns of a state row: the state after an activity, and how it came about.
NODE, END, LEVEL, LOAD, WEAR, DATA = 0, 1, 2, 3, 4, 5
ARRIVE, DEPART, BEGIN = 6, 7, 8  # at the node; from the node before; of the activity
TOP_AT, TOP_MINUTES = 9, 10  # charge before leaving the node before
CHARGE_AT, CHARGE_MINUTES, DOWNLINK_AT = 11, 12, 13  # while parked before the activity; -1: no downlink
COLUMNS = 14


_RULE = (
    "horizon", "battery", "reserve", "charge_w", "idle_w", "bin_g", "wear_budget", "store", "downlink_minutes",
    "downlink_energy", "tolerance", "slack", "zoned",
)  # fmt: skip
_NODE = ("minutes", "energy", "mass", "wear", "data", "deadline", "gain", "partner", "deposit")
_PAIR = ("minutes", "energy", "cost")
#: of a minute: sunlight left in the window that holds it (0 in the dark), start of the first window after it, and the
#: first minute from it on at which a downlink may start; NEVER if there is none
_MINUTE = ("sun_left", "sun_next", "comm_next")


class Tables(NamedTuple):
    """What `decoder.step` looks up: records, so that a step costs nanoseconds and the code reads as the model does."""

    rule: Any  # one record of _RULE
    node: Any  # (K+1,) records of _NODE
    pair: Any  # (K+1, K+1) records of _PAIR
    minute: Any  # (H+2,) records of _MINUTE
    begin: Ints  # (K+1, H+2) first allowed start of the visit from this minute on; NEVER if none
    zone: npt.NDArray[np.bool_]  # (K+1, K+1)
    share: Ints  # (P,)
    base: Ints  # (P+1,) grams collected before, the last entry on common ground
    deposit_left: Ints  # (D,)


NEVER = 1 << 40


def tables(problem: Problem) -> Tables:
    """The arrays of `problem`."""
    nodes, fleet, agreement, horizon = len(problem.sites) + 1, problem.fleet, problem.agreement, problem.horizon
    node, minute = np.zeros(nodes, _records(_NODE)), np.zeros(horizon + 2, _records(_MINUTE))
    pair, zone = np.zeros((nodes, nodes), _records(_PAIR)), np.zeros((nodes, nodes), np.bool_)
    begin = np.empty((nodes, horizon + 2), np.int64)
    begin[0] = np.arange(horizon + 2)
    node[0] = fleet.unload_minutes, fleet.unload_energy, 0, 0, 0, horizon, 0, -1, -1
    for site in problem.sites:
        node[site.number] = (
            site.minutes, site.energy, site.mass_g, site.wear, site.data_mb, min(site.deadline, horizon), site.gain,
            site.partner, site.deposit,
        )  # fmt: skip
        cut = _next_start(site.cut_windows, site.cut_minutes, horizon, shift=-site.cut_from)
        begin[site.number] = cut[np.maximum(np.arange(horizon + 2), site.not_before).clip(max=horizon + 1)]
    for a, b in problem.zones:
        zone[a, b] = zone[b, a] = True
    pair["minutes"], pair["energy"], pair["cost"] = problem.travel_minutes, problem.travel_energy, problem.travel_cost
    minute["sun_left"], minute["sun_next"] = _sun(problem.sun, horizon)
    minute["comm_next"] = _next_start(problem.comm, fleet.downlink_minutes, horizon)
    rule = np.zeros(1, _records(_RULE))
    rule[0] = (
        horizon, fleet.battery, fleet.reserve, fleet.charge_w, fleet.idle_w, fleet.bin_g, fleet.wear, fleet.store_mb,
        fleet.downlink_minutes, fleet.downlink_energy, agreement.tolerance, agreement.slack_g,
        int(bool(problem.zones) and len(problem.robots) > 1),
    )  # fmt: skip
    return Tables(
        rule[0], node, pair, minute, begin, zone, np.array(agreement.share, np.int64),
        np.array([*agreement.collected_g, agreement.common_g], np.int64), np.array(agreement.deposit_left_g, np.int64),
    )  # fmt: skip


def _records(names: tuple[str, ...]) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in names])


def start_row(problem: Problem, robot: int) -> Ints:
    """(COLUMNS,) the state row of a robot before its first activity."""
    state = problem.robots[robot]
    row = np.zeros(COLUMNS, np.int64)
    row[:ARRIVE] = state.node, state.time, state.level, state.load_g, state.wear, state.data_mb
    row[ARRIVE] = row[BEGIN] = min(state.parked_since, state.time)
    row[DOWNLINK_AT] = -1
    return row


def _next_start(windows: tuple[Window, ...], minutes: int, horizon: int, shift: int = 0) -> Ints:
    """(H+2,) first start from each minute on such that `[start - shift, ... + minutes)` lies in one window."""
    allowed = np.zeros(horizon + 2, np.bool_)
    for begin, end in windows:
        first, last = max(0, begin + shift), min(horizon + 1, end - minutes + shift)
        if last >= first:
            allowed[first : last + 1] = True
    found = np.where(allowed, np.arange(horizon + 2), NEVER)
    following: Ints = np.minimum.accumulate(found[::-1])[::-1].astype(np.int64)
    return np.ascontiguousarray(following)


def _sun(windows: tuple[Window, ...], horizon: int) -> tuple[Ints, Ints]:
    left, following = np.zeros(horizon + 2, np.int64), np.full(horizon + 2, NEVER, np.int64)
    for begin, end in sorted(windows, reverse=True):
        inside = np.arange(max(0, begin), min(horizon + 2, end))
        left[inside] = end - inside
        following[: max(0, min(begin, horizon + 2))] = begin
    return left, following
