"""The safety state machine in virtual time: every transition, and every edge of time to the tick."""

from __future__ import annotations

import math

import pytest
from virtual import ARMED, BOOT, BROWN_OUT, DISARMED, ESTOP, FAULT, HOLD, SAFING, SOFT, WATCHDOG, Device

FEED, SPINDLE = 12, 13
TIMEOUT_US = 250_000


def hold(device: Device) -> None:
    assert device.arm().result == device.m.RESULT_OK
    assert device.state == HOLD


# --- BOOT ------------------------------------------------------------------------------------------------------------


def test_boot_drives_nothing_until_the_self_test_passed(device: Device) -> None:
    assert device.state == BOOT
    assert not device.enabled
    device.run(1000)
    assert device.state == DISARMED
    assert not device.enabled
    assert device.efforts.braked == 0xFFFF
    assert list(device.efforts.effort) == [0.0] * 16
    assert device.status().latched_flags == 0


@pytest.mark.parametrize("facts", [{"memory_ok": False}, {"quick_resets": 3}])
def test_a_failed_self_test_ends_in_a_fault_that_cannot_be_cleared(device: Device, facts: dict[str, object]) -> None:
    device.boot(**facts)
    device.run(2000)
    assert device.state == FAULT
    device.alive()
    ack = device.command(device.m.COMMAND_CLEAR_FAULTS)
    assert (ack.result, ack.blocking_flags) == (device.m.RESULT_DENIED, device.m.FAULT_SELFTEST)
    assert device.state == FAULT
    assert not device.enabled
    assert device.status().latched_flags == device.m.FAULT_SELFTEST


def test_two_quick_resets_are_no_crash_loop(device: Device) -> None:
    device.boot(quick_resets=2)
    device.run(2000)
    assert device.state == DISARMED


def test_an_enable_line_that_reads_high_by_itself_fails_the_self_test(device: Device) -> None:
    device.stick_enable(True)
    device.run(1000)
    assert device.state == FAULT
    assert device.status().outputs_enabled == 1  # read back, not remembered
    device.alive()
    assert device.command(device.m.COMMAND_CLEAR_FAULTS).blocking_flags == device.m.FAULT_SELFTEST
    device.stick_enable(False)
    assert device.command(device.m.COMMAND_CLEAR_FAULTS).result == device.m.RESULT_OK
    assert device.state == DISARMED


@pytest.mark.parametrize(("cause", "flag"), [(WATCHDOG, 16), (5, 16), (BROWN_OUT, 32)])
def test_a_reset_that_should_not_have_been_must_be_seen_before_arming(device: Device, cause: int, flag: int) -> None:
    device.boot(reset_cause=cause)
    ack = device.arm()
    assert (ack.result, ack.blocking_flags, ack.safety_state) == (device.m.RESULT_DENIED, flag, DISARMED)
    assert [e.fault for e in device.events()] == [flag]
    assert device.command(device.m.COMMAND_CLEAR_FAULTS).result == device.m.RESULT_OK
    device.alive()
    device.setpoint()
    assert device.command(device.m.COMMAND_ARM).result == device.m.RESULT_OK


def test_a_soft_reset_blocks_nothing(device: Device) -> None:
    device.boot(reset_cause=SOFT)
    hold(device)


def test_boot_with_the_estop_pressed_is_an_estop(device: Device) -> None:
    device.sensors.estop_open = 1
    device.run(1000)
    assert device.state == ESTOP


# --- DISARMED to HOLD ------------------------------------------------------------------------------------------------


def test_arm_holds_the_present_position_and_enables_the_outputs(device: Device) -> None:
    device.wake()
    device.setpoint(position={0: 0.02}, effort={0: 3.0})
    ack = device.command(device.m.COMMAND_ARM)
    assert (ack.result, ack.blocking_flags, ack.safety_state) == (device.m.RESULT_OK, 0, HOLD)
    assert device.enabled
    device.run(1000)
    assert device.efforts.braked == 0
    assert device.efforts.effort[0] == 3.0  # feed-forward of the stream, no pull toward its position
    assert device.efforts.outputs_enabled == 1


def test_arm_needs_a_living_host(device: Device) -> None:
    device.wake()
    device.run(TIMEOUT_US - 9000)  # the last sign of life came 10 ms before wake ended
    device.setpoint()
    assert device.command(device.m.COMMAND_ARM).blocking_flags == device.m.FAULT_HOST_TIMEOUT
    assert device.state == DISARMED


