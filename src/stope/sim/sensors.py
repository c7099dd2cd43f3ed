"""The sensors' wires: true values plus noise, one named stream per sensor family.

Encoders and the feed load cell are read at every physics step, because the servo needs them; inertial unit, limb force
sensors, gripper and level sensors at 100 Hz.
"""

from __future__ import annotations

import numpy as np

from stope.mission.streams import random_stream
from stope.robot.messages import Codes, RawSensors, Vector
from stope.robot.model import RobotModel

BLOCK = 1024


class NoiseStream:
    """White noise of one sensor family: `next()` gives (width,) samples of standard deviation `sigma`."""

    def __init__(self, seed: int, name: str, sigma: float, width: int) -> None:
        self._rng = random_stream(seed, f"sensor.{name}")
        self._sigma, self._width = sigma, width
        self._block = np.empty((0, width))
        self._row = BLOCK

    def next(self) -> Vector:
        """The next (width,) sample; drawn in blocks, so that a reading costs a slice."""
        if self._row == BLOCK:
            self._block = self._sigma * self._rng.standard_normal((BLOCK, self._width))
            self._row = 0
        self._row += 1
        return np.asarray(self._block[self._row - 1])


class SensorSuite:
    """All sensors of one robot."""

    def __init__(self, model: RobotModel, seed: int) -> None:
        noise, joints, limbs = model.noise, len(model.joints), len(model.limbs)
        self._model = model
        self._position = NoiseStream(seed, "joint_position", noise.joint_position, joints)
        self._velocity = NoiseStream(seed, "joint_velocity", noise.joint_velocity, joints)
        self._gyro = NoiseStream(seed, "gyro", noise.gyro_rad_s, 3)
        self._accel = NoiseStream(seed, "accel", noise.accel_m_s2, 3)
        self._force = NoiseStream(seed, "limb_force", noise.limb_force_n, limbs * 3)
        self._cell = NoiseStream(seed, "load_cell", noise.load_cell_n, 1)
        self._ampere_nm = 1.0 / model.drill.torque_constant_nm_a if model.drill else 0.0

    def read_slow(
        self,
        gyro_rad_s: Vector,
        accel_m_s2: Vector,
        limb_force_n: Vector,
        phase: Codes,
        engagement: Vector,
        slip_m: Vector,
        levels: tuple[float, Vector, float, float],
    ) -> None:
        """Sample the 100 Hz sensors; `levels` are bin fill, drum fill, propellant (kg) and energy used (J)."""
        self._gyro_reading = gyro_rad_s + self._gyro.next()
        self._accel_reading = accel_m_s2 + self._accel.next()
        self._force_reading = limb_force_n + self._force.next().reshape(-1, 3)
        self._grips = phase, engagement.copy(), slip_m.copy()
        self._levels = levels

    def read(self, time_us: int, position: Vector, velocity: Vector, effort: Vector, weight_n: float) -> RawSensors:
        """All wires now: fresh encoders and load cell, the last sample of everything else."""
        model = self._model
        drill = model.drill
        phase, engagement, slip = self._grips
        bin_fill, drum_fill, propellant_kg, energy_j = self._levels
        return RawSensors(
            time_us,
            position + self._position.next(),
            velocity + self._velocity.next(),
            effort,
            self._gyro_reading,
            self._accel_reading,
            self._force_reading,
            phase,
            engagement,
            slip,
            weight_n + float(self._cell.next()[0]) if drill else 0.0,
            abs(float(effort[drill.spindle])) * self._ampere_nm if drill else 0.0,
            bin_fill,
            drum_fill,
            propellant_kg,
            model.bus_voltage_v,
            energy_j,
        )
