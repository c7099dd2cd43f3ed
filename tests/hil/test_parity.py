"""The C servo against its Python twin: the same set-points and sensors give the same efforts."""

from __future__ import annotations

import numpy as np
import pytest
from virtual import Device

from stope.robot.messages import Command, JointMode
from stope.sim.servo import JointServo


@pytest.mark.parametrize("seed", range(10))
def test_the_servo_is_the_twin_of_the_simulators(device: Device, seed: int) -> None:
    rng = np.random.default_rng(seed)
    model, n = device.model, device.joints
    device.fly()
    twin = JointServo(model)
    for _ in range(20):
        mode = rng.integers(0, 4, n).astype(np.int8)
        if seed < 5:
            mode[:] = JointMode.POSITION
        position = np.array(device.place)
        position = np.clip(
            position + rng.uniform(-1e-4, 1e-4, n) * model.velocity_max, model.position_min, model.position_max
        )  # within a tick's slew
        velocity = rng.uniform(-1, 1, n) * model.velocity_max
        limit = rng.uniform(0, 1, n) * model.effort_max
        effort = rng.uniform(-1, 1, n) * limit
        rows = {"mode": mode, "position": position, "velocity": velocity, "effort": effort, "effort_limit": limit}
        device.alive()
        device.setpoint(**{name: {i: x.item() for i, x in enumerate(row)} for name, row in rows.items()})
        sensed = rng.uniform(-1, 1, n) * model.velocity_max
        for i, x in enumerate(sensed):
            device.sensors.velocity[i] = x
        device.run(1000)
        f32 = {name: np.asarray(row, dtype=np.float32).astype(float) for name, row in rows.items()}
        twin.take(
            Command(device.seq, device.now, mode, f32["position"], f32["velocity"], f32["effort"], f32["effort_limit"],
                    np.zeros(4, dtype=np.int8), 0, np.zeros(4))
        )  # fmt: skip
        expected, saturated = twin.efforts(np.array(device.place), np.array(device.sensors.velocity[:n]))
        expected = np.where(mode == JointMode.BRAKE, 0.0, expected)
        feed, spindle = model.drill.feed, model.drill.spindle
        got = np.array(device.efforts.effort[:n])
        free = np.ones(n, dtype=bool)
        free[[feed, spindle]] = device.status().limited_joints == 0  # the reflexes have tests of their own
        assert got[free] == pytest.approx(expected[free], abs=2e-3, rel=1e-4)
        assert device.efforts.braked == sum(1 << i for i in range(n) if mode[i] == JointMode.BRAKE)
        assert saturated >= 0


def test_a_jump_of_the_reference_becomes_a_ramp_of_twice_the_joints_speed(device: Device) -> None:
    device.fly()
    start = device.place[0]
    device.setpoint(position={0: start + 0.5})
    references = []
    for _ in range(200):
        device.alive()
        device.setpoint(position={0: start + 0.5})
        device.run(1000)
        references.append(device.efforts.position[0])
    assert references[0] == pytest.approx(start + 0.003)
    assert np.diff(references).max() == pytest.approx(0.003, rel=1e-3)
    assert references[-1] == pytest.approx(start + 0.5)
    device.setpoint(position={0: start})
    device.run(1000)
    assert device.efforts.position[0] == pytest.approx(start + 0.497)


def test_a_joint_that_was_not_held_in_position_ramps_from_where_it_is(device: Device) -> None:
    device.fly(mode={0: 0})
    device.sensors.position[0] = 0.3
    device.stream(10_000, mode={0: 0})
    device.stream(10_000, mode={0: 1}, position={0: 0.3})
    assert device.efforts.position[0] == pytest.approx(0.3)
    assert device.efforts.effort[0] == pytest.approx(0.0, abs=1e-3)
