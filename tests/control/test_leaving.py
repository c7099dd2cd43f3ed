"""Stow and release against scripted grippers and drums."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scripted import Scene, anchored_miner

from stope.control.goal import Goal, Outcome
from stope.control.leaving import HOLD_DOWN_N, JAM_RETRIES, ReleaseController, StowController
from stope.control.stance import Stance
from stope.robot.messages import AnchorAction, AnchorPhase


class Grippers:
    """Open in one second each; one may stick for some attempts."""

    def __init__(self, scene: Scene, sticks: dict[int, int] | None = None) -> None:
        self._scene = scene
        self._travel = np.ones(len(scene.anchored))
        self._sticks = sticks or {}
        self.attempts: Counter[int] = Counter()
        self.order: list[int] = []
        self._released = np.zeros(len(scene.anchored), dtype=bool)

    def __call__(self, goal: Goal) -> None:
        phase = np.zeros(len(self._travel), dtype=np.int8)
        for limb in range(len(self._travel)):
            asked = goal.anchor_action[limb] == AnchorAction.RELEASE and goal.release
            fresh = asked and not self._released[limb]
            self._released[limb] = asked
            self.attempts[limb] += fresh
            stuck = asked and self._travel[limb] == 1.0 and self.attempts[limb] <= self._sticks.get(limb, 0)
            if asked and not stuck:
                if self._travel[limb] == 1.0:
                    self.order.append(limb)
                self._travel[limb] = max(0.0, self._travel[limb] - self._scene.dt_s)
            phase[limb] = self._phase(float(self._travel[limb]), stuck)
        self._scene.anchored[:] = self._travel == 1.0
        self._scene.obs["anchor_phase"] = phase

    @staticmethod
    def _phase(travel: float, stuck: bool) -> int:
        if stuck:
            return int(AnchorPhase.JAMMED)
        if travel == 0.0:
            return int(AnchorPhase.OPEN)
        return int(AnchorPhase.ENGAGED if travel == 1.0 else AnchorPhase.RELEASING)


def releasing(scene: Scene) -> ReleaseController:
    return ReleaseController(Stance(scene.model))


def test_grips_open_one_at_a_time_under_a_little_hold_down() -> None:
    scene = anchored_miner(dt_s=0.02)
    grippers, made, pressed = Grippers(scene), releasing(scene), []

    def world(goal: Goal) -> None:
        grippers(goal)
        pressed.append((int(scene.anchored.sum()), goal.hold_down_n))
        assert (goal.anchor_action == AnchorAction.RELEASE).sum() <= 1

    scene.run(made, 60.0, world)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert grippers.order == [0, 1, 2, 3]
    assert {gas for held, gas in pressed if held > 2} == {0.0}
    assert pressed[-1] == (0, HOLD_DOWN_N)


def test_a_gripper_that_sticks_twice_comes_free() -> None:
    scene = anchored_miner(dt_s=0.02)
    grippers, made = Grippers(scene, sticks={1: 2}), releasing(scene)
    scene.run(made, 60.0, grippers)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert grippers.attempts[1] == 3


def test_a_jammed_gripper_is_worked_and_then_reported() -> None:
    scene = anchored_miner(dt_s=0.02)
    grippers, made = Grippers(scene, sticks={1: 10_000}), releasing(scene)
    scene.run(made, 60.0, grippers)
    progress = made.progress
    assert (progress.outcome, progress.code) == (Outcome.FAILED, "anchor.jammed")
    assert scene.model.limbs[1].name in progress.reason
    assert grippers.attempts[1] >= JAM_RETRIES


def test_release_waits_for_the_robot_to_lie_still() -> None:
    scene = anchored_miner(dt_s=0.02)
    scene.est["velocity_m_s"] = np.array((0.0, 0.0, 0.02))
    made, grippers = releasing(scene), Grippers(scene)
    scene.run(made, 30.0, grippers)
    assert made.progress.outcome is Outcome.RUNNING
    scene.est["velocity_m_s"] = np.zeros(3)
    scene.run(made, 3.0, grippers)
    assert made.progress.outcome is Outcome.SUCCEEDED


def test_stow_empties_the_drums_and_brings_the_bit_home() -> None:
    scene = anchored_miner(dt_s=0.02)
    drill, drums = scene.model.drill, scene.model.drums
    assert drill is not None
    assert drums is not None
    joints = np.array(scene.model.stance)
    joints[drill.feed] = 0.1
    scene.obs |= {"joint_position": joints.copy(), "drum_fill": np.array((0.3, 0.2))}
    turned: list[np.ndarray] = []

    def world(goal: Goal) -> None:
        joints[drill.feed] = max(0.0, joints[drill.feed] + goal.feed_velocity_m_s * scene.dt_s)
        backwards = (goal.drum_rad_s * np.array(drums.dig_sign) < 0.0).astype(float)
        fill = np.maximum(0.0, scene.obs["drum_fill"] - 0.1 * backwards * scene.dt_s)
        scene.obs |= {"joint_position": joints.copy(), "drum_fill": fill}
        turned.append(goal.drum_rad_s.copy())

    made = StowController(Stance(scene.model))
    scene.run(made, 30.0, world)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert joints[drill.feed] < 3e-3
    assert np.array(turned).any()


def test_stow_stops_at_a_full_bin() -> None:
    scene = anchored_miner(dt_s=0.02)
    scene.obs |= {"bin_fill": 1.0, "drum_fill": np.array((0.3, 0.2))}
    made = StowController(Stance(scene.model))
    assert not scene.run(made, 1.0).drum_rad_s.any()
    assert made.progress.outcome is Outcome.SUCCEEDED
