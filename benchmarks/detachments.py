"""Do anchors let go as often as was asked for? And are the reactions those that the plan says?

    python benchmarks/detachments.py [--share 1.0] [--runs 60] [--json]

First part: roll-outs without PyBullet (`stope.validation.detachments`), 1e5 tasks at a requested risk of 1e-2 and 1e6
at 1e-3. Rates are of the anchors that bind, over their share of the risk, with a 95 % Wilson interval; breakages in
pull tests are counted apart. A row with a prior that is 25 % too narrow says what a wrong belief costs.

Second part: PyBullet runs that drill on an anchored robot. In each, the force that the plan says each foot carries is
compared with what the ground really does to that foot; that is what the roll-outs take for granted.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
from typing import Any

import numpy as np

from stope.session.reactions import compare_reactions
from stope.validation.detachments import roll_out

CASES = ((1e-2, 100_000, 1.0), (1e-3, 1_000_000, 1.0), (1e-2, 100_000, 1.25))
SEED = 20270301


def calibration(share: float) -> list[dict[str, Any]]:
    """One row per requested risk; `share` scales the number of tasks."""
    rows = []
    for risk, tasks, prior_error in CASES:
        tally = roll_out(risk, round(share * tasks), SEED, prior_error)
        low, high = tally.interval
        rows.append(
            {
                "requested risk": risk,
                "true scatter / believed": prior_error,
                "tasks": tally.tasks,
                "binding anchors": tally.bound,
                "let go": tally.let_go,
                "observed / requested": round(tally.ratio, 3),
                "95 %": [round(low, 3), round(high, 3)],
                "whole stances": round(tally.stance_ratio, 3),
                "pull tests": tally.tests,
                "broken in test": tally.broken,
                "median reserve, N": round(float(np.median(tally.reserves_n)), 1),
            }
        )
    return rows


def reactions(runs: int) -> dict[str, Any]:
    """True over planned pull of the feet, over seeded PyBullet runs."""
    found = [compare_reactions(seed) for seed in range(1, runs + 1)]
    total = np.array([run.total_ratio for run in found])
    worst = np.array([run.worst_excess_n for run in found])
    return {
        "runs": runs,
        "true / planned total pull": [round(float(np.min(total)), 4), round(float(np.max(total)), 4)],
        "worst foot over plan, N": round(float(np.max(worst)), 2),
        "worst foot over plan, median of runs, N": round(float(np.median(worst)), 2),
        "anchors let go": sum(run.let_go for run in found),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Requested and observed rate of detachment.")
    parser.add_argument("--share", type=float, default=1.0, help="of the tasks; CI takes a hundredth")
    parser.add_argument("--runs", type=int, default=60, help="PyBullet runs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = {"calibration": calibration(options.share), "reactions": reactions(options.runs) if options.runs else {}}
    if options.json:
        print(json.dumps(result))
        return
    for row in result["calibration"]:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    print("  ".join(f"{name} {value}" for name, value in result["reactions"].items()))


if __name__ == "__main__":
    main()
