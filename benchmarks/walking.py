"""What a metre of way costs the robot that walks it: time and energy, for `planning/gait.py`.

    python benchmarks/walking.py [--seeds 1] [--json]

One PyBullet run a seed of `examples/bennu_walk.yaml` without its tools: descend, anchor, walk a metre on bare rock,
never on fewer than three closed grips. Time and energy (idle power included) are the walk's own, over the distance that
the estimator says the base has moved. Some minutes a seed.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stope.control.stack import Tick
from stope.executive.tree import Executive
from stope.robot.messages import AnchorPhase, Sent, Vector
from stope.session.request import RunRequest
from stope.session.run import run_mission

MISSION = Path(__file__).parents[1] / "examples" / "bennu_walk.yaml"
TOOLS = ("pull_test", "drill", "stow", "release")
FIRST_SEED = 20270302


@dataclass
class Way:
    """A watcher of the loop: where the walk began and stands, on what, and what it has used."""

    began: tuple[float, float, Vector] | None = None  # time (s), energy (J), estimated base position
    ended: tuple[float, float, Vector] | None = None
    fewest: int = 99

    def __call__(self, tick: Tick, _sent: Sent, executive: Executive) -> None:
        """Look at this tick."""
        running = executive.desk.running
        if running is None or running.task != "walk":
            return
        view = tick.view
        now = view.time_s, view.obs.energy_used_j, view.estimate.position_m[:2].copy()
        self.began, self.ended = self.began or now, now
        self.fewest = min(self.fewest, int((view.obs.anchor_phase == AnchorPhase.ENGAGED).sum()))


def measure(seed: int) -> dict[str, Any]:
    """One row of the table."""
    way = Way()
    with tempfile.TemporaryDirectory() as folder:
        request = RunRequest(
            str(MISSION), seed=seed, leave_out=TOOLS, out=Path(folder), video=False, progress=False, attended=False
        )
        outcome = run_mission(request, [way])
    row: dict[str, Any] = {"seed": seed, "verdict": outcome.verdict, "reason": outcome.reason}
    if way.began is None or way.ended is None:
        return row
    metres = float(np.linalg.norm(way.ended[2] - way.began[2]))
    seconds, joules = way.ended[0] - way.began[0], way.ended[1] - way.began[1]
    return row | {
        "m": round(metres, 3),
        "s": round(seconds, 1),
        "s/m": round(seconds / metres, 1),
        "kJ/m": round(1e-3 * joules / metres, 2),
        "fewest grips closed": way.fewest,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help=f"{FIRST_SEED} and those after it")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        row = measure(seed)
        told = json.dumps(row) if options.json else "  ".join(f"{key} {value}" for key, value in row.items())
        print(told, flush=True)


if __name__ == "__main__":
    main()
