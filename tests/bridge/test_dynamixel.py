"""The servo-bus adapter against a byte-level mock behind a pseudo-terminal, and its wire by itself."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from core_bench import still_command
from hypothesis import given
from hypothesis import strategies as st
from mock_servos import MODEL, MockServos

from stope.bridge.adapters.dynamixel import DynamixelRobot
from stope.bridge.adapters.dynamixel_bus import Bus
from stope.bridge.adapters.dynamixel_table import RAD, TICKS, Servo
from stope.bridge.adapters.dynamixel_wire import PING, STATUS, WRITE, Packet, PacketReader, packed
from stope.bridge.errors import DeniedError, LimitsMismatchError, LinkError, NoAnswerError
from stope.bridge.serial_port import SerialPort
from stope.clock import HostClock
from stope.robot.messages import CommandRefusedError, JointMode, SafetyState
from stope.robot.model import RobotModel
from stope.robot.seam import Robot

CLOCK = HostClock()


# --- the wire -----------------------------------------------------------------------------------------------------


def test_a_packet_is_the_vendors_own_example() -> None:
    assert packed(1, PING).hex() == "fffffd00010300" + "01" + "194e"  # e-manual, protocol 2.0, ping
    status = bytes.fromhex("fffffd000107005500060426655d")
    assert PacketReader().feed(status) == [Packet(1, STATUS, b"\x06\x04\x26")]


@given(st.integers(0, 252), st.binary(max_size=60), st.integers(1, 30))
def test_any_parameters_come_back_whatever_the_chunks(servo: int, parameters: bytes, chunk: int) -> None:
    wire = packed(servo, WRITE, parameters)
    reader, found = PacketReader(), []
    for at in range(0, len(wire), chunk):
        found += reader.feed(wire[at : at + chunk])
    assert found == [Packet(servo, WRITE, parameters)]


@given(st.lists(st.sampled_from([b"\xff", b"\xfd", b"\x00", b"\xff\xff\xfd"]), max_size=20).map(b"".join))
def test_headers_inside_parameters_are_stuffed(parameters: bytes) -> None:
    wire = packed(1, WRITE, parameters)
    assert b"\xff\xff\xfd\x00" not in wire[4:-2]
    assert PacketReader().feed(wire) == [Packet(1, WRITE, parameters)]


@given(st.binary(max_size=80), st.binary(max_size=20))
def test_noise_before_a_packet_costs_no_packet(noise: bytes, parameters: bytes) -> None:
    reader = PacketReader()
    found = reader.feed(noise.replace(b"\xff\xff\xfd\x00", b"") + packed(9, WRITE, parameters))
    assert found[-1:] == [Packet(9, WRITE, parameters)]


@given(st.integers(0, 200))
def test_a_flipped_bit_is_no_packet(place: int) -> None:
    wire = bytearray(packed(9, WRITE, b"abcdef"))
    wire[place // 8 % len(wire)] ^= 1 << place % 8
    reader = PacketReader()
    assert reader.feed(bytes(wire)) == []
    reader.clear()
    assert reader.feed(packed(9, PING)) == [Packet(9, PING, b"")]


# --- the robot ----------------------------------------------------------------------------------------------------


@pytest.fixture
def legs(miner: RobotModel) -> RobotModel:
    """The miner's limbs alone, one joint of which counts the other way."""
    joints = list(miner.joints[:12])
    joints[1] = dataclasses.replace(joints[1], sign=-1)
    return dataclasses.replace(
        miner, joints=tuple(joints), drill=None, drums=None, thrusters=(), stance=miner.stance[:12]
    )


@pytest.fixture
def setup(legs: RobotModel) -> Iterator[Any]:
    servos = {
        joint.name: Servo(10 + i, 2048 if joint.role != "knee" else 1024, 2.0) for i, joint in enumerate(legs.joints)
    }
    mock = MockServos([servo.id for servo in servos.values()])
    robot = DynamixelRobot(legs, servos, lambda: SerialPort(mock.name, 1_000_000), CLOCK)
    yield SimpleNamespace(robot=robot, mock=mock, servos=servos, model=legs)
    robot.close()
    mock.close()


def command(setup: Any, seq: int = 1, **change: Any) -> Any:
    return still_command(setup.model, seq, **({"valid_until_us": 10**12} | change))


def word(table: bytearray, address: int) -> int:
    return int(struct.unpack_from("<i", table, address)[0])


def test_connecting_names_the_servos_and_writes_the_limits_of_the_model(setup: Any) -> None:
    assert isinstance(setup.robot, Robot)
    handshake = setup.robot.connect()
    assert handshake.identity.startswith(f"dynamixel:10:{MODEL},11:{MODEL}")
    for joint in setup.model.joints:
        servo = setup.servos[joint.name]
        table = setup.mock.tables[servo.id]
        ends = sorted(joint.sign * (word(table, at) - servo.zero) * RAD for at in (48, 52))
        assert joint.position_min <= ends[0] <= joint.position_min + RAD
        assert joint.position_max - RAD <= ends[1] <= joint.position_max
        assert table[64] == 0


def test_arming_holds_where_it_is_and_starts_the_servos_own_watchdog(setup: Any) -> None:
    setup.robot.connect()
    setup.robot.arm()
    for table in setup.mock.tables.values():
        assert (table[64], table[98]) == (1, 10)
        assert word(table, 116) == word(table, 132) == 2048
    assert setup.robot.read().safety is SafetyState.HOLD


