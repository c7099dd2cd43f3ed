"""Safe alone: the host dies at a random instant of drilling, and the device does the rest."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from virtual import ARMED, FAULT, HOLD, SAFING, Device

FEED, SPINDLE = 12, 13
RUNS = int(os.environ.get("STOPE_HOST_LOST_RUNS", "20"))


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_host_that_dies_while_drilling(device: Device, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for limb in range(4):
        device.sensors.anchor_phase[limb] = 2
    device.fly()
    speed, push = rng.uniform(2.0, 20.0), float(np.float32(rng.uniform(20.0, 70.0)))
    end = device.now + int(rng.integers(300, 1500)) * 1000
    while device.now < end:
        device.alive()
        device.setpoint(
            velocity={SPINDLE: speed},
            effort={FEED: push},
            effort_limit={FEED: 80.0},
            thrust_n=[0.5] * 4,
            anchor_action=[1, 0, 0, 0],
        )
        last = device.now
        for _ in range(min(10, (end - device.now) // 1000)):  # dies anywhere within a period
            turn_and_press(device)
    assert device.state == ARMED
    device.listen()
    while device.state in (ARMED, HOLD):
        turn_and_press(device)
    assert device.state == SAFING
    assert 245_000 <= device.now - last <= 255_000
    safing = device.now
    while device.state == SAFING:
        assert list(device.efforts.anchor) == [0] * 4
        assert list(device.efforts.thrust_n) == [0.0] * 4
        assert device.efforts.effort[FEED] <= push
        turn_and_press(device)
    assert device.now - safing <= 2_000_000
    told = f"SAFING after {(safing - last) / 1e3} ms, at rest and FAULT {(device.now - safing) / 1e3} ms later\n"
    sys.stdout.write(told)  # for benchmarks/host_killed.py
    assert abs(device.sensors.velocity[SPINDLE]) <= 0.5
    assert device.sensors.weight_on_bit_n < 1.0
    assert (device.state, device.enabled, device.efforts.braked) == (FAULT, False, 0xFFFF)
    assert list(device.efforts.anchor) == [0] * 4


def turn_and_press(device: Device) -> None:
    """A spindle of 0.05 kg m2 that cuts against 1 N m, and a load cell that reads what the feed pushes."""
    device.run(1000)
    omega, torque = device.sensors.velocity[SPINDLE], device.efforts.effort[SPINDLE]
    drag = np.sign(omega) * min(1.0, abs(omega) * 50.0)
    device.sensors.velocity[SPINDLE] = omega + 1e-3 * (torque - drag) / 0.05
    device.sensors.weight_on_bit_n = max(0.0, device.efforts.effort[FEED])
