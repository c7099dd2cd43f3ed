"""Spread of seeded runs of one drilling site: the campaign `bennu_drill`, 200 seeds unless told otherwise.

python benchmarks/drilling_spread.py [--seeds 200] [--workers 2] [--out runs/drilling_spread]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys


def main() -> None:
    """Run the campaign through its command; its exit code is ours."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", default="runs/drilling_spread")
    asked = parser.parse_args()
    command = [sys.executable, "-m", "stope.cli", "campaign", "run", "bennu_drill"]
    command += ["--seeds", str(asked.seeds), "--workers", str(asked.workers), "--out", asked.out]
    raise SystemExit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
