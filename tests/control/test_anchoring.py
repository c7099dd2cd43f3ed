"""Anchoring against scripted ground: feel, press, grip, try again, give up with a count; and the pull test."""

from __future__ import annotations

import numpy as np
import pytest
from scripted import Scene, anchored_miner, free_miner, robot

from stope.control.anchoring import RESEAT_M_S, TRIES, AnchorController, PullTestController, preload
from stope.control.goal import Goal, Outcome
from stope.control.stance import Stance
from stope.mission.missionfile import Anchor, PullTest
from stope.robot.messages import AnchorAction, AnchorPhase

ENGAGE_S = 3.0


class Ground:
    """Answers grippers: a pressed one that engages holds after three seconds, unless its limb is barren."""

    def __init__(self, scene: Scene, stance: Stance, barren: tuple[int, ...] = (), depth_m: float = 0.01) -> None:
        self._scene, self._stance, self._barren, self._depth_m = scene, stance, barren, depth_m
        self._engaged_s = np.zeros(len(scene.anchored))
        self.set_down: list[int] = []

    def __call__(self, goal: Goal) -> None:
        scene = self._scene
        force = np.zeros((len(scene.anchored), 3))
        phase = np.zeros(len(scene.anchored), dtype=np.int8)
        for limb in range(len(scene.anchored)):
            reached = goal.feet_base_m[limb, 2] <= self._stance.nominal_m[limb, 2] - self._depth_m
            force[limb, 2] = goal.foot_force_n[limb, 2] if reached else 0.0
            action = int(goal.anchor_action[limb])
            if action == AnchorAction.ENGAGE and limb not in self._barren:
                self._engaged_s[limb] += scene.dt_s
            if action == AnchorAction.RELEASE and goal.release:
                self._engaged_s[limb] = 0.0
            if self._engaged_s[limb] > 0.0:
                phase[limb] = int(AnchorPhase.ENGAGING)
            scene.anchored[limb] = self._engaged_s[limb] >= ENGAGE_S
            if scene.anchored[limb]:
                phase[limb] = int(AnchorPhase.ENGAGED)
        scene.est["limb_force_n"], scene.obs["anchor_phase"] = force, phase


def anchoring(scene: Scene, barren: tuple[int, ...] = ()) -> tuple[AnchorController, Ground, Stance]:
    stance = Stance(scene.model)
    task = Anchor(task="anchor", min_anchors=3, preload_n=6.0)
    return AnchorController(task, stance, hold_down_n=8.0), Ground(scene, stance, barren), stance


def test_all_feet_find_the_ground_grip_and_preload() -> None:
    scene = free_miner(dt_s=0.02)
    made, ground, stance = anchoring(scene)
    goal = scene.run(made, 60.0, ground)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert scene.anchored.all()
    assert goal.hold_down_n == 0.0  # gas is not wasted once the grippers hold
    assert np.allclose(goal.foot_force_n, 6.0 * stance.outward)


def test_hold_down_stays_until_the_grippers_hold() -> None:
    scene = free_miner(dt_s=0.02)
    made, ground, _ = anchoring(scene)
    goal = scene.run(made, 2.0, ground)
    assert not scene.anchored.any()
    assert goal.hold_down_n == 8.0


def test_one_barren_foothold_is_tried_thrice_and_three_anchors_are_enough() -> None:
    scene = free_miner(dt_s=0.05)
    made, ground, _ = anchoring(scene, barren=(2,))
    scene.run(made, 120.0, ground)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert scene.anchored.tolist() == [True, True, False, True]


def test_too_few_anchors_fail_with_their_count() -> None:
    scene = free_miner(dt_s=0.05)
    made, ground, _ = anchoring(scene, barren=(0, 2))
    scene.run(made, 180.0, ground)
    progress = made.progress
    assert (progress.outcome, progress.code, progress.value) == (Outcome.FAILED, "anchor.too_few", 2.0)
    assert progress.reason == f"2 of 4 grippers hold after {TRIES} tries, 3 are needed"


def test_a_clamp_closes_without_press_gas_or_preload() -> None:
    rig = robot("bench_rig")
    scene = Scene(rig, np.zeros(1, dtype=bool))
    stance = Stance(rig)
    made = AnchorController(Anchor(task="anchor", min_anchors=1, preload_n=50.0), stance, hold_down_n=0.0)
    goal = scene.run(made, 0.05)
    assert goal.anchor_action.tolist() == [AnchorAction.ENGAGE]
    scene.anchored[:] = True
    goal = scene.run(made, 5.0)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert not goal.foot_force_n.any()
    assert not goal.hold_down_n


def test_preload_cancels_over_opposed_limbs() -> None:
    scene = anchored_miner()
    force = preload(scene.view(), Stance(scene.model), 6.0)
    assert np.allclose(force.sum(axis=0), 0.0, atol=1e-9)
    scene.anchored[1] = False
    assert not preload(scene.view(), Stance(scene.model), 6.0)[1].any()


