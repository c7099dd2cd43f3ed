"""The decoder: what happens to a robot that goes to a node and does its activity there, simulated forward. Compiled.

A route is a list of (node, mode). Node 0 is an unloading at the depot; mode FILL waits to fill the battery while the
sun lasts, JUST_ENOUGH takes only what the next activity needs. The decoder gives the earliest schedule that keeps every
window and reserve, or the code of the first check that failed. It is conservative where order matters (a downlink is
paid before a charge, idling after it), so what it calls feasible the validator finds feasible; not the reverse.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stope.planning.compiled import compiled
from stope.planning.tables import (
    ARRIVE,
    BEGIN,
    CHARGE_AT,
    CHARGE_MINUTES,
    DATA,
    DEPART,
    DOWNLINK_AT,
    END,
    LEVEL,
    LOAD,
    NODE,
    TOP_AT,
    TOP_MINUTES,
    WEAR,
    Ints,
    Tables,
)  # fmt: skip

JUST_ENOUGH, FILL = 0, 1

#: Why a step is impossible. The names are those of the constraint groups that explanations use.
OK, BATTERY, BIN, WORN, STORE, THERMAL, DEADLINE, HORIZON, ZONE = 0, 1, 2, 3, 4, 5, 6, 7, 8
GROUP_OF: Final = {
    BATTERY: "battery", BIN: "bin", WORN: "wear", STORE: "log_store", THERMAL: "thermal", DEADLINE: "deadline",
    HORIZON: "horizon", ZONE: "zones",
}  # fmt: skip

#: A downlink is taken along when a window opens this soon (minutes) and a third of the store is full.
_NEAR_WINDOW = 3
_ZONE_TRIES = 8


@compiled
def _leave(T: Tables, a: Ints, node: int, hold: int, b: Ints) -> int:
    """Charge before leaving if the way to `node` needs it, wait until `hold`, travel. Fills DEPART, ARRIVE, LEVEL."""
    level, at = a[LEVEL], a[END]
    way = T.pair[a[NODE], node].energy
    b[TOP_AT], b[TOP_MINUTES] = at, 0
    if level - way - T.rule.idle_w * max(0, hold - at) < T.rule.reserve:
        if T.minute[at].sun_left == 0:
            at = T.minute[at].sun_next
        fits = False
        for _ in range(2):
            if at > T.rule.horizon:
                return BATTERY
            arrived = level - T.rule.idle_w * (at - a[END])
            if arrived < T.rule.reserve:
                return BATTERY
            short = -(-(way + T.rule.reserve - arrived) // T.rule.charge_w)
            if T.rule.idle_w > 0 and hold > at:  # waiting for the zone drains too
                short += -(-T.rule.idle_w * (hold - at) // T.rule.charge_w)
            short = max(short, 0)
            if short <= T.minute[at].sun_left:
                fits = True
                break
            at = T.minute[at].sun_next
        if not fits:
            return BATTERY
        b[TOP_AT], b[TOP_MINUTES] = at, short
        level = min(T.rule.battery, arrived + short * T.rule.charge_w)
        at += short
    if hold > at:
        level -= T.rule.idle_w * (hold - at)
        at = hold
    if level - way < T.rule.reserve:
        return BATTERY
    b[DEPART], b[ARRIVE], b[LEVEL] = at, at + T.pair[a[NODE], node].minutes, level - way
    return OK if b[ARRIVE] <= T.rule.horizon else HORIZON


@compiled
def step(T: Tables, a: Ints, node: int, mode: int, hold: int, b: Ints) -> int:
    """From state row `a` to `node` and through its activity: fills row `b`; returns OK or why not.

    Args:
        hold: do not leave before this minute (0: at once); for zones.
    """
    need, minutes, data = T.node[node].energy, T.node[node].minutes, a[DATA]
    load = a[LOAD] + T.node[node].mass if node else 0
    wear = a[WEAR] + T.node[node].wear
    if load > T.rule.bin_g:
        return BIN
    if wear > T.rule.wear_budget:
        return WORN
    refused = _leave(T, a, node, hold, b)
    if refused:
        return refused
    arrive, level = b[ARRIVE], b[LEVEL]
    deadline = T.node[node].deadline
    if arrive + minutes > deadline:
        return DEADLINE if deadline < T.rule.horizon else HORIZON
    downlink, free, sending = -1, arrive, 0
    if data + T.node[node].data > T.rule.store:
        downlink = T.minute[arrive].comm_next
        if downlink > T.rule.horizon or T.node[node].data > T.rule.store:
            return STORE
    elif 3 * data > T.rule.store and level - T.rule.downlink_energy >= need + T.rule.reserve:
        downlink = T.minute[arrive].comm_next
        if downlink > arrive + _NEAR_WINDOW:
            downlink = -1
    if downlink >= 0:
        level -= T.rule.downlink_energy
        if level < T.rule.reserve:
            return BATTERY
        free, data, sending = downlink + T.rule.downlink_minutes, 0, T.rule.downlink_minutes
    refused = _park(T, node, mode, need, arrive, free, sending, level, b)
    if refused:
        return refused
    end = b[BEGIN] + minutes
    if end > T.rule.horizon:
        return HORIZON
    if end > deadline:
        return DEADLINE
    b[NODE], b[END], b[LEVEL] = node, end, b[LEVEL] - need
    b[LOAD], b[WEAR], b[DATA], b[DOWNLINK_AT] = load, wear, data + T.node[node].data, downlink
    return OK


@compiled
def _park(T: Tables, node: int, mode: int, need: int, arrive: int, free: int, sending: int, level: int, b: Ints) -> int:
    """Earliest begin of the activity after `free` with enough charge and in its window; sets BEGIN, CHARGE_*, LEVEL."""
    room = T.rule.battery - (T.rule.downlink_energy if sending else 0) - level
    full = max(0, room // T.rule.charge_w)
    sun_at = arrive if T.minute[arrive].sun_left > 0 else T.minute[arrive].sun_next
    drain = 0
    begin, charged = free, 0
    for _ in range(4):
        short = max(0, -(-(need + T.rule.reserve + drain - level) // T.rule.charge_w))
        if short > full:
            return BATTERY
        at = sun_at
        begin = free
        if short:
            if at <= T.rule.horizon and T.minute[at].sun_left < short:
                at = T.minute[at].sun_next
            if at > T.rule.horizon or T.minute[at].sun_left < short:
                return BATTERY
            if level - T.rule.idle_w * (at - arrive) < T.rule.reserve:
                return BATTERY
            begin = max(begin, at + short)
        if mode == FILL and full > 0 and at <= max(arrive, begin):
            begin = max(begin, at + min(T.minute[at].sun_left, full))
        if begin > T.rule.horizon:
            return HORIZON
        begin = T.begin[node, begin]
        if begin > T.rule.horizon:
            return THERMAL
        charged = 0
        if at <= T.rule.horizon:
            charged = max(0, min(full, T.minute[at].sun_left, begin - at))
        if charged < short:
            return BATTERY
        idle = T.rule.idle_w * max(0, begin - arrive - max(charged, sending))
        if idle <= drain:
            drain = idle
            break
        drain = idle
    if level + charged * T.rule.charge_w - drain - need < T.rule.reserve:
        return BATTERY
    if charged and level - T.rule.idle_w * (at - arrive) < T.rule.reserve:
        return BATTERY
    b[BEGIN], b[CHARGE_AT], b[CHARGE_MINUTES], b[LEVEL] = begin, at, charged, level + charged * T.rule.charge_w - drain
    return OK


@compiled
def home(T: Tables, a: Ints, b: Ints) -> int:
    """The way back to the depot from row `a`: fills DEPART, ARRIVE, LEVEL, TOP_* of `b`; returns OK or why not."""
    return _leave(T, a, 0, 0, b)


@compiled
def _clash(T: Tables, node: int, since: int, until: int, stays: Ints, count: int) -> int:
    """Minute at which the first other robot that is too near `node` in `[since, until)` has left; -1 if none is."""
    for k in range(count):
        if T.zone[node, stays[k, 0]] and since < stays[k, 2] and stays[k, 1] < until:
            return int(stays[k, 2])
    return -1


@compiled
def step_clear(T: Tables, a: Ints, node: int, mode: int, stays: Ints, count: int, b: Ints) -> int:
    """As `step`, leaving later where another robot is too near; `stays` (n, 3) are node, from, until of the others."""
    code = step(T, a, node, mode, 0, b)
    if count == 0:
        return code
    hold = 0
    for _ in range(_ZONE_TRIES):
        if code:
            return code
        gone = _clash(T, node, b[ARRIVE], b[END], stays, count) if node else -1
        if gone < 0:
            break
        hold = max(gone - T.pair[a[NODE], node].minutes, hold + 1)
        code = step(T, a, node, mode, hold, b)
    else:
        return ZONE
    if a[NODE] and _clash(T, a[NODE], a[END], b[DEPART], stays, count) >= 0:
        return ZONE
    return OK


@compiled
def home_clear(T: Tables, a: Ints, stays: Ints, count: int, b: Ints) -> int:
    """As `home`; a robot may not linger where another one is to come."""
    code = home(T, a, b)
    if code or count == 0:
        return code
    if a[NODE] and _clash(T, a[NODE], a[END], b[DEPART], stays, count) >= 0:
        return ZONE
    return OK


@compiled
def route(T: Tables, nodes: Ints, modes: Ints, length: int, stays: Ints, count: int, rows: Ints) -> int:
    """Fill `rows[1:length + 2]` from `rows[0]`; the last is the way home. Returns 0, or -(k + 1) if element k fails."""
    for k in range(length):
        if step_clear(T, rows[k], nodes[k], modes[k], stays, count, rows[k + 1]):
            return -(k + 1)
    if home_clear(T, rows[length], stays, count, rows[length + 1]):
        return -(length + 1)
    return 0


def empty_stays() -> Ints:
    """No other robot to keep clear of."""
    return np.zeros((0, 3), np.int64)
