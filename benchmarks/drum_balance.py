"""Net horizontal force of the counter-rotating drums over one drum's, while they really dig (case C06), in PyBullet.

    python benchmarks/drum_balance.py [--rock c_boulder_weak] [--kg 0.3] [--seed 1]

Flies `bennu_core` without its hole: down, anchored, collecting, stowed. In each control tick of the digging the true
forces of the ground on both drums are read; compared is the mean of the net horizontal force with the mean of one
drum's, the worst second of it, and the part that stays in the mean. Beside it: what the scale said, and what escaped.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
from typing import Any

import numpy as np

from stope.session.build import Run, build
from stope.session.loop import run_loop
from stope.session.request import RunRequest

LEFT_OUT = ("pull_test", "drill")
BITES_N = 1e-4  # one drum's horizontal force, above which it digs
WORST_TICKS = 100


class Balance:
    """Forces on the drums, tick by tick."""

    def __init__(self, run: Run) -> None:
        plant = run.plant
        assert plant is not None
        self._plant, self.forces, self.said = plant, [], ""  # type: ignore[var-annotated]

    def __call__(self, tick: Any, _sent: object, executive: Any) -> None:
        """After each tick."""
        running = executive.desk.running
        if running is None or running.task != "collect" or executive.desk.controller is None:
            return
        self.said = executive.desk.controller.progress.phase
        wrench = self._plant._wrench[self._plant.rows.drums :]
        if np.abs(wrench[:, 0]).max() > BITES_N and (np.abs(tick.goal.drum_rad_s) > 0.0).all():
            self.forces.append(wrench[:, :3].copy())


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rock", default="c_boulder_weak")
    parser.add_argument("--kg", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    wanted = (f"site.rock={given.rock}", f"tasks.collect.mass_kg={given.kg}")
    run = build(RunRequest("bennu_core", seed=given.seed, leave_out=LEFT_OUT, overrides=wanted))
    balance = Balance(run)
    try:
        result = run_loop(run, [balance], lambda _detection: None)
    finally:
        run.robot.close()
    force = np.array(balance.forces)
    flat = np.hypot(force[..., 0], force[..., 1])
    one, net = flat.mean(), np.hypot(*force[..., :2].sum(axis=1).T)
    worst = max(net[i : i + WORST_TICKS].mean() for i in range(0, max(1, len(net) - WORST_TICKS), WORST_TICKS))
    book = balance._plant.flow.book
    print(f"{given.rock}, {len(force)} ticks of digging: {balance.said}; worst anchor margin {result.worst_margin:.2f}")
    steady = float(np.hypot(*force[..., :2].sum(axis=1).mean(axis=0)))
    print(f"one drum {one:.4f} N, net {net.mean():.5f} N: {net.mean() / one:.4f}; worst second {worst / one:.4f}")
    print(f"what of it does not average out: {steady / one:.4f}")
    print(f"escaped {1e-6 * book.total('escaped'):.3f} g")


if __name__ == "__main__":
    main()
