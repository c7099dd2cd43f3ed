"""Each fault that the device finds is found within the time that its row of the fault table states, on device time.

A row counts from where its threshold is passed; where the threshold is itself a time, from where that time is up.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from functools import cache

import pytest
from building import ROOT
from virtual import Device

from stope.executive.faults.table import Fault, find_fault, load_faults

FEED, SPINDLE = 12, 13
OPEN, ENGAGED = 0, 2
PRESSING = {"effort": {FEED: 60.0}, "effort_limit": {FEED: 80.0}, "velocity": {SPINDLE: 10.0}}
FIRST, LAST = "wire.bit_flips", "clock.asymmetric"  # the bridge's part of the table
#: Fixtures of the compiled core in virtual time and of the image in QEMU: no clock but the device's.
DEVICE_TIME = {"device", "bench", "core_libraries", "start"}


def told_us(device: Device, fault: str) -> int:
    """Device time of the first event of `fault`."""
    number = getattr(device.m, f"FAULT_{fault}")
    return int(next(event.time_us for event in device.events() if event.fault == number))


def anchored(device: Device, holding: int) -> None:
    for limb in range(4):
        device.sensors.anchor_phase[limb] = ENGAGED if limb < holding else OPEN


def drilling(device: Device) -> int:
    """It presses and turns with three anchors, then nothing comes any more; device time of the last sign of life."""
    anchored(device, 3)
    device.sensors.weight_on_bit_n = 20.0
    device.stream(200_000, **PRESSING)
    device.alive()
    device.setpoint(**PRESSING)
    return device.now


def host_silent(device: Device) -> int:
    device.alive()
    last = device.now
    for _ in range(30):
        device.setpoint()
        device.run(10_000)
    return told_us(device, "HOST_TIMEOUT") - last


def host_frozen(device: Device) -> int:
    device.alive()
    last = device.now
    for _ in range(30):
        device.alive(count=False)
        device.setpoint()
        device.run(10_000)
    return told_us(device, "HOST_TIMEOUT") - last


def host_gone_while_drilling(device: Device) -> int:
    last = drilling(device)
    device.run(300_000)
    return told_us(device, "HOST_TIMEOUT") - last


def setpoints_stopped(device: Device) -> int:
    device.setpoint(lifetime_us=400_000)
    last = device.now
    for _ in range(100):
        device.alive()
        device.run(1000)
    return told_us(device, "SETPOINT_STALE") - last


def setpoints_far_ahead(device: Device) -> int:
    device.setpoint(lifetime_us=500_001)
    return sent_now(device, "CLOCK")


def setpoints_nonsense(device: Device) -> int:
    device.setpoint(effort={0: math.nan})
    return sent_now(device, "SETPOINT_LIMIT")


def sent_now(device: Device, fault: str) -> int:
    began = device.now
    device.run(20_000)
    return told_us(device, fault) - began


def uart_overrun(device: Device) -> int:
    device.lose_bytes(3, 2)
    return sent_now(device, "UART")


def stalled(device: Device) -> int:
    began = device.now
    for _ in range(3):
        device.alive()
        device.setpoint()
        device.tick_late(5001)
    device.run(20_000)
    return told_us(device, "LOOP_OVERRUN") - began


def while_flying(device: Device, fault: str, us: int = 300_000, **changes: object) -> int:
    began = device.now
    device.stream(us, **changes)
    return told_us(device, fault) - began


def brown_out(device: Device) -> int:
    device.sensors.bus_voltage_v = 0.749 * 28.0
    return while_flying(device, "BROWN_OUT")


def encoder_broken(device: Device) -> int:
    device.sensors.position[3] = math.nan
    return while_flying(device, "ENCODER", 20_000)


def estop_pressed(device: Device) -> int:
    device.sensors.estop_open = 1
    return sent_now(device, "ESTOP_INPUT")


def estop_full_queue(device: Device) -> int:
    device.command(device.m.COMMAND_SET_RATE, 1000.0)
    device.deafen_host(True)
    device.stream(100_000)
    began = device.now
    device.say(device.m.MAVLink_estop_message(0x504F5453, 77, 1))
    device.deafen_host(False)
    device.run(20_000)
    return next(ack.time_us for ack in device.acks() if ack.seq == 77) - began


def host_asked(device: Device) -> int:
    began = device.now
    device.command(device.m.COMMAND_SAFE)
    device.run(20_000)
    return told_us(device, "HOST_REQUEST") - began


def slipped_pressing(device: Device) -> int:
    drilling(device)
    device.sensors.anchor_slip_m[2] = 0.00601
    return while_flying(device, "ANCHOR_SLIP", 20_000, **PRESSING)


def load_lost(device: Device) -> int:
    drilling(device)  # the load cell still says pressed, in spite of the reflex
    anchored(device, 2)
    return while_flying(device, "ANCHOR_LOAD_LOST", 600_000, **PRESSING)


def over_torque(device: Device) -> int:
    device.sensors.spindle_current_a = 12.51
    return while_flying(device, "DRILL_OVERTORQUE", 100_000)


def release_while_drilling(device: Device) -> int:
    device.sensors.velocity[SPINDLE] = 0.51
    return while_flying(device, "RELEASE_REFUSED", 20_000, anchor_action=[0, 2, 0, 0])


def echo(device: Device) -> bytes:
    device.command_seq += 1
    command = device.m.MAVLink_command_message(device.command_seq, device.nonce, [1.0] * 4, device.m.COMMAND_ECHO, 0)
    return device.frame(command)


def answered_behind(device: Device, hit: bytes) -> int:
    """How long a good frame behind `hit` waits, when the line is silent then."""
    began = device.now
    device.rx(hit + echo(device))
    device.run(50_000)
    return next(ack.time_us for ack in device.acks() if ack.seq == device.command_seq) - began


def cut_frame(device: Device) -> int:
    return answered_behind(device, device.frame(device.parts()[0])[:40])


def bit_flipped(device: Device) -> int:
    longest = 0
    for bit in range(8 * 12):  # header and the first bytes behind it; a wrong length may swallow the frame behind
        frame = bytearray(echo(device))
        frame[bit // 8] ^= 1 << bit % 8
        longest = max(longest, answered_behind(device, bytes(frame)))
    return longest


def bytes_lost(device: Device) -> int:
    longest = cut_frame(device)  # a burst that takes the end of a long frame
    for at in range(20):
        frame = echo(device)
        longest = max(longest, answered_behind(device, frame[:at] + frame[at + 1 :]))
    return longest


def junk(device: Device) -> int:
    return answered_behind(device, b"\x00\x11\x22" * 100 + device.frame(device.parts()[0])[:12])  # as a frame begins


MEASURED: dict[str, Callable[[Device], int]] = {
    "wire.bit_flips": bit_flipped,
    "wire.bytes_lost": bytes_lost,
    "wire.junk": junk,
    "wire.cut_frame": cut_frame,
    "uart.overrun": uart_overrun,
    "host.silent": host_silent,
    "host.killed": host_gone_while_drilling,
    "host.frozen": host_frozen,
    "host.asked": host_asked,
    "setpoints.stopped": setpoints_stopped,
    "setpoints.far_ahead": setpoints_far_ahead,
    "setpoints.nonsense": setpoints_nonsense,
    "cable.pulled_drilling": host_gone_while_drilling,
    "device.stalled": stalled,
    "device.brown_out": brown_out,
    "encoder.broken": encoder_broken,
    "estop.pressed": estop_pressed,
    "estop.full_queue": estop_full_queue,
    "release.while_drilling": release_while_drilling,
    "anchor.slipped_pressing": slipped_pressing,
    "anchor.load_lost": load_lost,
    "drill.over_torque": over_torque,
}


@pytest.mark.parametrize("row", MEASURED)
def test_a_fault_is_found_within_the_time_of_its_row(row: str, device: Device) -> None:
    fault = find_fault(row)
    device.fly()
    device.listen()
    waits_us = round(fault.threshold * 1e6) if fault.unit == "s" and "deadline" not in fault.signal else 0
    taken_us = MEASURED[row](device)
    assert waits_us <= taken_us <= waits_us + round(fault.time_s * 1e6)


def bridge_rows() -> list[Fault]:
    rows = list(load_faults())
    names = [row.id for row in rows]
    return rows[names.index(FIRST) : names.index(LAST) + 1]


@cache
def fixtures_of(test: str) -> frozenset[str]:
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    (function,) = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    return frozenset(argument.arg for argument in function.args.args)


@pytest.mark.parametrize("fault", bridge_rows(), ids=lambda fault: fault.id)
def test_what_the_device_finds_is_proved_on_the_devices_clock(fault: Fault) -> None:
    """All rows of the bridge say who finds the fault; what the device or both find is tested on device time."""
    finders = [end for end in ("in the device", "in the host", "both ends", "both framers") if end in fault.signal]
    assert len(finders) == 1, f"{fault.id}: who finds it? {fault.signal}"
    if finders != ["in the host"]:
        assert fixtures_of(fault.test) & DEVICE_TIME, f"{fault.id}: {fault.test} runs on no device's clock"
    else:
        assert fault.id not in MEASURED
