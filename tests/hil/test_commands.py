"""Commands run once, answered as often as asked; parameters only tighten, and survive a power loss while saving."""

from __future__ import annotations

import math
import struct
import zlib
from itertools import pairwise

import pytest
from virtual import DISARMED, FAULT, HOLD, SAFING, Device

BANK = 64


# --- commands --------------------------------------------------------------------------------------------------------


def test_a_repeated_command_is_answered_and_not_run_again(device: Device) -> None:
    assert device.arm().result == device.m.RESULT_OK
    arm_seq = device.command_seq
    device.command(device.m.COMMAND_DISARM)
    for _ in range(101):
        device.alive()
        device.run(10_000)
    assert device.state == DISARMED
    device.alive()
    device.setpoint()
    ack = device.command(device.m.COMMAND_ARM, seq=arm_seq)
    assert (ack.result, ack.safety_state) == (device.m.RESULT_OK, DISARMED)  # as it was answered; the state as it is
    assert device.state == DISARMED


def test_a_denied_answer_is_remembered_with_its_reason(device: Device) -> None:
    device.run(1000)
    first = device.command(device.m.COMMAND_ARM)
    device.stream(20_000)
    again = device.command(device.m.COMMAND_ARM, seq=first.seq)
    assert (again.result, again.blocking_flags) == (device.m.RESULT_DENIED, first.blocking_flags)
    assert first.blocking_flags == device.m.FAULT_HOST_TIMEOUT | device.m.FAULT_SETPOINT_STALE


def test_eight_answers_are_remembered(device: Device) -> None:
    device.run(1000)
    for seq in range(1, 10):
        device.command(device.m.COMMAND_SET_RATE, 50.0 + seq, seq=seq)
    assert device.command(device.m.COMMAND_SET_RATE, math.nan, seq=2).result == device.m.RESULT_OK  # not looked at
    assert device.command(device.m.COMMAND_SET_RATE, 10.0, seq=1).result == device.m.RESULT_STALE
    assert device.command(device.m.COMMAND_ECHO, seq=5).result == device.m.RESULT_STALE  # that number was SET_RATE's
    assert device.status().command_seq == 9


def test_command_sequences_go_over_their_wrap(device: Device) -> None:
    device.run(1000)
    for seq in (2**31 - 5, 2**32 - 6, 2**32 - 1, 0, 7):
        assert device.command(device.m.COMMAND_SET_RATE, 60.0, seq=seq).result == device.m.RESULT_OK
    assert device.command(device.m.COMMAND_SET_RATE, 60.0, seq=2**32 - 3).result == device.m.RESULT_STALE


def test_another_sessions_numbers_are_not_remembered(device: Device) -> None:
    device.run(1000)
    assert device.command(device.m.COMMAND_SAFE, seq=900, session=4).result == device.m.RESULT_WRONG_SESSION
    assert device.state == DISARMED
    assert device.command(device.m.COMMAND_SAFE, seq=1).result == device.m.RESULT_OK
    assert device.state == FAULT


@pytest.mark.parametrize(
    "name",
    [
        "ARM",
        "DISARM",
        "CLEAR_FAULTS",
        "CLEAR_ESTOP",
        "SET_RATE",
        "ACK_FAULT_EVENT",
        "PARAM_SAVE",
        "REBOOT",
        "SAFE",
        "TEST_HANG",
    ],
)
def test_commands_need_the_session(device: Device, name: str) -> None:
    device.wake()
    ack = device.command(getattr(device.m, f"COMMAND_{name}"), 1.0, session=0)
    assert ack.result == device.m.RESULT_WRONG_SESSION
    assert device.requests == 0


def test_echo_and_caps_need_no_session(device: Device) -> None:
    device.stream(1_100_000)
    device.listen()
    assert device.command(device.m.COMMAND_ECHO, session=0).result == device.m.RESULT_OK
    assert device.command(device.m.COMMAND_REQUEST_CAPS, session=0).result == device.m.RESULT_OK
    device.run(1000)
    assert len(device.all("CAPS")) == 1


@pytest.mark.parametrize(
    ("command", "component", "result"), [(0, 0, 5), (13, 0, 5), (65535, 0, 5), (6, 1, 0), (6, 2, 5)]
)
def test_unknown_commands_and_components_are_unsupported(
    device: Device, command: int, component: int, result: int
) -> None:
    device.run(1000)
    device.say(device.m.MAVLink_command_message(1, device.nonce, [0.0] * 4, command, component))
    assert device.acks()[-1].result == result


