"""Fit the luck of the activity-level simulator to logs of PyBullet runs.

    stope run bennu_core --seed 1 ... --seed 20          # logs first: one mission, many seeds
    python benchmarks/fit_spread.py LOG [LOG ...] --out spread.json
    stope plan bennu_six_days --simulate 200 --spread spread.json

Runs of a mission are compared with their median (`stope.session.spread`); logs with an injected fault do not count.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stope.planning.luck import write_spread
from stope.session.spread import spread_of, visit_of


def main() -> None:
    """Read, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("logs", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, default=Path("spread.json"))
    asked = parser.parse_args()
    if not asked.logs:
        print("no logs given: nothing to fit")
        return
    visits = [visit for log in asked.logs if (visit := visit_of(log)) is not None]
    try:
        spread, told = spread_of(visits)
    except ValueError as error:
        raise SystemExit(f"{len(visits)} whole visits in {len(asked.logs)} logs: {error}") from None
    write_spread(spread, asked.out)
    bounds = ", ".join(f"{name} x {low:.3f} to {high:.3f}" for name, (low, high) in (
        ("time", spread.time), ("energy", spread.energy), ("yields", spread.yields)))  # fmt: skip
    print(f"{told}; {bounds}: {asked.out}")


if __name__ == "__main__":
    main()