def pull_test(scene: Scene, compliance: float, slips: bool = False) -> tuple[PullTestController, list[float]]:
    """A pull test over limbs that feel `compliance` of what is asked; one slips as it reaches 12 N."""
    task = PullTest(task="pull_test", load_n=20.0, hold_s=1.0)
    made, highest = PullTestController(task, Stance(scene.model), preload_n=6.0), [0.0] * 4
    scene.obs["anchor_slip_m"] = np.zeros(4)

    def answer(goal: Goal) -> None:
        force = compliance * goal.foot_force_n
        scene.est["limb_force_n"] = force
        for limb in range(4):
            highest[limb] = max(highest[limb], -float(force[limb, 2]))
        if slips and highest[2] > 12.0:
            scene.obs["anchor_slip_m"] = np.array((0.0, 0.0, 2e-3, 0.0))

    scene.run(made, 200.0, answer)
    return made, highest


@pytest.mark.parametrize("compliance", [1.0, 0.7])
def test_every_anchor_is_pulled_until_it_feels_the_load(compliance: float) -> None:
    """Posture takes a part of what is asked; the test goes on until the limb itself feels nine tenths of the load."""
    made, highest = pull_test(anchored_miner(dt_s=0.02), compliance)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert all(18.0 <= load <= 22.0 for load in highest)


def test_a_slipping_anchor_is_not_pulled_further() -> None:
    made, highest = pull_test(anchored_miner(dt_s=0.02), 1.0, slips=True)
    assert highest[2] < 13.0
    assert highest[3] > 18.0
    assert made.progress.outcome is Outcome.SUCCEEDED


def test_anchors_that_carry_less_than_half_the_load_are_not_counted_on() -> None:
    scene = anchored_miner(dt_s=0.02)
    scene.obs["anchor_slip_m"] = np.zeros(4)
    task = PullTest(task="pull_test", load_n=20.0, hold_s=1.0)
    made = PullTestController(task, Stance(scene.model), preload_n=6.0)

    def world(goal: Goal) -> None:
        force = np.clip(goal.foot_force_n, -2.0, 2.0)
        slip = scene.obs["anchor_slip_m"] + np.where(goal.foot_force_n[:, 2] < -2.0, 1e-4, 0.0)
        scene.est["limb_force_n"], scene.obs["anchor_slip_m"] = force, slip

    scene.run(made, 200.0, world)
    assert made.progress.outcome is Outcome.FAILED
    assert made.progress.reason.startswith("0 anchors hold after the pull test (fl carried 2.0 N, ")


def test_a_pull_test_that_leaves_two_anchors_fails() -> None:
    scene = anchored_miner(dt_s=0.02)
    scene.anchored[:2] = False
    made, _ = pull_test(scene, 1.0)
    assert made.progress.outcome is Outcome.FAILED
    assert made.progress.code == "anchor.too_few"
    assert "2 anchors hold" in made.progress.reason


def chosen_pulls(needed_n: float, load_n: float | None = None) -> np.ndarray:
    """Loads that a pull test without a load of its own reaches on strong anchors."""
    scene = anchored_miner(dt_s=0.02, reserve_n=150.0)
    for limb in range(4):
        scene.belief.engaged(limb, 1.0)
    scene.obs["anchor_slip_m"] = np.zeros(4)
    task = PullTest(task="pull_test", load_n=load_n, hold_s=1.0)
    made, highest = PullTestController(task, Stance(scene.model), 6.0, 1e-3, needed_n), np.zeros(4)

    def answer(goal: Goal) -> None:
        scene.est["limb_force_n"] = goal.foot_force_n
        highest[:] = np.maximum(highest, -goal.foot_force_n[:, 2])

    scene.run(made, 300.0, answer)
    assert made.progress.outcome is Outcome.SUCCEEDED
    return highest


def test_without_a_load_of_its_own_the_test_pulls_as_hard_as_pays() -> None:
    """Nothing where the prior already gives what the drill needs; else more the more is needed, as the policy plans."""
    assert (chosen_pulls(needed_n=15.0) == 0.0).all()
    some, much = chosen_pulls(needed_n=35.0), chosen_pulls(needed_n=55.0)
    assert (some > 15.0).all()
    assert (much > some + 5.0).all()
    assert chosen_pulls(needed_n=15.0, load_n=20.0) == pytest.approx(np.full(4, 20.0), abs=2.0)


def test_a_foot_that_is_set_down_anew_moves_there_and_does_not_leap() -> None:
    """Its limb weighs kilograms: a set-point that steps throws it, and the other anchors pay for the jolt."""
    scene = free_miner(dt_s=0.02)
    made, ground, _ = anchoring(scene, barren=(2,))
    fastest, before, highest = 0.0, None, -np.inf

    def watched(goal: Goal) -> None:
        nonlocal fastest, before, highest
        ground(goal)
        foot = goal.feet_base_m[2].copy()
        fastest = fastest if before is None else max(fastest, float(np.linalg.norm(foot - before)) / scene.dt_s)
        before, highest = foot, max(highest, float(foot[2]))

    scene.run(made, 60.0, watched)
    assert fastest <= RESEAT_M_S * (1.0 + 1e-9)
    assert highest > Stance(scene.model).nominal_m[2, 2] + 0.009
