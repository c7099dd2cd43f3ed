"""The firmware twin: the real compiled safety core in lock step with the PyBullet plant, behind the same seam as hardware.

Nothing is emulated but the wires: the core's bytes go through the host's own protocol, its efforts move the plant, and
what the plant's sensors say is what the core reads. One process, virtual time, every run the same.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from stope.bridge.lockstep import LockStep
from stope.bridge.serial_robot import SerialRobot
from stope.bridge.shared_core import TICK_US, Boot, CoreEfforts, CoreSensors, SharedCore
from stope.clock import RunClock
from stope.mission.errors import InputError
from stope.robot.messages import Efforts, RawSensors, Vector
from stope.sim.plant import AsteroidPlant

FIRMWARE = Path(__file__).parents[3] / "firmware_bridge" / "firmware"


class FirmwareTwin(SerialRobot):
    """Implements `robot.Robot`: SerialRobot over the core, with a plant behind the core's wires.

    The robot hangs still until the device has armed, as on a stand: clocks are compared and hashes read in that time.

    Args:
        plant: the world, freshly built; closed with the robot.
        clock: moved by `wait`, to the device's time.
        library: the core, compiled for this robot.
    """

    def __init__(self, plant: AsteroidPlant, clock: RunClock, library: Path) -> None:
        self._world = PlantWorld(plant)
        lockstep = LockStep(SharedCore(library, self._world, Boot(board="lock step")))
        super().__init__(plant.model, lambda: lockstep, lockstep, clock)

    def arm(self) -> None:
        """Arm the device, and let the robot go."""
        super().arm()
        self._world.held = False

    def close(self) -> None:
        """Let go of the device and free the world."""
        super().close()
        self._world.plant.close()


class PlantWorld:
    """A plant as the core's wires: implements `shared_core.World`.

    Attributes:
        held: while it is, the plant stands still and its sensors go on saying the same.
    """

    def __init__(self, plant: AsteroidPlant) -> None:
        if plant.step_us % TICK_US:
            raise ValueError(f"a plant step of {plant.step_us} us is no multiple of the core's tick, {TICK_US} us")
        self.plant, self.held = plant, True
        self._signs = np.array([joint.sign for joint in plant.model.joints], dtype=np.float64)
        self._raw, self._since_us = plant.sense(), 0

    def advance(self, now_us: int, efforts: CoreEfforts, sensors: CoreSensors) -> None:
        """Let the core's efforts act; a plant slower than the core's tick moves at every n-th."""
        self._since_us += TICK_US
        if self._since_us < self.plant.step_us:
            return
        self._since_us = 0
        if not self.held:
            self._raw = self.plant.step(self._efforts(efforts))
        sensors.time_us = now_us
        self._tell(self._raw, sensors)

    def _efforts(self, efforts: CoreEfforts) -> Efforts:
        count, limbs = len(self._signs), len(self.plant.model.limbs)
        mask = np.arange(count, dtype=np.uint32)
        return Efforts(
            joint=self._signs * _array(efforts.effort)[:count],
            brake=(efforts.braked >> mask & 1).astype(bool),
            anchor=_array(efforts.anchor)[:limbs].copy(),
            thrust_n=_array(efforts.thrust_n)[: len(self.plant.model.thrusters)].astype(np.float64),
        )

    def _tell(self, raw: RawSensors, sensors: CoreSensors) -> None:
        signs = self._signs
        for wire, value in (
            (sensors.position, signs * raw.joint_position),
            (sensors.velocity, signs * raw.joint_velocity),
            (sensors.effort, signs * raw.joint_effort),
            (sensors.gyro, raw.imu_gyro_rad_s),
            (sensors.accel, raw.imu_accel_m_s2),
            (sensors.limb_force, raw.limb_force_n),
            (sensors.anchor_engagement, raw.anchor_engagement),
            (sensors.anchor_slip_m, raw.anchor_slip_m),
            (sensors.anchor_phase, raw.anchor_phase),
            (sensors.drum_fill, raw.drum_fill),
        ):
            _array(wire)[: len(value)] = value
        sensors.weight_on_bit_n = raw.weight_on_bit_n
        sensors.spindle_current_a = raw.spindle_current_a
        sensors.bin_fill = raw.bin_fill
        sensors.propellant_kg = raw.propellant_kg
        sensors.bus_voltage_v = raw.bus_voltage_v
        sensors.energy_used_j = raw.energy_used_j


def firmware_library(robot: str) -> Path:
    """Compile the core for a robot, if it is not already, and say where it lies.

    Raises:
        InputError: no firmware sources (an installed wheel has none), no C compiler, or the build failed.
    """
    if not (FIRMWARE / "Makefile").is_file():
        raise InputError(
            "--robot", read="'firmware'", expected="Stope's repository, whose firmware_bridge/ it compiles",
            remedy="run it from a clone, or use --robot sim",
        )  # fmt: skip
    if shutil.which("cc") is None or shutil.which("make") is None:
        raise InputError(
            "--robot", read="'firmware'", expected="make and a C compiler (cc)", remedy="install them (gcc, make)"
        )
    build = FIRMWARE / "build"
    build.mkdir(exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs may start at once
        command = ["make", "-s", "-C", str(FIRMWARE), "shared", f"ROBOT={robot}", f"PYTHON={sys.executable}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise InputError(
            "--robot", read="'firmware'", expected="a core that compiles", remedy=said[-1] if said else "see make"
        )
    return build / robot / "libstope_fw.so"


def _array(wire: object) -> Vector:
    """A ctypes array as an array of its own type, sharing its memory."""
    return np.ctypeslib.as_array(wire)  # type: ignore[call-overload, no-any-return]
