"""Opens the robot of a run: simulated, firmware in lock step or on an emulated board, a port, a recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stope.bridge import adapters
from stope.bridge.telemetry import FaultEvent
from stope.clock import HostClock, RunClock
from stope.robot.model import RobotModel
from stope.robot.seam import Robot
from stope.session.pace import Pace
from stope.session.request import RunRequest
from stope.sim.plant import AsteroidPlant
from stope.sim.sim_robot import SimRobot

CONTROL_US = 10_000
SLOW_CONTROL_US = 20_000  # what a plant link over a UART carries
STOPS = 3  # severity from which an event makes the device safe


@dataclass(frozen=True)
class Driven:
    """A robot for one run.

    Attributes:
        plant: its world where that is in this process, to be looked at by log and pictures; None otherwise.
        causes: what made the device stop, in its own words, oldest first; grows during the run.
        pace: what holds a device in virtual time to the wall's; None without one.
    """

    robot: Robot
    plant: AsteroidPlant | None
    control_us: int = CONTROL_US
    causes: list[str] = field(default_factory=list)
    pace: Pace | None = None


def drive(request: RunRequest, model: RobotModel, world: Callable[[], AsteroidPlant], clock: RunClock) -> Driven:
    """Open the robot of a request; `world` builds the plant where one is needed.

    Raises:
        InputError: a firmware that cannot be built here. HandshakeError and other ConnectionErrors come with `connect`.
    """
    name = request.robot
    if name == "sim":
        plant = world()
        return Driven(SimRobot(plant, clock), plant)
    causes: list[str] = []

    def note(event: object) -> None:
        if isinstance(event, FaultEvent) and event.severity >= STOPS:
            causes.append(f"{event.fault} ({event.value:.4g}, limit {event.limit:.4g})")

    if name == "firmware":
        from stope.bridge.shared_core import Boot
        from stope.bridge.twin import FirmwareTwin
        from stope.session.firmware import firmware_file

        library, plant = firmware_file("shared", model.name), world()
        twin = FirmwareTwin(model, library, plant, plant.sense(), clock, Boot(board="lock step"), note)
        return Driven(twin, plant, causes=causes)
    if name in ("emulated", "emulated:lockstep"):
        from stope.session.emulated import EmulatedRobot

        plant, pace = world(), Pace(HostClock()) if name == "emulated" else None
        return Driven(EmulatedRobot(model, plant, clock, note, pace), plant, SLOW_CONTROL_US, causes, pace)
    if name == "native":
        from stope.session.native import NativeRobot

        return Driven(NativeRobot(request, model, clock, note), None, SLOW_CONTROL_US, causes)
    kind, _, port = name.partition(":")
    if kind == "replay":
        from stope.session.replay import ReplayRobot

        return Driven(ReplayRobot(model, Path(port), clock), None, SLOW_CONTROL_US)
    if kind != "serial":
        return Driven(adapters.find(kind)(model, port, clock), None)
    from stope.bridge.serial_port import SerialPort
    from stope.bridge.serial_robot import SerialRobot

    robot = SerialRobot(model, lambda: SerialPort(port), HostClock(), clock, on_event=note)
    return Driven(robot, None, causes=causes)
