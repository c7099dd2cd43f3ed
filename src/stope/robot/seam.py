"""The seam itself: Robot above, Plant below.

The simulator impersonates the hardware, not the other way round: read -> update -> write, as in ros2_control.
`SimRobot` is a Plant with a servo in Python; the firmware twin is the same Plant with the compiled C core;
`SerialRobot` is a wire. Partner hardware plugs in through the entry-point group `stope.robots`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from stope.robot.messages import Command, Efforts, Observation, RawSensors, Sent
from stope.robot.model import RobotModel


@dataclass(frozen=True, slots=True)
class Handshake:
    """Who answered, and whether it is the robot that this host was configured for."""

    identity: str
    protocol: str
    firmware: str
    limits_hash: str
    session: int


class PhysicsDivergedError(RuntimeError):
    """The simulated state left the finite or the plausible. Raised, never clamped away."""


class HandshakeError(ConnectionError):
    """The device is not what the model says; the message says what to do."""


@runtime_checkable
class Robot(Protocol):
    """What the stack drives. The robot owns time."""

    @property
    def model(self) -> RobotModel:
        """Limbs, joints, tools, limits, signs and units; known before connecting."""

    def connect(self) -> Handshake:
        """Open, identify, compare hashes.

        Raises:
            HandshakeError: another robot, protocol or limit set answered.
        """

    def arm(self) -> None:
        """Enable outputs; the device may refuse."""

    def disarm(self) -> None:
        """Disable outputs in a controlled way; engaged anchors stay engaged."""

    def close(self) -> None:
        """Release the device or the world. Safe to call twice."""

    def read(self) -> Observation:
        """The newest sensor reading."""

    def write(self, command: Command) -> Sent:
        """Send after host limits.

        Raises:
            CommandRefusedError: the command holds NaN, infinity or a wrong shape.
        """

    def wait(self, until_us: int) -> None:
        """Simulation steps to `until_us`; hardware sleeps to it."""

    def safe(self, reason: str) -> None:
        """Stop. Success is what the next observations report, never what was sent."""


@runtime_checkable
class Plant(Protocol):
    """The physical robot and its ground, as motors and sensor wires see them."""

    @property
    def step_us(self) -> int:
        """The step that the plant was built for."""

    def step(self, efforts: Efforts) -> RawSensors:
        """Advance by `step_us` under `efforts`.

        Raises:
            PhysicsDivergedError: the state left the finite or the plausible; it is never clamped.
        """

    def close(self) -> None:
        """Free the world."""
