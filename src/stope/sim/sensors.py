"""The sensors' wires: true values plus noise, one named stream per sensor family.

Encoders and the feed load cell are read at every physics step, because the servo needs them; inertial unit, limb force
sensors, gripper and level sensors at 100 Hz.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stope.mission.streams import random_stream
from stope.robot.messages import Codes, RawSensors, Vector
from stope.robot.model import RobotModel

BLOCK = 1024


class NoiseStreams:
    """White noise of sensor families that are read together, each from its own named stream.

    Args:
        families: (name, standard deviation, number of readings) in the order in which the readings stand.
    """

    def __init__(self, seed: int, *families: tuple[str, float, int]) -> None:
        self._sources = [(random_stream(seed, f"sensor.{name}"), sigma, width) for name, sigma, width in families]
        self._block = np.empty((0, 0))
        self._row = BLOCK

    def next(self) -> Vector:
        """The next sample of every family, one after the other."""
        sample: Vector = self.coming()[0]
        self.use(1)
        return sample

    def coming(self) -> Vector:
        """(>= 1, width) samples that come next; drawn in blocks, so that a reading costs a slice."""
        if self._row == BLOCK:
            drawn = [sigma * rng.standard_normal((BLOCK, width)) for rng, sigma, width in self._sources]
            self._block, self._row = np.hstack(drawn), 0
        return self._block[self._row :]

    def use(self, count: int) -> None:
        """Say that the next `count` samples were read."""
        self._row += count


class SensorSuite:
    """All sensors of one robot.

    Attributes:
        fast: noise of joint positions, joint velocities and load cell, read at every physics step.
    """

    def __init__(self, model: RobotModel, seed: int) -> None:
        noise, joints, limbs = model.noise, len(model.joints), len(model.limbs)
        self._model, self._joints = model, joints
        self.fast = NoiseStreams(
            seed,
            ("joint_position", noise.joint_position, joints),
            ("joint_velocity", noise.joint_velocity, joints),
            ("load_cell", noise.load_cell_n, 1),
        )
        self._slow = NoiseStreams(
            seed,
            ("gyro", noise.gyro_rad_s, 3),
            ("accel", noise.accel_m_s2, 3),
            ("limb_force", noise.limb_force_n, limbs * 3),
        )
        self._spindle = model.drill.spindle if model.drill else -1
        self._ampere_nm = 1.0 / model.drill.torque_constant_nm_a if model.drill else 0.0

    def read_slow(
        self,
        rotation: Vector,
        spin_rad_s: Vector,
        specific_force_m_s2: Vector,
        foot_force_n: Vector,
        phase: Codes,
        engagement: Vector,
        slip_m: Vector,
        levels: tuple[float, Vector, float, float],
    ) -> None:
        """Sample the 100 Hz sensors.

        Args:
            rotation: (3, 3) base to world.
            spin_rad_s, specific_force_m_s2: (3,) of the base, world axes; foot_force_n: (L, 3) ground on feet, world.
            levels: bin fill, drum fill, propellant (kg) and energy used (J).
        """
        reading = self._slow.next().copy()
        _add_turned(rotation, spin_rad_s, specific_force_m_s2, foot_force_n, reading)
        self._inertial = reading[:3], reading[3:6], reading[6:].reshape(-1, 3)
        self._grips = phase, engagement.copy(), slip_m.copy()
        self._levels = levels

    def read(self, time_us: int, reading: Vector, effort: Vector) -> RawSensors:
        """All wires now: fresh encoders and load cell, the last sample of everything else.

        Args:
            reading: (2 n + 1,) measured joint positions, joint velocities and weight on bit; kept.
        """
        n, spindle = self._joints, self._spindle
        bin_fill, drum_fill, propellant_kg, energy_j = self._levels
        return RawSensors(
            time_us,
            reading[:n],
            reading[n:-1],
            effort,
            *self._inertial,
            *self._grips,
            float(reading[-1]) if spindle >= 0 else 0.0,
            abs(float(effort[spindle])) * self._ampere_nm if spindle >= 0 else 0.0,
            bin_fill,
            drum_fill,
            propellant_kg,
            self._model.bus_voltage_v,
            energy_j,
        )


@njit(cache=True)
def _add_turned(rotation: Vector, spin: Vector, felt: Vector, forces: Vector, reading: Vector) -> None:
    """Add spin, specific force and every foot's force, turned into the base frame, to the readings (6 + 3 L,)."""
    for j in range(3):
        for k in range(3):
            turn = rotation[k, j]
            reading[j] += turn * spin[k]
            reading[3 + j] += turn * felt[k]
            for i in range(forces.shape[0]):
                reading[6 + 3 * i + j] += turn * forces[i, k]
