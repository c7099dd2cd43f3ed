"""Fly visits in PyBullet and fit the luck of the activity-level simulator to their logs.

    python benchmarks/fit_spread.py --fly runs/spread [--seeds 20] [--grips 30]   # about 15 s a run on a quiet core
    python benchmarks/fit_spread.py LOG [LOG ...] --out spread.yaml               # or from logs that there are
    stope plan bennu_six_days --simulate 200 --spread spread.yaml

Three campaigns: drilling visits (the shipped `bennu_drill`), collecting visits and pull tests (`benchmarks/spread/`).
Visits of a kind are compared with their median (`stope.session.spread`). What no run measures stays ASSUMED.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from stope.planning.spreadfile import read_spread, write_spread
from stope.session.spread import Visit, fit, visit_of
from stope.tasklog.errors import TaskLogError

HERE = Path(__file__).parent / "spread"
TOLD = "PyBullet runs of the miner on boulders of Bennu: one robot, one gravity, our models of ground and grip."


def fly(out: Path, seeds: int, grips: int) -> list[Path]:
    """The three campaigns, one process at a time; a folder that is there counts as flown. Their logs."""
    for name, scenario, count in (("drill", "bennu_drill", seeds), ("collect", str(HERE / "collect.yaml"), seeds),
                                  ("grip", str(HERE / "grip.yaml"), grips)):  # fmt: skip
        if count and not (out / name).exists():
            command = [sys.executable, "-m", "stope.cli", "campaign", "run", scenario, "--seeds", str(count)]
            subprocess.run([*command, "--workers", "1", "--keep-logs", "--out", str(out / name)], check=False)
    return sorted(out.glob("*/runs/*/*.mcap"))


def commit() -> str:
    """Of the sources that are checked out; empty outside of a checkout."""
    asks = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asks, cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()


def read(logs: list[Path]) -> list[Visit]:
    """The visits in the logs; one that was cut off is said and left out."""
    found = []
    for log in logs:
        try:
            visit = visit_of(log)
        except TaskLogError as error:
            print(f"{log}: {error}")
            continue
        found += [visit] if visit is not None else []
    return found


def main() -> None:
    """Fly if asked to, read, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("logs", type=Path, nargs="*")
    parser.add_argument("--fly", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--grips", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("spread.yaml"))
    parser.add_argument("--told", default=TOLD)
    asked = parser.parse_args()
    logs = asked.logs + (fly(asked.fly, asked.seeds, asked.grips) if asked.fly is not None else [])
    if not logs:
        print("no logs given: nothing to fit")
        return
    visits = read(logs)
    try:
        found = fit(visits, read_spread("assumed"), asked.told, datetime.now(UTC).date().isoformat(), commit())
    except ValueError as error:
        raise SystemExit(f"{len(visits)} visits in {len(logs)} logs: {error}") from None
    write_spread(found, asked.out)
    for name, row in found.rows().items():
        print(f"{name:<9} {row}")
    print(asked.out)


if __name__ == "__main__":
    main()