def test_arm_takes_a_host_that_was_heard_just_in_time(device: Device) -> None:
    device.wake()
    device.run(TIMEOUT_US - 10_000)
    device.setpoint()
    assert device.command(device.m.COMMAND_ARM).result == device.m.RESULT_OK


def test_arm_needs_set_points_that_stream(device: Device) -> None:
    device.run(2000)
    device.alive()
    assert device.command(device.m.COMMAND_ARM).blocking_flags == device.m.FAULT_SETPOINT_STALE
    device.setpoint()
    device.run(51_000)
    device.alive()
    assert device.command(device.m.COMMAND_ARM).blocking_flags == device.m.FAULT_SETPOINT_STALE
    device.setpoint(lifetime_us=5000)
    device.run(6000)
    assert device.command(device.m.COMMAND_ARM).blocking_flags == device.m.FAULT_SETPOINT_STALE
    device.setpoint()
    assert device.command(device.m.COMMAND_ARM).result == device.m.RESULT_OK


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({"position": {0: 0.0499}}, True),
        ({"position": {0: 0.0501}}, False),
        ({"position": {15: 1.0}}, True),  # a drum's position is not followed
        ({"position": {FEED: 0.2 + 0.0049}}, True),
        ({"position": {FEED: 0.2 + 0.0051}}, False),
        ({"velocity": {SPINDLE: 0.0499}}, True),
        ({"velocity": {SPINDLE: -0.0501}}, False),
        ({"mode": {FEED: 0}}, True),
        ({"mode": {0: 0}, "position": {0: 0.5}}, True),
        ({"mode": {0: 3}}, False),
    ],
)
def test_arm_needs_set_points_that_start_where_the_robot_is(
    device: Device, changes: dict[str, object], may: bool
) -> None:
    device.wake()
    device.setpoint(**changes)
    ack = device.command(device.m.COMMAND_ARM)
    assert (ack.result == device.m.RESULT_OK) is may
    assert ack.blocking_flags == (0 if may else device.m.FAULT_SETPOINT_LIMIT)
    assert device.state == (HOLD if may else DISARMED)
    assert device.enabled is may


def test_arm_needs_the_session_of_this_boot(device: Device) -> None:
    device.wake()
    assert device.command(device.m.COMMAND_ARM, session=1).result == device.m.RESULT_WRONG_SESSION
    assert device.state == DISARMED


def test_arm_needs_sensors(device: Device) -> None:
    device.wake()
    device.sensors.velocity[3] = math.nan
    device.run(1000)
    device.setpoint(velocity={3: 0.0})
    assert device.command(device.m.COMMAND_ARM).blocking_flags & device.m.FAULT_ENCODER
    assert device.state == DISARMED


def test_arm_needs_the_bus_voltage(device: Device) -> None:
    device.wake()
    device.sensors.bus_voltage_v = 0.74 * 28.0
    device.run(1000)
    device.setpoint()
    assert device.command(device.m.COMMAND_ARM).blocking_flags == device.m.FAULT_BROWN_OUT


@pytest.mark.parametrize("state", [HOLD, ARMED, SAFING, FAULT, ESTOP])
def test_arm_is_for_disarmed_alone(device: Device, state: int) -> None:
    bring(device, state)
    device.alive()
    device.setpoint()
    assert device.command(device.m.COMMAND_ARM).result == device.m.RESULT_DENIED
    assert device.state == (ARMED if state == HOLD else state)  # the fresh set-point took HOLD to ARMED


def bring(device: Device, state: int) -> None:
    """Into `state`, from power-on."""
    device.run(1000)
    if state == DISARMED:
        return
    if state == ESTOP:
        device.estop()
        return
    hold(device)
    if state == ARMED:
        device.stream(10_000)
    if state in (SAFING, FAULT):
        device.command(device.m.COMMAND_SAFE)
    if state == FAULT:
        device.run(1_500_000)
    assert device.state == state


# --- HOLD and ARMED --------------------------------------------------------------------------------------------------


def test_a_fresh_set_point_takes_hold_to_armed(device: Device) -> None:
    hold(device)
    device.setpoint()
    assert device.state == ARMED
    assert device.enabled


