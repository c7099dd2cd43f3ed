"""The servos' control table (X series of protocol 2.0): addresses, counts, and the limits that a joint writes there."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from stope.bridge.adapters.dynamixel_bus import Bus
from stope.bridge.errors import LimitsMismatchError
from stope.robot.model import Joint

TICKS = 4096  #: a turn
RPM = 0.229  #: a count of velocity
AMPERE = 2.69e-3  #: a count of current (XM and XH; the model's data sheet says so)
VOLT = 0.1
OPERATING_MODE, CURRENT_LIMIT, VELOCITY_LIMIT, MAX_POSITION, MIN_POSITION = 11, 38, 44, 48, 52
TORQUE, HARDWARE_ERROR, WATCHDOG, GOAL_CURRENT, GOAL_VELOCITY, GOAL_POSITION = 64, 70, 98, 102, 104, 116
PRESENT, PRESENT_SIZE = 126, 20  #: current, velocity, position, ..., voltage
VELOCITY_MODE, CURRENT_POSITION_MODE = 1, 5
WATCHDOG_20MS = 10  #: 200 ms, inside our firmware's own 250 ms
RAD_S = RPM * 2.0 * math.pi / 60.0
RAD = 2.0 * math.pi / TICKS


@dataclass(frozen=True, slots=True)
class Servo:
    """How one joint's servo is built in.

    Attributes:
        id: on the bus; zero: its position count where the joint reads 0; nm_per_a: torque constant at its output.
    """

    id: int
    zero: int
    nm_per_a: float


def write_limits(bus: Bus, joint: Joint, servo: Servo) -> None:
    """Torque off, mode and limits of `joint` in, and back out again.

    Raises:
        LimitsMismatchError: the servo cannot turn that far, or did not take a limit.
    """
    bus.write(servo.id, TORQUE, b"\0")
    mode = VELOCITY_MODE if joint.kind == "continuous" else CURRENT_POSITION_MODE
    wanted = [
        (OPERATING_MODE, bytes((mode,))),
        (CURRENT_LIMIT, struct.pack("<H", int(joint.effort_max / servo.nm_per_a / AMPERE))),
        (VELOCITY_LIMIT, struct.pack("<I", int(joint.velocity_max / RAD_S))),
    ]
    if joint.kind == "revolute":
        low, high = _ends(joint, servo)
        wanted += [(MAX_POSITION, struct.pack("<I", high)), (MIN_POSITION, struct.pack("<I", low))]
    for address, data in wanted:
        bus.write(servo.id, address, data)
        if bus.read(servo.id, address, len(data)) != data:
            raise LimitsMismatchError(f"servo {servo.id} did not take address {address}: is it of another model?")


def _ends(joint: Joint, servo: Servo) -> tuple[int, int]:
    """Lowest and highest position count inside the joint's limits."""
    ends = sorted(servo.zero + joint.sign * end / RAD for end in (joint.position_min, joint.position_max))
    low, high = math.ceil(ends[0]), math.floor(ends[1])
    if low < 0 or high >= TICKS:
        raise LimitsMismatchError(
            f"joint {joint.name}: its range is {low} to {high} counts with zero at {servo.zero}, a servo has 0 to "
            f"{TICKS - 1}: turn the horn, then correct `zero`"
        )
    return low, high
