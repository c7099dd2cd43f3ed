"""Who answers on the other end: handshake, identity, reboot, silence, parameters; over the compiled core."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from core_bench import Bench

from stope.bridge.errors import (
    DeniedError,
    DeviceRebootedError,
    IdentityError,
    LimitsMismatchError,
    LinkLostError,
    TelemetryStaleError,
)
from stope.bridge.lockstep import LockStep
from stope.bridge.service import clear, read_parameters, set_parameter
from stope.bridge.shared_core import Boot
from stope.mission.shipped import find_data
from stope.robot.messages import CommandRefusedError, SafetyState
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot
from stope.robot.seam import HandshakeError, Robot


@pytest.mark.parametrize("name", ["miner", "bench_rig"])
def test_the_handshake_names_device_protocol_firmware_and_session(core_libraries: dict[str, Path], name: str) -> None:
    bench = Bench(core_libraries[name], load_robot(find_data("robot", name)), Boot(nonce=77))
    handshake = bench.robot.connect()
    assert isinstance(bench.robot, Robot)
    assert handshake.limits_hash == bench.model.limits_hash
    assert (handshake.session, handshake.protocol) == (77, "stope-mavlink/1.0")
    assert handshake.identity.startswith("shared library:")
    bench.armed()
    assert bench.ticks(20).safety is SafetyState.ARMED


def test_another_robots_firmware_is_refused(core_libraries: dict[str, Path], miner: RobotModel) -> None:
    bench = Bench(core_libraries["bench_rig"], load_robot(find_data("robot", "bench_rig")))
    bench.model = miner
    with pytest.raises(LimitsMismatchError, match="built for the robot 'bench_rig'"):
        bench.another().connect()


def test_other_limits_are_refused(bench: Bench) -> None:
    joints = list(bench.model.joints)
    joints[0] = dataclasses.replace(joints[0], effort_max=joints[0].effort_max + 1)
    bench.model = dataclasses.replace(bench.model, joints=tuple(joints))
    with pytest.raises(HandshakeError, match=r"generate the limits from this robot\.yaml"):
        bench.another().connect()


def test_another_board_is_refused(bench: Bench) -> None:
    with pytest.raises(IdentityError, match="is not the board 00000000000000aa"):
        bench.another(expected_uid=0xAA).connect()


def test_parameters_are_read_and_can_only_tighten(bench: Bench) -> None:
    bench.robot.connect()
    driver = bench.robot.driver
    parameters = read_parameters(driver)
    assert parameters["HOST_TIMEOUT_MS"].value == 250
    assert len(parameters) == parameters["HOST_TIMEOUT_MS"].count
    assert set_parameter(driver, "HOST_TIMEOUT_MS", 150).value == 150
    with pytest.raises(CommandRefusedError, match=r"150\.5 is not a whole number"):
        set_parameter(driver, "HOST_TIMEOUT_MS", 150.5)
    with pytest.raises(CommandRefusedError, match="251 is not between 100 and 250"):
        set_parameter(driver, "HOST_TIMEOUT_MS", 251)
    bench.robot.arm()
    life_us = bench.core.now_us
    changes = bench.alone(1_000_000)
    safing_us = next(at for at, state in changes if state is SafetyState.SAFING)
    assert 100_000 < safing_us - life_us <= 155_000


def test_parameters_are_not_set_while_outputs_are_on(bench: Bench) -> None:
    bench.armed()
    read_parameters(bench.robot.driver)
    with pytest.raises(DeniedError, match="new value of HOST_TIMEOUT_MS: DENIED"):
        set_parameter(bench.robot.driver, "HOST_TIMEOUT_MS", 150)
    assert bench.robot.driver.session.parameters["HOST_TIMEOUT_MS"].value == 250


def test_a_reboot_is_noticed_by_the_nonce_and_nothing_arms_by_itself(bench: Bench) -> None:
    bench.armed()
    bench.ticks(10)
    bench.core.boot(Boot(nonce=99, reset_cause=1))
    with pytest.raises(DeviceRebootedError, match="not armed"):
        bench.ticks(10)
    assert not bench.robot.driver.engaged
    with pytest.raises(DeviceRebootedError):
        bench.robot.write(bench.command())
    assert bench.robot.connect().session == 99
    assert bench.robot.read().safety is SafetyState.DISARMED
    with pytest.raises(DeniedError, match="WATCHDOG_RESET"):  # someone must have seen why
        bench.robot.arm()
    clear(bench.robot.driver)
    bench.robot.arm()
    assert bench.ticks(5).safety is SafetyState.ARMED


def test_commands_of_an_old_session_are_refused_after_a_reboot(bench: Bench) -> None:
    bench.armed()
    driver = bench.robot.driver
    bench.core.boot(Boot(nonce=99))
    seq = driver.session.command("ARM", driver.now_ns())
    with pytest.raises(DeviceRebootedError):
        driver.pump(lambda: False, 200_000_000)
    assert bench.core.safety_state == SafetyState.DISARMED
    answer = driver.session.answer(seq)
    assert answer is None or answer.result == "WRONG_SESSION"


def test_a_new_host_goes_on_with_a_device_that_has_seen_sequences_before(bench: Bench) -> None:
    bench.armed()
    bench.ticks(50)
    bench.robot.disarm()
    bench.robot = bench.another()
    bench.count = 0  # its stack counts from one again
    bench.armed()
    obs = bench.ticks(10)
    assert obs.safety is SafetyState.ARMED
    assert obs.applied.seq in (9, 10)


def test_a_device_that_falls_silent_is_one_typed_error(bench: Bench) -> None:
    class Mute(LockStep):
        muted = False

        def receive(self) -> bytes:
            data = super().receive()
            return b"" if self.muted else data

    bench.robot = bench.another(opener=lambda: Mute(bench.core))
    bench.armed()
    bench.ticks(5)
    Mute.muted = True
    began_us = bench.core.now_us
    with pytest.raises(TelemetryStaleError, match=r"told nothing usable for 3[0-3]\d ms"):
        bench.ticks(100)
    assert bench.core.now_us - began_us < 350_000


def test_a_closed_link_is_one_typed_error(bench: Bench) -> None:
    bench.armed()
    bench.robot.driver.transport.close()
    with pytest.raises(LinkLostError):
        bench.robot.read()
    bench.robot.close()
    bench.robot.close()
