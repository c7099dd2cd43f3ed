"""The host against the real compiled firmware core, in lock step and virtual time: what the device says counts."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core_bench import CONTROL_US, Bench

from stope.bridge.codec import Codec
from stope.bridge.commands import Answer
from stope.bridge.errors import (
    DeniedError,
    DeviceRebootedError,
    IdentityError,
    LimitsMismatchError,
    LinkLostError,
    TelemetryStaleError,
)
from stope.bridge.lockstep import LockStep
from stope.bridge.service import clear, estop, read_parameters, set_parameter
from stope.bridge.shared_core import Boot, SharedCore
from stope.bridge.telemetry import FaultEvent
from stope.mission.shipped import find_data
from stope.robot.messages import AnchorAction, CommandRefusedError, SafetyState
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot
from stope.robot.seam import HandshakeError, Robot

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(core_libraries: dict[str, Path], miner: RobotModel) -> Bench:
    return Bench(core_libraries["miner"], miner)


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


def test_an_observation_is_what_the_sensors_say(bench: Bench) -> None:
    bench.world.phase = [0, 1, 2, 3]
    bench.robot.connect()
    bench.world.weight_on_bit_n = 12.5
    bench.robot.wait(bench.robot.read().time_us + 20_000)
    obs = bench.robot.read()
    assert obs.joint_position == pytest.approx(np.array(bench.model.stance), abs=1e-6)
    assert obs.weight_on_bit_n == 12.5
    assert obs.limb_force_n[:, 2].tolist() == [10, 11, 12, 13]
    assert obs.anchor_phase.tolist() == [0, 1, 2, 3]
    assert obs.anchor_engagement.tolist() == [0, 0.25, 0.5, 0.75]
    assert obs.imu_gyro_rad_s.tolist() == [0, 0.125, 0]
    assert obs.imu_accel_m_s2.tolist() == [0, 0, 9.75]
    assert (obs.propellant_kg, obs.bin_fill, obs.bus_voltage_v) == (1.5, 0.5, bench.model.bus_voltage_v)
    assert obs.energy_used_j == pytest.approx(1e-6 * obs.device_time_us)
    assert obs.drum_fill.shape == (2,)


def test_set_points_are_adopted_followed_and_reported_by_the_stacks_own_sequence(bench: Bench) -> None:
    bench.armed()
    there = np.array(bench.model.stance) + 0.01
    obs = bench.ticks(100, joint_position=there)
    held = [i for i, joint in enumerate(bench.model.joints) if joint.kind == "revolute"]
    assert obs.joint_position[held] == pytest.approx(there[held], abs=1e-3)
    assert obs.safety is SafetyState.ARMED
    assert obs.applied.seq in (bench.count, bench.count - 1)
    assert not obs.applied.refused
    assert obs.health.dropped == obs.health.bad_frames == 0
    assert bench.run_clock.now_us == obs.time_us


def test_a_device_that_has_been_up_for_hours_begins_the_run_at_its_start(
    core_libraries: dict[str, Path], miner: RobotModel
) -> None:
    up_us = 3 * 3_600_000_000
    bench = Bench(core_libraries["miner"], miner)
    bench.core.now_us = up_us
    bench.core.boot(Boot())
    bench.armed()
    obs = bench.ticks(5)
    assert 0 <= obs.time_us < 1_000_000
    assert obs.device_time_us == obs.time_us + bench.robot.driver.session.zero_us > up_us
    assert (bench.run_clock.now_us, obs.applied.seq, obs.safety) == (obs.time_us, bench.count, SafetyState.ARMED)
    bench.robot.close()
    again = bench.another()
    again.connect()
    assert again.read().time_us == bench.run_clock.now_us  # a run goes on where it stood
    assert again.read().device_time_us > obs.device_time_us


def test_waiting_ends_with_the_sample_that_was_waited_for(bench: Bench) -> None:
    bench.armed()
    for _ in range(20):
        before = bench.robot.read().time_us
        bench.robot.write(bench.command())
        bench.robot.wait(before + CONTROL_US)
        assert bench.robot.read().time_us == before + CONTROL_US
        assert bench.run_us == before + CONTROL_US


def test_the_host_lost_means_safing_within_its_time_then_fault_and_no_way_back_by_itself(bench: Bench) -> None:
    bench.armed()
    bench.ticks(10)
    session = bench.robot.driver.session
    assert session._alive_ns is not None
    last_life_us = session._alive_ns // 1000
    changes = bench.alone(3_000_000)
    states = [state for _, state in changes]
    assert states == [SafetyState.ARMED, SafetyState.HOLD, SafetyState.SAFING, SafetyState.FAULT]
    since_life_us = changes[2][0] - last_life_us
    assert 245_000 <= since_life_us <= 255_000
    assert changes[3][0] - changes[2][0] <= 2_000_000
    assert not bench.core.outputs_enabled
    # the host comes back: it is told, and must clear and arm anew
    bench.robot.driver.pump(lambda: False, 50_000_000)
    obs = bench.robot.read()
    assert obs.safety is SafetyState.FAULT
    assert obs.health.watchdog_trips >= 1
    with pytest.raises(DeniedError, match=r"FAULT because of .*HOST_TIMEOUT"):
        bench.robot.arm()
    assert clear(bench.robot.driver) is SafetyState.DISARMED
    bench.robot.arm()
    assert bench.ticks(5).safety is SafetyState.ARMED


def test_a_fault_is_told_once_with_what_was_measured_and_acknowledged(bench: Bench) -> None:
    bench.armed()
    bench.alone(1_000_000)
    bench.robot.driver.pump(lambda: False, 1_000_000_000)
    told = [event for event in bench.events if isinstance(event, FaultEvent)]
    (timeout,) = [event for event in told if event.fault == "HOST_TIMEOUT"]
    assert 250 < timeout.value <= 252
    assert timeout.limit == 250
    assert timeout.after in (SafetyState.SAFING, SafetyState.FAULT)
    assert len({event.seq for event in told}) == len(told)
    acknowledged = [e for e in bench.events if isinstance(e, Answer) and e.what == f"ACK_FAULT_EVENT {timeout.seq}"]
    assert [answer.result for answer in acknowledged] == ["OK"]


def test_a_command_past_its_life_is_refused_by_the_device(bench: Bench) -> None:
    bench.armed()
    bench.ticks(5)
    bench.robot.write(bench.command(valid_until_us=bench.run_us))
    bench.robot.wait(bench.robot.read().time_us + CONTROL_US)
    applied = bench.robot.read().applied
    assert applied.refused
    assert applied.why == f"device refused command {bench.count}: STALE"
    assert applied.seq == bench.count - 1
    assert not bench.ticks(2).applied.refused


def test_a_deadline_too_far_ahead_is_refused_by_the_device(bench: Bench) -> None:
    bench.armed()
    bench.robot.write(bench.command(valid_until_us=bench.run_us + 10_000_000))
    bench.robot.wait(bench.robot.read().time_us + CONTROL_US)
    assert bench.robot.read().applied.why.endswith("LEAD")


def test_no_command_for_long_means_hold_and_the_flag_of_the_seam(bench: Bench) -> None:
    bench.armed()
    bench.ticks(5)
    bench.robot.wait(bench.robot.read().time_us + 150_000)  # the loop lives, and says nothing
    obs = bench.robot.read()
    assert obs.safety is SafetyState.HOLD
    assert obs.fault_flags == 1  # command.stale, and nothing else
    assert obs.health.watchdog_trips == 1
    obs = bench.ticks(3)
    assert (obs.safety, obs.fault_flags) == (SafetyState.ARMED, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "field", ["joint_position", "joint_velocity", "joint_effort", "joint_effort_limit", "thrust_n"]
)
def test_what_is_not_finite_never_leaves_the_host(bench: Bench, field: str, bad: float) -> None:
    bench.armed()
    bench.ticks(2)
    sent = bench.robot.driver.session.link.counters.sent
    values = getattr(bench.command(), field).copy()
    values[0] = bad
    with pytest.raises(CommandRefusedError, match=field):
        bench.robot.write(bench.command(**{field: values}))
    assert bench.robot.driver.session.link.counters.sent == sent


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("position", float("nan"), "NOT_FINITE"),
        ("position", 3.0, "POSITION"),
        ("velocity", 2.0, "VELOCITY"),
        ("effort", 41.0, "EFFORT"),
        ("effort_limit", -1.0, "EFFORT_LIMIT"),
        ("mode", 9, "MODE"),
    ],
)
def test_what_a_broken_host_lets_through_the_device_refuses_whole(
    bench: Bench, codec: Codec, field: str, value: float, why: str
) -> None:
    bench.armed()
    bench.ticks(3)
    adopted = bench.robot.read().applied.seq
    session = bench.robot.driver.session
    assert session._sequences is not None
    assert session.caps is not None
    wire = session._sequences.next(10_000)
    parts = session._disassembler.messages(bench.command(), wire, session.caps.boot_nonce)
    first = dict(parts[0][1])
    first[field] = (value, *first[field][1:])
    kind = codec.types["SETPOINT"]
    flat: list[Any] = []
    for wire_field in kind.message.wire:
        given = first[wire_field.name]
        flat.extend(given if isinstance(given, tuple) else (given,))
    bench.core.take(kind.frame(flat, 0))
    for name, fields in parts[1:]:
        bench.core.take(codec.encode(name, fields, 0))
    bench.robot.wait(bench.robot.read().time_us + CONTROL_US)
    applied = bench.robot.read().applied
    assert (applied.refused, applied.seq) == (True, adopted)
    assert applied.why.endswith(f": {why}")


def test_host_limits_are_named_and_pass_the_device_to_the_last_bit(bench: Bench) -> None:
    """A clamped set-point lies on the limit itself: rounding to 32 bits must not put it outside."""
    bench.armed()
    far = np.full(16, 99.0)
    for signed in (far, -far):
        sent = bench.robot.write(bench.command(joint_position=signed, joint_velocity=signed, joint_effort=signed))
        assert "joint_position:fl_knee" in sent.limited
        bench.robot.wait(bench.robot.read().time_us + CONTROL_US)
        applied = bench.robot.read().applied
        assert (applied.refused, applied.why) == (False, "")


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


def test_the_estop_stops_at_once_latches_and_is_cleared_to_disarmed(bench: Bench) -> None:
    bench.armed()
    bench.ticks(5)
    driver = bench.robot.driver
    driver.session.estop(7, driver.now_ns())
    driver.flush()
    assert bench.core.safety_state == SafetyState.ESTOP  # without a single tick
    assert not bench.core.outputs_enabled
    assert estop(driver)
    assert bench.robot.read().safety is SafetyState.ESTOP
    with pytest.raises(DeniedError, match="ESTOP"):
        bench.robot.arm()
    assert clear(driver) is SafetyState.DISARMED
    bench.robot.arm()


def test_the_estop_goes_out_three_times_5_ms_apart(bench: Bench) -> None:
    sent: list[tuple[int, bytes]] = []

    class Tapped(LockStep):
        def send(self, data: bytes, urgent: bool = False) -> None:
            if urgent and data[7] | data[8] << 8 == 55813:
                sent.append((self.device.now_us, data))
            super().send(data, urgent)

    robot = bench.another(opener=lambda: Tapped(bench.core))
    robot.connect()
    estop(robot.driver)
    robot.driver.pump(lambda: False, 50_000_000)
    assert [at - sent[0][0] for at, _ in sent] == [0, 5000, 10_000]


def test_an_estop_needs_no_handshake(bench: Bench) -> None:
    from stope.bridge.dialect import load_dialect
    from stope.bridge.session import Session

    session = Session(Codec(load_dialect()), bench.model)
    session.estop(1, 0)
    bench.alone(5_000)
    bench.core.take(session.take_urgent())
    assert bench.core.safety_state == SafetyState.ESTOP


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


def test_disarm_ends_disarmed_with_outputs_off(bench: Bench) -> None:
    bench.armed()
    bench.ticks(5)
    bench.robot.disarm()
    assert bench.robot.read().safety is SafetyState.DISARMED
    assert not bench.core.outputs_enabled
    bench.robot.disarm()  # again is nothing


def test_safe_is_what_the_device_reports(bench: Bench) -> None:
    bench.armed()
    bench.ticks(5)
    bench.robot.safe("the test says so")
    bench.robot.wait(bench.robot.read().time_us + 20_000)
    assert bench.robot.read().safety is SafetyState.SAFING
    bench.robot.wait(bench.robot.read().time_us + 2_000_000)
    obs = bench.robot.read()
    assert obs.safety is SafetyState.FAULT
    assert not bench.core.outputs_enabled


def test_safe_never_raises_even_without_a_link(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.robot.safe("before connecting")
    bench.armed()
    bench.robot.driver.transport.close()
    bench.robot.safe("the cable is gone")
    assert "makes itself safe" in caplog.text


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


def test_a_broken_encoder_is_a_gap_and_not_a_number(bench: Bench) -> None:
    bench.armed()
    before = bench.ticks(5)
    bench.world.broken_encoder = 3
    with pytest.raises(TelemetryStaleError, match=r"invalid|not finite"):
        bench.ticks(100)
    newest = bench.robot.driver.session.observation
    assert newest is not None
    assert np.isfinite(newest.joint_position).all()
    assert newest.time_us <= before.time_us + CONTROL_US
    assert bench.core.safety_state in (SafetyState.SAFING, SafetyState.FAULT)


def test_a_release_wants_the_confirmation(bench: Bench) -> None:
    bench.world.phase = [2, 2, 2, 2]
    bench.armed()
    action = np.array([AnchorAction.RELEASE, 0, 0, 0], np.int8)
    obs = bench.ticks(3, anchor_action=action)
    assert bench.core.efforts.anchor[0] == 0
    assert "anchor_action" in obs.applied.limited
    assert obs.fault_flags & 16
    bench.robot.write(bench.command(anchor_action=action, release_confirm=bench.count + 1))
    bench.robot.wait(bench.robot.read().time_us + CONTROL_US)
    assert bench.core.efforts.anchor[0] == -1


class Recorded(LockStep):
    """A lock step that keeps everything that was said, in both directions."""

    def __init__(self, core: SharedCore) -> None:
        super().__init__(core)
        self.said = bytearray()

    def receive(self) -> bytes:
        data = super().receive()
        self.said += data
        return data

    def send(self, data: bytes, urgent: bool = False) -> None:
        self.said += data
        super().send(data, urgent)


def one_recorded_run(library: Path, model: RobotModel) -> bytes:
    bench = Bench(library, model)
    wire = Recorded(bench.core)
    bench.robot = bench.another(opener=lambda: wire)
    bench.armed()
    bench.ticks(50, joint_position=np.array(model.stance) + 0.02)
    return bytes(wire.said)


def test_two_runs_say_the_same_bytes(core_libraries: dict[str, Path], miner: RobotModel) -> None:
    first, second = (one_recorded_run(core_libraries["miner"], miner) for _ in range(2))
    assert len(first) > 30_000
    assert first == second


def test_signs_are_applied_by_the_bridge_and_by_nobody_else(tmp_path: Path) -> None:
    """A rig whose drives both count the other way: limits mirrored in the firmware, the stack never notices."""
    source = find_data("robot", "bench_rig").parent
    robots = tmp_path / "robots"
    robots.mkdir()
    target = robots / "mirrored"
    target.mkdir()
    for file in source.iterdir():
        if file.suffix in (".yaml", ".urdf"):
            (target / file.name).write_text(file.read_text().replace("sign: 1,", "sign: -1,"))
    make = ["make", "-s", "-C", str(ROOT / "firmware_bridge" / "firmware"), "shared", f"ROBOTS={robots}"]
    settings = ["ROBOT=mirrored", f"BUILD={tmp_path / 'build'}", f"PYTHON={sys.executable}"]
    subprocess.run([*make, *settings], check=True, capture_output=True)
    model = load_robot(target / "robot.yaml")
    assert [joint.sign for joint in model.joints] == [-1, -1]
    bench = Bench(tmp_path / "build" / "mirrored" / "libstope_fw.so", model).armed()
    obs = bench.ticks(200, joint_position=np.array([0.05, 0.0]), joint_velocity=np.array([0.0, 4.0]))
    assert obs.applied.why == ""
    assert obs.joint_position[0] == pytest.approx(0.05, abs=1e-3)
    assert obs.joint_velocity[1] == pytest.approx(4.0, abs=0.05)
    assert bench.world.position[0] == pytest.approx(-0.05, abs=1e-3)
    assert bench.world.velocity[1] == pytest.approx(-4.0, abs=0.05)
