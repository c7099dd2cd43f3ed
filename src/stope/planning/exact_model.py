"""The exact model: the planning question for CP-SAT, a mirror of the decoder's semantics. Needs the extra `exact`.

One circuit over the robots' starts, optional sites and optional unloadings; time, battery, bin, wear and log store are
carried along the arcs that are used. A node parks (one charge, one downlink), acts, and may charge once more before it
leaves. Levels are bounded from above only, which is what models a battery that is full. Safety zones are left out: with
several robots and zones the model is a relaxation, its bound holds and its plans need not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from stope.planning.problem import PER_MILLE, Problem, Window, WorkSite
from stope.planning.tables import NEVER, tables


@dataclass(slots=True)
class Stop:
    """One node of the circuit and its variables: plain integers where they are known."""

    kind: str  # start, site, unload
    place: int
    robot: Any
    site: WorkSite | None
    minutes: int
    energy: int
    used: Any
    arrive: Any = 0
    begin: Any = 0
    leave: Any = 0
    level_in: Any = 0
    level: Any = 0  # at the activity's begin
    level_out: Any = 0  # when leaving
    load: Any = 0
    wear: Any = 0
    data: Any = 0
    charge: Any = 0
    charge_at: Any = 0
    top: Any = 0
    top_at: Any = 0
    sends: Any = 0
    send_at: Any = 0


@dataclass(slots=True)
class Model:
    """The CP-SAT model and how to read it."""

    cp: Any
    stops: list[Stop] = field(default_factory=list)
    arcs: dict[tuple[int, int], Any] = field(default_factory=dict)
    cost: list[tuple[Any, int]] = field(default_factory=list)


def build(problem: Problem, only: frozenset[int] | None = None) -> Model:
    """The model over the sites that may be visited (gainful or demanded, enterable, in `only`)."""
    model = Model(cp_model.CpModel())
    starts = np.asarray(tables(problem).begin)
    for r, state in enumerate(problem.robots):
        stop = Stop("start", state.node, r, None, 0, 0, 1)
        stop.arrive = stop.begin = state.time
        stop.level_in = stop.level = state.level
        stop.load, stop.wear, stop.data = state.load_g, state.wear, state.data_mb
        model.stops.append(stop)
        _departure(model, problem, stop)
    for site in problem.sites:
        wanted = (site.gain > 0 or site.demanded) and not site.forbidden and (only is None or site.number in only)
        if wanted:
            _add_site(model, problem, site, starts[site.number])
    _add_unloads(model, problem)
    _connect(model, problem)
    _limits(model, problem)
    used = [(stop.site, stop.used) for stop in model.stops if stop.site is not None]
    gains = sum(site.gain * x for site, x in used)
    model.cp.maximize(gains - sum(cost * arc for arc, cost in model.cost if cost))
    return model


def _add_site(model: Model, problem: Problem, site: WorkSite, starts: np.ndarray[Any, np.dtype[np.int64]]) -> None:
    cp = model.cp
    latest = min(problem.horizon, site.deadline) - site.minutes
    minutes = np.arange(len(starts))
    allowed = [int(t) for t in minutes[(starts == minutes) & (starts < NEVER)] if t <= latest]
    stop = Stop("site", site.number, 0, site, site.minutes, site.energy, cp.new_bool_var(""))
    if not allowed:
        allowed = [0]
        cp.add(stop.used == 0)
    stop.begin = cp.new_int_var_from_domain(cp_model.Domain.from_values(allowed), "")
    stop.robot = cp.new_int_var(0, len(problem.robots) - 1, "") if len(problem.robots) > 1 else 0
    model.stops.append(stop)
    _parking(model, problem, stop)
    _departure(model, problem, stop)
    cp.add(stop.data >= site.data_mb)
    if site.demanded:
        cp.add(stop.used == 1)


def _add_unloads(model: Model, problem: Problem) -> None:
    """Optional unloadings; each belongs to one robot and they come in order, so that robots are not interchangeable."""
    sites = [stop.site for stop in model.stops if stop.site is not None]
    loads = sum(site.mass_g for site in sites) // max(1, problem.fleet.bin_g) + 2
    for r in range(len(problem.robots)):
        before: Stop | None = None
        for _ in range(min(len(sites), int(2 * loads), 8)):
            fleet = problem.fleet
            stop = Stop("unload", 0, r, None, fleet.unload_minutes, fleet.unload_energy, model.cp.new_bool_var(""))
            stop.begin = model.cp.new_int_var(0, problem.horizon, "")
            model.stops.append(stop)
            _parking(model, problem, stop)
            _departure(model, problem, stop)
            if before is not None:
                model.cp.add_implication(stop.used, before.used)
                model.cp.add(stop.begin >= before.begin).only_enforce_if(stop.used)
            before = stop


def _parking(model: Model, problem: Problem, stop: Stop) -> None:
    """Arrive, charge and send if need be, begin."""
    cp, fleet, horizon = model.cp, problem.fleet, problem.horizon
    stop.arrive = cp.new_int_var(0, horizon, "")
    stop.level_in = cp.new_int_var(fleet.reserve, fleet.battery, "")
    stop.level = cp.new_int_var(fleet.reserve, fleet.battery, "")
    stop.load, stop.wear = cp.new_int_var(0, fleet.bin_g, ""), cp.new_int_var(0, fleet.wear, "")
    stop.data = cp.new_int_var(0, fleet.store_mb, "")
    cp.add(stop.arrive <= stop.begin)
    stop.charge, stop.charge_at = _charge(model, problem, stop.arrive, stop.begin)
    stop.sends = cp.new_bool_var("")
    minutes = fleet.downlink_minutes
    open_ = [[max(0, b), e - minutes] for b, e in problem.comm if e - minutes >= max(0, b)]
    stop.send_at = cp.new_int_var_from_domain(cp_model.Domain.from_intervals(open_ or [[0, 0]]), "")
    if not open_:
        cp.add(stop.sends == 0)
    cp.add_implication(stop.sends, stop.used)
    cp.add(stop.send_at >= stop.arrive).only_enforce_if(stop.sends)
    cp.add(stop.send_at + minutes <= stop.begin).only_enforce_if(stop.sends)
    paid = fleet.downlink_energy * stop.sends
    idle = cp.new_int_var(0, horizon, "")
    cp.add(idle >= stop.begin - stop.arrive - stop.charge - minutes * stop.sends)
    cp.add(stop.level <= stop.level_in + fleet.charge_w * stop.charge - paid - fleet.idle_w * idle)
    cp.add(stop.level <= fleet.battery - paid)
    cp.add(stop.level_in - paid >= fleet.reserve)
    cp.add(stop.level - stop.energy >= fleet.reserve)


def _departure(model: Model, problem: Problem, stop: Stop) -> None:
    """Leave, after one more charge if need be."""
    cp, fleet = model.cp, problem.fleet
    end = stop.begin + stop.minutes
    stop.leave = cp.new_int_var(0, problem.horizon, "")
    cp.add(stop.leave >= end)
    stop.top, stop.top_at = _charge(model, problem, end, stop.leave)
    stop.level_out = cp.new_int_var(0, fleet.battery, "")
    idle = cp.new_int_var(0, problem.horizon, "")
    cp.add(idle >= stop.leave - end - stop.top)
    cp.add(stop.level_out <= stop.level - stop.energy + fleet.charge_w * stop.top - fleet.idle_w * idle)


def _charge(model: Model, problem: Problem, since: Any, until: Any) -> tuple[Any, Any]:
    """Minutes and start of at most one charge inside one sun window between `since` and `until`."""
    cp, horizon = model.cp, problem.horizon
    windows: list[Window] = [(max(0, b), e) for b, e in problem.sun if e > 0 and b <= horizon]
    longest = max((e - b for b, e in windows), default=0)
    minutes, at = cp.new_int_var(0, longest, ""), cp.new_int_var(0, horizon + longest, "")
    chosen = []
    for begin, end in windows:
        inside = cp.new_bool_var("")
        cp.add(at >= begin).only_enforce_if(inside)
        cp.add(at + minutes <= end).only_enforce_if(inside)
        cp.add(at >= since).only_enforce_if(inside)
        cp.add(at + minutes <= until).only_enforce_if(inside)
        chosen.append(inside)
    cp.add_at_most_one(chosen)
    none = cp.new_bool_var("")
    cp.add(sum(chosen) + none == 1)
    cp.add(minutes == 0).only_enforce_if(none)
    return minutes, at


def _connect(model: Model, problem: Problem) -> None:
    """The circuit: an arc into robot r + 1's start closes robot r's route at the depot."""
    cp, robots, circuit = model.cp, len(problem.robots), []
    for i, a in enumerate(model.stops):
        if a.kind != "start":
            circuit.append((i, i, a.used.negated()))
        for j, b in enumerate(model.stops):
            if not _may_follow(a, b, i, j, robots):
                continue
            arc = cp.new_bool_var("")
            circuit.append((i, j, arc))
            model.arcs[i, j] = arc
            place = 0 if b.kind == "start" else b.place
            model.cost.append((arc, problem.travel_cost[a.place][place]))
            minutes, energy = problem.travel_minutes[a.place][place], problem.travel_energy[a.place][place]
            if b.kind == "start":
                cp.add(a.leave + minutes <= problem.horizon).only_enforce_if(arc)
                cp.add(a.level_out - energy >= problem.fleet.reserve).only_enforce_if(arc)
                if robots > 1 and a.kind == "site":
                    cp.add(a.robot == (b.robot - 1) % robots).only_enforce_if(arc)
                continue
            cp.add(b.arrive >= a.leave + minutes).only_enforce_if(arc)
            cp.add(b.level_in <= a.level_out - energy).only_enforce_if(arc)
            if robots > 1 and (a.kind == "site" or b.kind == "site"):
                cp.add(b.robot == a.robot).only_enforce_if(arc)
            _carry(model, a, b, arc)
    cp.add_circuit(circuit)


def _may_follow(a: Stop, b: Stop, i: int, j: int, robots: int) -> bool:
    if i == j:
        return a.kind == "start" and robots == 1
    if b.kind == "start":
        return a.kind == "site" or bool(a.robot == (b.robot - 1) % robots)
    if a.kind == "unload" and b.kind == "unload":
        return False
    return not (a.kind == "start" and b.kind == "unload" and a.robot != b.robot)


def _carry(model: Model, a: Stop, b: Stop, arc: Any) -> None:
    """Bin, bit wear and log store along an arc."""
    cp, kept = model.cp, [arc, b.sends.negated()]
    if b.site is None:
        cp.add(b.wear >= a.wear).only_enforce_if(arc)
        cp.add(b.data >= a.data).only_enforce_if(kept)
        return
    cp.add(b.load >= (0 if a.kind == "unload" else a.load) + b.site.mass_g).only_enforce_if(arc)
    cp.add(b.wear >= a.wear + b.site.wear).only_enforce_if(arc)
    cp.add(b.data >= a.data + b.site.data_mb).only_enforce_if(kept)


def _limits(model: Model, problem: Problem) -> None:
    """Shares, deposits, and sums that tighten the bound."""
    cp, terms, fleet = model.cp, problem.agreement, problem.fleet
    used = [(stop.site, stop.used) for stop in model.stops if stop.site is not None]
    given = []
    common = terms.common_g + sum(site.mass_g * x for site, x in used if site.partner < 0)
    most = terms.common_g + sum(site.mass_g for site, _ in used if site.partner < 0)
    total = sum(terms.collected_g) + common + sum(site.mass_g * x for site, x in used if site.partner >= 0)
    for p, share in enumerate(terms.share):
        given.append(cp.new_int_var(0, most, "") if most else 0)
        own = terms.collected_g[p] + sum(site.mass_g * x for site, x in used if site.partner == p) + given[p]
        slack = PER_MILLE * terms.slack_g
        cp.add(PER_MILLE * own <= (share + terms.tolerance) * total + slack)
        cp.add(PER_MILLE * own >= (share - terms.tolerance) * total - slack)
    if most:
        cp.add(sum(given) == common)
    for k, left in enumerate(terms.deposit_left_g):
        cp.add(sum(site.mass_g * x for site, x in used if site.deposit == k) <= left)
    cp.add(sum(site.wear * x for site, x in used) <= sum(fleet.wear - state.wear for state in problem.robots))
    ways = sum(
        problem.travel_minutes[model.stops[i].place][model.stops[j].place if model.stops[j].kind != "start" else 0]
        * arc
        for (i, j), arc in model.arcs.items()
    )
    work = sum(stop.minutes * stop.used for stop in model.stops if stop.kind != "start")
    charging = sum(stop.charge + stop.top for stop in model.stops)
    cp.add(work + ways + charging <= sum(problem.horizon - state.time for state in problem.robots))


__all__ = ["Model", "Stop", "build"]
