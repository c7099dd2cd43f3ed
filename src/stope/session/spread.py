"""How missions scatter: durations, energies, yields and grips of PyBullet runs from their logs, for the planner's luck.

Runs of one mission that differ in their seeds and in what is drawn for the ground and the approach are compared with
their median: what a plan counts as a visit's nominal duration is that visit at its usual pace. A whole run from the
first grip to the end counts once, because the activity-level simulator draws one factor a visit. Pull tests are
counted apart: as many that held as the planner's own model of the anchors expects?
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from stope.mission.material import Material
from stope.mission.shipped import find_data, shipped
from stope.mission.streams import random_stream
from stope.planning.anchorage import proof_probability
from stope.planning.forecast import wilson
from stope.planning.spreadfile import Grips, Kind, Scatter, SpreadFile
from stope.robot.messages import AnchorPhase
from stope.robot.modelfile import load_robot
from stope.tasklog.info import describe
from stope.tasklog.reader import read

#: A run is one visit from here on; the way before it is another activity.
FIRST = "anchor"
TOOLS = ("drill", "collect", "sample")
SUCCEEDED = "PHASE_SUCCEEDED"
LEAST_RUNS = 10
STEPS = 11  # quantiles that are kept: 0, 10, ... 100 %
REACHED = 0.9  # of the load that was asked: an anchor that carried less was not put to the test
_BOOTSTRAPS = 2000


@dataclass(frozen=True, slots=True)
class Proof:
    """A pull test: the planner's chance for it, and whether it held at once.

    Attributes:
        held: None where nothing let go and fewer anchors than are needed were pulled with what was asked.
    """

    chance: float
    held: bool | None


@dataclass(frozen=True, slots=True)
class Visit:
    """What one run came to.

    Attributes:
        kind: equal for runs that differ in their seeds, their ground's relief and their approach alone.
        minutes, energy_j: from the first grip to the end of the last task.
        mass_kg: collected. whole: every task succeeded. works: it has a tool to do work with.
        proof: its pull test, where it states a load.
    """

    mission: str
    kind: str
    minutes: float
    energy_j: float
    mass_kg: float
    whole: bool
    works: bool
    proof: Proof | None = None


def visit_of(log: Path) -> Visit | None:
    """The visit in one run's log; None where no grip was tried, or the run was broken off.

    Raises:
        TaskLogError: it is no log of ours.
    """
    info = describe(log)
    header = info.header
    if header is None or not info.complete:
        return None
    asked = json.loads(header.mission_json)
    mission = asked.get("mission", asked)
    heard = _Heard()
    for each in read(log, _Heard.TOPICS):
        heard.hear(each.topic, each.time_us, each.message)
    if heard.begun_us is None or not heard.ended:
        return None
    energy_j = heard.energy_j(heard.begun_us, heard.end_us)
    tasks = [task["task"] for task in mission["tasks"]]
    whole = all(heard.ended.get(task) == SUCCEEDED for task in tasks) and set(heard.ended) <= set(tasks)
    return Visit(
        mission["name"], _kind(mission, header.robot, header.stope_version), (heard.end_us - heard.begun_us) / 60e6,
        energy_j, heard.mass_kg, whole and 0.0 < energy_j < math.inf, any(task in TOOLS for task in tasks),
        _proof(asked, mission, heard) if "pull_test" in heard.ended else None,
    )  # fmt: skip


class _Heard:
    """What a log says of its visit, message by message."""

    TOPICS = ("/task/event", "/task/progress", "/robot/observation", "/belief/anchors")

    def __init__(self) -> None:
        self.begun_us: int | None = None
        self.end_us = 0
        self.ended: dict[str, str] = {}
        self.mass_kg = 0.0
        self.tested_n = np.zeros(0)
        self.let_go = self.tested_anew = False
        self._meter: list[tuple[int, float]] = [(0, 0.0)]

    def hear(self, topic: str, time_us: int, message: Any) -> None:
        """One message."""
        if topic == "/robot/observation":
            self._meter.append((time_us, message.energy_used_j))
            self.let_go |= AnchorPhase.SLIPPING in message.anchor_phase
        elif topic == "/belief/anchors":
            now = np.array(message.tested_n)
            self.tested_n = np.maximum(self.tested_n, now) if len(self.tested_n) == len(now) else now
        elif topic == "/task/progress":
            self.mass_kg = max(self.mass_kg, message.mass_collected_kg)
        else:
            self._event(time_us, message.task, message.Phase.Name(message.phase))

    def energy_j(self, begin_us: int, end_us: int) -> float:
        """Used between two times, by the robot's own meter."""
        times, used = zip(*self._meter, strict=True)
        spent = np.interp([begin_us, end_us], times, used)
        return float(spent[1] - spent[0])

    def proved(self) -> bool | None:
        """Whether the pull test held at the first try; None where it failed and yet nothing let go."""
        if self.ended.get("pull_test") == SUCCEEDED and not self.tested_anew:
            return True
        return False if self.let_go else None

    def _event(self, time_us: int, task: str, phase: str) -> None:
        self.tested_anew |= task == "pull_test" and phase == "PHASE_RETRIED"
        if task == FIRST and phase == "PHASE_STARTED" and self.begun_us is None:
            self.begun_us = time_us
        elif phase not in ("PHASE_STARTED", "PHASE_RETRIED"):
            self.ended[task], self.end_us = phase, time_us


