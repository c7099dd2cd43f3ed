"""Planning figures: MineBench against best known, public OPTW files, closed loop, planted impossibilities, latency.

    python benchmarks/planning.py [minebench|optw|closedloop|latency ...] [--missions 200] [--robots 1] [--sites 20]
        [--spread miner_bennu] [--strengths 0.75] [--optw DIR] [--seconds 10]

Limits are CPU seconds of one core, turned into an iteration count by timing a short search first, so each row can be
repeated exactly. Compilation is not counted. OPTW files are not shipped: give their folder; references are the "best"
column of `TOPTW.xls` in thtran97/orienteering-cpp, one vehicle.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import statistics
from dataclasses import replace
from pathlib import Path
from time import process_time

from stope.planning.closedloop import run_mission
from stope.planning.forecast import wilson
from stope.planning.luck import draw_luck
from stope.planning.minebench import minebench
from stope.planning.optw import check_tours, read_optw, solve_optw
from stope.planning.replanner import Policy
from stope.planning.schedule import activities
from stope.planning.solver import Ask, solve
from stope.planning.spreadfile import read_spread, usual_spread
from stope.planning.validator import check_plan

#: Best known before 2026-11-22's trial ended: optima at 3 and 8 sites (proved), by all solvers and long runs above.
BEST = {
    (1, 3): (4568, 3886, 4786, 5709, 1902), (3, 3): (4568, 3886, 4786, 5709, 1902),
    (1, 8): (26316, 17515, 18224, 15852, 26976), (3, 8): (26316, 17515, 18224, 15852, 26976),
    (1, 20): (49543, 38302, 29841, 31388, 33980), (3, 20): (60377, 48484, 39879, 34784, 35980),
    (1, 60): (64343, 56987, 57930, 61766, 47753), (3, 60): (123126, 124241, 113738, 131364, 102359),
}  # fmt: skip
OPTW = dict(
    zip(
        (
            "c101",
            "c104",
            "c203",
            "r101",
            "r104",
            "r108",
            "r112",
            "r203",
            "rc101",
            "rc104",
            "rc108",
            "pr01",
            "pr05",
            "pr10",
        ),
        (320, 420, 960, 198, 303, 308, 298, 1005, 219, 301, 298, 308, 579, 568),
        strict=True,
    )
)
POLICIES = {
    "replan": ("replan", Policy(iterations=300)),
    "open loop": ("open_loop", Policy(iterations=3000, rollouts=0, keep_fair=False)),
    "pause for ground": ("pause", Policy(iterations=1000, rollouts=0, keep_fair=False, learn=False)),
    "strict greedy": ("greedy", Policy(time=1.1, energy=1.15)),
}


def minebench_rows() -> None:
    """Percent of best known at 0.1, 1 and 10 CPU-s; every plan judged by the validator."""
    solve(minebench(3), Ask(20))
    for (robots, sites), best in BEST.items():
        for budget in (0.1, 1.0, 10.0):
            reached, spent = [], []
            for seed in range(5):
                problem = minebench(sites, robots, seed)
                start = process_time()
                solve(problem, Ask(40, seed=1))
                rate = 40 / (process_time() - start)
                start = process_time()
                found = solve(problem, Ask(max(1, int(0.85 * rate * budget)), seed=1))
                spent.append(process_time() - start)
                assert check_plan(problem, activities(problem, found)) == []
                reached.append(100 * found.value / best[seed])
            print(
                f"{robots} x {sites:<3} {budget:>5} CPU-s: mean {statistics.mean(reached):7.2f} %"
                f"  worst {min(reached):7.2f} %  used {statistics.mean(spent):.2f} CPU-s",
                flush=True,
            )


def optw_rows(folder: Path, seconds: float) -> None:
    """Profit on every file of the folder that has a reference, one vehicle."""
    hits = 0
    for name, reference in OPTW.items():
        instance = read_optw(folder / f"{name}.txt")
        solve_optw(instance, 1, 5)
        start = process_time()
        solve_optw(instance, 1, 300)
        rate = 300 / (process_time() - start)
        start = process_time()
        profit, tours = solve_optw(instance, 1, int(0.85 * rate * seconds), seed=1)
        spent = process_time() - start
        assert check_tours(instance, tours) == profit
        hits += profit >= reference
        print(f"{name:<6} {profit:>5}  reference {reference:>5}  {spent:.1f} CPU-s", flush=True)
    print(f"at least the reference on {hits} of {len(OPTW)}")


def closedloop_rows(missions: int, robots: int, sites: int, named: str, strengths: list[float]) -> None:
    """Value and good missions per policy on paired luck, with 95 % intervals; the difference to replanning.

    Args:
        strengths: how often anchors hold over how often the planner's model says; the spread's and 0.75 if empty.
    """
    file = read_spread(named)
    print(f"spread {named} of {file.date or 'no date'}, {robots} robots x {sites} sites", flush=True)
    for strength in strengths or (file.strength.factor, 0.75):
        spread = replace(file.spread, strength=strength)
        base: list[float] = []
        for label, (name, policy) in POLICIES.items():
            ends = []
            for k in range(missions):
                problem = minebench(sites, robots, k % 5)
                luck = draw_luck(problem, 100 + k, spread)
                ends.append(run_mission(problem, luck, name, policy, k))
            values = [end.value for end in ends]
            base = base or values
            apart = [ours - theirs for ours, theirs in zip(base, values, strict=True)]
            half = 1.96 * statistics.stdev(apart) / missions**0.5
            good, fair = sum(end.good for end in ends), sum(end.fair for end in ends)
            low, high = wilson(good, missions)
            print(
                f"anchors x {strength}: {label:<17} value {statistics.mean(values):6.1f}"
                f"  replanning earns {statistics.mean(apart):+6.1f} +- {half:.1f} more"
                f"  good {good / missions:.3f} [{low:.3f}, {high:.3f}]"
                f"  fair {fair / missions:.3f}",
                flush=True,
            )


def latency_rows() -> None:
    """CPU time of one replan with default policy, over all replans of 20 missions; compiled before."""
    from stope.planning.replanner import Replanner

    spent: list[float] = []
    plain = Replanner.replan

    def timed(self: Replanner, *arguments: object) -> object:
        start = process_time()
        decision = plain(self, *arguments)
        spent.append(process_time() - start)
        return decision

    Replanner.replan = timed
    try:
        for k in range(21):
            problem = minebench(60 if k % 2 else 20, 1, k % 5)
            run_mission(problem, draw_luck(problem, k, usual_spread()), "replan", Policy(), k)
            if k == 0:
                spent.clear()
    finally:
        Replanner.replan = plain
    spent.sort()
    n = len(spent)
    print(f"{n} replans: p50 {spent[n // 2]:.3f}  p99 {spent[int(0.99 * n)]:.3f}  max {spent[-1]:.3f} CPU-s")


def main() -> None:
    """Run what was asked for; everything without arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=["minebench", "latency", "closedloop"])
    parser.add_argument("--missions", type=int, default=200)
    parser.add_argument("--robots", type=int, default=1)
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--spread", default="miner_bennu")
    parser.add_argument("--strengths", type=float, nargs="*", default=[])
    parser.add_argument("--optw", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    if "minebench" in asked.what:
        minebench_rows()
    if asked.optw is not None:
        optw_rows(asked.optw, asked.seconds)
    if "latency" in asked.what:
        latency_rows()
    if "closedloop" in asked.what:
        closedloop_rows(asked.missions, asked.robots, asked.sites, asked.spread, asked.strengths)


if __name__ == "__main__":
    main()
