"""The adapter behind `--robot dynamixel:SERVOS.yaml`: one file says which port and which servo moves which joint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from stope.bridge.adapters.dynamixel import DynamixelRobot
from stope.bridge.adapters.dynamixel_table import TICKS, Servo
from stope.bridge.serial_port import SerialPort
from stope.clock import HostClock, RunClock
from stope.mission.errors import InputError
from stope.mission.source import FileModel, read_yaml
from stope.robot.model import RobotModel


class ServoRow(FileModel):
    """One servo: its id on the bus, its count where the joint reads 0, its torque constant."""

    id: Annotated[int, Field(ge=0, le=252)]
    zero: Annotated[int, Field(ge=0, lt=TICKS)]
    nm_per_a: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class ServoFile(FileModel):
    """The whole file."""

    schema_version: Literal[1]
    port: Annotated[str, Field(min_length=1)]
    baud: Annotated[int, Field(ge=9600, le=4_500_000)] = 1_000_000
    servos: dict[str, ServoRow]


def open_robot(model: RobotModel, address: str, run_clock: RunClock | None = None) -> DynamixelRobot:
    """A robot of bus servos, not connected yet.

    Raises:
        InputError: the file cannot be read, or does not fit the robot.
    """
    path = Path(address)
    if not path.is_file():
        raise InputError("--robot", read=f"'dynamixel:{address}'", expected="dynamixel:FILE that names the servos")
    file = read_yaml(path, ServoFile)
    servos = {joint: Servo(row.id, row.zero, row.nm_per_a) for joint, row in file.servos.items()}
    try:
        return DynamixelRobot(model, servos, lambda: SerialPort(file.port, file.baud), HostClock(), run_clock)
    except ValueError as error:
        raise InputError(
            address, read=f"servos of {', '.join(servos) or 'no joint'}", expected=f"servos that fit {model.name}",
            remedy=str(error),
        ) from None  # fmt: skip
