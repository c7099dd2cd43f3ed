"""Recovery: tools off, gas against the drift, grip again, or the honest end."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scene, anchored_miner

from stope.control.goal import Goal, Outcome
from stope.control.recovering import GIVE_UP_S, RecoverController
from stope.control.stance import Stance
from stope.robot.messages import AnchorAction, AnchorPhase

ESCAPE_M_S = 0.19


def drifting(speed_m_s: float, **given: object) -> Scene:
    """All grippers closed and empty, the spindle still turning, the robot climbing."""
    scene = anchored_miner(dt_s=0.02)
    scene.anchored[:] = False
    scene.obs["anchor_phase"] = np.full(4, int(AnchorPhase.ENGAGED), dtype=np.int8)
    scene.est |= {"velocity_m_s": np.array((0.0, 0.0, speed_m_s)), "anchored": False}
    scene.obs |= given
    return scene


def recover(scene: Scene, escape_m_s: float = ESCAPE_M_S) -> RecoverController:
    return RecoverController(Stance(scene.model), escape_m_s, min_anchors=3)


def test_tools_are_off_and_gas_is_on_in_the_first_tick() -> None:
    scene = drifting(0.05)
    goal = recover(scene).update(scene.view())
    assert goal.spindle_rad_s == 0.0
    assert not goal.drum_rad_s.any()
    assert goal.hold_down_n > 1.0


def standing(scene: Scene, carries_n: np.ndarray | None = None) -> Scene:
    """On the ground, pressed on; the limbs of `carries_n` (4,) N also feel their grip being drawn at."""
    force = np.zeros((4, 3))
    force[:, 2] = 1.0
    if carries_n is not None:
        force += np.where(carries_n > 0.0, carries_n + 1.0, 0.0)[:, None] * Stance(scene.model).outward
    scene.est |= {"limb_force_n": force, "contact": np.ones(4, dtype=bool), "velocity_m_s": np.zeros(3)}
    return scene


def released(made: RecoverController, scene: Scene, seconds: float) -> np.ndarray:
    """(4,) limbs that were told to let go within that time."""
    told = np.zeros(4, dtype=bool)

    def look(goal: Goal) -> None:
        told[:] |= (goal.anchor_action == AnchorAction.RELEASE) & goal.release

    scene.run(made, seconds, look)
    return told


def test_grippers_open_only_on_the_ground_under_gas_with_the_spindle_at_rest() -> None:
    scene = drifting(0.05)
    drill = scene.model.drill
    assert drill is not None
    rates = np.zeros(len(scene.model.joints))
    made = recover(scene)
    assert not released(made, scene, 3.0).any()  # in flight a closed grip costs nothing
    standing(scene)
    rates[drill.spindle] = 5.0
    scene.obs["joint_velocity"] = rates
    made = recover(scene)
    assert not released(made, scene, 3.0).any()
    scene.obs["joint_velocity"] = np.zeros(len(scene.model.joints))
    assert released(made, scene, 3.0).all()


def test_grips_that_carry_stay_closed_and_are_trusted_again() -> None:
    scene = standing(drifting(0.0), np.array((0.0, 4.0, 4.0, 0.0)))
    made, trusted = recover(scene), set()
    told = np.zeros(4, dtype=bool)

    def look(goal: Goal) -> None:
        trusted.update(goal.trusted)
        told[:] |= goal.anchor_action == AnchorAction.RELEASE

    scene.run(made, 3.0, look)
    assert told.tolist() == [True, False, False, True]
    assert trusted == {1, 2}


def test_enough_grips_that_carry_end_the_alarm_and_nothing_is_opened() -> None:
    scene = standing(drifting(0.0), np.array((4.0, 4.0, 0.0, 4.0)))
    made = recover(scene)

    def look(goal: Goal) -> None:
        assert not (goal.anchor_action == AnchorAction.RELEASE).any()
        scene.anchored |= np.isin(np.arange(4), goal.trusted)

    scene.run(made, 5.0, look)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert "3 of 4 grips still carry load and stay closed" in made.progress.reason


def test_the_alarm_ends_only_once_the_belief_counts_the_grips_again() -> None:
    """A mission that ended in between was reported as held by nothing."""
    scene = standing(drifting(0.0), np.array((4.0, 4.0, 0.0, 4.0)))
    made = recover(scene)
    assert not released(made, scene, 5.0).any()
    assert made.progress.outcome is Outcome.RUNNING
    assert not released(made, scene, GIVE_UP_S).any()
    assert made.progress.code == "robot.lost"


def test_with_too_little_gas_to_grip_again_nothing_is_opened() -> None:
    scene = standing(drifting(0.0, propellant_kg=0.02))
    made = recover(scene)
    assert not released(made, scene, 5.0).any()
    assert made.progress.code == "robot.lost"
    assert "too little to press the feet on" in made.progress.reason


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_whatever_is_felt_no_grip_under_load_is_opened_and_none_without_something_that_holds(seed: int) -> None:
    """Random worlds that change every half second: load, contact, climb, gas."""
    draw = np.random.default_rng(seed)
    scene = drifting(0.0)
    scene.dt_s = 0.05
    made, loaded_s = recover(scene), np.zeros(4)
    for tick in range(160):
        if tick % 10 == 0:
            standing(scene, np.where(draw.random(4) < 0.5, 5.0, 0.0))
            scene.est["contact"] = draw.random(4) < 0.6
            scene.est["velocity_m_s"] = np.array((0.0, 0.0, 0.02 * draw.standard_normal()))
            scene.obs["propellant_kg"] = draw.choice((0.05, 0.5))
        held = scene.est["limb_force_n"][:, :2].any(axis=1)
        loaded_s = np.where(held, loaded_s + scene.dt_s, 0.0)
        if made.progress.outcome is not Outcome.RUNNING or made.progress.phase.startswith("gripping"):
            break
        goal = made.update(scene.view())
        opens = goal.anchor_action == AnchorAction.RELEASE
        began = opens & (scene.obs["anchor_phase"] == AnchorPhase.ENGAGED)
        scene.obs["anchor_phase"] = np.where(opens, int(AnchorPhase.RELEASING), scene.obs["anchor_phase"])
        if began.any():
            assert not (began & (loaded_s > 1.0)).any()
            kept = int((~opens & (loaded_s > 0.3)).sum())
            assert kept >= 3 or (goal.hold_down_n > 0.0 and scene.est["contact"].sum() >= 2)


def test_thrust_grows_with_the_climb_and_is_cut_while_it_falls_fast_enough() -> None:
    most = sum(thruster.max_n for thruster in drifting(0.0).model.thrusters)
    thrust = [recover(scene := drifting(speed)).update(scene.view()).hold_down_n for speed in (-0.1, 0.0, 0.05, 1.0)]
    assert thrust[0] == 0.0
    assert 0.0 < thrust[1] < thrust[2] <= most
    assert thrust[3] == most


@pytest.mark.parametrize(("speed", "verdict"), [(0.02, "below"), (0.30, "above")])
def test_without_gas_the_drift_and_the_escape_verdict_are_told(speed: float, verdict: str) -> None:
    scene = drifting(speed, propellant_kg=0.0)
    made = recover(scene)
    scene.run(made, 1.0)
    progress = made.progress
    assert (progress.outcome, progress.code, progress.unit) == (Outcome.FAILED, "robot.lost", "m/s")
    assert progress.value == pytest.approx(speed)
    assert f"drifts at {100 * speed:.1f} cm/s, {verdict} the escape speed of 19.0 cm/s" in progress.reason


def test_nothing_escapes_from_a_bench() -> None:
    scene = drifting(0.02, propellant_kg=0.0)
    made = recover(scene, math.inf)
    scene.run(made, 1.0)
    assert "nothing escapes" in made.progress.reason


def test_a_robot_that_never_comes_down_is_given_up_in_time() -> None:
    scene = drifting(0.02)
    scene.dt_s = 0.1
    made = recover(scene)
    scene.run(made, GIVE_UP_S + 5.0)
    assert made.progress.outcome is Outcome.FAILED
    assert scene.time_s == pytest.approx(GIVE_UP_S, abs=1.0)


def test_back_on_the_ground_it_grips_again() -> None:
    scene = drifting(0.05)
    held_s = np.zeros(4)

    def world(goal: Goal) -> None:
        climb = float(scene.est["velocity_m_s"][2])
        climb = max(-0.04, climb - goal.hold_down_n / 52.0 * scene.dt_s)
        down = climb < 0.0 and scene.time_s > 3.0
        force = np.zeros((4, 3))
        if down:
            force[:, 2] = np.maximum(2.0, goal.foot_force_n[:, 2])
        held_s[goal.anchor_action == AnchorAction.ENGAGE] += scene.dt_s
        scene.anchored[:] = held_s > 3.0
        phase = np.where(scene.anchored, int(AnchorPhase.ENGAGED), int(AnchorPhase.OPEN)).astype(np.int8)
        scene.est |= {"velocity_m_s": np.array((0.0, 0.0, 0.0 if down else climb)), "limb_force_n": force}
        scene.est["contact"] = force[:, 2] > 0.5
        scene.obs["anchor_phase"] = phase

    made = recover(scene)
    scene.run(made, 60.0, world)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert "anchored again on 4 of 4 grippers" in made.progress.reason
    assert made.progress.value == pytest.approx(0.05, abs=1e-3)  # the fastest that it went


def test_anchors_lost_again_while_gripping_start_the_recovery_anew() -> None:
    scene = drifting(0.0)
    scene.obs["anchor_phase"] = np.full(4, int(AnchorPhase.OPEN), dtype=np.int8)
    force = np.zeros((4, 3))
    force[:, 2] = 2.0
    scene.est |= {"limb_force_n": force, "contact": np.ones(4, dtype=bool)}
    made = recover(scene)
    scene.run(made, 3.0)
    assert made.progress.phase.startswith("gripping again")
    scene.anchored[:2] = True
    made.update(scene.view())
    scene.anchored[:] = False
    scene.obs["anchor_phase"] = np.full(4, int(AnchorPhase.ENGAGED), dtype=np.int8)
    scene.est |= {"velocity_m_s": np.array((0.0, 0.0, 0.05)), "contact": np.zeros(4, dtype=bool)}
    goal = made.update(scene.view())
    assert made.progress.phase.startswith("hold-down")
    assert goal.hold_down_n > 1.0
    assert not goal.release  # what is closed stays so until it is back on the ground
