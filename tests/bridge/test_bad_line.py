"""Bad lines, in virtual time, with the real core behind them; and the arithmetic of a bad line by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from core_bench import CONTROL_US, Bench
from hypothesis import given
from hypothesis import strategies as st

from stope.bridge.errors import LinkError, LinkLostError
from stope.bridge.impair import BACKLOG_NS, BadLine, Faults
from stope.bridge.lockstep import LockStep
from stope.bridge.pump import BadTransport
from stope.robot.messages import SafetyState
from stope.robot.model import RobotModel

QUIET = Faults()


def bad(bench: Bench, up: Faults, down: Faults, seed: int = 1) -> BadTransport:
    """Put a bad line between the bench's robot and its device."""
    clock = LockStep(bench.core)
    line = BadTransport(LockStep(bench.core), clock, up, down, seed)
    bench.robot = bench.another(opener=lambda: line)
    return line


@pytest.fixture
def bench(core_libraries: dict[str, Path], miner: RobotModel) -> Bench:
    return Bench(core_libraries["miner"], miner)


# --- arithmetic ---------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.binary(max_size=50), st.integers(0, 10**7)), max_size=20))
def test_a_line_without_faults_is_a_pipe(pieces: list[tuple[bytes, int]]) -> None:
    line, now, out = BadLine(QUIET, 1, "pump.up"), 0, b""
    for data, later in pieces:
        line.take(data, now)
        out += line.give(now)
        now += later
    assert out == b"".join(data for data, _ in pieces)
    assert line.next_ns() is None


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=50), st.integers(0, 10**8)), max_size=20), st.integers(0, 1000)
)
def test_jitter_delays_and_never_reorders(pieces: list[tuple[bytes, int]], seed: int) -> None:
    faults = Faults(latency_s=0.01, jitter_s=0.02)
    line, now = BadLine(faults, seed, "pump.up"), 0
    for data, later in pieces:
        line.take(data, now)
        now += later
    early = line.give(9_999_999)  # nothing is faster than the latency
    assert early == b""
    assert line.give(now + 30_000_001) == b"".join(data for data, _ in pieces)


def test_a_line_rate_is_ten_bit_times_a_byte() -> None:
    line = BadLine(Faults(baud=8000), 1, "pump.up")
    line.take(bytes(800), 0)
    assert len(line.give(500_000_000)) == 400
    assert line.busy(500_000_000)
    assert len(line.give(999_999_999)) == 400 - 16
    assert len(line.give(1_000_000_000)) == 16
    assert not line.busy(1_000_000_000 - BACKLOG_NS)


@pytest.mark.parametrize("kind", ["flip", "drop", "duplicate"])
def test_chances_are_kept(kind: str) -> None:
    line = BadLine(Faults(**{kind: 0.01}), 3, "pump.up")
    data = bytes(range(256)) * 400
    line.take(data, 0)
    out = line.give(0)
    counted = line.counts[{"flip": "flipped", "drop": "dropped", "duplicate": "duplicated"}[kind]]
    assert 0.008 < counted / len(data) < 0.012
    assert len(out) == len(data) + {"flip": 0, "drop": -counted, "duplicate": counted}[kind]
    if kind == "flip":
        changed = [a ^ b for a, b in zip(out, data, strict=True) if a != b]
        assert len(changed) == counted
        assert all(bits.bit_count() == 1 for bits in changed)


def test_one_fault_does_not_move_another() -> None:
    data = bytes(10_000)
    plain, both = BadLine(Faults(flip=0.01), 5, "pump.up"), BadLine(Faults(flip=0.01, jitter_s=0.1), 5, "pump.up")
    for line in (plain, both):
        line.take(data, 0)
    assert plain.give(10**10) == both.give(10**10)
    other = BadLine(Faults(flip=0.01), 5, "pump.down")
    other.take(data, 0)
    assert other.give(0) != plain.give(0)


def test_a_stalled_line_delivers_all_of_it_later() -> None:
    line = BadLine(QUIET, 1, "pump.up")
    line.stalled = True
    line.take(b"abc", 0)
    assert (line.give(10), line.next_ns()) == (b"", None)
    line.stalled = False
    assert line.give(11) == b"abc"


@pytest.mark.parametrize(
    "wrong", [{"flip": 1.5}, {"drop": -0.1}, {"repeat": float("nan")}, {"latency_s": -1.0}, {"baud": -1}]
)
def test_impossible_faults_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"expected|chance"):
        Faults(**wrong)


