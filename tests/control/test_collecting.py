"""Collection against a scripted pond: lower, dig, raise, weigh; and the reasons why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scripted import Scene, anchored_miner

from stope.control.collecting import REACH_M, CollectController
from stope.control.goal import Goal, Outcome, Progress
from stope.control.stance import Stance
from stope.mission.missionfile import Collect
from stope.physics.excavation import LOAD_GYRATION

EMPTY_KG_M2, FRICTION_NM = 0.008, 0.1


class Pond:
    """Drums that turn in their digging sense below `surface_m` of lowering gain mass until `holds_kg`.

    Their motors feel friction and the inertia of drum and load; the level sensors say what they hold times `tells`.
    """

    def __init__(self, scene: Scene, stance: Stance, surface_m: float, holds_kg: float) -> None:
        self._scene, self._nominal = scene, stance.feet_m.copy()
        self._surface, self._left = surface_m, holds_kg
        self.deepest_m, self.held_kg, self.tells, self.now_m = 0.0, 0.0, 1.0, 0.0
        self.slack = np.ones(2)
        self._spin = np.zeros(2)
        scene.obs["drum_fill"] = np.zeros(2)

    def __call__(self, goal: Goal) -> None:
        drums = self._scene.model.drums
        assert drums is not None
        down = float((goal.feet_base_m - self._nominal)[:, 2].mean())
        self.deepest_m, self.now_m = max(self.deepest_m, down), down
        digging = (goal.drum_rad_s * np.array(drums.dig_sign) > 0.0).all()
        if digging and down > self._surface and self._left > 0.0:
            gain = min(0.01 * self._scene.dt_s, self._left)
            self._left -= gain
            self.held_kg += gain
            self._scene.obs["drum_fill"] = self._scene.obs["drum_fill"] + self.tells * gain / 2.0 / drums.capacity_kg
        inertia = EMPTY_KG_M2 + self.held_kg / 2.0 * (LOAD_GYRATION * drums.radius_m) ** 2
        effort = np.zeros(len(self._scene.model.joints))
        effort[list(drums.joints)] = inertia * (goal.drum_rad_s - self._spin) / self._scene.dt_s
        effort[list(drums.joints)] += FRICTION_NM * np.sign(goal.drum_rad_s)
        turned = np.zeros(len(effort))
        turned[list(drums.joints)] = goal.drum_rad_s * self.slack
        self._spin, self._scene.obs["joint_effort"] = goal.drum_rad_s.copy(), effort
        self._scene.obs["joint_velocity"] = turned


def collect(scene: Scene, surface_m: float, holds_kg: float, mass_kg: float = 0.1) -> tuple[CollectController, Pond]:
    stance = Stance(scene.model)
    task = Collect(task="collect", mass_kg=mass_kg, depth_m=0.015)
    return CollectController(task, stance, 6.0), Pond(scene, stance, surface_m, holds_kg)


def test_it_collects_what_was_asked_and_rises() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, pond = collect(scene, surface_m=0.08, holds_kg=5.0)
    goal = scene.run(made, 200.0, pond)
    assert made.progress.outcome is Outcome.SUCCEEDED
    drums = scene.model.drums
    assert drums is not None
    assert scene.obs["drum_fill"].sum() * drums.capacity_kg == pytest.approx(0.1, abs=0.005)
    assert pond.deepest_m <= 0.08 + 0.015 + 0.005
    assert np.allclose(goal.feet_base_m, Stance(scene.model).feet_m, atol=1e-6)
    assert not goal.drum_rad_s.any()


@pytest.mark.parametrize(
    ("surface", "holds", "code"), [(0.5, 5.0, "collect.no_ground"), (0.05, 0.03, "collect.exhausted")]
)
def test_it_says_why_it_came_back_without(surface: float, holds: float, code: str) -> None:
    scene = anchored_miner(dt_s=0.05)
    made, pond = collect(scene, surface, holds)
    scene.run(made, 300.0, pond)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, code)
    assert pond.deepest_m <= REACH_M + 1e-3  # one step of lowering


def test_two_anchors_are_refused() -> None:
    scene = anchored_miner()
    scene.anchored[:2] = False
    made, pond = collect(scene, 0.05, 1.0)
    goal = scene.run(made, 1.0, pond)
    assert (made.progress.outcome, made.progress.code) == (Outcome.REFUSED, "collect.no_anchor")
    assert not goal.drum_rad_s.any()


def test_out_of_time_the_drums_are_raised_first() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, pond = collect(scene, 0.05, 0.05)
    scene.run(made, 15.0, pond)
    late = Progress("digging", Outcome.FAILED, "task.timeout", "not done after 15 s", 15.0, "s")
    made.wind_up(late)
    goal = scene.run(made, 60.0, pond)
    assert made.progress == late
    assert np.allclose(goal.feet_base_m, Stance(scene.model).feet_m, atol=1e-6)


def test_full_drums_end_the_digging() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, pond = collect(scene, surface_m=0.05, holds_kg=50.0, mass_kg=20.0)
    scene.obs["drum_fill"] = np.array((0.975, 0.975))
    goal = scene.run(made, 60.0, pond)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "collect.drums_full")
    assert not goal.drum_rad_s.any()


def test_the_feed_is_what_the_anchors_have_left() -> None:
    deep = []
    for margin in (1.0, 0.05, 0.0):
        scene = anchored_miner(dt_s=0.05, margin=margin)
        made, pond = collect(scene, surface_m=0.05, holds_kg=50.0, mass_kg=20.0)
        scene.run(made, 20.0, pond)
        deep.append(pond.deepest_m)
    assert deep[0] > deep[1] + 1e-3 > deep[2]


def test_margin_that_is_gone_draws_the_drums_back_until_it_returns() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, pond = collect(scene, surface_m=0.05, holds_kg=50.0, mass_kg=20.0)
    scene.run(made, 20.0, pond)
    deep = pond.now_m
    scene.margin = -0.1
    scene.run(made, 3.0, pond)
    assert made.progress.outcome is Outcome.RUNNING
    assert "limited by anchors" in made.progress.phase
    assert pond.now_m < deep - 5e-3
    scene.margin = 1.0
    scene.run(made, 10.0, pond)
    assert "limited" not in made.progress.phase


def test_anchors_that_leave_nothing_are_said_so() -> None:
    scene = anchored_miner(dt_s=0.05, margin=0.02)
    made, pond = collect(scene, surface_m=0.05, holds_kg=5.0)
    scene.run(made, 100.0, pond)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "collect.no_reserve")
    assert pond.deepest_m < 0.01


def test_drums_press_with_no_more_than_their_share_of_the_reserve() -> None:
    scene = anchored_miner(dt_s=0.05, reserve_n=20.0)
    made, pond = collect(scene, surface_m=0.06, holds_kg=50.0, mass_kg=20.0)
    pressed = 0.0

    def bedrock(goal: Goal) -> None:
        """Rock of 1e3 N/m at 6 cm: the feet pull by what the drums press."""
        nonlocal pressed
        pond(goal)
        pressed = 1e3 * max(0.0, pond.now_m - 0.06)
        scene.est["limb_force_n"] = np.tile((0.0, 0.0, -pressed / 4.0), (4, 1))

    most = 0.0
    for _ in range(50):
        scene.run(made, 1.0, bedrock)
        most = max(most, pressed)
    assert 8.0 < most <= 10.0 + 0.5
    assert "limited by reserve" in made.progress.phase


def test_level_sensors_that_are_stuck_do_not_hide_what_was_collected() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, pond = collect(scene, surface_m=0.05, holds_kg=0.3, mass_kg=0.25)
    pond.tells = 0.05  # ground is felt, and no more
    scene.run(made, 400.0, pond)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert pond.held_kg > 0.24


def test_level_sensors_that_boast_do_not_end_the_work_early() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, pond = collect(scene, surface_m=0.05, holds_kg=5.0, mass_kg=0.4)
    pond.tells = 2.0
    scene.run(made, 600.0, pond)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert pond.held_kg > 0.33


def test_the_drums_turn_no_faster_than_their_spill_comes_back() -> None:
    scene = anchored_miner(dt_s=0.05)
    task = Collect(task="collect", mass_kg=0.1, depth_m=0.015)
    stance = Stance(scene.model)
    made, pond = CollectController(task, stance, 6.0, most_rad_s=0.4), Pond(scene, stance, 0.05, 5.0)
    fastest = 0.0

    def look(goal: Goal) -> None:
        nonlocal fastest
        fastest = max(fastest, float(np.abs(goal.drum_rad_s).max()))
        pond(goal)

    scene.run(made, 200.0, look)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert fastest <= 0.4


def test_both_drums_cut_equally_fast_whichever_way_the_body_sweeps_and_whatever_their_friction() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, pond = collect(scene, surface_m=0.05, holds_kg=50.0, mass_kg=20.0)
    pond.slack = np.array((0.9, 0.7))  # what comes of the speed that is asked for
    drums, before, unequal = scene.model.drums, np.zeros(3), []
    assert drums is not None

    def look(goal: Goal) -> None:
        nonlocal before
        pond(goal)
        feet = goal.feet_base_m.mean(axis=0)
        body_m_s, before = 0.8 * (before - feet)[0] / scene.dt_s, feet  # joints with friction lag behind
        scene.est["velocity_m_s"] = np.array((body_m_s, 0.0, 0.0))
        edge = goal.drum_rad_s * pond.slack * drums.radius_m - body_m_s
        if "in the drums" in made.progress.phase and scene.time_s > 25.0:
            unequal.append(abs(edge.sum()) / abs(edge).mean())

    scene.run(made, 60.0, look)
    assert np.quantile(unequal, 0.9) < 0.02


def test_a_robot_without_a_drill_collects_too() -> None:
    scene = anchored_miner(dt_s=0.05, reserve_n=0.0)
    scene.model = replace(scene.model, drill=None)
    made, pond = collect(scene, surface_m=0.05, holds_kg=5.0)
    scene.run(made, 200.0, pond)
    assert made.progress.outcome is Outcome.SUCCEEDED
