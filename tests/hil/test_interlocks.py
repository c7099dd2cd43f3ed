"""What no set-point can do: press without anchors, press too hard, turn a stuck bit, let go while drilling."""

from __future__ import annotations

import math

import pytest
from virtual import ARMED, SAFING, Device

FEED, SPINDLE = 12, 13
OPEN, ENGAGING, ENGAGED, SLIPPING, RELEASING, JAMMED = range(6)


def anchored(device: Device, phases: list[int]) -> None:
    for limb, phase in enumerate(phases):
        device.sensors.anchor_phase[limb] = phase


def press(device: Device, weight_n: float, **changes: object) -> None:
    """One period of pushing 60 N within 80 N, with `weight_n` on the load cell."""
    device.sensors.weight_on_bit_n = weight_n
    device.stream(10_000, effort={FEED: 60.0}, effort_limit={FEED: 80.0}, **changes)


# --- a jet needs anchors, hold-down does not -----------------------------------------------------------------

JET = 3


@pytest.mark.parametrize(
    ("phases", "may"),
    [
        ([ENGAGED, ENGAGED, SLIPPING, OPEN], True),
        ([ENGAGED, ENGAGED, OPEN, OPEN], False),
        ([ENGAGED, ENGAGED, ENGAGING, RELEASING], False),
        ([OPEN, OPEN, OPEN, OPEN], False),
    ],
)
def test_the_jet_opens_only_with_the_compiled_minimum_of_anchors(sampler: Device, phases: list[int], may: bool) -> None:
    sampler.fly()
    anchored(sampler, phases)
    sampler.stream(10_000, thrust_n=[1.0, 2.0, 3.0, 4.0])
    assert list(sampler.efforts.thrust_n) == [1.0, 2.0, 3.0, 4.0 if may else 0.0]
    status, blocked = sampler.status(), 0 if may else sampler.m.FAULT_JET_INTERLOCK
    assert status.fault_flags & sampler.m.FAULT_JET_INTERLOCK == blocked
    assert (status.safety_state, status.limited_joints) == (ARMED, 0)
    assert status.limit_reason == (0 if may else sampler.m.LIMIT_REASON_JET_INTERLOCK)
    if not may:
        held = float(phases.count(ENGAGED) + phases.count(SLIPPING))
        (event,) = [e for e in sampler.events() if e.fault == sampler.m.FAULT_JET_INTERLOCK]
        assert (event.value, event.limit, event.source) == (held, 3.0, 65535)
        assert status.limit_value == held


def test_an_anchor_that_slips_off_shuts_the_jet_within_a_tick_and_the_note_goes_with_the_wish(sampler: Device) -> None:
    sampler.fly()
    anchored(sampler, [ENGAGED, ENGAGED, ENGAGED, OPEN])
    sampler.stream(10_000, thrust_n=[0.0, 0.0, 0.0, 2.0])
    assert sampler.efforts.thrust_n[JET] == 2.0
    sampler.sensors.anchor_slip_m[1] = 0.00601
    sampler.run(1000)
    assert sampler.efforts.thrust_n[JET] == 0.0
    sampler.stream(20_000, thrust_n=[0.0, 0.0, 0.0, 2.0])
    assert sampler.status().fault_flags & sampler.m.FAULT_JET_INTERLOCK
    sampler.stream(20_000, thrust_n=[3.0, 0.0, 0.0, 0.0])  # hold-down alone: allowed, and no note
    assert list(sampler.efforts.thrust_n) == [3.0, 0.0, 0.0, 0.0]
    assert not sampler.status().fault_flags & sampler.m.FAULT_JET_INTERLOCK


def test_the_note_goes_when_the_device_holds_or_the_anchors_come_back(sampler: Device) -> None:
    sampler.fly()
    sampler.stream(20_000, thrust_n=[0.0, 0.0, 0.0, 2.0])
    assert sampler.status().fault_flags & sampler.m.FAULT_JET_INTERLOCK
    anchored(sampler, [ENGAGED] * 4)
    sampler.stream(20_000, thrust_n=[0.0, 0.0, 0.0, 2.0])
    assert sampler.efforts.thrust_n[JET] == 2.0
    assert not sampler.status().fault_flags & sampler.m.FAULT_JET_INTERLOCK
    anchored(sampler, [OPEN] * 4)
    sampler.stream(20_000, thrust_n=[0.0, 0.0, 0.0, 2.0])
    sampler.run(150_000)  # no set-point: HOLD, with all gas shut
    assert list(sampler.efforts.thrust_n) == [0.0] * 4
    assert not sampler.status().fault_flags & sampler.m.FAULT_JET_INTERLOCK


