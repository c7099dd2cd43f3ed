"""The channel table: every number that crosses the seam, with its unit, shape, sign and direction.

The log, the console, the wire and the docs read this table instead of each keeping a list of their own.
Units are UCUM codes (ucum.org); frames and signs are those of `messages`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from stope.robot.messages import AnchorAction, AnchorPhase, JointMode, SafetyState
from stope.robot.model import Joint, RobotModel


class Direction(Enum):
    """Which way a channel crosses the seam."""

    UP = "up"  #: Observation: from the device
    DOWN = "down"  #: Command: to the device


class Axis(Enum):
    """What an array's dimension counts."""

    JOINTS = "n"
    LIMBS = "limbs"
    DRUMS = "drums"
    THRUSTERS = "thrusters"
    POINTS = "k"  #: as many as the sensor returned
    XYZ = "3"


@dataclass(frozen=True, slots=True)
class Channel:
    """One field of Observation or Command; a field of a field is dotted ("health.dropped").

    Attributes:
        unit: UCUM code; for a joint channel that of a turning joint; "" for text and flags without a unit.
        unit_sliding: the same for a prismatic joint; equal to `unit` where joints do not matter.
        axes: dimensions of the array, () for a scalar.
        meaning: one phrase with sign and frame.
        codes: the enumeration that the integers are, if any.
    """

    name: str
    direction: Direction
    unit: str
    unit_sliding: str
    axes: tuple[Axis, ...]
    meaning: str
    codes: type[IntEnum] | None = None

    @property
    def shape(self) -> str:
        """As docs write it: "n", "limbs x 3", or "scalar"."""
        return " x ".join(axis.value for axis in self.axes) or "scalar"

    def unit_of(self, joint: Joint) -> str:
        """UCUM code of this channel for `joint`."""
        return self.unit_sliding if joint.kind == "prismatic" else self.unit

    def size(self, model: RobotModel) -> tuple[int | None, ...]:
        """Expected array shape on `model`; None where any length is right."""
        counts = {
            Axis.JOINTS: len(model.joints),
            Axis.LIMBS: len(model.limbs),
            Axis.DRUMS: len(model.drums.joints) if model.drums else 0,
            Axis.THRUSTERS: len(model.thrusters),
            Axis.POINTS: None,
            Axis.XYZ: 3,
        }
        return tuple(counts[axis] for axis in self.axes)


_N, _L, _D, _T, _K, _3 = Axis.JOINTS, Axis.LIMBS, Axis.DRUMS, Axis.THRUSTERS, Axis.POINTS, Axis.XYZ


def _up(
    name: str, unit: str, meaning: str, *axes: Axis, sliding: str = "", codes: type[IntEnum] | None = None
) -> Channel:
    return Channel(name, Direction.UP, unit, sliding or unit, axes, meaning, codes)


def _down(
    name: str, unit: str, meaning: str, *axes: Axis, sliding: str = "", codes: type[IntEnum] | None = None
) -> Channel:
    return Channel(name, Direction.DOWN, unit, sliding or unit, axes, meaning, codes)


OBSERVATION: tuple[Channel, ...] = (
    _up("time_us", "us", "device time of the reading"),
    _up("seq", "1", "device sequence; a jump is a gap"),
    _up("joint_position", "rad", "joint position, positive as the robot's sign table says", _N, sliding="m"),
    _up("joint_velocity", "rad/s", "joint velocity, same sign", _N, sliding="m/s"),
    _up("joint_effort", "N.m", "effort at the joint's output, same sign", _N, sliding="N"),
    _up("imu_gyro_rad_s", "rad/s", "angular velocity of the base, base frame", _3),
    _up("imu_accel_m_s2", "m/s2", "specific force at the IMU, base frame", _3),
    _up("limb_force_n", "N", "force of the ground on each foot, base frame", _L, _3),
    _up("anchor_phase", "1", "what each gripper says of itself", _L, codes=AnchorPhase),
    _up("anchor_engagement", "1", "gripper travel, 0 open to 1 fully dragged in", _L),
    _up("anchor_slip_m", "m", "travel of the slip sensor since the gripper engaged, never negative", _L),
    _up("weight_on_bit_n", "N", "load cell of feed or sampling head, positive when the tool is pushed into the ground"),
    _up("spindle_current_a", "A", "spindle motor current"),
    _up("bin_fill", "1", "level of the sample bin, 0 to 1"),
    _up("drum_fill", "1", "level of each drum, 0 to 1", _D),
    _up("propellant_kg", "kg", "propellant left, from tank pressure and temperature"),
    _up("bus_voltage_v", "V", "power bus voltage"),
    _up("energy_used_j", "J", "energy drawn from the bus since boot"),
    _up("safety", "1", "state of the device's safety machine", codes=SafetyState),
    _up("fault_flags", "1", "device fault bits, 0 for none"),
    _up("applied.seq", "1", "sequence of the newest command that the device took, -1 before the first"),
    _up("applied.limited", "", "channels that the device reduced"),
    _up("applied.refused", "", "the newest command was refused whole"),
    _up("applied.why", "", "reason of a limit or refusal, with the value that caused it"),
    _up("health.dropped", "1", "readings that the link lost since connecting"),
    _up("health.bad_frames", "1", "frames with a wrong checksum or length"),
    _up("health.stale_refused", "1", "commands that arrived after their lifetime"),
    _up("health.watchdog_trips", "1", "times that the device went safe because no command came"),
    _up("device_time_us", "us", "the device's own clock at the reading"),
    _up("terrain_m", "m", "points of a noisy local elevation map, base frame; absent without such a sensor", _K, _3),
)

COMMAND: tuple[Channel, ...] = (
    _down("seq", "1", "rises by one per command"),
    _down("valid_until_us", "us", "device time after which the command is dead"),
    _down("joint_mode", "1", "how the servo uses the set-points", _N, codes=JointMode),
    _down("joint_position", "rad", "position set-point", _N, sliding="m"),
    _down("joint_velocity", "rad/s", "velocity set-point", _N, sliding="m/s"),
    _down("joint_effort", "N.m", "feed-forward effort", _N, sliding="N"),
    _down("joint_effort_limit", "N.m", "largest magnitude of effort that this command allows", _N, sliding="N"),
    _down("anchor_action", "1", "what each gripper is told to do", _L, codes=AnchorAction),
    _down("release_confirm", "1", "the command's seq again when a release is meant"),
    _down("thrust_n", "N", "thrust along each nozzle's direction, never negative", _T),
    _down("hammer", "1", "share of the drill's full blow energy, 0 to 1"),
)
