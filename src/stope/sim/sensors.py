"""The sensors' wires: true values as real sensors report them.

Each channel is late (latency), offset (a bias that each run draws, and that drifts as a random walk), noisy, clipped to
its range, rounded to its resolution, and now and then missing: then the device repeats the last reading. Noise, bias,
drift and drop-out of each sensor family come from a named stream each. Encoders and the tool's load cell are read at
every physics step, because the servo needs them; inertial unit, limb force sensors, spindle current and the grippers'
travel and slip at 100 Hz; levels of bin, drums and tank each time that mass moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from stope.mission.streams import random_stream
from stope.robot.messages import Codes, RawSensors, Vector
from stope.robot.model import RobotModel, Sensor
from stope.sim.bound import bind

BLOCK = 1024
_RESOLUTION, _LEAST, _MOST, _WHOLE, _PART, _BIAS = range(6)  # columns of `Wires.channels`
_FRESH = -1.0


class Wires(NamedTuple):
    """What the kernel knows of sensors that are read together, one row a channel.

    Attributes:
        channels: (w, 6) resolution, least and most reading, latency in whole periods and the rest of it, bias now; in
            place.
        past: (r, w) true values of the last periods, a ring; at: (1,) its newest row, -1 before the first reading.
    """

    channels: Vector
    past: Vector
    at: Vector


class SensorGroup:
    """Sensor families that are read together.

    Args:
        families: name, sensor and number of channels, in the order in which the channels stand.
        period_s: between readings.
    """

    def __init__(self, seed: int, period_s: float, *families: tuple[str, Sensor, int]) -> None:
        rows = []
        for name, sensor, width in families:
            bias = sensor.bias * random_stream(seed, f"sensor.{name}.bias").standard_normal(width)
            whole = math.floor(sensor.latency_s / period_s)
            part, least = sensor.latency_s / period_s - whole, max(sensor.least, -sensor.range)
            rows += [(sensor.resolution, least, sensor.range, whole, part, b) for b in bias]
        channels = np.array(rows).reshape(-1, 6)
        depth = int(channels[:, _WHOLE].max(initial=0.0)) + 2
        self.wires = Wires(channels, np.zeros((depth, len(channels))), np.array([_FRESH]))
        self._sources = [
            (tuple(random_stream(seed, f"sensor.{name}{part}") for part in ("", ".drift", ".dropout")), sensor, width)
            for name, sensor, width in families
        ]
        self._drift_scale = math.sqrt(period_s)
        self._block, self._row = np.empty((0, 0)), BLOCK
        self._measure: Callable[..., None] | None = None  # bound at its first call

    def coming(self) -> Vector:
        """(>= 1, 3 w) draws of the readings that come next: noise, drift and whether it arrives, of every channel."""
        if self._row == BLOCK:
            noise, drift, arrives = [], [], []
            for (white, walk, gaps), sensor, width in self._sources:
                shape = (BLOCK, width)
                noise.append(sensor.noise * white.standard_normal(shape))
                drift.append(sensor.drift * self._drift_scale * walk.standard_normal(shape))
                arrives.append((gaps.random(shape) >= sensor.dropout_share).astype(np.float64))
            self._block, self._row = np.hstack(noise + drift + arrives), 0
        return self._block[self._row :]

    def use(self, count: int) -> None:
        """Say that the next `count` draws were used."""
        self._row += count

    def read(self, true: Vector, last: Vector) -> Vector:
        """The next reading (w,) of true values (w,); where none arrives the last one."""
        reading = last.copy()
        arguments = true, self.coming()[0], self.wires, reading
        if self._measure is None:
            self._measure = bind(measure, *arguments)
        self._measure(*arguments)
        self.use(1)
        return reading


@njit(cache=True)
def measure(true: Vector, draws: Vector, wires: Wires, reading: Vector) -> None:
    """Replace the last reading (w,) by the next one, where one arrives; `draws` is a row of `SensorGroup.coming`."""
    channels, past, at = wires
    width, depth = past.shape[1], past.shape[0]
    if at[0] < 0.0:  # before the first reading the world stood still
        for row in range(depth):
            past[row] = true
        for k in range(width):
            reading[k] = true[k]  # should the very first one be missing
    newest = (int(at[0]) + 1) % depth
    at[0] = newest
    past[newest] = true
    for k in range(width):
        c = channels[k]
        c[_BIAS] += draws[width + k]
        if draws[2 * width + k] == 0.0:
            continue
        late = newest - int(c[_WHOLE])
        value = (1.0 - c[_PART]) * past[late % depth, k] + c[_PART] * past[(late - 1) % depth, k]
        value = min(max(value + c[_BIAS] + draws[k], c[_LEAST]), c[_MOST])
        if c[_RESOLUTION] > 0.0:
            value = np.rint(value / c[_RESOLUTION]) * c[_RESOLUTION]
        reading[k] = value


class SensorSuite:
    """All sensors of one robot.

    Args:
        fast_s, slow_s, flow_s: periods of the physics step, of the 100 Hz sensors and of the mass flow.

    Attributes:
        fast: joint positions, joint velocities and load cell, read at every physics step.
    """

    def __init__(self, model: RobotModel, seed: int, fast_s: float, slow_s: float, flow_s: float) -> None:
        sensors, joints, limbs = model.sensors, len(model.joints), len(model.limbs)
        self._model, self._joints = model, joints
        self.fast = SensorGroup(
            seed,
            fast_s,
            ("joint_position", sensors.joint_position, joints),
            ("joint_velocity", sensors.joint_velocity, joints),
            ("load_cell", sensors.load_cell, 1),
        )
        self._slow = SensorGroup(
            seed,
            slow_s,
            ("gyro", sensors.gyro, 3),
            ("accel", sensors.accel, 3),
            ("limb_force", sensors.limb_force, limbs * 3),
            ("spindle_current", sensors.spindle_current, 1),
            ("gripper_travel", sensors.gripper_travel, limbs),
            ("gripper_slip", sensors.gripper_slip, limbs),
        )
        self._slow_reading = np.zeros(7 + 5 * limbs)
        self._current, self._slip = 6 + 3 * limbs, 7 + 4 * limbs  # where they stand in it
        self._level = SensorGroup(
            seed,
            flow_s,
            ("bin_fill", sensors.bin_fill, 1),
            ("propellant", sensors.propellant, 1),
            ("drum_fill", sensors.drum_fill, len(model.drums.joints) if model.drums else 0),
        )
        self._levels = np.zeros(2 + (len(model.drums.joints) if model.drums else 0))
        self._energy_j = 0.0
        self._spindle = model.drill.spindle if model.drill else -1
        self._has_cell = model.drill is not None or model.sampler is not None
        self._ampere_nm = 1.0 / model.drill.torque_constant_nm_a if model.drill else 0.0

    def read_slow(
        self,
        rotation: Vector,
        spin_rad_s: Vector,
        specific_force_m_s2: Vector,
        foot_force_n: Vector,
        effort: Vector,
        phase: Codes,
        engagement: Vector,
        slip_m: Vector,
        energy_j: float,
    ) -> None:
        """Sample the 100 Hz sensors.

        Args:
            rotation: (3, 3) base to world.
            spin_rad_s, specific_force_m_s2: (3,) of the base, world axes; foot_force_n: (L, 3) ground on feet, world.
            effort: (n,) of the joints' drives.
            energy_j: used so far, as the power unit counts it: exact.
        """
        true = np.zeros(len(self._slow_reading))
        _turn(rotation, spin_rad_s, specific_force_m_s2, foot_force_n, true)
        current, slip = self._current, self._slip
        true[current] = abs(effort[self._spindle]) * self._ampere_nm if self._spindle >= 0 else 0.0
        true[current + 1 : slip], true[slip:] = engagement, slip_m
        reading = self._slow_reading = self._slow.read(true, self._slow_reading)
        self._inertial = reading[:3], reading[3:6], reading[6:current].reshape(-1, 3)
        self._current_a = float(reading[current]) if self._spindle >= 0 else 0.0
        self._grips = phase, reading[current + 1 : slip], reading[slip:]
        self._energy_j = energy_j

    def read_levels(self, bin_fill: float, drum_fill: Vector, propellant_kg: float) -> None:
        """Sample what bin, drums (d,) and tank hold; to be called once a flow period."""
        self._levels = self._level.read(np.array((bin_fill, propellant_kg, *drum_fill.tolist())), self._levels)

    def read(self, time_us: int, reading: Vector, effort: Vector) -> RawSensors:
        """All wires now: fresh encoders and load cell, the last sample of everything else.

        Args:
            reading: (2 n + 1,) measured joint positions, joint velocities and weight on bit; kept.
        """
        n, levels = self._joints, self._levels
        return RawSensors(
            time_us,
            reading[:n],
            reading[n:-1],
            effort,
            *self._inertial,
            *self._grips,
            float(reading[-1]) if self._has_cell else 0.0,
            self._current_a,
            float(levels[0]),
            levels[2:],
            float(levels[1]),
            self._model.bus_voltage_v,
            self._energy_j,
        )


@njit(cache=True)
def _turn(rotation: Vector, spin: Vector, felt: Vector, forces: Vector, true: Vector) -> None:
    """Spin, specific force and every foot's force, turned into the base frame, into (6 + 3 L ...,) zeros."""
    for j in range(3):
        for k in range(3):
            turn = rotation[k, j]
            true[j] += turn * spin[k]
            true[3 + j] += turn * felt[k]
            for i in range(forces.shape[0]):
                true[6 + 3 * i + j] += turn * forces[i, k]
