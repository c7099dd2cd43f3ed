"""Five PyBullet missions against what the activity-level simulator predicts for them: does each lie in its interval?

    python benchmarks/spread_confirmed.py [--missions 5] [--first-seed 1001] [--spread miner_bennu]

Visits to drill and visits to collect in turns, with seeds that the fit has not seen. Predicted is the kind's median
times the central 95 % of the spread; the spread pools all kinds. With 15 quantities one outside is what 95 % means.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import tempfile
from pathlib import Path

from stope.campaign.job import run_job
from stope.campaign.run import jobs_of
from stope.mission.scenario import load_scenario
from stope.planning.luck import Quantiles, value_at
from stope.planning.spreadfile import Kind, SpreadFile, read_spread
from stope.session.spread import Visit, visit_of

SCENARIOS = ("bennu_drill", str(Path(__file__).parent / "spread" / "collect.yaml"))


def fly(scenario: str, seed: int, out: Path) -> Visit | None:
    """One mission of the scenario, in a process of its own."""
    (job,) = jobs_of(load_scenario(scenario), [seed], out, keep=True)
    row = run_job(job)
    print(f"{Path(scenario).stem} seed {seed}: {row.verdict} {row.reason}", flush=True)
    logs = sorted(Path(job.out).glob("*.mcap"))
    return visit_of(logs[0]) if logs else None


def told(name: str, measured: float, middle: float, quantiles: Quantiles) -> bool:
    """A row: measured against predicted; whether it lies inside."""
    low, high = (float(middle * value_at(quantiles, chance)) for chance in (0.025, 0.975))
    inside = low <= measured <= high
    verdict = "inside" if inside else "OUTSIDE"
    print(f"   {name:<12} {measured:8.4g}  predicted {low:.4g} to {high:.4g}  {verdict}", flush=True)
    return inside


def judge(visit: Visit, kind: Kind, spread: SpreadFile) -> list[bool]:
    """Duration, energy and yield of one visit."""
    return [
        told("minutes", visit.minutes, kind.minutes, spread.time.quantiles),
        told("energy, W h", visit.energy_j / 3600, kind.energy_wh, spread.energy.quantiles),
        told("mass, kg", visit.mass_kg, kind.mass_kg, spread.yields.quantiles),
    ]


def main() -> None:
    """Fly, compare, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--missions", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1001)
    parser.add_argument("--spread", default="miner_bennu")
    asked = parser.parse_args()
    spread = read_spread(asked.spread)
    kinds = {kind.mission: kind for kind in spread.kinds}
    inside: list[bool] = []
    whole = 0
    with tempfile.TemporaryDirectory() as folder:
        for k in range(asked.missions):
            visit = fly(SCENARIOS[k % len(SCENARIOS)], asked.first_seed + k, Path(folder))
            if visit is None or not visit.whole:
                continue
            whole += 1
            inside += judge(visit, kinds[visit.mission], spread)
            if visit.proof is not None:
                print(f"   pull test    held {visit.proof.held}, chance {visit.proof.chance:.3f}")
    print(f"{whole} of {asked.missions} whole; {sum(inside)} of {len(inside)} quantities inside their 95 % interval")


if __name__ == "__main__":
    main()
