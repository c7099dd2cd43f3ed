"""Time to depth against an oracle, for our weight law, one fixed conservative weight, and any other law by name.

    python benchmarks/drilling_time.py [--sites 100] [--laws adaptive,fixed] [--pybullet 0] [--figure SVG]

Each site draws rock, chips and anchor strengths from the material files; its anchors are pull-tested with 20 N.
A hole is drilled by `stope.session.drilling_trial`: controller, belief, wrench distribution and bit are those of a run,
PyBullet is left out; `--pybullet N` flies N whole missions and compares. Time counts from the first touch to the true
depth; a hole that is never finished counts as infinite.

The oracle knows true rock, true flights and each anchor's true strength, at the same risk (what remains is the scatter
that no test can see). It needs no spud-in, no ramp and no clearing: a lower bound, not a controller.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import importlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stope.control.goal import Outcome
from stope.control.weight_law import WeightLaw, weight_law
from stope.mission.material import load_material
from stope.mission.missionfile import DrillTask
from stope.mission.shipped import find_data
from stope.physics.drilling import CoreBit, core_drill_response, fastest_feed_m_s
from stope.robot.model import Drill
from stope.robot.modelfile import load_robot
from stope.session.drilling_trial import Anchorage, Trial, drill_trial
from stope.sim.truth import TrueGround

#: Terrain -> depth. A hard rock takes minutes a millimetre: 10 mm show its rate, 80 mm would only repeat it.
TERRAINS = {"c_boulder_weak": 0.08, "c_boulder_strong": 0.08, "s_rock": 0.01}
WEIGHT_MAX_N, SPINDLE_RAD_S, RISK = 60.0, 12.0, 1e-3
PERIOD_S = 0.02


@dataclass(frozen=True, slots=True)
class Row:
    """One law on one terrain."""

    terrain: str
    law: str
    ratios: np.ndarray
    trials: tuple[Trial, ...]

    def text(self) -> str:
        """The row of the table."""
        finished = np.isfinite(self.ratios)
        p10, p50, p90 = np.quantile(np.where(finished, self.ratios, 1e9), (0.1, 0.5, 0.9))
        shown = ["never" if q > 1e8 else f"{q:.2f}" for q in (p50, p10, p90)]
        codes = ("drill.pecked", "drill.choked", "drill.jammed")
        resisted = ", ".join(str(sum(t.count(code) for t in self.trials)) for code in codes)
        detached = sum(t.detached for t in self.trials)
        cores = sum(t.core_m > 0.0 for t in self.trials)
        hammer = np.mean([t.hammer for t in self.trials])
        cells = (
            self.terrain, self.law, shown[0], f"{shown[1]} to {shown[2]}", f"{finished.sum()} of {len(finished)}",
            resisted, str(cores), str(detached), f"{hammer:.2f}",
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


def oracle_s(drill: Drill, ground: TrueGround, reserve_n: float, depth_m: float) -> float:
    """Seconds to depth with the largest weight, full blows and full speed, held to what the flights really carry."""
    bit = CoreBit(drill.bit_outer_m, drill.bit_inner_m, drill.blow_energy_j, drill.blow_rate_hz)
    weight = min(WEIGHT_MAX_N, reserve_n)
    rock = ground.column(np.zeros(2))[0]
    rate, _ = core_drill_response(weight, SPINDLE_RAD_S, rock.ucs_pa, rock.energy_ratio, bit)
    flights_m2 = math.pi * drill.auger_gap_m * (drill.bit_outer_m - drill.auger_gap_m)
    turns = SPINDLE_RAD_S / (2.0 * math.pi)
    carried = fastest_feed_m_s(bit.kerf_m2, turns, flights_m2, drill.auger_pitch_m, flight_fill=ground.chip_fill)
    return depth_m / min(float(rate), float(carried))


def made(name: str) -> WeightLaw:
    """A fresh law: by its name, or as `module:Class` of the Python path (here, not in a mission)."""
    module, _, attribute = name.partition(":")
    if attribute:
        law: WeightLaw = getattr(importlib.import_module(module), attribute)()
        return law
    return weight_law(name)


def compare(terrain: str, depth_m: float, laws: list[str], sites: int) -> list[Row]:
    """All laws on the same sites."""
    model, rock, cover = (
        load_robot(find_data("robot", "miner")),
        load_material(terrain),
        load_material("bennu_regolith"),
    )
    assert model.drill is not None
    ratios: dict[str, list[float]] = {law: [] for law in laws}
    trials: dict[str, list[Trial]] = {law: [] for law in laws}
    seed, kept = 0, 0
    while kept < sites:
        ground, oracle = TrueGround.draw(rock, cover, seed), Anchorage(model, rock, seed, RISK)
        seed += 1
        if oracle.reserves()[0] < 6.0:
            continue  # refused by every law before the first turn
        kept += 1
        best = oracle_s(model.drill, ground, oracle.true_reserve_n(), depth_m)
        task = DrillTask(
            task="drill", depth_m=depth_m, weight_on_bit_max_n=WEIGHT_MAX_N, spindle_rad_s=SPINDLE_RAD_S,
            timeout_s=max(600.0, 12.0 * best),
        )  # fmt: skip
        for law in laws:
            trial = drill_trial(
                model, ground, task, Anchorage(model, rock, seed - 1, RISK), law=made(law), seed=seed - 1,
                period_s=PERIOD_S, energy_ratio=rock.specific_energy_ratio.median,
            )  # fmt: skip
            trials[law].append(trial)
            ratios[law].append(trial.seconds / best)
    return [Row(terrain, law, np.array(ratios[law]), tuple(trials[law])) for law in laws]


def by_pybullet(sites: int) -> None:
    """Whole missions with PyBullet against roll-outs of the same ground."""
    import json
    import subprocess
    import sys

    model = load_robot(find_data("robot", "miner"))
    rock, cover = load_material("c_boulder_strong"), load_material("bennu_regolith")
    print(
        "\n| seed | drill task with PyBullet, s | without, s | largest weight, N | without, N |\n|---|---|---|---|---|"
    )
    for seed in range(1, sites + 1):
        run = subprocess.run(
            [sys.executable, "-m", "stope.cli", "run", "bennu_core", "--seed", str(seed), "--no-video", "--json",
             "--set", "site.cover_m=0", "--set", "tasks.collect.mass_kg=0.001", "--out", f"runs/drilling_time-{seed}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        outcome = json.loads(run.stdout)
        flown = next(task["duration_s"] for task in outcome["tasks"] if task["task"] == "drill")
        task = DrillTask(task="drill", depth_m=0.08, weight_on_bit_max_n=WEIGHT_MAX_N, spindle_rad_s=SPINDLE_RAD_S)
        ground = TrueGround.draw(rock, cover, seed)
        trial = drill_trial(model, ground, task, Anchorage(model, rock, seed, RISK), seed=seed)
        print(f"| {seed} | {flown:.1f} | {trial.task_s:.1f} | {outcome['peak_weight_on_bit_n']:.1f} "
              f"| {trial.peak_weight_n:.1f} |")  # fmt: skip


PANEL, GAP, TOP, HEIGHT, SLOWEST = 200, 40, 44, 180, 3.0


def figure(rows: list[Row], file: Path) -> None:
    """Share of the sites that were drilled within how many times the oracle's time, by terrain and law, as an SVG."""
    colours = ("#0b7285", "#c92a2a", "#5f3dc4", "#2b8a3e")
    laws, terrains = list(dict.fromkeys(r.law for r in rows)), list(dict.fromkeys(r.terrain for r in rows))
    width, base = 60 + (PANEL + GAP) * len(terrains), TOP + HEIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {base + 56 + 16 * len(laws)}" '
             'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>',
             f'<text x="12" y="{TOP}" transform="rotate(-90 12 {TOP})" text-anchor="end">share of sites, %</text>',
             *(f'<text x="46" y="{base - HEIGHT * share / 100 + 4:.0f}" text-anchor="end">{share}</text>'
               for share in (0, 50, 100))]  # fmt: skip
    for column, terrain in enumerate(terrains):
        x0 = 50 + (PANEL + GAP) * column
        per_unit = PANEL / (SLOWEST - 1.0)
        parts.append(f'<text x="{x0}" y="{TOP - 16}">{terrain}</text>')
        parts.append(f'<path d="M{x0} {TOP} V{base} H{x0 + PANEL}" fill="none" stroke="#888"/>')
        parts.append(f'<text x="{x0 + PANEL}" y="{base + 30}" text-anchor="end">time to depth / oracle\'s</text>')
        for tick in (1.0, 1.5, 2.0, 2.5, 3.0):
            x = x0 + per_unit * (tick - 1.0)
            parts.append(f'<text x="{x:.0f}" y="{base + 15}" text-anchor="middle">{tick:g}</text>')
        for row in (r for r in rows if r.terrain == terrain):
            ratio = np.sort(np.minimum(row.ratios, SLOWEST))
            x = x0 + per_unit * (np.concatenate(([1.0], ratio)) - 1.0)
            y = base - HEIGHT * np.arange(len(ratio) + 1) / len(ratio)
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
            colour = colours[laws.index(row.law) % len(colours)]
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for k, law in enumerate(laws):
        parts.append(f'<text x="50" y="{base + 50 + 16 * k}" fill="{colours[k % len(colours)]}">{law}</text>')
    file.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, default=100)
    parser.add_argument("--laws", default="adaptive,fixed")
    parser.add_argument("--terrains", default=",".join(TERRAINS))
    parser.add_argument("--pybullet", type=int, default=0)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    resists = "pecks, chokes, jams"
    print(f"| terrain | law | median time / oracle | 10 to 90 % | finished | {resists} | cores | detached | hammer |")
    print("|---|---|---|---|---|---|---|---|---|")
    rows = []
    for terrain in given.terrains.split(","):
        for row in compare(terrain, TERRAINS[terrain], given.laws.split(","), given.sites):
            rows.append(row)
            print(row.text(), flush=True)
    refused = [t for row in rows for t in row.trials if t.outcome is Outcome.REFUSED]
    if refused:
        print(f"{len(refused)} holes were refused")
    if given.figure:
        figure(rows, given.figure)
    if given.pybullet:
        by_pybullet(given.pybullet)


if __name__ == "__main__":
    main()
