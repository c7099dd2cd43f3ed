"""Set-points: assembled from parts, taken whole or not at all, never old, never of another session."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from virtual import ARMED, DISARMED, FAULT, HOLD, Device

FEED, SPINDLE = 12, 13
EPS = 1e-5


def refused(device: Device) -> tuple[int, int]:
    status = device.status()
    return status.refused_seq, status.refuse_reason


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_parts_come_in_any_order_and_count_only_together(device: Device, order: tuple[int, ...]) -> None:
    device.fly()
    before = device.status().setpoint_seq
    device.setpoint()
    parts = device.parts(effort={0: 1.0, 9: 2.0}, thrust_n=[0.5, 0.0, 0.0, 0.0])
    for index in order[:2]:
        device.say(parts[index])
    device.run(1000)
    assert device.status().setpoint_seq == before + 1
    assert (device.efforts.effort[0], device.efforts.effort[9], device.efforts.thrust_n[0]) == (0.0, 0.0, 0.0)
    device.say(parts[order[2]])
    device.run(1000)
    assert device.status().setpoint_seq == before + 2
    assert (device.efforts.effort[0], device.efforts.effort[9], device.efforts.thrust_n[0]) == (1.0, 2.0, 0.5)


def test_a_part_twice_is_not_two_parts(device: Device) -> None:
    device.fly()
    before = device.status().setpoint_seq
    parts = device.parts()
    for part in (parts[0], parts[0], parts[2], parts[2]):
        device.say(part)
    assert device.status().setpoint_seq == before


def test_an_incomplete_set_point_is_dropped_for_a_newer_one_and_counted(device: Device) -> None:
    device.fly()
    stale = device.parts(effort={0: 7.0})
    device.say(stale[0])
    newer = device.parts()
    device.say(newer[1])
    device.say(stale[1])  # late parts of the dropped one change nothing
    device.say(stale[2])
    device.say(newer[0])
    device.say(newer[2])
    device.run(1000)
    assert device.efforts.effort[0] == 0.0
    assert device.status().setpoint_seq == device.seq
    device.stream(1_000_000)
    stats = device.all("LINK_STATS")[-1]
    assert (stats.setpoint_parts_lost, stats.refused_stale) == (1, 2)


def test_one_robot_of_two_joints_has_two_parts(rig: Device) -> None:
    rig.fly()
    assert len(rig.parts()) == 2
    rig.setpoint(effort={0: 2.5})
    rig.run(1000)
    assert rig.efforts.effort[0] == 2.5
    assert rig.efforts.braked == 0
    rig.command(rig.m.COMMAND_SAFE)
    rig.stream(1_100_000)
    assert (rig.state, rig.efforts.braked) == (FAULT, 0b11)


FIELDS = [(name, joint) for name in ("position", "velocity", "effort", "effort_limit") for joint in (0, 7, 8, 15)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("field", "joint"), FIELDS)
def test_what_is_not_finite_refuses_the_whole(device: Device, field: str, joint: int, value: float) -> None:
    device.fly()
    device.setpoint(effort={1: 4.0})
    adopted = device.seq
    device.setpoint(**{field: {joint: value}}, thrust_n=[1.0, 0.0, 0.0, 0.0])
    device.run(1000)
    assert refused(device) == (device.seq, device.m.REFUSE_REASON_NOT_FINITE)
    assert device.status().setpoint_seq == adopted
    assert device.efforts.effort[1] == 4.0  # the last target is kept
    assert device.efforts.thrust_n[0] == 0.0


@pytest.mark.parametrize("slot", range(4))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_thrust_that_is_not_finite_refuses_the_whole(device: Device, slot: int, value: float) -> None:
    device.fly()
    thrust = [0.0] * 4
    thrust[slot] = value
    device.setpoint(thrust_n=thrust)
    assert refused(device) == (device.seq, device.m.REFUSE_REASON_NOT_FINITE)


EDGES = [
    ("position", 0, 0.9, -0.9, 4),
    ("position", 2, 2.7, 0.2, 4),
    ("position", 9, 0.9, -0.9, 4),
    ("position", FEED, 0.4, 0.0, 4),
    ("velocity", 0, 1.5, -1.5, 5),
    ("velocity", FEED, 0.05, -0.05, 5),
    ("velocity", SPINDLE, 40.0, -40.0, 5),
    ("effort", 0, 40.0, -40.0, 6),
    ("effort", SPINDLE, 8.0, -8.0, 6),
    ("effort_limit", 0, 40.0, 0.0, 7),
    ("effort_limit", FEED, 150.0, 0.0, 7),
]


@pytest.mark.parametrize(("field", "joint", "most", "least", "reason"), EDGES)
def test_limits_are_what_the_robot_says_and_no_more(
    device: Device, field: str, joint: int, most: float, least: float, reason: int
) -> None:
    device.fly()
    for value in (most, least):
        assert device.setpoint(**{field: {joint: value}}) == device.status().setpoint_seq
    span = most - least
    for value in (most + EPS * span, least - EPS * span):
        device.alive()
        device.setpoint(**{field: {joint: value}})
        assert refused(device) == (device.seq, reason)
    assert device.status().fault_flags & device.m.FAULT_SETPOINT_LIMIT


def test_effort_stays_within_the_limit_of_its_own_set_point(device: Device) -> None:
    device.fly()
    assert device.setpoint(effort={3: 5.0}, effort_limit={3: 5.0}) == device.status().setpoint_seq
    device.setpoint(effort={3: 5.001}, effort_limit={3: 5.0})
    assert refused(device) == (device.seq, device.m.REFUSE_REASON_EFFORT)
    device.setpoint(effort={3: -5.001}, effort_limit={3: 5.0})
    assert refused(device) == (device.seq, device.m.REFUSE_REASON_EFFORT)


@pytest.mark.parametrize("slot", range(4))
def test_thrust_edges(device: Device, slot: int) -> None:
    device.fly()
    for value, taken in ((3.0, True), (0.0, True), (3.001, False), (-0.001, False)):
        thrust = [0.0] * 4
        thrust[slot] = value
        device.alive()
        device.setpoint(thrust_n=thrust)
        assert (device.status().setpoint_seq == device.seq) is taken
    assert refused(device)[1] == device.m.REFUSE_REASON_THRUST


def test_hammer_edges(device: Device) -> None:
    device.fly()
    for value, taken in ((1.0, True), (0.0, True), (0.3, True), (1.001, False), (-0.001, False)):
        device.alive()
        device.setpoint(hammer=value)
        assert (device.status().setpoint_seq == device.seq) is taken
    assert refused(device)[1] == device.m.REFUSE_REASON_HAMMER
    assert device.efforts.hammer == pytest.approx(0.3)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_hammer_that_is_not_finite_refuses_the_whole(device: Device, value: float) -> None:
    device.fly()
    device.setpoint(hammer=value, effort={0: 9.0})
    assert refused(device) == (device.seq, device.m.REFUSE_REASON_NOT_FINITE)
    assert (device.efforts.effort[0], device.efforts.hammer) == (0.0, 0.0)


def test_actuators_that_the_robot_has_not_got_stay_at_rest(rig: Device) -> None:
    rig.fly()
    rig.setpoint(thrust_n=[0.1, 0.0, 0.0, 0.0])
    assert refused(rig) == (rig.seq, rig.m.REFUSE_REASON_THRUST)
    rig.setpoint(anchor_action=[0, 1, 0, 0])
    assert refused(rig) == (rig.seq, rig.m.REFUSE_REASON_ANCHOR_ACTION)
    rig.setpoint(anchor_action=[1, 0, 0, 0])
    assert rig.status().setpoint_seq == rig.seq


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mode": {5: 4}}, 8),
        ({"mode": {15: 255}}, 8),
        ({"anchor_action": [3, 0, 0, 0]}, 11),
        ({"anchor_action": [0, 0, 0, 255]}, 11),
        ({"valid_mask": {0: 0x7F}}, 9),
        ({"valid_mask": {8: 0xFE}}, 9),
        ({"first_joint": {0: 1}}, 9),
        ({"first_joint": {8: 16}}, 9),
        ({"first_joint": {8: 248}}, 9),
        ({"first_joint": {8: 16}, "valid_mask": {8: 0}}, 9),  # an empty part that would count as another one
    ],
)
def test_wrong_modes_masks_and_indices_refuse_the_whole(
    device: Device, changes: dict[str, object], reason: int
) -> None:
    device.fly()
    adopted = device.status().setpoint_seq
    device.setpoint(**changes)
    assert refused(device) == (device.seq, reason)
    assert device.status().setpoint_seq == adopted
    device.alive()
    device.setpoint()
    assert device.status().setpoint_seq == device.seq


def test_a_mask_of_joints_that_the_robot_has_not_got_is_refused(rig: Device) -> None:
    rig.fly()
    rig.setpoint(valid_mask={0: 0x07})
    assert refused(rig) == (rig.seq, rig.m.REFUSE_REASON_MASK)


def test_a_refused_seq_stays_refused_whatever_follows(device: Device) -> None:
    device.fly()
    adopted = device.status().setpoint_seq
    parts = device.parts(effort={0: math.nan})
    good = device.parts(seq=device.seq)
    for part in (parts[0], good[0], good[1], good[2]):
        device.say(part)
    assert device.status().setpoint_seq == adopted


def test_a_refusal_is_an_event_once_and_gone_with_the_next_good_one(device: Device) -> None:
    device.fly()
    device.listen()
    for _ in range(5):
        device.setpoint(position={0: 2.0})
    device.run(20_000)
    assert [(e.fault, e.severity) for e in device.events()] == [(device.m.FAULT_SETPOINT_LIMIT, 0)]
    device.setpoint()
    assert not device.status().fault_flags & device.m.FAULT_SETPOINT_LIMIT


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_deadline_must_lie_ahead_but_not_far(device: Device) -> None:
    device.fly()
    device.setpoint(valid_until_us=device.now)
    assert refused(device) == (device.seq, device.m.REFUSE_REASON_STALE)
    device.setpoint(valid_until_us=device.now + 1)
    device.run(0)
    assert device.state == ARMED
    device.setpoint(valid_until_us=device.now + 500_000)
    assert device.status().setpoint_seq == device.seq
    device.setpoint(valid_until_us=device.now + 500_001)
    assert refused(device) == (device.seq, device.m.REFUSE_REASON_LEAD)
    assert device.status().fault_flags & device.m.FAULT_CLOCK
    device.setpoint(valid_until_us=2**64 - 1)
    assert refused(device) == (device.seq, device.m.REFUSE_REASON_LEAD)


def test_a_refused_set_point_is_not_counted_as_lost(device: Device) -> None:
    device.fly()
    device.setpoint(valid_until_us=device.now)
    device.setpoint(position={0: 2.0})
    device.stream(1_000_000)
    stats = device.all("LINK_STATS")[-1]
    assert (stats.setpoint_parts_lost, stats.refused_limit) == (0, 1)
    assert stats.refused_stale == 1 + 2 + 2  # the late one, and the parts that came after a refusal


def test_the_last_part_must_come_before_the_deadline_too(device: Device) -> None:
    device.fly()
    adopted = device.status().setpoint_seq
    parts = device.parts(lifetime_us=3000)
    device.say(parts[0])
    device.say(parts[1])
    device.run(3000)
    device.say(parts[2])
    assert device.status().setpoint_seq == adopted
    assert refused(device) == (parts[2].seq, device.m.REFUSE_REASON_STALE)


def test_parts_of_one_seq_agree_about_the_deadline(device: Device) -> None:
    device.fly()
    adopted = device.status().setpoint_seq
    parts = device.parts()
    parts[2].valid_until_us += 1
    for part in parts:
        device.say(part)
    assert refused(device) == (parts[2].seq, device.m.REFUSE_REASON_DEADLINE)
    assert device.status().setpoint_seq == adopted


def test_a_burst_of_old_set_points_after_a_stall_moves_nothing(device: Device) -> None:
    device.fly()
    delayed = []
    for k in range(50):
        delayed += [
            device.frame(p) for p in device.parts(valid_until_us=device.now + 100_000 + 10_000 * k, effort={0: 9.0})
        ]
    for _ in range(65):
        device.alive()
        device.run(10_000)
    assert device.state == HOLD
    device.rx(b"".join(delayed))
    device.run(1000)
    assert device.state == HOLD
    assert device.efforts.effort[0] == 0.0
    device.stream(1_000_000)
    assert device.state == ARMED
    assert device.all("LINK_STATS")[-1].refused_stale >= 50


def test_set_points_are_taken_disarmed_but_move_nothing(device: Device) -> None:
    device.wake()
    device.setpoint(effort={0: 5.0})
    device.run(1000)
    assert device.status().setpoint_seq == device.seq
    assert device.state == DISARMED
    assert list(device.efforts.effort) == [0.0] * 16


# --- sequence and session --------------------------------------------------------------------------------------------


def test_old_and_repeated_sequences_change_nothing(device: Device) -> None:
    device.fly()
    device.setpoint(seq=1000)
    for seq in (1000, 999, 1, 1000 - 2**31 + 1 + 2**32):
        device.setpoint(seq=seq, effort={0: 9.0})
        device.run(1000)
        assert device.status().setpoint_seq == 1000
        assert device.efforts.effort[0] == 0.0
        device.alive()
    device.setpoint(seq=1001)
    assert device.status().setpoint_seq == 1001


def test_the_sequence_goes_over_its_wrap(device: Device) -> None:
    device.wake()
    device.seq = 2**31 - 2
    device.setpoint()
    for seq in (2**32 - 3, 2**32 - 1, 0, 1, 5):
        device.setpoint(seq=seq)
        assert device.status().setpoint_seq == seq
    device.setpoint(seq=2**32 - 1)
    assert device.status().setpoint_seq == 5


def test_another_session_is_refused_and_counted(device: Device) -> None:
    device.fly()
    adopted = device.status().setpoint_seq
    device.setpoint(session=device.nonce ^ 1, effort={0: 9.0}, thrust_n=[1.0] * 4)
    device.run(1000)
    assert (device.efforts.effort[0], device.efforts.thrust_n[0]) == (0.0, 0.0)
    device.alive(session=device.nonce ^ 1)
    device.stream(1_000_000)
    assert device.all("LINK_STATS")[-1].refused_session == 4
    device.setpoint(session=0)
    assert device.status().setpoint_seq > adopted
    device.boot(nonce=99)
    device.run(2000)
    device.setpoint(session=0x51ED1234)
    assert device.status().setpoint_seq == 0


@pytest.mark.parametrize("state", [FAULT])
def test_a_latched_state_refuses_set_points_and_says_so(device: Device, state: int) -> None:
    device.run(1000)
    device.command(device.m.COMMAND_SAFE)
    assert device.state == state
    device.setpoint()
    assert refused(device) == (device.seq, device.m.REFUSE_REASON_STATE)
