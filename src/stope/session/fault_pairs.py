"""Pairs of faults in PyBullet: two causes of trouble in one mission, and whether it ends safe and explained.

`tests/executive/test_pairs.py` runs every ordered pair of a bounded set on scripted tasks. Here whole robots run some
of them, drawn by seed, with the causes that `--inject` has.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from stope.control.stack import Tick
from stope.executive.tree import Executive
from stope.mission.streams import random_stream
from stope.robot.messages import Sent
from stope.session.outcome import FAILED, LOST, PASSED, RECOVERED, Outcome
from stope.session.request import RunRequest
from stope.session.run import run_mission
from stope.sim.injection import INJECTIONS

MISSION = "quick_core"
LONGEST_S = 900.0  # of run time: the mission takes 75 s, a recovery 60, and no task more than its time-out
Pair = tuple[str, str]

#: Where each cause acts: with the drill at work, unless it is another tool's or the grip's own.
_AT = {"grippers.weak": "anchor", "gauge.broken": "anchor"}


class HangError(Exception):
    """A mission that does not end."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one pair ended.

    Attributes:
        complaints: what was not safe or not explained; empty is good.
    """

    pair: Pair
    verdict: str
    reason: str
    sim_s: float
    complaints: tuple[str, ...]


def draw_pairs(count: int, seed: int) -> list[Pair]:
    """`count` different ordered pairs of the injections, as `--inject` takes them."""
    befitting = [fault for fault, each in INJECTIONS.items() if each.needs in (None, "drill")]  # its mission drills
    causes = [f"{fault}@{_AT.get(fault, 'drill')}" for fault in befitting]
    pairs = list(itertools.permutations(causes, 2))
    chosen = random_stream(seed, "fault pairs").permutation(len(pairs))[:count]
    return [pairs[int(k)] for k in chosen]


def run_pair(pair: Pair, seed: int, out: Path) -> Ending:
    """Run the mission with both causes and judge its end.

    Raises:
        HangError: it did not end.
    """
    held = [True]

    def watch(tick: Tick, _sent: Sent, executive: Executive) -> None:
        if executive.desk.now_us > LONGEST_S * 1e6:
            raise HangError(f"{' and '.join(pair)}: not over after {LONGEST_S:.0f} s; {executive.running} runs")
        held[0] = bool(tick.view.anchored.any())

    request = RunRequest(MISSION, seed=seed, inject=pair, out=out, video=False, progress=False, attended=False)
    outcome = run_mission(request, [watch])
    complaints = tuple(_complaints(outcome, held[0]))
    return Ending(pair, outcome.verdict, outcome.reason, outcome.sim_s, complaints)


def _complaints(outcome: Outcome, held: bool) -> list[str]:
    """What is not safe, or not explained."""
    states = {row.task: row.state for row in outcome.tasks}
    found = [f"{row.task} never ended" for row in outcome.tasks if row.state in ("waiting", "running")]
    found += [
        f"{row.task} {row.state} without a reason"
        for row in outcome.tasks
        if row.state in ("failed", "refused", "skipped", "interrupted") and not row.reason
    ]
    if outcome.verdict not in (PASSED, RECOVERED, FAILED, LOST):
        found.append(f"verdict {outcome.verdict}")
    if outcome.verdict != PASSED and not outcome.reason:
        found.append("no reason")
    left = states.get("release") == "succeeded"
    if not (held or left or outcome.verdict == LOST):
        found.append("no anchor holds, and nothing says that it is lost or was to leave")
    if left and states.get("stow") not in ("succeeded", None):
        found.append("it left with its tools out")
    if outcome.mass_error_ug:
        found.append(f"the mass book is off by {outcome.mass_error_ug} ug")
    return found


__all__ = ["Ending", "HangError", "draw_pairs", "run_pair"]
