"""Brings a device into a state of its safety machine."""

from __future__ import annotations

from virtual import ARMED, DISARMED, ESTOP, FAULT, HOLD, SAFING, Device


def hold(device: Device) -> None:
    assert device.arm().result == device.m.RESULT_OK
    assert device.state == HOLD


def bring(device: Device, state: int) -> None:
    """Into `state`, from power-on."""
    device.run(1000)
    if state == DISARMED:
        return
    if state == ESTOP:
        device.estop()
        return
    hold(device)
    if state == ARMED:
        device.stream(10_000)
    if state in (SAFING, FAULT):
        device.command(device.m.COMMAND_SAFE)
    if state == FAULT:
        device.run(1_500_000)
    assert device.state == state
