"""Pairs of faults in PyBullet, drawn by seed: does each mission end, safe and explained? Run time, not host time.

python benchmarks/fault_pairs.py [--pairs 12] [--skip 0] [--seed 1]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import tempfile
from pathlib import Path

from stope.session.fault_pairs import HangError, draw_pairs, run_pair


def main() -> None:
    """One row a pair; exit code 1 if one hangs or ends unsafe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--skip", type=int, default=0, help="pairs that were flown before")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    bad = 0
    drawn = list(enumerate(draw_pairs(asked.pairs, asked.seed)))[asked.skip :]
    for number, pair in drawn:
        with tempfile.TemporaryDirectory() as folder:
            try:
                end = run_pair(pair, asked.seed + number, Path(folder))
            except HangError as hang:
                print(f"HANG {hang}", flush=True)
                bad += 1
                continue
        bad += bool(end.complaints)
        state = "; ".join(end.complaints) or "safe and explained"
        print(f"{' + '.join(pair):<48} {end.verdict:<9} {end.sim_s:6.1f} s  {state}: {end.reason}", flush=True)
    print(f"{len(drawn) - bad} of {len(drawn)} pairs end safe and explained")
    raise SystemExit(bad > 0)


if __name__ == "__main__":
    main()
