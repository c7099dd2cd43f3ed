"""The firmware twin: the real compiled safety core in lock step with the PyBullet plant, behind the seam of hardware.

Nothing is emulated but the wires: the core's bytes go through the host's own protocol, its efforts move the plant, and
what the plant's sensors say is what the core reads. One process, virtual time, every run the same.
"""

from __future__ import annotations

import ctypes
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
        model = plant.model
        self._signs = np.array([joint.sign for joint in model.joints], dtype=np.float64)
        self._bits = np.arange(len(model.joints), dtype=np.uint32)
        self._limbs, self._thrusters = len(model.limbs), len(model.thrusters)
        self._raw, self._since_us = plant.sense(), 0
        self._views: dict[int, dict[str, Vector]] = {}

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
        wires = self._arrays(efforts)
        return Efforts(
            joint=self._signs * wires["effort"][: len(self._signs)],
            brake=(efforts.braked >> self._bits & 1).astype(bool),
            anchor=wires["anchor"][: self._limbs].astype(np.int8),
            thrust_n=wires["thrust_n"][: self._thrusters].astype(np.float64),
        )

    def _tell(self, raw: RawSensors, sensors: CoreSensors) -> None:
        signs, wires = self._signs, self._arrays(sensors)
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
        sensors.weight_on_bit_n = raw.weight_on_bit_n
        sensors.spindle_current_a = raw.spindle_current_a
        sensors.bin_fill = raw.bin_fill
        sensors.propellant_kg = raw.propellant_kg
        sensors.bus_voltage_v = raw.bus_voltage_v
        sensors.energy_used_j = raw.energy_used_j

    def _arrays(self, wires: ctypes.Structure) -> dict[str, Vector]:
        """Array fields of a structure by name, sharing its memory; made once, because the core's structures stay."""
        views = self._views.get(id(wires))
        if views is None:
            fields = {name: getattr(wires, name) for name, *_ in wires._fields_}
            views = {
                name: np.ctypeslib.as_array(field) for name, field in fields.items() if isinstance(field, ctypes.Array)
            }
            self._views[id(wires)] = views
        return views


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