def test_set_rate_sets_the_rate_and_refuses_nonsense(device: Device) -> None:
    device.run(1000)
    for rate in (0.99, 1000.1, math.nan, -1.0, math.inf):
        assert device.command(device.m.COMMAND_SET_RATE, rate).result == device.m.RESULT_BAD_ARG
    assert device.command(device.m.COMMAND_SET_RATE, 20.0).result == device.m.RESULT_OK
    device.listen()
    device.run(1_000_000)
    times = [m.time_us for m in device.all("STATE")]
    assert {b - a for a, b in pairwise(times[1:])} == {50_000}


def test_test_commands_are_for_test_builds(device: Device) -> None:
    device.boot(test_commands=False)
    device.run(1000)
    assert device.command(device.m.COMMAND_TEST_HANG).result == device.m.RESULT_UNSUPPORTED
    assert device.command(device.m.COMMAND_TEST_HARDFAULT).result == device.m.RESULT_UNSUPPORTED
    assert device.requests == 0
    device.boot()
    device.run(1000)
    assert device.command(device.m.COMMAND_TEST_HANG).result == device.m.RESULT_OK
    assert device.requests == 2


def test_reboot_needs_the_outputs_off(device: Device) -> None:
    device.arm()
    assert device.command(device.m.COMMAND_REBOOT).result == device.m.RESULT_DENIED
    assert device.requests == 0
    device.command(device.m.COMMAND_DISARM)
    assert device.command(device.m.COMMAND_REBOOT).result == device.m.RESULT_DENIED  # SAFING still brakes the spindle
    device.stream(1_100_000)
    assert device.command(device.m.COMMAND_REBOOT).result == device.m.RESULT_OK
    assert device.requests == 1


# --- fault events ----------------------------------------------------------------------------------------------------


def test_a_fault_event_is_sent_ten_times_a_second_until_it_is_acknowledged(device: Device) -> None:
    device.fly()
    device.listen()
    device.command(device.m.COMMAND_SAFE)
    device.run(1000)
    device.stream(999_000)
    sent = device.all("FAULT_EVENT")
    assert 9 <= len(sent) <= 11
    event = sent[0]
    assert {m.seq for m in sent} == {event.seq}
    assert (event.fault, event.severity, event.source) == (device.m.FAULT_HOST_REQUEST, 3, 65535)
    assert (event.state_before, event.state_after) == (3, SAFING)
    assert device.command(device.m.COMMAND_ACK_FAULT_EVENT, event.seq + 1).result == device.m.RESULT_BAD_ARG
    assert device.command(device.m.COMMAND_ACK_FAULT_EVENT, event.seq).result == device.m.RESULT_OK
    assert device.command(device.m.COMMAND_ACK_FAULT_EVENT, math.nan).result == device.m.RESULT_BAD_ARG
    device.listen()
    device.stream(500_000)
    assert device.all("FAULT_EVENT") == []


def test_more_events_than_are_kept_lose_the_oldest(device: Device) -> None:
    device.fly()
    for _ in range(6):  # each turn: one stale note, one limit note
        device.setpoint(position={0: 2.0})
        device.alive()
        device.run(60_000)
        device.alive()
        device.setpoint()
    device.listen()
    device.stream(200_000)
    assert [e.seq for e in device.events()] == list(range(5, 13))
    assert device.command(device.m.COMMAND_ACK_FAULT_EVENT, 7).result == device.m.RESULT_OK
    device.listen()
    device.stream(200_000)
    assert [e.seq for e in device.events()] == [5, 6, 8, 9, 10, 11, 12]


# --- parameters ------------------------------------------------------------------------------------------------------


def name16(name: str) -> bytes:
    return name.encode()


def set_param(
    device: Device, name: str, value: float, kind: str = "u32", session: int | None = None
) -> tuple[int, float]:
    """PARAM_SET; returns the result and the value read back."""
    code, form = {"u32": (3, "<I4x"), "f32": (4, "<f4x")}[kind]
    device.listen()
    device.command_seq += 1
    raw = list(struct.pack(form, value))
    session = device.nonce if session is None else session
    device.say(device.m.MAVLink_param_set_message(device.command_seq, session, raw, name16(name), code))
    ack = device.acks()[-1]
    assert ack.command == 55822
    return ack.result, read_back(device)


def read_back(device: Device) -> float:
    values = device.all("PARAM_VALUE")
    if not values:
        return math.nan
    form = "<I" if values[-1].type == 3 else "<f"
    return float(struct.unpack(form, bytes(values[-1].value[:4]))[0])


