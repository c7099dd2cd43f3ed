"""What the commands for a device share: their options, the device behind a port, words for a wrong name."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from stope.mission.errors import InputError

if TYPE_CHECKING:
    from stope.bridge.handshake import Caps
    from stope.bridge.serial_robot import SerialRobot
    from stope.bridge.session import Event
    from stope.robot.model import RobotModel

BAUD = 921_600

PortOption = Annotated[str, typer.Option("--port", "-p", metavar="PORT", help="Serial port or pseudo-terminal.")]
BaudOption = Annotated[int, typer.Option("--baud", min=1200, max=12_000_000, help="Line rate.")]
RobotOption = Annotated[
    str | None,
    typer.Option(
        "--robot", metavar="NAME|FOLDER", help="The robot that must answer; else the shipped one that the device names."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@contextmanager
def connected(
    port: str, robot: str | None, baud: int, on_event: Callable[[Event], None] | None = None
) -> Iterator[SerialRobot]:
    """A device after its handshake; let go of at the end, disarmed if it was armed."""
    from stope.bridge.serial_port import SerialPort
    from stope.bridge.serial_robot import SerialRobot
    from stope.clock import HostClock

    model = model_at(port, robot, baud)
    device = SerialRobot(model, lambda: SerialPort(port, baud), HostClock(), on_event=on_event)
    device.connect()
    try:
        yield device
    finally:
        device.close()


def model_at(port: str, robot: str | None, baud: int) -> RobotModel:
    """The model of the robot that was named, or that the device names.

    Raises:
        InputError: not a robot that is shipped. NoDeviceError: nothing answers.
    """
    from stope.mission.shipped import find_data, shipped
    from stope.robot.modelfile import load_robot

    if robot is not None:
        return load_robot(find_data("robot", robot))
    name = identified(port, baud).robot
    if name not in shipped("robot"):
        raise InputError(
            "--robot", read=f"nothing, and the device was built for '{name}', which is not shipped",
            expected="the folder of that robot",
        )  # fmt: skip
    return load_robot(find_data("robot", name))


def identified(port: str, baud: int) -> Caps:
    """What the device at a port says of itself.

    Raises:
        NoDeviceError: nothing there speaks this protocol.
    """
    from stope.bridge.codec import Codec
    from stope.bridge.dialect import load_dialect
    from stope.bridge.discovery import identify
    from stope.bridge.errors import NoDeviceError
    from stope.bridge.serial_port import SerialPort
    from stope.clock import HostClock

    transport = SerialPort(port, baud)
    try:
        caps = identify(transport, Codec(load_dialect()), HostClock())
    finally:
        transport.close()
    if caps is None:
        raise NoDeviceError(
            f"{port}: nothing there speaks this protocol at {baud} baud: check cable, power and line rate, and that "
            "the firmware is flashed (stope bridge flash-help)"
        )
    return caps


def unknown(option: str, read: str, noun: str, name: str, known: list[str]) -> InputError:
    """The error for a name that is none of `known`, with the nearest."""
    from stope.mission.explain import suggestion

    return InputError(option, read=read, expected=f"a {noun}{suggestion(name, known)}")


def print_json(value: object) -> None:
    """Print JSON for programs."""
    typer.echo(jsonlib.dumps(value, indent=2, ensure_ascii=False))
