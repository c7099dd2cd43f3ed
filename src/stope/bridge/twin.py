"""The firmware twin: a Plant behind the compiled core, as a rover's motors and sensors are behind its board.

The plant counts as robot.yaml says, the device as its drives do: between the two stand the signs, once, here on the
device's side and once in `assemble` and `disassemble` on the host's.
"""

from __future__ import annotations

import ctypes as c
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from stope.bridge.driver import NS
from stope.bridge.lockstep import LockStep
from stope.bridge.serial_robot import SerialRobot
from stope.bridge.shared_core import TICK_US, Boot, CoreEfforts, CoreSensors, SharedCore
from stope.clock import RunClock
from stope.robot.messages import Efforts, RawSensors
from stope.robot.model import RobotModel
from stope.robot.seam import Plant


class PlantWorld:
    """Implements `shared_core.World` over a plant.

    Args:
        first: what the plant's sensors say before its first step.

    Attributes:
        running: while False the plant stands still and its sensors go on reading the same: so a run can begin, for the
            plant, with the first command, however long handshake and arming took the device.
    """

    def __init__(self, model: RobotModel, plant: Plant, first: RawSensors) -> None:
        if plant.step_us % TICK_US:
            raise ValueError(
                f"the plant steps every {plant.step_us} us; expected a multiple of the core's {TICK_US} us"
            )
        self._model, self._plant, self._raw = model, plant, first
        self._signs = [joint.sign for joint in model.joints]
        self._behind_us: int | None = None
        self.running = False

    @property
    def raw(self) -> RawSensors:
        """The plant's newest reading, in plant time."""
        return self._raw

    def advance(self, now_us: int, efforts: CoreEfforts, sensors: CoreSensors) -> None:
        """Step the plant when its next step is due."""
        if not self.running:
            self._behind_us = now_us - self._raw.time_us
            self._fill(sensors, now_us)
            return
        if self._behind_us is None:
            self._behind_us = now_us - TICK_US - self._raw.time_us
        if now_us - self._behind_us >= self._raw.time_us + self._plant.step_us:
            self._raw = self._plant.step(self._asked(efforts))
            self._fill(sensors, now_us)

    def _asked(self, efforts: CoreEfforts) -> Efforts:
        count, model = len(self._signs), self._model
        return Efforts(
            joint=np.array([sign * effort for sign, effort in zip(self._signs, efforts.effort, strict=False)]),
            brake=np.array([bool(efforts.braked >> i & 1) for i in range(count)]),
            anchor=np.array(efforts.anchor[: len(model.limbs)], dtype=np.int8),
            thrust_n=np.array(efforts.thrust_n[: len(model.thrusters)]),
        )

    def _fill(self, sensors: CoreSensors, now_us: int) -> None:
        raw = self._raw
        sensors.time_us = now_us
        for i, sign in enumerate(self._signs):
            sensors.position[i] = sign * raw.joint_position[i]
            sensors.velocity[i] = sign * raw.joint_velocity[i]
            sensors.effort[i] = sign * raw.joint_effort[i]
        _copy(sensors.gyro, raw.imu_gyro_rad_s)
        _copy(sensors.accel, raw.imu_accel_m_s2)
        for limb, force in enumerate(raw.limb_force_n):
            _copy(sensors.limb_force[limb], force)
        _copy(sensors.anchor_engagement, raw.anchor_engagement)
        _copy(sensors.anchor_slip_m, raw.anchor_slip_m)
        for limb, phase in enumerate(raw.anchor_phase):
            sensors.anchor_phase[limb] = int(phase)
        _copy(sensors.drum_fill, raw.drum_fill)
        sensors.weight_on_bit_n, sensors.spindle_current_a = raw.weight_on_bit_n, raw.spindle_current_a
        sensors.bin_fill, sensors.propellant_kg = raw.bin_fill, raw.propellant_kg
        sensors.bus_voltage_v, sensors.energy_used_j = raw.bus_voltage_v, raw.energy_used_j


class FirmwareTwin(SerialRobot):
    """The robot whose device is the compiled core in this process and whose body is a plant; in lock step.

    The plant stands still until `arm` is through, so that a run begins where its plan does.

    Args:
        library: of this robot, from `make -C firmware_bridge/firmware shared ROBOT=...`.
        first: what the plant's sensors say before its first step.

    Attributes:
        core, world: the device and its surroundings, to look at.
    """

    def __init__(
        self, model: RobotModel, library: Path, plant: Plant, first: RawSensors, run_clock: RunClock,
        boot: Boot | None = None,
    ) -> None:  # fmt: skip
        self.world = PlantWorld(model, plant, first)
        self.core = SharedCore(library, self.world, boot, start_us=first.time_us)
        self._plant = plant
        super().__init__(model, lambda: LockStep(self.core), LockStep(self.core), run_clock)

    def arm(self) -> None:
        """As SerialRobot; then the plant starts, with a sample, so that control periods are the plant's too."""
        super().arm()
        session, before_us = self.driver.session, self.driver.session.sampled_us
        self.driver.pump(lambda: session.sampled_us > before_us, NS)
        self.world.running = True

    def free(self) -> None:
        """Close the link and free the plant's world; `close` alone lets go of the link, as `connect` does too."""
        self.close()
        self._plant.close()


def _copy(target: c.Array[c.c_float], values: Iterable[float]) -> None:
    for i, value in enumerate(values):
        target[i] = float(value)