def test_a_set_point_past_its_deadline_takes_armed_to_hold(device: Device) -> None:
    device.fly()
    device.setpoint(lifetime_us=30_000)
    device.run(30_000)
    assert device.state == ARMED
    device.run(1000)
    assert device.state == HOLD
    status = device.status()
    assert status.fault_flags & device.m.FAULT_SETPOINT_STALE
    assert device.enabled
    device.alive()
    device.setpoint()
    assert device.state == ARMED
    assert not device.status().fault_flags & device.m.FAULT_SETPOINT_STALE
    assert device.status().latched_flags & device.m.FAULT_SETPOINT_STALE


def test_a_set_point_older_than_50_ms_takes_armed_to_hold(device: Device) -> None:
    device.fly()
    device.setpoint(lifetime_us=400_000)
    device.run(50_000)
    assert device.state == ARMED
    device.run(1000)
    assert device.state == HOLD


def test_hold_keeps_position_and_feed_forward_and_brings_the_spindle_to_rest(device: Device) -> None:
    device.fly(velocity={SPINDLE: 12.0}, effort={0: 5.0, 14: 1.0}, position={1: 0.1})
    device.sensors.position[1] = 0.03
    device.sensors.velocity[SPINDLE] = 12.0
    device.run(51_000)
    assert device.state == HOLD
    assert device.efforts.position[1] == pytest.approx(0.03)
    assert device.efforts.effort[1] == 0.0
    assert device.efforts.effort[0] == 5.0
    assert device.efforts.effort[SPINDLE] == pytest.approx(-0.4 * 12.0)
    assert device.efforts.thrust_n[0] == 0.0


def test_hold_for_five_seconds_disarms_through_safing(device: Device) -> None:
    hold(device)
    start = device.now
    while device.now < start + 5_000_000:
        device.alive()
        device.run(10_000)
    assert device.state == HOLD
    device.alive()
    device.run(1000)
    assert device.state == SAFING
    while device.state == SAFING:
        device.alive()
        device.run(10_000)
    assert device.state == DISARMED
    assert not device.enabled
    assert device.status().latched_flags == 0


@pytest.mark.parametrize("armed", [False, True])
def test_disarm_goes_through_safing(device: Device, armed: bool) -> None:
    bring(device, ARMED if armed else HOLD)
    ack = device.command(device.m.COMMAND_DISARM)
    assert (ack.result, ack.safety_state) == (device.m.RESULT_OK, SAFING)
    assert device.enabled
    for _ in range(101):
        device.alive()
        device.run(10_000)
    assert device.state == DISARMED
    assert not device.enabled


@pytest.mark.parametrize("state", [HOLD, ARMED])
def test_a_lost_host_is_noticed_at_250_ms(device: Device, state: int) -> None:
    bring(device, state)
    device.alive()
    last = device.now
    while device.now < last + TIMEOUT_US:
        device.setpoint()  # set-points go on: a live thread beside a dead control loop
        device.run(10_000)
    assert device.state in (HOLD, ARMED)
    device.listen()
    device.run(1000)
    assert device.state == SAFING
    assert device.enabled
    event = device.events()[0]
    assert event.fault == device.m.FAULT_HOST_TIMEOUT
    assert 245_000 <= event.time_us - last <= 255_000
    assert (event.state_after, event.severity, event.limit) == (SAFING, 3, 250.0)
    assert event.value == pytest.approx(251.0)


def test_a_frozen_loop_count_is_no_life(device: Device) -> None:
    device.fly()
    device.alive()
    last = device.now
    while device.now < last + TIMEOUT_US + 1000:
        device.alive(count=False)
        device.setpoint()
        device.run(1000)
    assert device.state == SAFING


def test_life_of_another_session_is_no_life(device: Device) -> None:
    device.fly()
    device.alive()
    last = device.now
    while device.now < last + TIMEOUT_US + 1000:
        device.alive(session=device.nonce + 1)
        device.setpoint()
        device.run(1000)
    assert device.state == SAFING


def test_a_living_host_keeps_it_armed(device: Device) -> None:
    device.fly()
    device.stream(2_000_000)
    assert device.state == ARMED
    assert device.events() == []


@pytest.mark.parametrize("state", [HOLD, ARMED])
def test_a_host_that_believes_it_is_not_armed_disarms(device: Device, state: int) -> None:
    bring(device, state)
    before = device.state
    device.alive(engaged=0)
    device.alive(engaged=0)
    device.alive(engaged=1)
    device.alive(engaged=0)
    device.alive(engaged=0)
    assert device.state == before
    device.alive(engaged=0)
    assert device.state == SAFING
    for _ in range(101):
        device.alive(engaged=0)
        device.run(10_000)
    assert device.state == DISARMED