# --- with the device ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["flip", "drop", "duplicate"])
@pytest.mark.parametrize("chance", [1e-4, 1e-3])
def test_no_wrong_value_gets_through_in_either_direction(bench: Bench, kind: str, chance: float) -> None:
    faults = Faults(**{kind: chance})
    line = bad(bench, faults, faults)
    bench.armed()
    wanted = np.array(bench.model.stance)
    seen = set()
    for tick in range(500):
        wanted = np.array(bench.model.stance) + 0.02 * np.sin(tick / 50)
        bench.robot.write(bench.command(joint_position=wanted, valid_until_us=bench.run_us + 200_000))
        before = bench.robot.read()
        bench.robot.wait(before.time_us + CONTROL_US)
        obs = bench.robot.read()
        seen.add(obs.seq)
        # what was observed is what the world was, and what the device pursues is what was asked at some time
        assert np.abs(obs.joint_position[:12] - np.array(bench.model.stance)[:12]).max() < 0.05
        assert abs(obs.bus_voltage_v - bench.model.bus_voltage_v) < 1e-9
        references = np.array(bench.core.efforts.position[:12])
        if bench.core.safety_state == SafetyState.ARMED:
            assert np.abs(references - np.array(bench.model.stance)[:12]).max() <= 0.0201
        assert obs.safety in (SafetyState.ARMED, SafetyState.HOLD)
    counts = {
        name: one.counts[{"flip": "flipped", "drop": "dropped", "duplicate": "duplicated"}[kind]]
        for name, one in line.lines.items()
    }
    assert min(counts.values()) > 0
    driver = bench.robot.driver
    assert driver.session.link.framing.bad_crc + driver.session.link.framing.bad_header > 0
    # a hit costs the samples that it hit, and no more: five frames make a sample of six hundred bytes
    health = bench.robot.read().health
    assert health.dropped <= counts["up"] + 1
    assert len(seen) >= 500 - health.dropped - 2


def test_every_command_is_answered_once_over_a_bad_line(bench: Bench) -> None:
    faults = Faults(flip=2e-3, drop=1e-3)
    bad(bench, faults, faults, seed=4)
    bench.robot.connect()
    driver = bench.robot.driver
    answers = [driver.ask("ECHO") for _ in range(200)]
    assert all(answer.ok for answer in answers)
    assert len({answer.seq for answer in answers}) == 200
    assert max(answer.tries for answer in answers) > 1  # the line was bad indeed
    desk = driver.session._desk
    assert desk is not None
    assert desk.counters.repeats > 5
    assert desk.counters.unanswered == 0


def test_deliveries_that_come_twice_do_nothing_twice(bench: Bench) -> None:
    line = bad(bench, Faults(repeat=0.3), Faults(repeat=0.3))
    bench.armed()
    obs = bench.ticks(200)
    assert line.lines["up"].counts["repeated"] > 20
    assert line.lines["down"].counts["repeated"] > 20
    assert obs.safety is SafetyState.ARMED
    assert obs.health.dropped == 0
    assert not obs.applied.refused
    assert obs.applied.seq >= bench.count - 1


def test_a_stalled_line_brings_old_commands_that_the_device_refuses(bench: Bench) -> None:
    line = bad(bench, QUIET, QUIET)
    bench.armed()
    bench.ticks(10)
    line.lines["down"].stalled = True
    obs = bench.ticks(50)  # telemetry flows on: the host sees that the device went safe by itself
    assert obs.safety in (SafetyState.SAFING, SafetyState.FAULT)
    where = list(bench.world.position)
    line.lines["down"].stalled = False
    bench.robot.wait(bench.robot.read().time_us + 100_000)
    assert bench.robot.read().safety in (SafetyState.SAFING, SafetyState.FAULT)
    assert np.abs(np.array(bench.world.position) - np.array(where))[:12].max() < 1e-6


@pytest.mark.parametrize(("up_s", "down_s"), [(0.02, 0.0), (0.0, 0.02), (0.005, 0.015)])
def test_the_error_of_device_time_is_within_what_is_said(bench: Bench, up_s: float, down_s: float) -> None:
    bad(bench, Faults(latency_s=up_s, jitter_s=0.003), Faults(latency_s=down_s, jitter_s=0.003))
    bench.robot.connect()
    driver = bench.robot.driver
    now_ns = driver.now_ns()  # the lock step's clock is the device's: the true offset is zero
    error_us = abs(driver.session.time.device_us(now_ns) - bench.core.now_us)
    uncertainty_us = driver.session.time.uncertainty_us(now_ns)
    assert error_us <= uncertainty_us
    assert uncertainty_us <= 0.5e6 * (up_s + down_s + 0.006) + 2000
    assert abs(error_us - 0.5e6 * abs(up_s - down_s)) < 3000


def test_a_line_too_slow_to_know_the_time_is_not_armed_over(bench: Bench) -> None:
    bad(bench, Faults(latency_s=0.03), Faults(latency_s=0.03))
    bench.robot.connect()
    with pytest.raises(LinkError, match=r"device time is known to 3\d ms only"):
        bench.robot.arm()
    assert not bench.robot.driver.engaged


def test_a_pulled_cable_is_one_error_and_the_device_stops_by_itself(bench: Bench) -> None:
    line = bad(bench, QUIET, QUIET)
    bench.armed()
    bench.ticks(10)
    line.cut = True
    with pytest.raises(LinkLostError):
        bench.robot.read()
    states = [state for _, state in bench.alone(3_000_000)]
    assert states[-2:] == [SafetyState.SAFING, SafetyState.FAULT]
