"""First contact by terrain: does the first grip hold, and how fast does the robot bounce before it does?

    python benchmarks/first_contact.py [--contacts 100] [--terrain NAME] [--json]

Each contact is a PyBullet run of its own seed: the miner comes down from 6 cm with navigation's errors, a tilt of 2
deg and 3 cm/s (or 0.8 of the bound on contact speed, where that is less), touches, is held down by gas, and sets its
grippers; the run ends when the first of them has engaged. It holds if the spines truly carry 5 N of pull. The rebound
is the greatest true speed of the base away from the ground in between, over the true local escape speed;
`control.contact` promises that it stays below a stated share. Seeds are 1, 2, ...; Wilson 95 % intervals.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
from typing import Any

import numpy as np

from stope.control.contact import REBOUND_SHARE
from stope.session.first_contact import Terrain, first_contact
from stope.validation.detachments import wilson

#: Bare rock of each kind that spines may meet, ice, metal, and loose cover deeper than spines are long.
TERRAINS = (
    Terrain("bennu", "c_boulder_weak"),
    Terrain("bennu", "c_boulder_strong"),
    Terrain("dimorphos", "s_rock"),
    Terrain("eros", "s_rock", "s_regolith"),
    Terrain("67p", "comet_crust", "comet_dust"),
    Terrain("psyche", "metal", "m_regolith"),
    Terrain("bennu", "c_boulder_strong", "bennu_regolith", 0.02),
)


def measure(terrain: Terrain, contacts: int) -> dict[str, Any]:
    """One row of the table."""
    found = [first_contact(terrain, seed) for seed in range(1, contacts + 1)]
    held = sum(each.holds for each in found)
    share = np.array([each.rebound_share for each in found])
    grip_s = np.array([each.grip_s for each in found])
    low, high = wilson(held, contacts)
    return {
        "terrain": terrain.name,
        "first grip holds": f"{held} of {contacts}",
        "95 %": [round(low, 3), round(high, 3)],
        "strength N, least": round(min(each.strength_n for each in found), 1),
        "touch cm/s, greatest": round(100.0 * max(each.touch_m_s for each in found), 2),
        "rebound / escape speed, median": round(float(np.median(share)), 4),
        "greatest": round(float(share.max()), 4),
        "promised": REBOUND_SHARE,
        "over it": int((share > REBOUND_SHARE).sum()),
        "touch to grip s, median": round(float(np.median(grip_s)), 1),
        "gas g, greatest": round(1e3 * max(each.gas_kg for each in found), 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="First contact by terrain.")
    parser.add_argument("--contacts", type=int, default=100, help="per terrain; CI takes two")
    parser.add_argument("--terrain", default="", help="only those whose name contains this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for terrain in TERRAINS:
        if options.terrain in terrain.name:
            row = measure(terrain, options.contacts)
            told = json.dumps(row) if options.json else "  ".join(f"{key} {value}" for key, value in row.items())
            print(told, flush=True)


if __name__ == "__main__":
    main()
