"""What stops the device: faults, the e-stop, and SAFING on the way, in virtual time."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from stages import bring, hold
from virtual import ARMED, DISARMED, ESTOP, FAULT, HOLD, SAFING, Device

FEED, SPINDLE = 12, 13
TIMEOUT_US = 250_000


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
    event = device.events()[0]
    assert (event.fault, event.limit) == (device.m.FAULT_ENCODER, pytest.approx(100.0))
    assert event.value == pytest.approx(101.0)


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
    event = device.events()[0]
    assert (event.fault, event.limit) == (device.m.FAULT_BROWN_OUT, 21.0)
    assert event.value == pytest.approx(0.749 * 28.0)


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
    assert all(a >= b for a, b in pairwise(speeds))
    assert all(a >= b for a, b in pairwise(pushes))
    assert speeds[0] > 11.9
    assert pushes[0] > 59.0
    assert pushes[-1] < 0.2
    assert max(a - b for a, b in pairwise(speeds)) < 0.02  # 12 rad/s in 1 s, in steps of 1 ms
    assert max(a - b for a, b in pairwise(pushes)) < 0.1
    assert device.state == FAULT
    assert not device.enabled
    assert device.efforts.braked == 0xFFFF
    assert list(device.efforts.anchor) == [0, 0, 0, 0]


def test_safing_keeps_up_a_carriage_that_weighs_on_its_feed(device: Device) -> None:
    """Under 1 g the feed holds 40 N of carriage up to press with 10: that must not end before its brake is closed."""
    drilling(device)
    device.sensors.weight_on_bit_n = 10.0
    device.stream(50_000, velocity={SPINDLE: 12.0}, effort={FEED: -30.0}, effort_limit={FEED: 80.0})
    device.command(device.m.COMMAND_SAFE)
    device.sensors.velocity[SPINDLE] = 0.0
    while device.state == SAFING:
        assert device.efforts.effort[FEED] == -30.0
        assert device.efforts.effort_limit[FEED] == 80.0
        device.run(1000)
    assert device.state == FAULT
    assert device.efforts.braked == 0xFFFF


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
    [(13, 0.51, SAFING), (13, -0.51, SAFING), (15, 0.51, SAFING), (13, 0.5, FAULT), (0, 1.0, FAULT)],
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


def test_safing_stops_the_feed_where_it_is_whatever_it_was_doing(device: Device) -> None:
    device.fly()
    device.sensors.velocity[14] = 3.0
    device.stream(10_000, mode={FEED: 2}, velocity={FEED: 0.02, 14: 3.0})
    assert device.efforts.velocity[FEED] == pytest.approx(0.02)
    device.command(device.m.COMMAND_SAFE)
    device.run(1000)
    assert (device.efforts.mode[FEED], device.efforts.velocity[FEED]) == (1, 0.0)
    assert device.efforts.position[FEED] == pytest.approx(device.place[FEED])
    assert device.efforts.mode[14] == 2
    assert device.efforts.velocity[14] == pytest.approx(3.0, abs=0.01)


def test_the_longest_wait_for_the_host_is_reported(device: Device) -> None:
    device.run(1000)
    device.alive()
    for gap_ms in (120, 340, 70):
        device.run(gap_ms * 1000)
        device.alive()
    device.run(1_000_000)
    assert max(m.host_gap_max_ms for m in device.all("LINK_STATS")) == 340
    device.run(70_000_000)
    device.alive()
    device.listen()
    device.run(1_000_000)
    assert device.all("LINK_STATS")[0].host_gap_max_ms == 65535


def test_the_first_sign_of_life_is_no_gap(device: Device) -> None:
    device.run(300_000)
    device.alive()
    device.run(1_000_000)
    assert device.all("LINK_STATS")[-1].host_gap_max_ms == 0
