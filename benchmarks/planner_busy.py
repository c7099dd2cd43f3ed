"""How late control is while somebody plans: alone, beside a planner in a thread, and in a process of its own.

    python benchmarks/planner_busy.py [--rounds 5] [--seconds 4] [--rate 100]

A whole control tick of the miner (estimate, belief, distribution, command) is begun at a fixed rate on the host's
clock; late is its begin after the moment it was due. The planner replans 60 sites without a pause. The three take turns
in rounds, so that the machine's other tenants hit all alike. Aim: beside a process no more ticks are late by a period
than alone, and on an idle machine none.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import time
from collections.abc import Callable
from threading import Event, Thread

import numpy as np

from stope.control.goal import Goal
from stope.planning.closedloop import situation
from stope.planning.luck import draw_luck
from stope.planning.minebench import minebench
from stope.planning.process import PlannerProcess
from stope.planning.replanner import Policy, Replanner
from stope.planning.spreadfile import usual_spread
from stope.planning.world import World
from stope.session.build import build
from stope.session.request import RunRequest

PROBLEM = minebench(60, 1, 0)
NOW = situation(World(PROBLEM, draw_luck(PROBLEM, 1, usual_spread())))
POLICY = Policy()


def control() -> Callable[[], None]:
    """One control tick of the miner, warm."""
    run = build(RunRequest("bennu_core"))
    run.robot.connect()
    stack, obs = run.rehearsal, run.robot.read()
    still = Goal.still(run.stance.feet_m, run.robot.model)

    def tick() -> None:
        view, _ = stack.observe(obs)
        stack.command(view, still)

    for _ in range(300):
        tick()
    return tick


def lateness_ms(tick: Callable[[], None], seconds: float, rate: float, meanwhile: Callable[[], None]) -> list[float]:
    """How late each tick began; `meanwhile` is called after each and must not wait."""
    period, late = 1.0 / rate, []
    due = time.perf_counter() + period
    for _ in range(int(seconds * rate)):
        left = due - time.perf_counter()
        if left > 0:
            time.sleep(left)  # noqa: TID251  # a benchmark of the host's own clock
        late.append(1e3 * max(0.0, time.perf_counter() - due))
        tick()
        meanwhile()
        due += period
        due = max(due, time.perf_counter() - period)  # what was missed is not caught up with
    return late


def in_thread(tick: Callable[[], None], seconds: float, rate: float) -> list[float]:
    """Beside a planner in a thread of this process."""
    planner, stop = Replanner(PROBLEM, POLICY, 1), Event()

    def plan() -> None:
        while not stop.is_set():
            planner.replan(NOW, ((),), "busy")

    thread = Thread(target=plan)
    thread.start()
    try:
        return lateness_ms(tick, seconds, rate, lambda: None)
    finally:
        stop.set()
        thread.join()


def in_process(
    tick: Callable[[], None], planner: PlannerProcess, seconds: float, rate: float
) -> tuple[list[float], int]:
    """Beside a planner in its own process; and how many questions were put."""
    asked = [0]

    def ask() -> None:
        if asked[0] == 0 or planner.answer() is not None:
            planner.ask(NOW, ((),), "busy")
            asked[0] += 1

    late = lateness_ms(tick, seconds, rate, ask)
    return late, asked[0]


def main() -> None:
    """Rounds of the three, then a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=100.0)
    asked = parser.parse_args()
    tick, planner = control(), PlannerProcess(PROBLEM, POLICY, 1)
    Replanner(PROBLEM, POLICY, 1).replan(NOW, ((),), "compiles")
    rows: dict[str, list[float]] = {"alone": [], "thread": [], "process": []}
    questions = 0
    try:
        for _ in range(asked.rounds):
            rows["alone"] += lateness_ms(tick, asked.seconds, asked.rate, lambda: None)
            rows["thread"] += in_thread(tick, asked.seconds, asked.rate)
            late, count = in_process(tick, planner, asked.seconds, asked.rate)
            rows["process"] += late
            questions += count
    finally:
        planner.close()
    period_ms = 1e3 / asked.rate
    for name, found in rows.items():
        p50, p99 = np.quantile(found, [0.5, 0.99])
        over = sum(each > period_ms for each in found)
        print(f"planner {name:<8} late p50 {p50:6.2f} ms  p99 {p99:7.2f} ms  max {max(found):7.1f} ms"
              f"  by a period or more: {over} of {len(found)}")  # fmt: skip
    print(f"the process answered {questions - 1} replans of 60 sites meanwhile")


if __name__ == "__main__":
    main()
