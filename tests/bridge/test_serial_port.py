"""The serial transport on pseudo-terminals, with the compiled core in real time behind them.

Bounds on the host's wall clock are wide on purpose: a busy CI machine was seen to stall for tens of milliseconds.
"""

from __future__ import annotations

import os
import tty
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from core_bench import CONTROL_US, still_command
from real_time_core import RealTimeCore

from stope.bridge import serial_robot
from stope.bridge.codec import Codec
from stope.bridge.descriptor_port import QUEUED
from stope.bridge.discovery import find, find_uid
from stope.bridge.errors import DeniedError, IdentityError, LinkLostError, NoDeviceError, PortError
from stope.bridge.impair import Faults
from stope.bridge.pump import Pump
from stope.bridge.reconnect import FIRST_S, LONGEST_S, BackOff, Reconnector
from stope.bridge.serial_port import SerialPort
from stope.bridge.serial_robot import SerialRobot
from stope.bridge.service import clear
from stope.bridge.shared_core import Boot
from stope.clock import HostClock
from stope.robot.messages import SafetyState
from stope.robot.model import RobotModel

UID = 0xABCD
CLOCK = HostClock()


@pytest.fixture
def device(core_libraries: dict[str, Path], rig: RobotModel) -> Iterator[RealTimeCore]:
    with RealTimeCore(core_libraries["bench_rig"], rig, Boot(nonce=5, uid=UID)) as core:
        yield core


@pytest.fixture
def pump(device: RealTimeCore) -> Iterator[Pump]:
    with Pump(device.device_fd, Faults(baud=921_600), Faults(baud=921_600)) as pump:
        yield pump


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    """A port with nobody behind it: its master's descriptor and its name."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for fd in (master, slave):
        os.close(fd)


def turns(robot: SerialRobot, count: int) -> Any:
    for number in range(count):
        obs = robot.read()
        robot.write(still_command(robot.model, number + 1, obs.time_us + 100_000, joint_position=obs.joint_position))
        robot.wait(obs.time_us + CONTROL_US)
    return robot.read()


def test_a_run_over_a_port_from_connecting_to_closing(pump: Pump, device: RealTimeCore, rig: RobotModel) -> None:
    robot = SerialRobot(rig, lambda: SerialPort(pump.name), CLOCK)
    assert robot.connect().session == 5
    robot.arm()
    began = robot.read()
    obs = turns(robot, 100)
    assert obs.safety in (SafetyState.ARMED, SafetyState.HOLD)  # HOLD if this machine stalled for 50 ms
    assert obs.seq - began.seq >= 80
    assert obs.applied.seq > 50
    assert obs.health.bad_frames == 0
    robot.disarm()
    assert robot.read().safety is SafetyState.DISARMED
    robot.close()
    assert device.core.safety_state == SafetyState.DISARMED


def test_a_pulled_cable_is_one_typed_error_and_reconnecting_finds_the_board_under_its_new_name(
    pump: Pump, device: RealTimeCore, rig: RobotModel, codec: Codec, pty: tuple[int, str]
) -> None:
    robot = SerialRobot(rig, lambda: SerialPort(pump.name), CLOCK)
    robot.connect()
    robot.arm()
    turns(robot, 10)
    pump.disconnect()
    pulled_s = CLOCK.now_s()
    with pytest.raises(LinkLostError, match="check cable and power"):
        turns(robot, 10_000)
    assert CLOCK.now_s() - pulled_s < 1.0
    with pytest.raises(LinkLostError):
        robot.read()
    robot.safe("the cable was pulled")  # cannot be told to anyone, and does not raise
    robot.close()
    # the device notices by itself
    until_s = CLOCK.now_s() + 10.0
    name = pump.reconnect()
    again = Reconnector(UID, codec, CLOCK, names=lambda: [pty[1], name], opener=SerialPort)
    transport = None
    while transport is None and CLOCK.now_s() < until_s:
        transport = again.attempt()
    assert transport is not None
    robot = SerialRobot(rig, lambda: transport, CLOCK, expected_uid=UID)
    robot.connect()
    driver = robot.driver
    assert driver.pump(lambda: driver.state.safety is SafetyState.FAULT, 5_000_000_000, alive=False)
    with pytest.raises(DeniedError, match="HOST_TIMEOUT"):
        robot.arm()
    assert clear(driver) is SafetyState.DISARMED
    robot.arm()
    turns(robot, 3)
    robot.close()


def test_identity_is_asked_of_what_answers(pump: Pump, rig: RobotModel, codec: Codec, pty: tuple[int, str]) -> None:
    empty, gone = pty[1], "/dev/no-such-port"
    found = {one.port: one for one in find([gone, empty, pump.name], codec, CLOCK, SerialPort)}
    caps = found[pump.name].caps
    assert caps is not None
    assert (caps.uid, caps.robot) == (UID, "bench_rig")
    assert "nothing there speaks" in found[empty].why
    assert "cannot be opened" in found[gone].why
    assert find_uid(UID + 1, [pump.name], codec, CLOCK, SerialPort) is None
    robot = SerialRobot(rig, lambda: SerialPort(pump.name), CLOCK, expected_uid=UID + 1)
    with pytest.raises(IdentityError):
        robot.connect()
    SerialPort(pump.name).close()  # the refused connection let go of the port


def test_back_off_doubles_up_to_its_longest() -> None:
    back_off, now_s, pauses = BackOff(), 0.0, []
    for _ in range(8):
        assert back_off.is_due(now_s)
        back_off.failed(now_s)
        assert not back_off.is_due(now_s)
        pauses.append(back_off.due_s - now_s)
        now_s = back_off.due_s
    assert pauses[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert pauses[-1] == LONGEST_S


def test_a_port_is_opened_once(pty: tuple[int, str]) -> None:
    first = SerialPort(pty[1])
    with pytest.raises(PortError, match="in use by another process"):
        SerialPort(pty[1])
    first.close()
    SerialPort(pty[1]).close()


def test_a_port_that_is_not_there_is_told_with_what_to_do() -> None:
    with pytest.raises(PortError, match="stope bridge list"):
        SerialPort("/dev/no-such-port")


def test_a_port_that_talks_something_else_is_told(
    pty: tuple[int, str], rig: RobotModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_robot, "CONNECT_NS", 500_000_000)
    robot = SerialRobot(rig, lambda: SerialPort(pty[1]), CLOCK)
    with pytest.raises(NoDeviceError, match="nothing answered"):
        robot.connect()

    def talkative() -> SerialPort:
        port = SerialPort(pty[1])
        os.write(pty[0], b"Marlin 2.1 ready\r\n" * 20)
        return port

    with pytest.raises(NoDeviceError, match="not this protocol"):
        SerialRobot(rig, talkative, CLOCK).connect()


def test_sending_never_waits_for_a_line_that_takes_nothing(pty: tuple[int, str]) -> None:
    """Nobody reads the master: the kernel's buffer fills, then ours, then the oldest are dropped; then it is lost."""
    port = SerialPort(pty[1])
    longest_s, lost = 0.0, False
    until_s = CLOCK.now_s() + 10.0
    while not lost and CLOCK.now_s() < until_s:
        began_s = CLOCK.now_s()
        try:
            port.send(bytes(512))
        except LinkLostError:
            lost = True
        longest_s = max(longest_s, CLOCK.now_s() - began_s)
    assert lost
    assert port.dropped > QUEUED
    assert longest_s < 0.2  # a blocked write would take the time-out of 0.25 s
    port.close()


