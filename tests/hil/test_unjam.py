"""UNJAM: a stuck bit is turned loose by hand, from HOLD alone, for a second, within torque limit and reflexes."""

from __future__ import annotations

import math

import pytest
from stages import bring
from virtual import ARMED, DISARMED, ESTOP, FAULT, HOLD, SAFING, Device

FEED, SPINDLE = 12, 13
TURN_US = 1_000_000


def live(device: Device, us: int) -> None:
    """The host lives and says nothing else."""
    end = device.now + us
    while device.now < end:
        device.alive()
        device.run(min(10_000, end - device.now))


@pytest.mark.parametrize("speed", [-2.0, -1.0, 2.0])
def test_in_hold_the_spindle_turns_for_a_second_and_stops(device: Device, speed: float) -> None:
    bring(device, HOLD)
    assert device.command(device.m.COMMAND_UNJAM, speed).result == device.m.RESULT_OK
    began = device.now
    device.run(1000)
    assert device.efforts.velocity[SPINDLE] == speed
    assert device.efforts.position[FEED] == device.place[FEED]
    live(device, began + TURN_US - 1000 - device.now)
    assert device.efforts.velocity[SPINDLE] == speed
    live(device, 1000)
    assert (device.efforts.velocity[SPINDLE], device.state) == (0.0, HOLD)


@pytest.mark.parametrize("state", [DISARMED, ARMED, SAFING, FAULT, ESTOP])
def test_elsewhere_it_is_denied(device: Device, state: int) -> None:
    bring(device, state)
    assert device.command(device.m.COMMAND_UNJAM, -1.0).result == device.m.RESULT_DENIED
    device.alive()
    device.run(1000)
    assert device.efforts.velocity[SPINDLE] == 0.0


@pytest.mark.parametrize("speed", [2.001, -2.001, math.nan, math.inf])
def test_too_fast_or_no_number_is_refused(device: Device, speed: float) -> None:
    bring(device, HOLD)
    assert device.command(device.m.COMMAND_UNJAM, speed).result == device.m.RESULT_BAD_ARG
    device.run(1000)
    assert device.efforts.velocity[SPINDLE] == 0.0


def test_a_bit_that_stays_stuck_is_let_go_by_the_reflex(device: Device) -> None:
    bring(device, HOLD)
    device.command(device.m.COMMAND_UNJAM, -2.0)
    device.sensors.velocity[SPINDLE] = 0.0
    live(device, 150_000)
    assert -8.0 <= device.efforts.effort[SPINDLE] < 0.0  # its torque limit at most


def test_a_fault_ends_it(device: Device) -> None:
    bring(device, HOLD)
    device.command(device.m.COMMAND_UNJAM, -1.0)
    device.run(300_000)  # no sign of life
    assert device.state == SAFING
    assert device.efforts.velocity[SPINDLE] == 0.0


def test_a_set_point_ends_it(device: Device) -> None:
    bring(device, HOLD)
    device.command(device.m.COMMAND_UNJAM, -1.0)
    device.stream(20_000, velocity={SPINDLE: 3.0})
    assert (device.state, device.efforts.velocity[SPINDLE]) == (ARMED, 3.0)
    device.stream(TURN_US, velocity={SPINDLE: 3.0})
    assert device.efforts.velocity[SPINDLE] == 3.0  # its end is forgotten too
