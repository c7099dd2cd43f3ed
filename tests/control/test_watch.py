"""Anchor watch: when the alarm rises, when it does not, and what the belief learns."""

from __future__ import annotations

import numpy as np
import pytest
from scripted import anchored_miner, estimate, observation, robot

from stope.belief.anchors import AnchorBelief, AnchorState
from stope.control.watch import DRIFT_M_S, DRIFT_SUM_M_S, REBALANCING_TICKS, UNANSWERED_TICKS, Alarm, AnchorWatch
from stope.robot.messages import AnchorPhase

MODEL = robot()


def alarms(watch: AnchorWatch, ticks: int, **given: object) -> list[Alarm | None]:
    force = np.zeros((4, 3))
    force[:, 2] = given.pop("carried_n", 0.0) / 4.0
    seen = observation(MODEL, weight_on_bit_n=given.pop("weight_n", 0.0))
    believed = estimate(limb_force_n=force, **given)
    return [watch.alarm(seen, believed) for _ in range(ticks)]


@pytest.mark.parametrize(("speed_m_s", "ticks"), [(0.050, 2), (0.012, 2), (0.006, 6), (0.0051, 11)])
def test_motion_of_the_whole_robot_raises_the_alarm_the_sooner_the_faster(speed_m_s: float, ticks: int) -> None:
    found = alarms(AnchorWatch(4), ticks, innovation_m_s=np.array((0.0, 0.0, speed_m_s)))
    assert found[:-1] == [None] * (ticks - 1)
    last = found[-1]
    assert last is not None
    assert (last.fault, last.limit, last.unit) == ("anchors.lost", DRIFT_SUM_M_S, "m/s")
    assert last.value == pytest.approx(DRIFT_SUM_M_S, rel=0.05)


def test_noise_of_the_innovation_never_adds_up_to_an_alarm() -> None:
    """A day of ticks would be long: an hour of them, at the noise that a whole mission measured."""
    watch, rng = AnchorWatch(4), np.random.default_rng(7)
    noise = rng.normal(0.0, DRIFT_M_S / 2.0 / np.sqrt(3.0), (360_000, 3))
    seen = observation(MODEL)
    believed = estimate(innovation_m_s=noise[0])
    for row in noise:
        believed.innovation_m_s[:] = row
        assert watch.alarm(seen, believed) is None


def test_an_anchor_given_up_moves_the_base_for_a_while_and_no_longer() -> None:
    """Less than the others' spines yield is no loss of all anchors; it is one when it lasts, and a fast one at once."""
    belief = anchored_miner().belief
    for speed_m_s, ticks in ((0.0085, REBALANCING_TICKS + 3), (0.020, 2)):
        watch = AnchorWatch(4)
        watch.give_up(1, belief)
        assert belief.state[1] == AnchorState.LOST
        found = alarms(watch, ticks, innovation_m_s=np.array((speed_m_s, 0.0, 0.0)))
        assert found[:-1] == [None] * (ticks - 1)
        assert found[-1] is not None


def test_one_bad_reading_raises_nothing() -> None:
    watch = AnchorWatch(4)
    fast = np.array((0.0, 0.0, 0.05))
    once = [alarms(watch, 1, innovation_m_s=fast), alarms(watch, 1), alarms(watch, 1, innovation_m_s=fast)]
    assert once == [[None]] * 3


def test_unanswered_weight_on_bit_raises_the_alarm() -> None:
    watch = AnchorWatch(4)
    assert alarms(watch, 20, carried_n=0.0) == [None] * 20  # tared without load
    found = alarms(watch, UNANSWERED_TICKS, weight_n=30.0, carried_n=-3.0)
    assert found[:-1] == [None] * (UNANSWERED_TICKS - 1)
    assert found[-1] == Alarm("anchors.unanswered", pytest.approx(27.0), 15.0, "N")


def test_weight_on_bit_that_the_limbs_answer_raises_nothing() -> None:
    watch = AnchorWatch(4)
    alarms(watch, 20)
    assert alarms(watch, 100, weight_n=60.0, carried_n=-58.0) == [None] * 100


def test_a_bit_that_breaks_through_into_a_hollow_raises_nothing() -> None:
    watch = AnchorWatch(4)
    alarms(watch, 20)
    assert alarms(watch, 100, weight_n=9.0, carried_n=-56.0) == [None] * 100


def test_own_weight_is_tared_away() -> None:
    """A rig that weighs 237 N on its clamp: pressing 60 N on the bit takes 60 N off the clamp."""
    watch = AnchorWatch(4)
    alarms(watch, 20, carried_n=237.0)
    assert alarms(watch, 50, weight_n=60.0, carried_n=177.0) == [None] * 50
    assert alarms(watch, UNANSWERED_TICKS, weight_n=60.0, carried_n=237.0)[-1] is not None