def test_parameters_may_ask_for_more_anchors_than_compiled_and_never_for_fewer(sampler: Device) -> None:
    sampler.rx(sampler.frame(sampler.m.MAVLink_param_request_message(65535, b"ANCHORS_MIN")))
    sampler.run(50_000)
    value = sampler.all("PARAM_VALUE")[-1]
    assert (value.min, value.max, value.value[0]) == (3.0, 4.0, 3)


def test_a_robot_without_a_jet_has_four_nozzles_that_need_no_anchor(device: Device) -> None:
    device.fly()
    device.stream(10_000, thrust_n=[1.0, 1.0, 1.0, 1.0])
    assert list(device.efforts.thrust_n) == [1.0] * 4
    assert not device.status().fault_flags & device.m.FAULT_JET_INTERLOCK


# --- feed needs anchors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phases", "may"),
    [
        ([ENGAGED, ENGAGED, ENGAGED, OPEN], True),
        ([ENGAGED, ENGAGED, SLIPPING, OPEN], True),
        ([ENGAGED, ENGAGED, OPEN, OPEN], False),
        ([ENGAGED, ENGAGED, ENGAGING, ENGAGING], False),
        ([ENGAGED, ENGAGED, RELEASING, JAMMED], False),
        ([OPEN, OPEN, OPEN, OPEN], False),
    ],
)
def test_feed_pushes_only_with_the_compiled_minimum_of_anchors(device: Device, phases: list[int], may: bool) -> None:
    device.fly()
    anchored(device, phases)
    press(device, 3.1)
    assert device.efforts.effort[FEED] == (60.0 if may else 0.0)
    status = device.status()
    assert bool(status.fault_flags & device.m.FAULT_FEED_INTERLOCK) is not may
    assert status.limited_joints == (0 if may else 1 << FEED)
    assert status.limit_reason == (0 if may else device.m.LIMIT_REASON_FEED_INTERLOCK)
    if not may:
        assert status.limit_value == phases.count(ENGAGED) + phases.count(SLIPPING)
        assert device.all("JOINT_STATE")[-1].joint_fault[FEED - 8] & device.m.JOINT_FAULT_REDUCED


def test_feed_may_search_for_the_ground_without_anchors(device: Device) -> None:
    device.fly()
    press(device, 3.0)
    assert device.efforts.effort[FEED] == 60.0
    press(device, math.nextafter(3.0, 4.0) + 1e-6)
    assert device.efforts.effort[FEED] == 0.0


def test_feed_may_always_pull_back(device: Device) -> None:
    device.fly()
    device.sensors.weight_on_bit_n = 50.0
    for effort in (-60.0, 0.0):
        device.stream(10_000, effort={FEED: effort})
        assert device.efforts.effort[FEED] == effort
        status = device.status()
        assert (status.limited_joints, status.fault_flags & device.m.FAULT_FEED_INTERLOCK) == (0, 0)


def test_a_load_cell_that_reads_no_number_counts_as_pressing(device: Device) -> None:
    device.fly()
    press(device, math.nan)
    assert device.efforts.effort[FEED] <= 0.0


def test_the_interlock_acts_on_a_slower_drives_references_too(device: Device) -> None:
    device.fly()
    press(device, 20.0)
    assert (device.efforts.mode[FEED], device.efforts.feed_forward[FEED]) == (3, 0.0)


def test_the_rig_pushes_only_with_its_clamp(rig: Device) -> None:
    rig.fly()
    rig.sensors.weight_on_bit_n = 20.0
    rig.stream(10_000, effort={0: 30.0})
    assert rig.efforts.effort[0] == 0.0
    rig.sensors.anchor_phase[0] = ENGAGED
    rig.stream(10_000, effort={0: 30.0})
    assert rig.efforts.effort[0] == 30.0


