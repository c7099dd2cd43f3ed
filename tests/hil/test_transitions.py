"""The safety state machine in virtual time: every transition, and every edge of time to the tick."""

from __future__ import annotations

import math

import pytest
from stages import bring, hold
from virtual import ARMED, BOOT, BROWN_OUT, DISARMED, ESTOP, FAULT, HOLD, SAFING, SOFT, WATCHDOG, Device

FEED, SPINDLE = 12, 13
TIMEOUT_US = 250_000


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
        ({"position": {0: 0.05}}, True),
        ({"position": {0: 0.0501}}, False),
        ({"position": {15: 1.0}}, True),  # a drum's position is not followed
        ({"position": {FEED: 0.2 + 0.00499}}, True),
        ({"position": {FEED: 0.2 + 0.00501}}, False),
        ({"velocity": {SPINDLE: 0.05}}, True),
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
    event = device.events()[0]
    assert (event.fault, event.severity, event.limit) == (device.m.FAULT_SETPOINT_STALE, 2, 50.0)
    assert event.value == pytest.approx(31.0)
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