def test_positions_pass_with_their_sign_in_both_directions(setup: Any) -> None:
    setup.robot.connect()
    setup.robot.arm()
    there = np.array(setup.model.stance) + 0.1
    sent = setup.robot.write(command(setup, joint_position=there))
    obs = setup.robot.read()
    assert sent.limited == ()
    assert obs.joint_position == pytest.approx(there, abs=RAD)
    assert (obs.safety, obs.applied.seq) == (SafetyState.ARMED, 1)
    mirrored = setup.servos[setup.model.joints[1].name]
    assert word(setup.mock.tables[mirrored.id], 116) == 2048 - round(there[1] / RAD)
    assert np.isnan(obs.imu_gyro_rad_s).all()
    assert obs.bus_voltage_v == pytest.approx(12.0)


def test_the_effort_limit_is_the_servos_goal_current_and_a_brake_stays(setup: Any) -> None:
    setup.robot.connect()
    setup.robot.arm()
    mode = np.full(12, JointMode.POSITION, np.int8)
    mode[0] = JointMode.BRAKE
    limit = np.full(12, 5.38)
    setup.robot.write(command(setup, joint_mode=mode, joint_effort_limit=limit, joint_position=np.full(12, 0.3)))
    setup.robot.read()  # goals are not acknowledged: what is asked after them is answered after them
    tables = setup.mock.tables
    assert struct.unpack_from("<h", tables[11], 102)[0] == pytest.approx(5.38 / 2.0 / 2.69e-3, abs=1)
    assert word(tables[10], 116) == 2048


def test_what_a_servo_bus_has_not_is_refused_and_nothing_is_sent(setup: Any) -> None:
    setup.robot.connect()
    setup.robot.arm()
    before = len(setup.mock.written)
    spoilt = np.array(setup.model.stance)
    spoilt[4] = np.nan
    for change, told in (
        ({"joint_position": spoilt}, "holds nan"),
        ({"joint_mode": np.full(12, JointMode.EFFORT, np.int8)}, "effort mode"),
        ({"anchor_action": np.array([1, 0, 0, 0], np.int8)}, "no gripper"),
    ):
        with pytest.raises(CommandRefusedError, match=told):
            setup.robot.write(command(setup, **change))
    setup.robot.read()
    assert len(setup.mock.written) == before


def test_a_stale_command_and_one_without_arming_are_not_sent(setup: Any) -> None:
    setup.robot.connect()
    setup.robot.write(command(setup))
    assert setup.robot.read().applied.why == "servos are DISARMED"
    setup.robot.arm()
    before = len(setup.mock.written)
    setup.robot.write(command(setup, valid_until_us=0))
    obs = setup.robot.read()
    assert (obs.applied.refused, obs.health.stale_refused) == (True, 1)
    assert len(setup.mock.written) == before


def test_damaged_answers_are_asked_for_again(setup: Any) -> None:
    setup.robot.connect()
    setup.mock.spoil = 3
    obs = setup.robot.read()
    assert obs.health.dropped >= 1
    assert obs.joint_position.shape == (12,)


def test_an_adapter_that_echoes_is_understood(setup: Any) -> None:
    setup.mock.echo = True
    setup.robot.connect()
    assert setup.robot.read().bus_voltage_v == pytest.approx(12.0)


def test_a_silent_servo_is_named(setup: Any) -> None:
    setup.robot.connect()
    setup.mock.silent = {13, 17}
    with pytest.raises(NoAnswerError, match=r"servos \[13, 17\] do not answer"):
        setup.robot.read()
    setup.robot.close()
    with pytest.raises(NoAnswerError, match="servo 13 does not answer"):
        setup.robot.connect()


def test_a_servo_with_a_hardware_error_is_not_armed(setup: Any) -> None:
    setup.robot.connect()
    setup.mock.tables[12][70] = 0x20
    with pytest.raises(LinkError, match="servo 12 reports hardware error 0x20"):
        setup.robot.arm()
    assert all(table[64] == 0 for table in setup.mock.tables.values())


def test_a_refusal_of_a_servo_says_which_and_why(setup: Any) -> None:
    setup.mock.tables[10][64] = 1
    bus = Bus(SerialPort(setup.mock.name, 1_000_000), CLOCK)
    with pytest.raises(DeniedError, match="servo 10 refused: access"):
        bus.write(10, 48, bytes(4))
    bus._transport.close()


def test_a_range_that_the_servo_cannot_turn_is_refused(setup: Any) -> None:
    name = setup.model.joints[2].name
    setup.robot._servos[2] = Servo(setup.servos[name].id, TICKS - 100, 2.0)
    with pytest.raises(LimitsMismatchError, match="turn the horn"):
        setup.robot.connect()


def test_disarming_and_safe(setup: Any) -> None:
    setup.robot.connect()
    setup.robot.arm()
    setup.robot.safe("the test says so")
    assert setup.robot.read().safety is SafetyState.FAULT
    setup.robot.write(command(setup))
    assert setup.robot.read().applied.why == "servos are FAULT"
    setup.robot.disarm()
    assert all(table[64] == 0 for table in setup.mock.tables.values())
    setup.robot.close()
    setup.robot.close()


def test_waiting_is_as_long_as_asked(setup: Any) -> None:
    setup.robot.connect()
    now_us = setup.robot.read().time_us
    setup.robot.wait(now_us + 30_000)
    assert setup.robot.read().time_us >= now_us + 30_000


def test_robots_with_tools_are_refused(miner: RobotModel) -> None:
    with pytest.raises(ValueError, match="servo of its own"):
        DynamixelRobot(miner, {}, lambda: SerialPort("x"), CLOCK)
