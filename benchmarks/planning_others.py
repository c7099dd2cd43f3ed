"""The planner against planners of others, in one run: unified-planning engines on MineBench, PyVRP on OPTW files.

    python -m venv other && other/bin/pip install . unified-planning==1.3.0 up-kairos==0.2.1 pyvrp==0.14.1
    other/bin/python benchmarks/planning_others.py [--optw DIR] [--seconds 10] [--sites 3 8 20]

None of these packages is a requirement of Stope, nor in its lock: without them a row says so. The engines are
domain-independent and ours is built for this problem; read the rows so. An engine gets the sequential numeric model
(the clock is a fluent, windows are preconditions, shares are folded into fluents) once for each least number of visits,
as with "maximise" alone they return the empty plan; the best plan counts. Ours and PyVRP get CPU seconds, engines wall
time. Whatever an engine plans is valued from its visits and ways alone.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import importlib.util
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from stope.planning.minebench import minebench
from stope.planning.optw import Instance, check_tours, read_optw, solve_optw
from stope.planning.problem import Problem, WorkSite
from stope.planning.solver import Ask, solve

CHARGES_MIN = (30, 60, 120)


def start_windows(problem: Problem, site: WorkSite) -> Iterator[tuple[int, int]]:
    """When a visit may begin, first and last minute of each window."""
    until = min(site.deadline, problem.horizon) - site.minutes
    for begin, end in site.cut_windows:
        first, last = max(site.not_before, begin - site.cut_from), end - site.cut_from - site.cut_minutes
        if max(0, first) <= min(last, until):
            yield max(0, first), min(last, until)


def numeric_model(problem: Problem, visits: int) -> Any:
    """The problem with one robot for unified-planning, with at least so many visits."""
    import unified_planning.shortcuts as up

    made, fleet, terms = up.Problem("mine"), problem.fleet, problem.agreement
    start, sites = problem.robots[0], [s for s in problem.sites if s.gain > 0 and not s.forbidden]

    def number(name: str, value: int = 0) -> Any:
        made.add_fluent(name, up.RealType(), default_initial_value=value)
        return made.fluent(name)()

    def flag(name: str, value: bool) -> Any:
        made.add_fluent(name, up.BoolType(), default_initial_value=value)
        return made.fluent(name)()

    clock, level = number("clock", start.time), number("level", start.level)
    load, wear, data = number("load", start.load_g), number("wear", start.wear), number("data", start.data_mb)
    net, seen = number("net"), number("seen")
    over, under = ([number(f"{side}{p}") for p in range(len(terms.share))] for side in ("over", "under"))
    at = {n: flag(f"at{n}", n == start.node) for n in (0, *(s.number for s in sites))}
    todo = {s.number: flag(f"todo{s.number}", True) for s in sites}

    def act(name: str, pre: list[Any], effects: list[tuple[str, Any, Any]]) -> None:
        action = up.InstantaneousAction(name)
        for each in pre:
            action.add_precondition(each)
        kinds = {"=": action.add_effect, "+": action.add_increase_effect, "-": action.add_decrease_effect}
        for kind, fluent, value in effects:
            kinds[kind](fluent, value)
        made.add_action(action)

    def timed(name: str, window: tuple[int, int], minutes: int, pre: list[Any], effects: list[Any]) -> None:
        """Begin inside the window, or wait for it."""
        first, last = window
        act(name, [*pre, up.GE(clock, first), up.LE(clock, last)], [*effects, ("+", clock, minutes)])
        act(f"w{name}", [*pre, up.LE(clock, first)], [*effects, ("=", clock, first + minutes)])

    for a in at:
        for b in (each for each in at if each != a):
            way, energy = problem.travel_minutes[a][b], problem.travel_energy[a][b]
            pre = [at[a], up.GE(level, energy + fleet.reserve), up.LE(clock, problem.horizon - way)]
            act(f"go_{a}_{b}", [*pre, *([todo[b]] if b else [])],
                [("=", at[a], False), ("=", at[b], True), ("+", clock, way), ("-", level, energy),
                 ("-", net, problem.travel_cost[a][b])])  # fmt: skip
    for k, (begin, end) in enumerate(w for w in problem.sun if w[0] < problem.horizon):
        for minutes in CHARGES_MIN:
            gained = minutes * fleet.charge_w
            timed(f"charge_{k}_{minutes}", (begin, end - minutes), minutes, [up.LE(level, fleet.battery - gained)],
                  [("+", level, gained)])  # fmt: skip
    for k, (begin, end) in enumerate(w for w in problem.comm if w[0] < problem.horizon):
        timed(f"send_{k}", (begin, end - fleet.downlink_minutes), fleet.downlink_minutes,
              [up.GE(level, fleet.downlink_energy + fleet.reserve)],
              [("=", data, 0), ("-", level, fleet.downlink_energy)])  # fmt: skip
    act("unload", [at[0], up.GE(level, fleet.unload_energy + fleet.reserve), up.GE(load, 1),
                   up.LE(clock, problem.horizon - fleet.unload_minutes)],
        [("+", clock, fleet.unload_minutes), ("=", load, 0), ("-", level, fleet.unload_energy)])  # fmt: skip
    for s in sites:
        pre = [at[s.number], todo[s.number], up.GE(level, s.energy + fleet.reserve),
               up.LE(load, fleet.bin_g - s.mass_g), up.LE(wear, fleet.wear - s.wear),
               up.LE(data, fleet.store_mb - s.data_mb)]  # fmt: skip
        effects = [("=", todo[s.number], False), ("-", level, s.energy), ("+", load, s.mass_g), ("+", wear, s.wear),
                   ("+", data, s.data_mb), ("+", net, s.gain), ("+", seen, 1)]  # fmt: skip
        for p, share in enumerate(terms.share):
            own = 1000 * s.mass_g * (p == s.partner)
            effects += [("+", over[p], own - (share + terms.tolerance) * s.mass_g),
                        ("+", under[p], own - (share - terms.tolerance) * s.mass_g)]  # fmt: skip
        for k, window in enumerate(start_windows(problem, s)):
            timed(f"visit_{s.number}_{k}", window, s.minutes, pre, effects)
    made.add_goal(at[0])
    made.add_goal(up.GE(seen, visits))
    for p in range(len(terms.share)):
        made.add_goal(up.LE(over[p], 1000 * terms.slack_g))
        made.add_goal(up.GE(under[p], -1000 * terms.slack_g))
    made.add_quality_metric(up.MaximizeExpressionOnFinalState(net))
    return made


def value_of(problem: Problem, names: list[str]) -> int:
    """Value of a plan by its actions: gains of its visits less the price of its ways."""
    visits = [int(m[1]) for name in names if (m := re.match(r"w?visit_(\d+)_", name))]
    ways = [(int(m[1]), int(m[2])) for name in names if (m := re.match(r"go_(\d+)_(\d+)$", name))]
    return sum(problem.site(n).gain for n in visits) - sum(problem.travel_cost[a][b] for a, b in ways)


def engine_value(problem: Problem, engine: str, wall_s: float) -> tuple[int, float]:
    """Best value that the engine finds over all least numbers of visits, and the wall time it took in all."""
    import unified_planning.shortcuts as up

    best, began, visits = 0, perf_counter(), 1
    while visits <= len(problem.sites):
        found = 0
        with warnings.catch_warnings(), up.AnytimePlanner(name=engine) as planner:
            warnings.simplefilter("ignore")
            planner.skip_checks = True
            for result in planner.get_solutions(numeric_model(problem, visits), timeout=wall_s):
                if result.plan is not None:
                    names = [each.action.name for each in result.plan.actions]
                    found = sum(1 for name in names if re.match(r"w?visit_", name))
                    best = max(best, value_of(problem, names))
        if not found:
            break
        visits += 1 if visits < 4 else 2
    return best, perf_counter() - began


def ours(problem: Problem, cpu_s: float) -> int:
    """Our value in so many CPU seconds."""
    solve(problem, Ask(40))
    began = process_time()
    solve(problem, Ask(400, seed=2))
    rate = 400 / (process_time() - began)
    return solve(problem, Ask(max(1, int(0.9 * rate * cpu_s)), seed=1)).value


def engine_rows(sizes: list[int], wall_s: float) -> None:
    """MineBench, one robot, seed 0: ours in a second of CPU against each engine."""
    if importlib.util.find_spec("up_kairos") is None:
        print("unified-planning with up-kairos is not installed: no rows")
        return
    import unified_planning.shortcuts as up
    import up_kairos

    up.get_environment().credits_stream = None
    up_kairos.register()
    for size in sizes:
        problem = minebench(size, 1, 0)
        mine = ours(problem, 1.0)
        value, spent = engine_value(problem, "kairos", wall_s)
        print(f"1 x {size:<3} ours in 1 CPU-s {mine:>6}   kairos {value:>6} ({100 * value / mine:5.1f} % of ours)"
              f" in {spent:.0f} s", flush=True)  # fmt: skip


def pyvrp_profit(instance: Instance, cpu_s: float) -> int:
    """PyVRP's profit with one vehicle."""
    import pyvrp

    t = instance.tables
    model = pyvrp.Model()
    places = [model.add_location(0, 0) for _ in t.profit]
    depot = model.add_depot(places[0], tw_early=0, tw_late=int(t.closes[0]))
    model.add_vehicle_type(tw_early=0, tw_late=int(t.closes[0]), start_depot=depot, end_depot=depot)
    for k in range(1, len(t.profit)):
        model.add_client(
            places[k], service_duration=int(t.service[k]), tw_early=int(t.opens[k]), tw_late=int(t.closes[k]),
            prize=100_000 * int(t.profit[k]), required=False,
        )  # fmt: skip
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            if i != j:
                model.add_edge(a, b, distance=int(t.way[i, j]), duration=int(t.way[i, j]))
    began = process_time()
    found = model.solve(stop=lambda _best: process_time() - began > cpu_s, seed=1, display=False)
    return sum(route.prizes() for route in found.best.routes()) // 100_000


