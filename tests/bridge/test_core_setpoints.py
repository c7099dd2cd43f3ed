"""Samples up and set-points down, as the compiled core takes and tells them, in lock step and virtual time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core_bench import CONTROL_US, Bench

from stope.bridge.codec import Codec
from stope.bridge.errors import (
    TelemetryStaleError,
)
from stope.bridge.lockstep import LockStep
from stope.bridge.shared_core import Boot, SharedCore
from stope.mission.shipped import find_data
from stope.robot.messages import CommandRefusedError, SafetyState
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39, -1e39])
@pytest.mark.parametrize(
    "field", ["joint_position", "joint_velocity", "joint_effort", "joint_effort_limit", "thrust_n"]
)
def test_the_wire_carries_no_such_number_even_without_the_hosts_limits(bench: Bench, field: str, bad: float) -> None:
    session = bench.armed().robot.driver.session
    sent = session.link.counters.sent
    values = getattr(bench.command(), field).copy()
    values[-1] = bad
    with pytest.raises(CommandRefusedError, match=f"{field}|does not fit"):
        session.setpoint(bench.command(**{field: values}))
    with pytest.raises(CommandRefusedError, match="joint_mode"):
        session.setpoint(bench.command(joint_mode=np.full(len(bench.model.joints), -1, np.int8)))
    with pytest.raises(CommandRefusedError, match="does not fit"):
        session.setpoint(bench.command(valid_until_us=-(1 << 62)))
    assert session.link.counters.sent == sent


def test_at_1000_hz_every_turn_has_a_sample_of_its_own(bench: Bench) -> None:
    bench.armed()
    bench.robot.driver.ask("SET_RATE", 1000.0).demand()
    obs = bench.ticks(3)
    for _ in range(20):
        bench.robot.write(bench.command())
        bench.robot.wait(obs.time_us + 1000)
        obs, before = bench.robot.read(), obs
        assert (obs.seq - before.seq, obs.time_us - before.time_us) == (1, 1000)
    bench.robot.wait(obs.time_us)  # which has come, and was read
    assert bench.robot.read() is obs
    assert obs.health.dropped == 0


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
    kind, first = parts[0]
    fields: dict[str, Any] = kind.named(first)
    fields[field] = (value, *fields[field][1:])
    flat: list[Any] = []
    for wire_field in kind.message.wire:
        given = fields[wire_field.name]
        flat.extend(given if isinstance(given, tuple) else (given,))
    bench.core.take(kind.frame(flat, 0))
    for other, payload in parts[1:]:
        bench.core.take(other.framed(payload, 0))
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