def test_a_robot_taken_up_with_its_bit_on_the_ground_is_tared_too() -> None:
    """A host that starts again finds 30 N on the bit, which the clamp does not carry; then the bit is lifted off."""
    watch = AnchorWatch(4)
    assert alarms(watch, 20, weight_n=30.0, carried_n=207.0) == [None] * 20
    assert alarms(watch, 20, weight_n=6.0, carried_n=231.0) == [None] * 20
    assert alarms(watch, 20, carried_n=237.0) == [None] * 20


def test_a_stuck_sensor_is_no_witness() -> None:
    """Inertial unit or load cell repeat themselves sample after sample: no alarm, which would open grips that hold."""
    fast = estimate(innovation_m_s=np.array((0.0, 0.0, 0.05)))
    pressed = estimate()
    for believed, weight in ((fast, 0.0), (pressed, 30.0)):
        watch = AnchorWatch(4)
        samples = [observation(MODEL, seq=k, weight_on_bit_n=weight if k else 0.0) for k in range(40)]
        assert [watch.alarm(seen, believed if k else pressed) for k, seen in enumerate(samples)] == [None] * 40


def test_free_flight_raises_nothing() -> None:
    fast = np.array((0.0, 0.0, 0.5))
    assert alarms(AnchorWatch(4), 10, weight_n=50.0, innovation_m_s=fast, anchored=False) == [None] * 10


def test_an_engagement_is_reported_once_per_grip() -> None:
    watch = AnchorWatch(4)
    engaged = observation(MODEL, anchor_phase=np.array((2, 1, 0, 3), dtype=np.int8))
    assert watch.newly_engaged(engaged) == (0, 3)
    assert watch.newly_engaged(engaged) == ()
    watch.newly_engaged(observation(MODEL))
    assert watch.newly_engaged(engaged) == (0, 3)


def believer() -> AnchorBelief:
    belief = AnchorBelief(90.0, 105.0, friction=0.6, log_sd=0.3, anchors=4)
    for limb in range(4):
        belief.engaged(limb, 1.0)
    return belief


def test_a_pull_that_held_raises_what_is_allowed() -> None:
    belief, watch = believer(), AnchorWatch(4)
    before = belief.allowed_utilisation(1e-3, 4)
    pulled = np.zeros((4, 3))
    pulled[1, 2] = -40.0
    seen = observation(MODEL, anchor_phase=np.full(4, int(AnchorPhase.ENGAGED), dtype=np.int8))
    watch.learn(seen, estimate(limb_force_n=pulled), belief)
    after = belief.allowed_utilisation(1e-3, 4)
    assert after[1] > before[1] + 0.02
    assert np.allclose(np.delete(after, 1), np.delete(before, 1))


def test_a_slip_lowers_what_is_allowed() -> None:
    belief, watch = believer(), AnchorWatch(4)
    before = belief.allowed_utilisation(1e-3, 4)
    pulled = np.zeros((4, 3))
    pulled[2, 2] = -20.0
    slip = np.array((0.0, 0.0, 1e-3, 0.0))
    seen = observation(MODEL, anchor_slip_m=slip, anchor_phase=np.full(4, 2, dtype=np.int8))
    watch.learn(seen, estimate(limb_force_n=pulled), belief)
    assert belief.allowed_utilisation(1e-3, 4)[2] < 0.7 * before[2]


@pytest.mark.parametrize("phase", [AnchorPhase.OPEN, AnchorPhase.RELEASING])
def test_a_gripper_that_opens_is_not_relied_on(phase: AnchorPhase) -> None:
    belief, scene = believer(), anchored_miner()
    phases = np.full(4, int(AnchorPhase.ENGAGED), dtype=np.int8)
    phases[3] = int(phase)
    scene.obs["anchor_phase"] = phases
    AnchorWatch(4).learn(scene.view().obs, estimate(), belief)
    assert belief.state.tolist() == [AnchorState.ENGAGED] * 3 + [AnchorState.NONE]


def test_a_gripper_that_slid_its_stroke_is_lost() -> None:
    belief, watch = believer(), AnchorWatch(4)
    phases = np.full(4, int(AnchorPhase.SLIPPING), dtype=np.int8)
    for travel in (1e-3, 3e-3, 4.9e-3, 5.2e-3):
        assert belief.state[1] == AnchorState.ENGAGED
        slip = np.array((0.0, travel, 0.0, 0.0))
        watch.learn(observation(MODEL, anchor_phase=phases, anchor_slip_m=slip), estimate(), belief)
    assert belief.state.tolist() == [AnchorState.ENGAGED, AnchorState.LOST, AnchorState.ENGAGED, AnchorState.ENGAGED]
    assert 1 not in watch.newly_engaged(observation(MODEL))
