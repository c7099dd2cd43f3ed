"""What ends motion: a lost host, faults, e-stop, disarming, a release that nobody meant; over the compiled core."""

from __future__ import annotations

import numpy as np
import pytest
from core_bench import CONTROL_US, Bench

from stope.bridge.codec import Codec
from stope.bridge.commands import Answer
from stope.bridge.errors import (
    DeniedError,
)
from stope.bridge.lockstep import LockStep
from stope.bridge.service import clear, estop
from stope.bridge.telemetry import FaultEvent
from stope.robot.messages import AnchorAction, SafetyState


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