def test_an_urgent_byte_overtakes_what_waits(pty: tuple[int, str]) -> None:
    port = SerialPort(pty[1])
    port._to_send.extend([b"a", b"b"])  # not taken by the line yet
    port._queued = 2
    port.send(b"!", urgent=True)
    said = b""
    while len(said) < 3:
        said += os.read(pty[0], 10)
    assert said == b"!ab"
    port.close()


def test_what_piled_up_is_taken_in_one_call(pty: tuple[int, str]) -> None:
    """A host that was away must not look at its backlog a buffer at a time: only the newest sample counts."""
    port = SerialPort(pty[1])
    os.set_blocking(pty[0], False)
    pile = bytes(range(256)) * 64
    pile = pile[: os.write(pty[0], pile)]  # as much as the kernel keeps
    assert len(pile) > 4096
    assert port.receive() == pile
    assert port.receive() == b""
    port.close()


def test_a_message_that_was_begun_is_ended_before_an_urgent_one(pty: tuple[int, str]) -> None:
    port = SerialPort(pty[1])
    port._begun, port._to_send, port._queued = b"egun", deque([b"later"]), 5
    port.send(b"!", urgent=True)
    said = b""
    while len(said) < 10:
        said += os.read(pty[0], 100)
    assert said == b"egun!later"
    port.close()


def test_bytes_pass_unchanged_whatever_they_are(pty: tuple[int, str]) -> None:
    port = SerialPort(pty[1])
    every = bytes(range(256)) * 8
    port.send(every)
    said = b""
    while len(said) < len(every):
        said += os.read(pty[0], 4096)
    assert said == every
    os.write(pty[0], every)
    heard = b""
    until_s = CLOCK.now_s() + 5.0
    while len(heard) < len(every) and CLOCK.now_s() < until_s:
        port.wait(0.05)
        heard += port.receive()
    assert heard == every
    port.close()
    port.close()
    with pytest.raises(LinkLostError, match="closed"):
        port.send(b"x")
