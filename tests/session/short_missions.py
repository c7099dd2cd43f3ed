"""Whole missions cut short: what a test needs of a run in as little time as it takes."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path

from stope.mission.shipped import find_data
from stope.session.outcome import Outcome
from stope.session.request import RunRequest
from stope.session.run import run_mission

#: Every task of the shipped missions, none of them for long.
SHORT: dict[str, tuple[str, ...]] = {
    "bennu_core": ("tasks.drill.depth_m=0.01", "tasks.collect.mass_kg=0.02"),
    "eros_core": ("tasks.drill.depth_m=0.01", "tasks.collect.mass_kg=0.02"),
    "lab_miner": ("tasks.drill.depth_m=0.01", "tasks.collect.mass_kg=0.02"),
    "bennu_drill": ("tasks.drill.depth_m=0.01",),
    "quick_core": ("tasks.drill.depth_m=0.003",),
    "lab_bench": ("tasks.drill.depth_m=0.003",),
    "lab_ice": ("tasks.drill.depth_m=0.003",),
    "bennu_sample": ("tasks.sample.mass_kg=0.06",),
}


@cache
def run_short(name: str) -> Outcome:
    """One short run of a shipped mission; the same outcome for every test that asks. Its log is kept until exit."""
    return run(name, SHORT[name])


def run(
    mission: str | Path,
    overrides: tuple[str, ...] = (),
    *,
    seed: int | None = None,
    body: str | None = None,
    anchors: str = "normal",
    inject: tuple[str, ...] = (),
    robot: str = "sim",
    orders: tuple[str, ...] = (),
) -> Outcome:
    """Run without pictures, into a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="stope-test-"))
    return run_mission(
        RunRequest(
            mission, body=body, robot=robot, seed=seed, anchors=anchors, inject=inject, overrides=overrides, out=folder,
            orders=orders, video=False, progress=False,
        )
    )  # fmt: skip


def drill_only(folder: Path, robot: Path | None = None) -> Path:
    """A copy of bennu_core that only comes down, grips, drills 5 mm and lets go; on another robot if one is given."""
    text = find_data("mission", "bennu_core").read_text(encoding="utf-8")
    head, _, _ = text.partition("tasks:")
    if robot is not None:
        head = re.sub(r"^robot: .*$", f"robot: {robot}", head, flags=re.MULTILINE)
    tasks = """tasks:
  - task: descend
    hold_down_n: 8
    contact_speed_m_s: 0.05
  - task: anchor
    min_anchors: 3
    preload_n: 6
  - task: drill
    depth_m: 0.005
  - task: release
"""
    file = folder / "drill_only.yaml"
    file.write_text(head + tasks, encoding="utf-8")
    return file