def test_the_interlock_lets_go_when_the_anchors_hold_again(device: Device) -> None:
    device.fly()
    press(device, 20.0)
    anchored(device, [ENGAGED] * 4)
    press(device, 20.0)
    assert device.efforts.effort[FEED] == 60.0
    assert not device.status().fault_flags & device.m.FAULT_FEED_INTERLOCK


def test_an_anchor_that_slipped_off_does_not_count(device: Device) -> None:
    device.fly()
    anchored(device, [ENGAGED, ENGAGED, SLIPPING, OPEN])
    device.sensors.anchor_slip_m[2] = 0.006
    press(device, 20.0)
    assert device.efforts.effort[FEED] == 60.0
    device.sensors.anchor_slip_m[2] = 0.00601
    device.listen()
    press(device, 20.0)
    assert device.efforts.effort[FEED] == 0.0
    faults = {e.fault: e for e in device.events()}
    assert faults[device.m.FAULT_ANCHOR_SLIP].source == 2
    assert device.status().fault_flags & device.m.FAULT_ANCHOR_SLIP
    assert faults[device.m.FAULT_FEED_INTERLOCK].value == 2.0
    device.sensors.anchor_slip_m[2] = math.nan
    press(device, 20.0)
    assert device.efforts.effort[FEED] == 0.0
    device.sensors.anchor_slip_m[2] = 0.0
    press(device, 20.0)
    assert not device.status().fault_flags & device.m.FAULT_ANCHOR_SLIP


def test_an_open_gripper_that_moved_is_no_slip(device: Device) -> None:
    device.fly()
    anchored(device, [ENGAGED, ENGAGED, OPEN, OPEN])
    device.sensors.anchor_slip_m[3] = 0.1
    press(device, 20.0)
    assert not device.status().fault_flags & device.m.FAULT_ANCHOR_SLIP


def test_load_lost_is_a_fault_if_the_bit_stays_pressed_in_spite_of_the_reflex(device: Device) -> None:
    device.fly()
    anchored(device, [ENGAGED, ENGAGED, OPEN, OPEN])
    for _ in range(50):
        press(device, 20.0)
    device.alive()
    device.setpoint(effort={FEED: 60.0})
    device.run(1000)
    assert device.state == ARMED
    device.run(1000)
    assert device.state == SAFING
    assert device.status().latched_flags & device.m.FAULT_ANCHOR_LOAD_LOST


def test_load_lost_starts_anew_when_the_bit_came_off(device: Device) -> None:
    device.fly()
    anchored(device, [ENGAGED, ENGAGED, OPEN, OPEN])
    for weight in [20.0] * 49 + [2.0] + [20.0] * 49:
        press(device, weight)
    assert device.state == ARMED


# --- over-press ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit_n", "most_n"), [(80.0, 96.0), (5.0, 8.0), (15.0, 18.0)])
def test_weight_above_the_limit_backs_the_feed_off(device: Device, limit_n: float, most_n: float) -> None:
    device.fly()
    anchored(device, [ENGAGED] * 4)
    for weight, effort in ((most_n - 0.01, limit_n / 2), (most_n + 0.01, -limit_n)):
        device.sensors.weight_on_bit_n = weight
        device.stream(10_000, effort={FEED: limit_n / 2}, effort_limit={FEED: limit_n})
        assert device.efforts.effort[FEED] == pytest.approx(effort)
    status = device.status()
    assert status.fault_flags & device.m.FAULT_OVER_PRESS
    assert (status.limit_reason, status.limited_joints) == (device.m.LIMIT_REASON_OVER_PRESS, 1 << FEED)
    assert status.limit_value == pytest.approx(most_n + 0.01)
    device.sensors.weight_on_bit_n = 1.0
    device.stream(10_000)
    assert not device.status().fault_flags & device.m.FAULT_OVER_PRESS


def test_weight_at_the_limit_is_not_above_it(device: Device) -> None:
    device.fly()
    anchored(device, [ENGAGED] * 4)
    device.sensors.weight_on_bit_n = 8.0
    device.stream(10_000, effort={FEED: 4.0}, effort_limit={FEED: 5.0})
    assert device.efforts.effort[FEED] == 4.0


