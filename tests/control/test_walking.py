"""Walking on a scripted ground: three closed anchors at all times, flat footholds, grips that are proved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scene, anchored_miner

from stope.control.footholds import NEAR_M, footholds
from stope.control.goal import Goal, Outcome
from stope.control.stance import Stance
from stope.control.walking import STILL_CLOSED, WalkController
from stope.mission.missionfile import Walk
from stope.robot.messages import AnchorAction, AnchorPhase, Vector

GROUND_M = -0.32
MAP_EVERY = 40


def flat_map(reach_m: float = 1.5) -> Vector:
    axis = np.arange(-reach_m, reach_m, 0.05)
    x, y = np.meshgrid(axis, axis)
    return np.column_stack((x.ravel(), y.ravel(), np.full(x.size, GROUND_M)))


class Field:
    """Flat ground in which grippers bite when pressed; the body follows its closed feet."""

    def __init__(self, scene: Scene, weak: frozenset[int] = frozenset()) -> None:
        self._scene, self._weak = scene, weak
        self._feet = Stance(scene.model).feet_m.copy()
        self._anchor = self._feet.copy()  # site frame; the base begins at its origin
        self._joints = np.array(scene.model.stance)
        self.position = np.zeros(3)
        self.fewest, self.opened, self._ticks = 4, 0, 0
        self._show()

    def _show(self, proof: Goal | None = None) -> None:
        force = np.zeros((4, 3))
        for limb in range(4):
            down = not self._scene.anchored[limb] and self._feet[limb, 2] + self.position[2] <= GROUND_M
            force[limb, 2] = 1.5 if down else 0.0
            if proof is not None and proof.proof == limb:
                force[limb] = proof.foot_force_n[limb]
        phase = np.where(self._scene.anchored, int(AnchorPhase.ENGAGED), int(AnchorPhase.OPEN)).astype(np.int8)
        self._scene.est |= {"limb_force_n": force, "position_m": self.position.copy()}
        self._ticks += 1
        self._scene.obs |= {
            "joint_position": self._joints.copy(), "anchor_phase": phase,
            "terrain_m": flat_map() - self.position if self._ticks % MAP_EVERY == 1 else None,
        }  # fmt: skip

    def __call__(self, goal: Goal) -> None:
        scene = self._scene
        self._feet = goal.feet_base_m.copy()
        closed = scene.anchored.copy()
        if closed.any():
            self.position = (self._anchor - self._feet)[closed].mean(axis=0)
        for limb in range(4):
            joints = list(scene.model.limbs[limb].joints)
            self._joints[joints], _ = scene.kinematics.joints_for(limb, self._feet[limb], self._joints)
            if goal.anchor_action[limb] == AnchorAction.RELEASE and goal.release and closed[limb]:
                scene.anchored[limb] = False
                self.opened += 1
            low = self._feet[limb, 2] + self.position[2] <= GROUND_M
            if goal.anchor_action[limb] == AnchorAction.ENGAGE and low and not closed[limb]:
                scene.anchored[limb] = True
                self._anchor[limb] = self._feet[limb] + self.position
            if goal.proof == limb and limb in self._weak and goal.foot_force_n[limb, 2] < -3.0:
                scene.anchored[limb] = False
        self.fewest = min(self.fewest, int(scene.anchored.sum()))
        self._show(goal)


def walk(
    scene: Scene, seconds: float, weak: frozenset[int] = frozenset(), **asked: float
) -> tuple[WalkController, Field]:
    task = Walk.model_validate({"task": "walk", **asked})
    made, field = WalkController(task, Stance(scene.model)), Field(scene, weak)
    scene.run(made, seconds, field)
    return made, field


def test_it_arrives_and_three_anchors_are_always_closed() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, field = walk(scene, 400.0, east_m=0.25)
    assert (made.progress.outcome, made.progress.code) == (Outcome.SUCCEEDED, "")
    assert field.position[0] == pytest.approx(0.25, abs=0.03)
    assert abs(field.position[1]) < 0.03
    assert field.fewest == made.fewest_closed == STILL_CLOSED
    assert made.steps >= 4
    assert scene.anchored.all()
    assert "kJ/m" in made.progress.reason


def test_with_three_anchors_none_is_opened() -> None:
    scene = anchored_miner(dt_s=0.05)
    scene.anchored[2] = False
    made, field = walk(scene, 20.0, east_m=0.3)
    assert (made.progress.outcome, made.progress.code) == (Outcome.REFUSED, "walk.too_few")
    assert field.opened == 0


def test_when_anchors_let_go_it_stands_still_and_says_so() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, field = walk(scene, 3.0, east_m=0.3)
    scene.anchored[:] = False
    goal = scene.run(made, 1.0)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "walk.too_few")
    assert np.isfinite(goal.feet_base_m).all()
    assert field.opened == 0


def test_without_a_map_it_does_not_walk() -> None:
    scene = anchored_miner(dt_s=0.05)
    made = WalkController(Walk(task="walk", east_m=0.3), Stance(scene.model))
    scene.run(made, 30.0)
    assert (made.progress.outcome, made.progress.code) == (Outcome.REFUSED, "walk.no_map")


def test_a_grip_that_fails_its_proof_is_tried_elsewhere_and_then_told() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, field = walk(scene, 400.0, weak=frozenset({0}), east_m=0.25)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "walk.no_foothold")
    assert field.fewest == STILL_CLOSED
    assert scene.anchored[1:].all()


def test_a_flat_spot_is_preferred_to_a_rough_or_steep_one() -> None:
    rng = np.random.default_rng(1)
    ground = flat_map(0.5)
    rough = ground[:, 0] > 0.0
    ground[rough, 2] += 0.02 * rng.standard_normal(int(rough.sum()))
    best = footholds(ground, np.array((0.0, 0.0, 0.0)))[0]
    assert best[0] <= 0.0
    steep = flat_map(0.5)
    steep[:, 2] += 0.6 * steep[:, 0]
    assert len(footholds(steep, np.zeros(3))) == 0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))
def test_footholds_are_near_and_on_the_ground(seed: int, x: float, y: float) -> None:
    ground = flat_map(0.6)
    ground[:, 2] += 0.003 * np.random.default_rng(seed).standard_normal(len(ground))
    spots = footholds(ground, np.array((x, y, 0.0)))
    assert 1 <= len(spots) <= 4
    assert (np.hypot(spots[:, 0] - x, spots[:, 1] - y) < NEAR_M).all()
    assert np.abs(spots[:, 2] - GROUND_M).max() < 0.02
