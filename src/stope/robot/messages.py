"""What crosses the seam: Observation up, Command down, and what each side says it did.

Arrays are float64 in SI units, ordered as `RobotModel.joints`, `.limbs` and `.thrusters` are.
Frames: *base* is the robot's base link; vectors say their frame in their docstring. Quaternions are (x, y, z, w).
Every array is made read-only: a message is a fact, and facts do not change after they were stated.
Below the device, at the physics rate, messages are named tuples: a fifth of a frozen dataclass's cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]


class JointMode(IntEnum):
    """How the servo uses a joint's set-points."""

    BRAKE = 0  #: hold where it is by the joint's parking brake or self-locking gear
    POSITION = 1  #: kp and kd toward position and velocity, plus feed-forward effort
    VELOCITY = 2  #: kd toward velocity, plus feed-forward effort
    EFFORT = 3  #: feed-forward effort alone


class AnchorAction(IntEnum):
    """What a gripper (or the rig's clamp) is told to do."""

    HOLD = 0  #: keep what it has: engaged stays engaged, open stays open
    ENGAGE = 1  #: drag the spines into the rock (close the clamp)
    RELEASE = 2  #: let go; refused unless confirmed and the drill is off


class AnchorPhase(IntEnum):
    """What a gripper says of itself, from its own travel and current."""

    OPEN = 0
    ENGAGING = 1
    ENGAGED = 2
    SLIPPING = 3
    RELEASING = 4
    JAMMED = 5


class SafetyState(IntEnum):
    """The device's safety state machine (research/firmware.md, section 9)."""

    BOOT = 0
    DISARMED = 1
    HOLD = 2
    ARMED = 3
    SAFING = 4
    FAULT = 5
    ESTOP = 6


class CommandRefusedError(ValueError):
    """A command held a value that no device may ever see (NaN, infinity, a wrong shape). Nothing was sent."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What the device says it did with the newest command that it took.

    Attributes:
        seq: that command's sequence number; -1 before the first.
        limited: names of channels that the device reduced ("joint_effort:feed").
        refused: True if the newest command was refused whole.
        why: the reason, with the value that caused it; empty when nothing was limited or refused.
    """

    seq: int = -1
    limited: tuple[str, ...] = ()
    refused: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """Link and device counters; a gap in `seq` or a rising counter is a fact to log, never to hide."""

    dropped: int = 0
    bad_frames: int = 0
    stale_refused: int = 0
    watchdog_trips: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading of every sensor.

    Attributes:
        time_us: run time of the reading: the device's clock less what it showed when the run began.
        seq: device sequence; a jump is a gap.
        joint_position, joint_velocity, joint_effort: (n,) rad or m; rad/s or m/s; N m or N, at the joint's output.
        imu_gyro_rad_s, imu_accel_m_s2: (3,) base frame; the accelerometer reads specific force.
        limb_force_n: (limbs, 3) force of the ground on each foot, base frame.
        anchor_phase: (limbs,) `AnchorPhase` codes.
        anchor_engagement: (limbs,) gripper travel, 0 open to 1 fully dragged in.
        anchor_slip_m: (limbs,) travel of the gripper's slip sensor since it engaged.
        weight_on_bit_n: load cell of the feed, positive when the bit is pushed into the ground; for a robot with a gas
            sampler and no drill that of its head, on which ground and jet push; 0 for a robot without either.
        spindle_current_a: spindle motor current.
        bin_fill: 0..1 level sensor of the sample bin.
        drum_fill: (drums,) 0..1 level sensors.
        propellant_kg: from tank pressure and temperature.
        bus_voltage_v, energy_used_j: power system.
        safety: device safety state.
        fault_flags: device fault bits, 0 = none.
        applied: what the device did with the last command.
        health: counters.
        device_time_us: the device's own clock at the reading.
        terrain_m: optional (k, 3) points of a noisy local elevation map, base frame.
    """

    time_us: int
    seq: int
    joint_position: Vector
    joint_velocity: Vector
    joint_effort: Vector
    imu_gyro_rad_s: Vector
    imu_accel_m_s2: Vector
    limb_force_n: Vector
    anchor_phase: Codes
    anchor_engagement: Vector
    anchor_slip_m: Vector
    weight_on_bit_n: float
    spindle_current_a: float
    bin_fill: float
    drum_fill: Vector
    propellant_kg: float
    bus_voltage_v: float
    energy_used_j: float
    safety: SafetyState
    fault_flags: int
    applied: Applied
    health: Health
    device_time_us: int = 0
    terrain_m: Vector | None = None

    def __post_init__(self) -> None:
        _freeze(
            self.joint_position, self.joint_velocity, self.joint_effort, self.imu_gyro_rad_s, self.imu_accel_m_s2,
            self.limb_force_n, self.anchor_phase, self.anchor_engagement, self.anchor_slip_m, self.drum_fill,
            self.terrain_m,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """Everything that the device is asked to do until `valid_until_us`; after that it goes safe by itself.

    Attributes:
        seq: rises by one per command.
        valid_until_us: device time after which the command is dead (design: every command has a lifetime).
        joint_mode: (n,) `JointMode` codes.
        joint_position, joint_velocity, joint_effort: (n,) set-points and feed-forward effort.
        joint_effort_limit: (n,) lowers the device's effort limit for this command (weight-on-bit bound of the feed).
        anchor_action: (limbs,) `AnchorAction` codes.
        release_confirm: `seq` again when a RELEASE is meant; anything else refuses the release.
        thrust_n: (thrusters,) cold-gas hold-down thrust.
        hammer: share of the drill's full blow energy, 0..1.
    """

    seq: int
    valid_until_us: int
    joint_mode: Codes
    joint_position: Vector
    joint_velocity: Vector
    joint_effort: Vector
    joint_effort_limit: Vector
    anchor_action: Codes
    release_confirm: int
    thrust_n: Vector
    hammer: float = 1.0

    def __post_init__(self) -> None:
        _freeze(
            self.joint_mode, self.joint_position, self.joint_velocity, self.joint_effort, self.joint_effort_limit,
            self.anchor_action, self.thrust_n,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """What left the host: the command after host limits, and which channels those limits changed."""

    seq: int
    command: Command
    limited: tuple[str, ...] = ()


class Efforts(NamedTuple):
    """What the servo asks of motors, grippers and valves: the input of `Plant.step`.

    Attributes:
        joint: (n,) N m or N.
        brake: (n,) bool, the joint's parking brake is closed.
        anchor: (limbs,) gripper drive: +1 drag in, 0 hold, -1 let go.
        thrust_n: (thrusters,) valve openings as thrust.
        hammer: share of the drill's full blow energy, 0..1.
    """

    joint: Vector
    brake: npt.NDArray[np.bool_]
    anchor: Codes
    thrust_n: Vector
    hammer: float = 1.0


class RawSensors(NamedTuple):
    """What the sensors' wires say after a step: as `Observation`, before the device adds what it knows of itself."""

    time_us: int
    joint_position: Vector
    joint_velocity: Vector
    joint_effort: Vector
    imu_gyro_rad_s: Vector
    imu_accel_m_s2: Vector
    limb_force_n: Vector
    anchor_phase: Codes
    anchor_engagement: Vector
    anchor_slip_m: Vector
    weight_on_bit_n: float
    spindle_current_a: float
    bin_fill: float
    drum_fill: Vector
    propellant_kg: float
    bus_voltage_v: float
    energy_used_j: float


def _freeze(*arrays: np.ndarray | None) -> None:
    for array in arrays:
        if array is not None:
            array.setflags(write=False)