def test_over_press_that_stays_is_a_fault(device: Device) -> None:
    device.fly()
    anchored(device, [ENGAGED] * 4)
    for _ in range(50):
        press(device, 100.0)
    device.alive()
    device.setpoint(effort={FEED: 60.0}, effort_limit={FEED: 80.0})
    device.run(1000)
    assert device.state == ARMED
    device.run(1000)
    assert device.state == SAFING


def test_safing_takes_the_weight_off_slowly_and_not_by_the_reflex(device: Device) -> None:
    device.fly()
    anchored(device, [ENGAGED] * 4)
    press(device, 60.0)
    device.command(device.m.COMMAND_SAFE)
    device.run(900_000)
    assert device.state == SAFING
    assert device.efforts.effort[FEED] == pytest.approx(
        8.0, abs=0.2
    )  # the limit has ramped to a tenth, the weight has not


# --- stall and torque ------------------------------------------------------------------------------------------------


def turn(device: Device, us: int, speed: float, wanted: float = 30.0) -> None:
    device.sensors.velocity[SPINDLE] = speed
    device.stream(us, velocity={SPINDLE: wanted}, effort={FEED: 20.0})


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_a_stuck_bit_is_let_go_after_200_ms(device: Device, way: float) -> None:
    device.fly()
    anchored(device, [ENGAGED] * 4)
    turn(device, 200_000, 2.999 * way, 30.0 * way)
    device.alive()
    device.setpoint(velocity={SPINDLE: 30.0 * way}, effort={FEED: 20.0})
    device.run(1000)
    assert (device.efforts.effort[SPINDLE], device.efforts.effort[FEED]) == (8.0 * way, 20.0)
    device.run(1000)
    assert (device.efforts.effort[SPINDLE], device.efforts.effort[FEED]) == (0.0, 0.0)
    assert (device.efforts.mode[SPINDLE], device.efforts.feed_forward[SPINDLE]) == (3, 0.0)
    status = device.status()
    assert status.fault_flags & device.m.FAULT_DRILL_STALL
    assert status.limit_reason == device.m.LIMIT_REASON_STALL
    assert status.limited_joints == 1 << SPINDLE | 1 << FEED
    assert status.limit_value == pytest.approx(2.999 * way)
    assert device.state == ARMED  # a note: the host frees the bit
    turn(device, 10_000, 25.0 * way, 30.0 * way)
    assert not device.status().fault_flags & device.m.FAULT_DRILL_STALL


def test_a_slow_bit_below_its_torque_limit_is_no_stall(device: Device) -> None:
    device.fly()
    turn(device, 500_000, 0.5, 15.0)  # kd 0.4: 5.8 N m of 8
    assert device.efforts.effort[SPINDLE] == pytest.approx(5.8)


def test_a_bit_at_a_tenth_of_its_speed_is_no_stall(device: Device) -> None:
    device.fly()
    turn(device, 500_000, 3.0)
    assert device.efforts.effort[SPINDLE] == 8.0


def test_a_stall_starts_anew_when_the_bit_turned(device: Device) -> None:
    device.fly()
    for speed in (1.0, 20.0, 1.0):
        turn(device, 190_000, speed)
    assert device.efforts.effort[SPINDLE] == 8.0


def test_the_feed_may_pull_back_from_a_stuck_bit(device: Device) -> None:
    device.fly()
    device.sensors.velocity[SPINDLE] = 0.0
    device.stream(250_000, velocity={SPINDLE: 30.0}, effort={FEED: -20.0})
    assert (device.efforts.effort[SPINDLE], device.efforts.effort[FEED]) == (0.0, -20.0)


def test_spindle_torque_beyond_the_servos_rule_is_a_fault(device: Device) -> None:
    device.fly()
    device.sensors.spindle_current_a = 12.5  # 10 N m: a quarter above the limit, exactly
    device.stream(100_000)
    device.sensors.spindle_current_a = 12.51
    device.stream(20_000)
    device.sensors.spindle_current_a = 0.0
    device.stream(10_000)
    device.sensors.spindle_current_a = 12.51
    device.stream(21_000)  # seen first at the first tick: 20 ms
    assert device.state == ARMED
    device.stream(1000)
    assert device.state == SAFING
    assert device.status().fault_flags & device.m.FAULT_DRILL_OVERTORQUE
    device.sensors.spindle_current_a = 0.0
    device.stream(10_000)
    status = device.status()
    assert not status.fault_flags & device.m.FAULT_DRILL_OVERTORQUE
    assert status.latched_flags & device.m.FAULT_DRILL_OVERTORQUE
    event = next(e for e in device.events() if e.fault == device.m.FAULT_DRILL_OVERTORQUE)
    assert (event.source, event.limit) == (SPINDLE, 10.0)


