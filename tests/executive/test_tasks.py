"""The real tasks' conditions and ladders, on views by hand; controllers are the test's where time would pass."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scripted import Scene, anchored_miner, free_miner, robot
from stub_tasks import SUCCESS, Scripted, Winding

from stope.control.drilling import DrillController, unknown_rock
from stope.control.goal import Outcome, Progress
from stope.control.stance import Stance
from stope.executive.activity import Activity, Desk
from stope.executive.leaf import TaskLeaf
from stope.executive.task import Task
from stope.executive.tasks import Workshop
from stope.mission.missionfile import Anchor, Collect, Descend, DrillTask, PullTest, Release, Stow

MODEL = robot()
FEED = MODEL.drill.feed if MODEL.drill else -1


def workshop(escape_speed_m_s: float = 0.2) -> Workshop:
    assert MODEL.drill is not None
    return Workshop(Stance(MODEL), unknown_rock(MODEL.drill, 1.0), 8.0, 6.0, escape_speed_m_s, MODEL)


class Bench:
    """A real task in a scene; its controllers are `made`, in the order in which they were built."""

    def __init__(self, task: Task, scene: Scene, stub: Any = None) -> None:
        self.scene, self.made = scene, []
        if stub is not None:
            task = dataclasses.replace(task, make=lambda _view, _activity: stub)
        self.desk = Desk(scene.view())
        self.activity = Activity(0, task.name, task.timeout_s)
        self.leaf = TaskLeaf(self.activity, task, self.desk)

    def tick(self, ticks: int = 1) -> tuple[str, str]:
        for _ in range(ticks):
            self.scene.time_s += 0.05
            self.desk.view, self.desk.now_us = self.scene.view(), round(self.scene.time_s * 1e6)
            self.leaf.tick_once()
            if self.desk.controller is not None and self.desk.controller not in self.made:
                self.made.append(self.desk.controller)
        return self.activity.state, self.activity.code


def test_a_full_bin_ends_collecting_on_purpose() -> None:
    drums, scene = Winding(), anchored_miner()
    bench = Bench(workshop().task(Collect(task="collect", mass_kg=0.3)), scene, drums)
    bench.tick(10)
    scene.obs["bin_fill"] = 0.996
    assert bench.tick() == ("running", "")
    assert drums.asked[0].code == "collector.bin_full"
    drums.progress = drums.asked[0]
    assert bench.tick() == ("interrupted", "collector.bin_full")
    assert [each.reason for each in bench.desk.replan] == ["collect interrupted: the bin is full"]
    assert Bench(workshop().task(Collect(task="collect", mass_kg=0.3)), scene).tick() == (
        "refused", "collector.bin_full",
    )  # fmt: skip


def test_without_gas_the_descent_is_refused() -> None:
    scene = free_miner()
    scene.obs["propellant_kg"] = 0.004
    bench = Bench(workshop().task(Descend(task="descend")), scene)
    assert bench.tick() == ("refused", "propellant.empty")
    assert bench.activity.value == 0.004


def test_a_gauge_that_reads_no_number_is_not_taken_for_full() -> None:
    scene = free_miner()
    scene.obs["propellant_kg"] = float("nan")
    bench = Bench(workshop().task(Descend(task="descend")), scene)
    assert bench.tick(9) == ("waiting", "")
    assert bench.tick(5) == ("refused", "telemetry.unknown")


def test_a_descent_without_contact_has_failed() -> None:
    scene = free_miner()
    bench = Bench(workshop().task(Descend(task="descend")), scene, Scripted(SUCCESS))
    assert bench.tick() == ("failed", "descend.no_contact")
    scene.est["contact"] = np.array((True, True, False, False))
    assert Bench(workshop().task(Descend(task="descend")), scene, Scripted(SUCCESS)).tick() == ("succeeded", "")


@pytest.mark.parametrize(
    ("task", "ending"),
    [
        (DrillTask(task="drill", depth_m=0.04), ("failed", "drill.bit_in")),
        (Stow(task="stow"), ("failed", "stow.bit_in")),
        (Release(task="release"), ("refused", "release.bit_in")),
    ],
)
def test_a_bit_that_is_not_home_fails_the_task_and_forbids_release(task: Any, ending: tuple[str, str]) -> None:
    scene = anchored_miner()
    position = np.array(MODEL.stance)
    position[FEED] = 0.03
    scene.obs["joint_position"] = position
    made = workshop().task(task)
    stuck = [dataclasses.replace(rung, make=lambda *_: Scripted(SUCCESS)) for rung in made.ladder]
    bench = Bench(dataclasses.replace(made, ladder=tuple(stuck)), scene, Scripted(SUCCESS))
    assert bench.tick(5) == ending
    assert bench.activity.value == pytest.approx(0.03)


def test_grips_that_stay_closed_are_worked_again() -> None:
    scene = anchored_miner()
    made = workshop().task(Release(task="release"))
    first = Scripted(Progress("jammed", Outcome.FAILED, "anchor.jammed", "stays jammed"))
    bench = Bench(made, scene, first)
    bench.tick()
    assert bench.activity.attempt == 2
    assert bench.made[-1] is not first
    closed = Bench(dataclasses.replace(made, ladder=()), scene, Scripted(SUCCESS))
    assert closed.tick() == ("failed", "release.not_open")


def test_anchors_that_are_too_few_are_looked_for_elsewhere_once() -> None:
    shop, scene = workshop(), Scene(MODEL, np.array((True, True, False, False)))
    failed = Scripted(Progress("no hold", Outcome.FAILED, "anchor.too_few", "2 of 4 hold"))
    nominal = shop.stance.nominal_m
    bench = Bench(shop.task(Anchor(task="anchor")), scene, failed)
    bench.tick()
    moved = np.linalg.norm(shop.stance.feet_m - nominal, axis=1)
    assert moved == pytest.approx([0.0, 0.0, 0.05, 0.05])  # what holds is not pulled at
    again: Any = bench.made[-1]
    again.progress = failed.progress
    assert bench.tick() == ("failed", "anchor.too_few")


def test_a_failed_pull_test_is_repeated_with_less_after_gripping_again() -> None:
    failed = Scripted(Progress("", Outcome.FAILED, "anchor.too_few", "1 anchor holds"))
    bench = Bench(workshop().task(PullTest(task="pull_test", load_n=20.0)), anchored_miner(), failed)
    bench.tick()
    grip: Any = bench.made[-1]
    assert type(grip).__name__ == "AnchorController"
    grip.progress = Progress("", Outcome.SUCCEEDED)
    bench.tick()
    assert type(bench.made[-1]).__name__ == "PullTestController"
    assert bench.desk.news[-1].reason == "1 anchor holds; gripped again and tested with 16 N"


@pytest.mark.parametrize(("escape_m_s", "rad_s"), [(math.inf, 15.6), (0.2, 13.5), (0.1, 6.75)])
def test_a_stalled_drill_is_turned_faster_for_the_rest_of_the_hole_while_its_chips_come_back(
    escape_m_s: float, rad_s: float
) -> None:
    stalled = Scripted(Progress("", Outcome.FAILED, "drill.stalled", "0.3 mm/min", depth_m=0.03))
    bench = Bench(workshop(escape_m_s).task(DrillTask(task="drill", depth_m=0.08)), anchored_miner(), stalled)
    bench.tick()
    if escape_m_s < 0.2:
        assert bench.made in ([], [stalled])  # it turned as fast as it may: the same again would stall again
        return
    again = bench.made[-1]
    assert isinstance(again, DrillController)
    assert again._task.depth_m == pytest.approx(0.05)
    assert again._fastest_rad_s == pytest.approx(rad_s, abs=0.05)


def test_collecting_again_asks_for_the_rest() -> None:
    scene = anchored_miner()
    assert MODEL.drums is not None
    scene.obs["drum_fill"] = np.full(len(MODEL.drums.joints), 0.01)
    bench = Bench(workshop().task(Collect(task="collect", mass_kg=0.3)), scene)
    bench.tick()
    scene.obs["drum_fill"] = np.full(len(MODEL.drums.joints), 0.02)
    gained = 0.01 * len(MODEL.drums.joints) * MODEL.drums.capacity_kg
    exhausted: Any = bench.made[0]
    exhausted.progress = Progress("", Outcome.FAILED, "collect.exhausted", "no more")
    bench.tick()
    again: Any = bench.made[-1]
    assert again._task.mass_kg == pytest.approx(0.3 - gained)