def test_disengaged_messages_before_arming_do_not_count(device: Device) -> None:
    device.wake()
    for _ in range(5):
        device.alive(engaged=0)
    device.setpoint()
    assert device.command(device.m.COMMAND_ARM).result == device.m.RESULT_OK
    device.alive(engaged=0)
    device.alive(engaged=0)
    assert device.state == HOLD


# --- faults ----------------------------------------------------------------------------------------------------------


def test_safe_on_request_latches_a_fault(device: Device) -> None:
    device.fly()
    assert device.command(device.m.COMMAND_SAFE).safety_state == SAFING
    device.stream(1_100_000)
    assert device.state == FAULT
    status = device.status()
    assert status.latched_flags & device.m.FAULT_HOST_REQUEST
    assert (status.outputs_enabled, device.enabled) == (0, False)


def test_safe_on_request_while_disarmed_is_a_fault_at_once(device: Device) -> None:
    device.run(1000)
    assert device.command(device.m.COMMAND_SAFE).safety_state == FAULT


@pytest.mark.parametrize("wire", ["position", "velocity"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("joint", [0, 15])
def test_an_encoder_that_reads_no_number_is_a_fault_within_a_tick(
    device: Device, wire: str, value: float, joint: int
) -> None:
    device.fly()
    getattr(device.sensors, wire)[joint] = value
    device.run(1000)
    assert device.state == SAFING
    assert all(math.isfinite(x) for x in device.efforts.effort)
    assert [(e.fault, e.source) for e in device.events()] == [(device.m.FAULT_ENCODER, joint)]


def test_sensors_that_stop_are_a_fault_after_100_ms(device: Device) -> None:
    device.fly()
    age = 0
    while age < 100_000:
        age += 1000
        device.alive()
        device.setpoint()
        device.tick_late(1000, sensors_age_us=age)
    assert device.state == ARMED
    device.setpoint()
    device.tick_late(1000, sensors_age_us=age + 1000)
    assert device.state == SAFING
    assert [e.fault for e in device.events()] == [device.m.FAULT_ENCODER]


def test_a_brown_out_is_a_fault_after_50_ms_and_not_before(device: Device) -> None:
    device.fly()
    device.sensors.bus_voltage_v = 21.0  # three quarters of 28 V, exactly
    device.stream(100_000)
    device.sensors.bus_voltage_v = 0.749 * 28.0
    device.stream(50_000)
    device.sensors.bus_voltage_v = 28.0
    device.stream(10_000)
    device.sensors.bus_voltage_v = 0.749 * 28.0
    device.stream(51_000)
    assert device.state == ARMED
    device.stream(1000)
    assert device.state == SAFING
    assert [e.fault for e in device.events()] == [device.m.FAULT_BROWN_OUT]


def test_three_late_ticks_in_a_row_are_a_fault(device: Device) -> None:
    device.fly()
    for late in (5001, 5001, 5000, 5001, 5001):
        device.alive()
        device.setpoint()
        device.tick_late(late)
    assert device.state == ARMED
    assert max(m.loop_max_us for m in device.all("STATE")) == 5001
    device.setpoint()
    device.tick_late(5001)
    assert device.state == SAFING
    assert [e.fault for e in device.events()] == [device.m.FAULT_LOOP_OVERRUN]


@pytest.mark.parametrize("state", [DISARMED, FAULT])
def test_supervision_sleeps_while_outputs_are_off(device: Device, state: int) -> None:
    bring(device, state)
    device.sensors.position[0] = math.nan
    device.sensors.bus_voltage_v = 0.0
    device.listen()
    device.run(400_000)
    assert device.state == state
    assert not [e for e in device.events() if e.time_us > device.now - 400_000]


def test_clear_faults_waits_for_the_cause_to_go_and_never_arms(device: Device) -> None:
    device.fly()
    device.run(251_000 + 1_100_000)
    assert device.state == FAULT
    ack = device.command(device.m.COMMAND_CLEAR_FAULTS)
    assert (ack.result, ack.blocking_flags) == (device.m.RESULT_DENIED, device.m.FAULT_HOST_TIMEOUT)
    device.alive()
    assert device.command(device.m.COMMAND_CLEAR_FAULTS, session=3).result == device.m.RESULT_WRONG_SESSION
    assert device.state == FAULT
    ack = device.command(device.m.COMMAND_CLEAR_FAULTS)
    assert (ack.result, ack.safety_state) == (device.m.RESULT_OK, DISARMED)
    assert not device.enabled
    assert device.status().latched_flags == 0
    hold(device)


def test_a_host_that_comes_back_clears_nothing_by_itself(device: Device) -> None:
    device.fly()
    device.run(251_000 + 1_100_000)
    device.stream(500_000)
    assert device.state == FAULT
    status = device.status()
    assert not status.fault_flags & device.m.FAULT_HOST_TIMEOUT
    assert status.latched_flags & device.m.FAULT_HOST_TIMEOUT


@pytest.mark.parametrize("state", [HOLD, ARMED, SAFING, ESTOP])
def test_clear_faults_is_for_fault_and_disarmed_alone(device: Device, state: int) -> None:
    bring(device, state)
    device.alive()
    assert device.command(device.m.COMMAND_CLEAR_FAULTS).result == device.m.RESULT_DENIED
    assert device.state == state


@pytest.mark.parametrize("state", [FAULT, ESTOP])
def test_disarm_keeps_the_latch(device: Device, state: int) -> None:
    bring(device, state)
    device.command(device.m.COMMAND_DISARM)
    device.alive(engaged=0)
    device.alive(engaged=0)
    device.alive(engaged=0)
    assert device.state == state


# --- ESTOP -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [DISARMED, HOLD, ARMED, SAFING, FAULT, ESTOP])
def test_estop_from_anywhere_at_once(device: Device, state: int) -> None:
    bring(device, state)
    ack = device.estop()  # no tick in between
    assert (ack.result, ack.seq, ack.safety_state) == (device.m.RESULT_OK, 9, ESTOP)
    assert not device.enabled
    device.run(1000)
    assert device.efforts.braked == 0xFFFF
    assert list(device.efforts.effort) == [0.0] * 16
    assert list(device.efforts.thrust_n) == [0.0] * 4
    device.stream(3_000_000)
    assert device.state == ESTOP


def test_estop_needs_its_magic_word_and_no_session(device: Device) -> None:
    device.fly()
    device.say(device.m.MAVLink_estop_message(0x504F5454, 1, 1))
    assert device.state == ARMED


def test_the_estop_input_stops_within_a_tick_and_from_the_interrupt_at_once(device: Device) -> None:
    device.fly()
    device.sensors.estop_open = 1
    device.run(1000)
    assert device.state == ESTOP
    assert not device.enabled
    device.sensors.estop_open = 0
    device.alive()
    assert device.command(device.m.COMMAND_CLEAR_ESTOP).result == device.m.RESULT_DENIED  # the last reading said open
    device.run(1000)
    assert device.command(device.m.COMMAND_CLEAR_ESTOP).result == device.m.RESULT_OK
    hold(device)
    device.estop_interrupt()
    assert device.state == ESTOP
    assert not device.enabled


def test_clear_estop_needs_the_loop_the_host_and_the_session(device: Device) -> None:
    device.fly()
    device.sensors.estop_open = 1
    device.run(1000)
    device.alive()
    ack = device.command(device.m.COMMAND_CLEAR_ESTOP)
    assert (ack.result, ack.blocking_flags) == (device.m.RESULT_DENIED, device.m.FAULT_ESTOP_INPUT)
    device.sensors.estop_open = 0
    device.run(251_000)
    ack = device.command(device.m.COMMAND_CLEAR_ESTOP)
    assert (ack.result, ack.blocking_flags) == (device.m.RESULT_DENIED, device.m.FAULT_HOST_TIMEOUT)
    device.alive()
    assert device.command(device.m.COMMAND_CLEAR_ESTOP, session=1).result == device.m.RESULT_WRONG_SESSION
    assert device.state == ESTOP
    ack = device.command(device.m.COMMAND_CLEAR_ESTOP)
    assert (ack.result, ack.safety_state) == (device.m.RESULT_OK, DISARMED)
    assert not device.enabled
    assert not device.status().latched_flags & (device.m.FAULT_ESTOP | device.m.FAULT_ESTOP_INPUT)


@pytest.mark.parametrize("state", [DISARMED, HOLD, ARMED, SAFING, FAULT])
def test_clear_estop_is_for_estop_alone(device: Device, state: int) -> None:
    bring(device, state)
    device.alive()
    assert device.command(device.m.COMMAND_CLEAR_ESTOP).result == device.m.RESULT_DENIED
    assert device.state == state


def test_estop_is_no_way_round_a_latched_fault(device: Device) -> None:
    device.fly()
    device.command(device.m.COMMAND_SAFE)
    device.stream(1_100_000)
    device.estop()
    device.alive()
    assert device.command(device.m.COMMAND_CLEAR_ESTOP).result == device.m.RESULT_OK
    device.setpoint()
    assert device.command(device.m.COMMAND_ARM).blocking_flags == device.m.FAULT_HOST_REQUEST


# --- SAFING ----------------------------------------------------------------------------------------------------------


def drilling(device: Device) -> None:
    """Armed, anchored, pressing 60 N and turning."""
    for limb in range(4):
        device.sensors.anchor_phase[limb] = 2
    device.fly()
    device.sensors.velocity[SPINDLE] = 12.0
    device.sensors.weight_on_bit_n = 60.0
    device.stream(50_000, velocity={SPINDLE: 12.0}, effort={FEED: 60.0}, effort_limit={FEED: 80.0}, thrust_n=[1.0] * 4)
    assert device.state == ARMED
    assert device.efforts.effort[FEED] == 60.0


def test_safing_ramps_spindle_and_feed_with_their_enables_and_brakes_the_rest(device: Device) -> None:
    drilling(device)
    device.run(51_000)  # HOLD by age
    device.sensors.velocity[SPINDLE] = 12.0
    device.run(190_000)
    assert device.state == SAFING
    start = device.now
    limbs = 0x0FFF
    speeds, pushes = [], []
    while device.state == SAFING:
        assert device.enabled
        assert device.efforts.braked == limbs
        assert list(device.efforts.anchor) == [0, 0, 0, 0]
        assert list(device.efforts.thrust_n) == [0.0] * 4
        assert device.efforts.effort[0] == 0.0
        speeds.append(device.efforts.velocity[SPINDLE])
        pushes.append(device.efforts.effort[FEED])
        device.sensors.velocity[SPINDLE] = device.efforts.velocity[SPINDLE]  # a spindle that follows
        device.run(1000)
    taken = device.now - start
    assert 950_000 < taken < 1_001_000
    assert all(a >= b for a, b in zip(speeds, speeds[1:], strict=False))
    assert all(a >= b for a, b in zip(pushes, pushes[1:], strict=False))
    assert pushes[0] > 50.0
    assert pushes[-1] < 0.2
    assert max(a - b for a, b in zip(speeds, speeds[1:], strict=False)) < 0.02  # 12 rad/s in 1 s, in steps of 1 ms
    assert max(a - b for a, b in zip(pushes, pushes[1:], strict=False)) < 0.1
    assert device.state == FAULT
    assert not device.enabled
    assert device.efforts.braked == 0xFFFF
    assert list(device.efforts.anchor) == [0, 0, 0, 0]


def test_safing_ends_after_two_seconds_though_the_spindle_still_turns(device: Device) -> None:
    drilling(device)
    device.command(device.m.COMMAND_SAFE)
    start = device.now
    device.sensors.velocity[SPINDLE] = 5.0
    device.run(1_999_000)
    assert device.state == SAFING
    assert device.efforts.effort[SPINDLE] == pytest.approx(-0.4 * 5.0)
    device.run(1000)
    assert (device.state, device.now - start) == (FAULT, 2_000_000)


@pytest.mark.parametrize(
    ("joint", "speed", "state"),
    [(13, 0.51, SAFING), (13, -0.51, SAFING), (15, 0.51, SAFING), (13, 0.49, FAULT), (0, 1.0, FAULT)],
)
def test_safing_waits_for_spindle_and_drums_to_rest(device: Device, joint: int, speed: float, state: int) -> None:
    bring(device, HOLD)
    device.command(device.m.COMMAND_SAFE)
    device.sensors.velocity[joint] = speed
    device.run(999_000)
    assert device.state == SAFING
    device.run(1000)
    assert device.state == state


def test_a_fault_while_safing_to_disarmed_ends_in_fault(device: Device) -> None:
    device.fly()
    device.command(device.m.COMMAND_DISARM)
    device.run(1_100_000)  # the host is lost meanwhile
    assert device.state == FAULT


def test_set_points_do_not_interrupt_safing(device: Device) -> None:
    device.fly()
    device.command(device.m.COMMAND_DISARM)
    device.stream(900_000)
    assert device.state == SAFING
    assert device.status().refuse_reason == device.m.REFUSE_REASON_STATE
