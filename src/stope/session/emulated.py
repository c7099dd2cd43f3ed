"""The firmware image on an emulated microcontroller, in lock step with the plant: `--robot emulated`.

QEMU runs the Cortex-M3 image; both its lines go through pipes in blocks, because its UARTs move 100 us a byte here
(benchmarks/README.md). Time is the plant's, so a run is the same on a busy machine as on a quiet one. `emulated` holds
it to the wall's pace, `emulated:lockstep` lets it go as fast as it can.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from stope.bridge.piped_core import PackedWorld, PipedCore
from stope.bridge.session import Event
from stope.bridge.twin import LockStepRobot
from stope.clock import RunClock
from stope.robot.model import RobotModel
from stope.session.firmware import firmware_file
from stope.session.pace import Pace
from stope.sim.plant import AsteroidPlant

QEMU = (
    "qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none", "-serial", "none", "-no-user-config",
    "-semihosting-config", "enable=on,target=native",
)  # fmt: skip
PIPES = ("to_device", "from_device")  #: as the image opens them, in its working directory


class EmulatedRobot(LockStepRobot):
    """Implements `robot.Robot` over QEMU.

    Args:
        pace: the wall's; None for as fast as it goes.

    Raises:
        InputError: no QEMU, no ARM compiler, or an image that does not build.
    """

    def __init__(
        self, model: RobotModel, plant: AsteroidPlant, clock: RunClock, on_event: Callable[[Event], None] | None = None,
        pace: Pace | None = None,
    ) -> None:  # fmt: skip
        self._time, self._pace = clock, pace
        world = PackedWorld(model, plant, plant.sense())
        super().__init__(model, boot(firmware_file("mps2_lockstep", model.name), world), world, plant, clock, on_event)

    def wait(self, until_us: int) -> None:
        """As SerialRobot; then until the wall has come so far, too, where it sets the pace."""
        super().wait(until_us)
        if self._pace is not None:
            self._pace.keep(self._time.now_us)


def boot(image: Path, world: PackedWorld) -> PipedCore:
    """Start QEMU with an image and a world behind its plant link.

    Raises:
        LinkLostError: the image does not run.
    """
    with tempfile.TemporaryDirectory(prefix="stope-emulated-") as folder:
        to_device, from_device = (_pipe(Path(folder) / name) for name in PIPES)
        process = subprocess.Popen([*QEMU, "-kernel", str(image)], cwd=folder, stdout=subprocess.DEVNULL)
        core = PipedCore(process, to_device, from_device, world)
        try:
            core.step()  # it has opened its pipes when it answers: their folder may go
        except BaseException:
            core.close()
            raise
    return core


def _pipe(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)  # read and write: does not wait for the other end