def _kind(mission: dict[str, Any], robot: str, version: str) -> str:
    site = {name: mission["site"].get(name) for name in ("rock", "cover", "layers")}
    return json.dumps([mission["name"], mission["body"], site, mission["tasks"], robot, version], sort_keys=True)


def _proof(asked: dict[str, Any], mission: dict[str, Any], heard: _Heard) -> Proof | None:
    """The pull test at the load that the mission states, as the planner's model of the believed rock sees it."""
    load_n = next(task["load_n"] for task in mission["tasks"] if task["task"] == "pull_test")
    believed = mission.get("believed", {}).get("rock") or mission["site"]["rock"]
    if load_n is None or believed not in asked.get("materials", {}) or mission["robot"] not in shipped("robot"):
        return None
    robot = load_robot(find_data("robot", mission["robot"]))
    needed = robot.drill.anchors_required if robot.drill is not None else 1
    rock = Material.model_validate_json(json.dumps(asked["materials"][believed]))
    held = heard.proved()
    if held and int((heard.tested_n >= REACHED * load_n).sum()) < needed:
        held = None
    return Proof(proof_probability(rock, load_n, len(robot.limbs), needed), held)


def fit(visits: Iterable[Visit], assumed: SpreadFile, told: str, date: str, commit: str) -> SpreadFile:
    """The spread over all kinds of visits; what was measured fewer than `LEAST_RUNS` times stays as in `assumed`.

    Args:
        told: the description of the file. date, commit: when, and the sources that flew.

    Raises:
        ValueError: fewer than `LEAST_RUNS` whole visits: no spread follows from that.
    """
    every = list(visits)
    kinds: dict[str, list[Visit]] = defaultdict(list)
    for visit in every:
        if visit.works:
            kinds[visit.kind].append(visit)
    time, energy, mass, found = [], [], [], []
    for group in kinds.values():
        whole = [visit for visit in group if visit.whole]
        if len(whole) < 2:
            continue
        minutes, joules = [v.minutes for v in whole], [v.energy_j for v in whole]
        time += _ratios(minutes)
        energy += _ratios(joules)
        if all(visit.mass_kg > 0 for visit in whole):
            mass += _ratios([visit.mass_kg for visit in whole])
        found.append(
            Kind(mission=whole[0].mission, runs=len(whole), broken_off=len(group) - len(whole),
                 minutes=round(median(minutes), 4), energy_wh=round(median(joules) / 3600, 4),
                 mass_kg=round(median(v.mass_kg for v in whole), 6))
        )  # fmt: skip
    if len(time) < LEAST_RUNS:
        raise ValueError(f"need at least {LEAST_RUNS} whole visits of kinds with two or more, got {len(time)}")
    return assumed.model_copy(
        update={
            "description": told, "date": date, "commit": commit, "kinds": tuple(found),
            "time": _scatter(time, "first grip to release, over the median of its kind", assumed.time),
            "energy": _scatter(energy, "first grip to release, over the median of its kind", assumed.energy),
            "yields": _scatter(mass, "mass in bin and drill, over the median of its kind", assumed.yields),
            "strength": _grips([visit.proof for visit in every], assumed.strength),
        }
    )  # fmt: skip


def _scatter(ratios: Sequence[float], told: str, assumed: Scatter) -> Scatter:
    if len(ratios) < LEAST_RUNS:
        return assumed
    values = np.sort(np.asarray(ratios, np.float64))
    logs = np.log(values)
    picks = random_stream(0, "bootstrap").integers(0, len(logs), (_BOOTSTRAPS, len(logs)))
    low, high = np.quantile(logs[picks].std(axis=1, ddof=1), [0.025, 0.975])
    quantiles = np.quantile(values, np.linspace(0.0, 1.0, STEPS))
    return Scatter(
        runs=len(values), told=told, quantiles=tuple(round(float(q), 4) for q in quantiles),
        log_sd=round(float(logs.std(ddof=1)), 4), log_sd_95=(round(float(low), 4), round(float(high), 4)),
    )  # fmt: skip


def _grips(proofs: Iterable[Proof | None], assumed: Grips) -> Grips:
    """Pull tests that held over those that were to hold; loads at which nothing was ever to let go teach nothing."""
    tests = [each for each in proofs if each is not None and each.chance < 0.999]
    clear = [each for each in tests if each.held is not None]
    if len(clear) < LEAST_RUNS:
        return assumed
    held, wanted = sum(bool(each.held) for each in clear), sum(each.chance for each in clear)
    scale = len(clear) / wanted
    low, high = wilson(held, len(clear))
    return Grips(
        runs=len(clear),
        told=f"{held} pull tests held at the first try, {wanted:.1f} were to hold; {len(tests) - len(clear)} more"
        f" pulled less than {REACHED:.0%} of what was asked and do not count",
        factor=round(held / wanted, 3),
        factor_95=(round(low * scale, 3), round(high * scale, 3)),
    )


def _ratios(values: Sequence[float]) -> list[float]:
    middle = median(values)
    return [value / middle for value in values]


__all__ = ["Proof", "Visit", "fit", "visit_of"]
