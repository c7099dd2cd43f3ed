"""The firmware twin: a Plant behind the compiled core, as a rover's motors and sensors are behind its board.

The plant counts as robot.yaml says, the device as its drives do: between the two stand the signs, once, here on the
device's side and once in `assemble` and `disassemble` on the host's.
"""

from __future__ import annotations

import ctypes as c
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from stope.bridge.driver import NS
from stope.bridge.lockstep import LockStep, VirtualDevice
from stope.bridge.serial_robot import SerialRobot
from stope.bridge.session import Event
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
        self._plant, self._raw = plant, first
        self._signs = np.array([joint.sign for joint in model.joints], dtype=np.float64)
        self._bits = np.arange(len(model.joints), dtype=np.uint32)
        self._limbs, self._thrusters = len(model.limbs), len(model.thrusters)
        self._views: dict[int, dict[str, Any]] = {}
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
        wires = self._arrays(efforts)
        return Efforts(
            joint=self._signs * wires["effort"][: len(self._signs)],
            brake=(efforts.braked >> self._bits & 1).astype(bool),
            anchor=wires["anchor"][: self._limbs].astype(np.int8),
            thrust_n=wires["thrust_n"][: self._thrusters].astype(np.float64),
            hammer=efforts.hammer,
        )

    def _fill(self, sensors: CoreSensors, now_us: int) -> None:
        raw, signs, wires = self._raw, self._signs, self._arrays(sensors)
        sensors.time_us = now_us
        for name, value in (
            ("position", signs * raw.joint_position),
            ("velocity", signs * raw.joint_velocity),
            ("effort", signs * raw.joint_effort),
            ("gyro", raw.imu_gyro_rad_s),
            ("accel", raw.imu_accel_m_s2),
            ("limb_force", raw.limb_force_n),
            ("anchor_engagement", raw.anchor_engagement),
            ("anchor_slip_m", raw.anchor_slip_m),
            ("anchor_phase", raw.anchor_phase),
            ("drum_fill", raw.drum_fill),
        ):
            wires[name][: len(value)] = value
        sensors.weight_on_bit_n, sensors.spindle_current_a = raw.weight_on_bit_n, raw.spindle_current_a
        sensors.bin_fill, sensors.propellant_kg = raw.bin_fill, raw.propellant_kg
        sensors.bus_voltage_v, sensors.energy_used_j = raw.bus_voltage_v, raw.energy_used_j

    def _arrays(self, wires: c.Structure) -> dict[str, Any]:
        """Array fields of a structure by name, sharing its memory; made once, because the core's structures stay."""
        views = self._views.get(id(wires))
        if views is None:
            fields = {field[0]: getattr(wires, field[0]) for field in wires._fields_}
            views = {name: np.ctypeslib.as_array(f) for name, f in fields.items() if isinstance(f, c.Array)}
            self._views[id(wires)] = views
        return views


class Stoppable(Protocol):
    """A world that can stand still."""

    running: bool


class LockStepRobot(SerialRobot):
    """A robot whose device is stepped in lock step with a plant.

    The plant stands still until `arm` is through, so that a run begins where its plan does.

    Args:
        device: the firmware; world: what it moves and feels; plant: behind it, freed by `close`.
    """

    def __init__(
        self, model: RobotModel, device: VirtualDevice, world: Stoppable, plant: Plant, run_clock: RunClock,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:  # fmt: skip
        self._device, self._world, self._plant = device, world, plant
        super().__init__(model, lambda: LockStep(device), LockStep(device), run_clock, on_event=on_event)

    def arm(self) -> None:
        """As SerialRobot; then the plant starts, with a sample, so that control periods are the plant's too."""
        super().arm()
        session, before_us = self.driver.session, self.driver.session.sampled_us
        self.driver.pump(lambda: session.sampled_us > before_us, NS)
        self._world.running = True

    def close(self) -> None:
        """Let go of the device, and free the plant's world."""
        super().close()
        self._device.close()
        self._plant.close()


class FirmwareTwin(LockStepRobot):
    """The robot whose device is the compiled core in this process and whose body is a plant.

    Args:
        library: of this robot, from `make -C firmware_bridge/firmware shared ROBOT=...`.
        first: what the plant's sensors say before its first step.

    Attributes:
        core, world: the device and its surroundings, to look at.
    """

    def __init__(
        self, model: RobotModel, library: Path, plant: Plant, first: RawSensors, run_clock: RunClock,
        boot: Boot | None = None, on_event: Callable[[Event], None] | None = None,
    ) -> None:  # fmt: skip
        self.world = PlantWorld(model, plant, first)
        self.core = SharedCore(library, self.world, boot, start_us=first.time_us)
        super().__init__(model, self.core, self.world, plant, run_clock, on_event)
