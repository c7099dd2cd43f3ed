"""The simplest world that a servo can live in: every joint an inertia of its own, no ground."""

from __future__ import annotations

from stope.bridge.shared_core import TICK_US, CoreEfforts, CoreSensors
from stope.robot.model import RobotModel

INERTIA = {"revolute": 0.2, "prismatic": 4.0, "continuous": 0.02}


class StillWorld:
    """Joints move under effort, brakes stop them; anchors say what they are told to say."""

    def __init__(self, model: RobotModel) -> None:
        self._model = model
        self.position = [joint.sign * at for joint, at in zip(model.joints, model.stance, strict=True)]
        self.velocity = [0.0] * len(model.joints)
        self.phase = [0] * len(model.limbs)
        self.weight_on_bit_n = 0.0
        self.broken_encoder: int | None = None
        self.estop_open = False
        self.frozen = False  # the sensor bus stands still

    def advance(self, now_us: int, efforts: CoreEfforts, sensors: CoreSensors) -> None:
        dt = TICK_US * 1e-6
        if self.frozen:
            return
        for i, joint in enumerate(self._model.joints):
            if efforts.braked >> i & 1:
                self.velocity[i] = 0.0
            else:
                self.velocity[i] += efforts.effort[i] / INERTIA[joint.kind] * dt
            self.position[i] += self.velocity[i] * dt
            sensors.position[i], sensors.velocity[i] = self.position[i], self.velocity[i]
            sensors.effort[i] = efforts.effort[i]
        if self.broken_encoder is not None:
            sensors.position[self.broken_encoder] = float("nan")
        for limb, phase in enumerate(self.phase):
            sensors.anchor_phase[limb] = phase
            sensors.anchor_engagement[limb] = 0.25 * limb
            sensors.limb_force[limb][2] = 10.0 + limb
        sensors.time_us = now_us
        sensors.gyro[1], sensors.accel[2] = 0.125, 9.75
        sensors.weight_on_bit_n = self.weight_on_bit_n
        sensors.estop_open = self.estop_open
        sensors.bus_voltage_v = self._model.bus_voltage_v
        sensors.propellant_kg, sensors.bin_fill, sensors.energy_used_j = 1.5, 0.5, 1e-6 * now_us