def read_param(device: Device, name: str) -> float:
    device.listen()
    device.say(device.m.MAVLink_param_request_message(65535, name16(name)))
    return read_back(device)


def caps(device: Device) -> object:
    device.listen()
    device.command(device.m.COMMAND_REQUEST_CAPS)
    device.run(1000)
    return device.all("CAPS")[-1]


PARAMS = {
    "HOST_TIMEOUT_MS": (100, 250, 250),
    "SETPOINT_AGE_MS": (10, 200, 50),
    "HOLD_MS": (500, 5000, 5000),
    "SAFING_RAMP_MS": (100, 1500, 1000),
    "STATE_HZ": (1, 1000, 100),
    "ANCHORS_MIN": (3, 4, 3),
    "PRESS_MAX_N": (0, 150, 150),
    "SPINDLE_MAX_NM": (0, 8, 8),
    "SLIP_MAX_M": (0.001, 0.006, 0.006),
}


def test_the_whole_table_is_dumped_at_fifty_a_second(device: Device) -> None:
    device.run(1000)
    device.say(device.m.MAVLink_param_request_message(65535, b""))
    device.run(20_000 * (len(PARAMS) - 1) + 1000)
    values = device.all("PARAM_VALUE")
    assert [m.index for m in values] == list(range(len(PARAMS)))
    assert {m.count for m in values} == {len(PARAMS)}
    for message, (name, (least, most, compiled)) in zip(values, PARAMS.items(), strict=True):
        assert message.name == name
        assert (message.min, message.max) == (pytest.approx(least), pytest.approx(most))
        form = "<I" if message.type == 3 else "<f"
        assert struct.unpack(form, bytes(message.value[:4]))[0] == pytest.approx(compiled)
    device.run(100_000)
    assert len(device.all("PARAM_VALUE")) == len(PARAMS)


@pytest.mark.parametrize("name", list(PARAMS))
def test_parameters_can_only_tighten(device: Device, name: str) -> None:
    device.run(1000)
    least, most, compiled = PARAMS[name]
    kind = "f32" if isinstance(compiled, float) or name.endswith(("_N", "_NM")) else "u32"
    for value in (least, most):
        assert set_param(device, name, value, kind) == (device.m.RESULT_OK, pytest.approx(value))
    outside = [most + 1] + ([least - 1] if least >= 1 else [])
    if kind == "f32":
        outside = [most * 1.0001, least - 0.0001, math.nan, math.inf, -math.inf]
    for value in outside:
        assert set_param(device, name, value, kind) == (device.m.RESULT_BAD_ARG, pytest.approx(most))
    wrong = "u32" if kind == "f32" else "f32"
    assert set_param(device, name, math.ceil(least), wrong) == (device.m.RESULT_BAD_ARG, pytest.approx(most))


def test_unknown_parameters_sessions_and_armed_devices_are_refused(device: Device) -> None:
    device.run(1000)
    assert set_param(device, "HOST_TIMEOUT", 200)[0] == device.m.RESULT_BAD_ARG
    assert set_param(device, "HOST_TIMEOUT_MS", 200, session=1)[0] == device.m.RESULT_WRONG_SESSION
    device.fly()
    result, value = set_param(device, "HOST_TIMEOUT_MS", 200)
    assert (result, value) == (device.m.RESULT_DENIED, 250)
    assert device.command(device.m.COMMAND_PARAM_SAVE).result == device.m.RESULT_DENIED
    device.command(device.m.COMMAND_DISARM)
    assert set_param(device, "HOST_TIMEOUT_MS", 200)[0] == device.m.RESULT_DENIED


def test_parameters_rule_at_once(device: Device) -> None:
    device.run(1000)
    set_param(device, "HOST_TIMEOUT_MS", 100)
    set_param(device, "SETPOINT_AGE_MS", 20)
    set_param(device, "PRESS_MAX_N", 25.0, "f32")
    set_param(device, "SPINDLE_MAX_NM", 2.0, "f32")
    set_param(device, "SAFING_RAMP_MS", 100)
    device.fly(effort={12: 60.0}, velocity={13: 30.0})
    assert (device.efforts.effort[12], device.efforts.effort[13]) == (25.0, 2.0)
    device.alive()
    device.setpoint()
    device.run(21_000)
    assert device.state == HOLD
    device.run(79_000)
    assert device.state == HOLD
    device.run(1000)
    assert device.state == SAFING
    device.run(100_000)
    assert device.state == FAULT
    told = caps(device)
    assert (told.host_timeout_ms, told.setpoint_max_age_ms) == (100, 20)