def pyvrp_rows(folder: Path, cpu_s: float) -> None:
    """Every OPTW file of the folder, one vehicle, the same CPU seconds for both."""
    if importlib.util.find_spec("pyvrp") is None:
        print("pyvrp is not installed: no rows")
        return
    better = same = 0
    files = sorted(folder.glob("*.txt"))
    for file in files:
        instance = read_optw(file)
        solve_optw(instance, 1, 5)
        began = process_time()
        solve_optw(instance, 1, 300)
        rate = 300 / (process_time() - began)
        profit, tours = solve_optw(instance, 1, int(0.9 * rate * cpu_s), seed=1)
        assert check_tours(instance, tours) == profit
        theirs = pyvrp_profit(instance, cpu_s)
        better, same = better + (profit > theirs), same + (profit == theirs)
        print(f"{file.stem:<6} ours {profit:>5}   PyVRP {theirs:>5}", flush=True)
    print(f"ours better on {better}, equal on {same} of {len(files)}")


def main() -> None:
    """Run what is installed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--optw", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--wall", type=float, default=20.0, help="for an engine, each least number of visits")
    parser.add_argument("--sites", type=int, nargs="*", default=[3, 8, 20])
    asked = parser.parse_args()
    engine_rows(asked.sites, asked.wall)
    if asked.optw is not None:
        pyvrp_rows(asked.optw, asked.seconds)


if __name__ == "__main__":
    main()
