"""How long one control tick takes: all control, distribution and estimation of the four-limbed robot, on one core.

    python benchmarks/controller_tick.py [--mission bennu_core] [--until 140] [--json]

Timed are `ControlStack.observe`, the task's controller and `ControlStack.command`, for every tick of a run from the
descent to the hole; not the plant, the seam, the tree or the log. CPU time of the thread, so that the machine's other
tenants do not count; p50 and p99 by task, and over all ticks. The aim is a p99 below 1 ms.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
import time
from typing import Any

import numpy as np

from stope.control.goal import Goal, TaskController, View
from stope.session.build import Run, build
from stope.session.loop import run_loop
from stope.session.request import RunRequest

WARM_UP_TICKS = 200


class Done(Exception):  # noqa: N818  # an interruption of the loop, not an error
    """Enough was measured."""


class Meter:
    """CPU time of a tick, gathered where the loop calls the stack."""

    def __init__(self, run: Run, until_s: float) -> None:
        self._until_s, self._spent, self._ticks = until_s, 0, 0
        self.by_task: dict[str, list[float]] = {}
        stack = run.stack
        stack.observe = self._timed(stack.observe)
        stack.command = self._timed(stack.command)

    def _timed(self, call: Any) -> Any:
        def timed(*arguments: Any) -> Any:
            began = time.thread_time_ns()
            try:
                return call(*arguments)
            finally:
                self._spent += time.thread_time_ns() - began

        return timed

    def watch_controller(self, controller: TaskController) -> None:
        """Count the task's own law too."""
        update = controller.update
        if getattr(update, "__name__", "") == "timed":
            return

        def timed(view: View) -> Goal:
            began = time.thread_time_ns()
            try:
                return update(view)
            finally:
                self._spent += time.thread_time_ns() - began

        controller.update = timed

    def __call__(self, tick: Any, _sent: object, executive: Any) -> None:
        """After each tick: book what it took."""
        self._ticks += 1
        running = executive.desk.running
        if self._ticks > WARM_UP_TICKS and running is not None:
            self.by_task.setdefault(running.task, []).append(1e-3 * self._spent)
        self._spent = 0
        if executive.desk.controller is not None:
            self.watch_controller(executive.desk.controller)
        if tick.view.time_s > self._until_s:
            raise Done


def measure(mission: str, until_s: float) -> dict[str, dict[str, float]]:
    """Microseconds of CPU by task: p50, p99, largest and number of ticks."""
    run = build(RunRequest(mission))
    meter = Meter(run, until_s)
    try:
        run_loop(run, [meter], lambda _found: None)
    except Done:
        pass
    finally:
        run.robot.close()
    every = [value for values in meter.by_task.values() for value in values]
    return {name: _summary(values) for name, values in {**meter.by_task, "all": every}.items()}


def _summary(values: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(values, [50, 99]).tolist()
    return {"p50_us": round(p50), "p99_us": round(p99), "max_us": round(max(values)), "ticks": len(values)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="CPU time of one control tick.")
    parser.add_argument("--mission", default="bennu_core")
    parser.add_argument("--until", type=float, default=140.0, help="simulated seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.mission, options.until)
    if options.json:
        print(json.dumps(result))
        return
    for name, row in result.items():
        print(f"{name:10} p50 {row['p50_us']:5.0f} us  p99 {row['p99_us']:5.0f} us  of {row['ticks']} ticks")
    print("p99 below 1 ms:", "yes" if result["all"]["p99_us"] < 1000 else "MISSED")


if __name__ == "__main__":
    main()