def test_four_anchors_can_be_asked_for(device: Device) -> None:
    device.run(1000)
    set_param(device, "ANCHORS_MIN", 4)
    for limb in range(3):
        device.sensors.anchor_phase[limb] = 2
    device.sensors.weight_on_bit_n = 20.0
    device.fly(effort={12: 60.0})
    assert device.efforts.effort[12] == 0.0


def test_hold_time_is_a_parameter(device: Device) -> None:
    device.run(1000)
    set_param(device, "HOLD_MS", 500)
    device.arm()
    for _ in range(50):
        device.alive()
        device.run(10_000)
    assert device.state == HOLD
    device.run(1000)
    assert device.state == SAFING


def test_saved_parameters_survive_a_reset_and_unsaved_ones_do_not(device: Device) -> None:
    device.run(1000)
    factory = caps(device).param_hash
    set_param(device, "HOST_TIMEOUT_MS", 150)
    assert caps(device).param_hash != factory
    device.boot()
    device.run(1000)
    assert caps(device).param_hash == factory
    set_param(device, "HOST_TIMEOUT_MS", 150)
    changed = caps(device).param_hash
    assert device.command(device.m.COMMAND_PARAM_SAVE).result == device.m.RESULT_OK
    device.boot()
    device.run(1000)
    assert caps(device).param_hash == changed
    assert read_param(device, "HOST_TIMEOUT_MS") == 150
    assert device.all("PARAM_VALUE")[-1].flags & device.m.PARAM_FLAG_SAVED


def test_power_lost_while_saving_costs_the_change_alone(device: Device) -> None:
    device.run(1000)
    set_param(device, "HOST_TIMEOUT_MS", 150)
    assert device.command(device.m.COMMAND_PARAM_SAVE).result == device.m.RESULT_OK
    for bytes_left in range(52):  # a bank is 52 bytes: any shorter write is a torn one
        set_param(device, "HOST_TIMEOUT_MS", 200)
        device.nvm_power(bytes_left)
        assert device.command(device.m.COMMAND_PARAM_SAVE).result == device.m.RESULT_DENIED
        device.nvm_power(-1)
        device.boot()
        device.run(1000)
        assert read_param(device, "HOST_TIMEOUT_MS") == 150, f"after {bytes_left} bytes"
    set_param(device, "HOST_TIMEOUT_MS", 200)
    device.nvm_power(52)
    assert device.command(device.m.COMMAND_PARAM_SAVE).result == device.m.RESULT_OK
    device.nvm_power(-1)
    device.boot()
    device.run(1000)
    assert read_param(device, "HOST_TIMEOUT_MS") == 200


def test_the_newer_bank_wins_and_a_rotten_one_falls_back(device: Device) -> None:
    device.run(1000)
    for value in (110, 120, 130):
        set_param(device, "HOST_TIMEOUT_MS", value)
        assert device.command(device.m.COMMAND_PARAM_SAVE).result == device.m.RESULT_OK
    device.boot()
    device.run(1000)
    assert read_param(device, "HOST_TIMEOUT_MS") == 130
    device.nvm()[BANK + 14] ^= 0x10  # 130 went to bank 1, as the first save did
    device.boot()
    device.run(1000)
    assert read_param(device, "HOST_TIMEOUT_MS") == 120
    assert device.status().latched_flags == 0
    device.nvm()[20] ^= 0x01
    device.boot()
    device.run(1000)
    assert read_param(device, "HOST_TIMEOUT_MS") == 250
    assert device.status().latched_flags == device.m.FAULT_PARAM
    device.run(100_000)
    assert [e.fault for e in device.events()] == [device.m.FAULT_PARAM]


def test_a_bank_with_a_good_checksum_and_a_wide_limit_is_not_believed(device: Device) -> None:
    device.run(1000)
    set_param(device, "HOST_TIMEOUT_MS", 150)
    assert device.command(device.m.COMMAND_PARAM_SAVE).result == device.m.RESULT_OK
    nvm = device.nvm()
    bank = bytearray(nvm[BANK + i] for i in range(52))
    struct.pack_into("<I", bank, 12, 100_000)
    struct.pack_into("<I", bank, 48, zlib.crc32(bytes(bank[:48])))
    for i, byte in enumerate(bank):
        nvm[BANK + i] = byte
    device.boot()
    device.run(1000)
    assert read_param(device, "HOST_TIMEOUT_MS") == 250
    assert device.status().latched_flags == device.m.FAULT_PARAM