def test_a_current_that_reads_no_number_is_over_torque(device: Device) -> None:
    device.fly()
    device.sensors.spindle_current_a = math.nan
    device.stream(30_000)
    assert device.state == SAFING


# --- anchors ---------------------------------------------------------------------------------------------------------


def test_engage_and_hold_need_no_confirmation(device: Device) -> None:
    device.fly()
    device.stream(10_000, anchor_action=[1, 0, 1, 0])
    assert list(device.efforts.anchor) == [1, 0, 1, 0]
    device.stream(10_000)
    assert list(device.efforts.anchor) == [0, 0, 0, 0]


def test_release_needs_its_confirmation(device: Device) -> None:
    device.fly()
    device.stream(10_000, anchor_action=[2, 0, 0, 1])
    assert list(device.efforts.anchor) == [-1, 0, 0, 1]
    for confirm in (0, device.seq, device.nonce):
        device.stream(10_000, anchor_action=[2, 0, 0, 1], release_confirm=confirm)
        assert list(device.efforts.anchor) == [0, 0, 0, 1]
        status = device.status()
        assert status.fault_flags & device.m.FAULT_RELEASE_REFUSED
        assert (status.limit_reason, status.limited_joints) == (device.m.LIMIT_REASON_RELEASE_UNCONFIRMED, 0)
    device.stream(10_000)
    assert not device.status().fault_flags & device.m.FAULT_RELEASE_REFUSED


@pytest.mark.parametrize(("speed", "may"), [(0.5, True), (-0.5, True), (0.51, False), (-0.51, False), (12.0, False)])
def test_release_needs_the_drill_off(device: Device, speed: float, may: bool) -> None:
    device.fly()
    device.sensors.velocity[SPINDLE] = speed
    device.stream(10_000, anchor_action=[0, 2, 0, 0])
    assert list(device.efforts.anchor) == [0, -1 if may else 0, 0, 0]
    if not may:
        status = device.status()
        assert status.limit_reason == device.m.LIMIT_REASON_RELEASE_DRILLING
        assert status.limit_value == pytest.approx(speed)


def test_a_drill_that_starts_stops_a_release_under_way(device: Device) -> None:
    device.fly()
    device.setpoint(anchor_action=[2, 2, 2, 2])
    device.run(1000)
    assert list(device.efforts.anchor) == [-1] * 4
    device.sensors.velocity[SPINDLE] = 1.0
    device.run(1000)
    assert list(device.efforts.anchor) == [0] * 4


def test_the_first_reason_of_a_set_point_is_kept(device: Device) -> None:
    device.fly()
    device.sensors.weight_on_bit_n = 50.0
    device.setpoint(effort={FEED: 20.0}, anchor_action=[2, 0, 0, 0], release_confirm=0)
    device.run(20_000)
    status = device.status()
    assert status.limit_reason == device.m.LIMIT_REASON_FEED_INTERLOCK
    device.sensors.weight_on_bit_n = 0.0
    device.alive()
    device.setpoint()
    status = device.status()
    assert (status.limit_reason, status.limited_joints, status.limit_value) == (0, 0, 0.0)


def test_gas_grippers_and_hammer_rest_in_hold(device: Device) -> None:
    device.fly()
    device.setpoint(anchor_action=[1, 0, 0, 0], thrust_n=[2.0, 0.0, 0.0, 0.0], hammer=0.5)
    device.run(1000)
    assert (device.efforts.anchor[0], device.efforts.thrust_n[0], device.efforts.hammer) == (1, 2.0, 0.5)
    device.run(51_000)
    assert (device.efforts.anchor[0], device.efforts.thrust_n[0], device.efforts.hammer) == (0, 0.0, 0.0)
