"""A Command to the messages of one set-point. The only place where joint signs are applied on the way down.

SETPOINT per eight joints, then ACTUATION, all with one seq and deadline: the device takes all of them or none.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.bridge.assemble import DRUMS_PER_PART, JOINTS_PER_PART, LIMBS_PER_PART
from stope.bridge.codec import Codec, Packed
from stope.bridge.dialect import FLOAT32_MAX
from stope.robot.messages import AnchorAction, Codes, Command, CommandRefusedError, JointMode, Vector
from stope.robot.model import RobotModel

THRUSTERS_PER_PART = 4
MAX_JOINTS = 2 * JOINTS_PER_PART
COLUMNS = ("position", "velocity", "effort", "effort_limit")
#: The wire's order, which the packing below relies on; held against the dialect before a robot is driven.
SETPOINT_ORDER = ("valid_until_us", "seq", "session", *COLUMNS, "mode", "valid_mask", "first_joint")
ACTUATION_ORDER = ("valid_until_us", "seq", "session", "release_confirm", "thrust_n", "hammer", "anchor_action")

_setpoint_bytes = struct.Struct("<QII128s8sBB").pack


class Disassembler:
    """Makes packed messages of commands for one robot.

    Raises:
        ValueError: the robot has more joints, limbs, drums or thrusters than one link carries.
    """

    def __init__(self, codec: Codec, model: RobotModel) -> None:
        drums = len(model.drums.joints) if model.drums else 0
        self._joints, self._limbs, self._thrusters = len(model.joints), len(model.limbs), len(model.thrusters)
        for what, count, most in (
            ("joints", self._joints, MAX_JOINTS),
            ("limbs", self._limbs, LIMBS_PER_PART),
            ("drums", drums, DRUMS_PER_PART),
            ("thrusters", self._thrusters, THRUSTERS_PER_PART),
        ):
            if count > most:
                raise ValueError(f"robot {model.name} has {count} {what}; one link carries {most}")
        self._signs = np.array([float(joint.sign) for joint in model.joints])
        self._setpoint, self._actuation = codec.types["SETPOINT"], codec.types["ACTUATION"]
        for kind, order in ((self._setpoint, SETPOINT_ORDER), (self._actuation, ACTUATION_ORDER)):
            assert tuple(field.name for field in kind.message.wire) == order, kind.name
        blocks = -(-self._joints // JOINTS_PER_PART)
        self._numbers = np.zeros((blocks, len(COLUMNS), JOINTS_PER_PART), np.float32)
        self._modes = np.zeros((blocks, JOINTS_PER_PART), np.int8)
        left = [min(self._joints - JOINTS_PER_PART * block, JOINTS_PER_PART) for block in range(blocks)]
        self._slots = [((1 << here) - 1, JOINTS_PER_PART * block) for block, here in enumerate(left)]

    def messages(self, command: Command, wire_seq: int, session: int, zero_us: int = 0) -> list[Packed]:
        """The parts of `command`, which passed the host's limits, as set-point `wire_seq` of `session`.

        Args:
            zero_us: device time at which run time is 0.

        Raises:
            CommandRefusedError: a value that the wire cannot carry.
        """
        c, until_us = command, command.valid_until_us + zero_us
        fits = _fill(
            c.joint_position, c.joint_velocity, c.joint_effort, c.joint_effort_limit, c.joint_mode,
            self._signs, self._numbers, self._modes,
        )  # fmt: skip
        if not fits:
            raise CommandRefusedError(f"command {c.seq}: {_odd(c)}")
        numbers, modes = self._numbers.tobytes(), self._modes.tobytes()
        size = 4 * JOINTS_PER_PART * len(COLUMNS)
        kind, parts = self._setpoint, []
        try:
            for block, (mask, first) in enumerate(self._slots):
                columns = numbers[size * block : size * (block + 1)]
                mode = modes[first : first + JOINTS_PER_PART]
                parts.append((kind, _setpoint_bytes(until_us, wire_seq, session, columns, mode, mask, first)))
        except struct.error as error:
            raise CommandRefusedError(f"command {c.seq}: a value does not fit the wire: {error}") from error
        actions = c.anchor_action.tolist()
        meant = AnchorAction.RELEASE in actions and c.release_confirm == c.seq
        flat: list[int | float] = [until_us, wire_seq, session, session ^ wire_seq if meant else 0]
        flat += c.thrust_n.tolist()
        flat += [0.0] * (THRUSTERS_PER_PART - self._thrusters)
        flat.append(c.hammer)
        flat += actions
        flat += [0] * (LIMBS_PER_PART - self._limbs)
        parts.append((self._actuation, self._actuation.packed_flat(flat)))
        return parts


@njit(cache=True)
def _fill(
    position: Vector, velocity: Vector, effort: Vector, effort_limit: Vector, mode: Codes,
    signs: Vector, numbers: npt.NDArray[np.float32], modes: Codes,
) -> bool:  # fmt: skip
    """The columns of all joints, eight to a part, in the device's signs; False if the wire cannot carry one."""
    for i in range(len(signs)):
        part, slot = i // JOINTS_PER_PART, i % JOINTS_PER_PART
        numbers[part, 0, slot] = signs[i] * position[i]
        numbers[part, 1, slot] = signs[i] * velocity[i]
        numbers[part, 2, slot] = signs[i] * effort[i]
        numbers[part, 3, slot] = effort_limit[i]
        modes[part, slot] = mode[i]
        # Each comparison is written so that NaN fails it.
        if not (
            abs(position[i]) <= FLOAT32_MAX
            and abs(velocity[i]) <= FLOAT32_MAX
            and abs(effort[i]) <= FLOAT32_MAX
            and 0.0 <= effort_limit[i] <= FLOAT32_MAX
            and mode[i] >= 0
        ):
            return False
    return True


def _odd(command: Command) -> str:
    """Which channel the wire cannot carry."""
    for name, low in (*((f"joint_{column}", -FLOAT32_MAX) for column in COLUMNS[:3]), ("joint_effort_limit", 0.0)):
        values = getattr(command, name)
        odd = values[~((values >= low) & (values <= FLOAT32_MAX))]
        if len(odd):
            return f"{name} holds {odd[0]}, expected a finite number of {low:g} to {FLOAT32_MAX:g}"
    return f"joint_mode holds {command.joint_mode.min()}, expected 0 or more"


def hold_command(model: RobotModel, position: Vector, anchor_action: Codes, valid_until_us: int) -> Command:
    """Stay where you are: positions kept, the feed braked, continuous joints at rest, anchors as they are, gas shut."""
    count = len(model.joints)
    turning = np.array([joint.kind == "continuous" for joint in model.joints])
    mode = np.where(turning, JointMode.VELOCITY, JointMode.POSITION).astype(np.int8)
    if model.drill is not None:
        mode[model.drill.feed] = JointMode.BRAKE  # a servo that knows no weight would let a carriage sag onto its bit
    return Command(
        seq=0,
        valid_until_us=valid_until_us,
        joint_mode=mode,
        joint_position=np.clip(position, model.position_min, model.position_max),
        joint_velocity=np.zeros(count),
        joint_effort=np.zeros(count),
        joint_effort_limit=model.effort_max.copy(),
        anchor_action=anchor_action,
        release_confirm=-1,
        thrust_n=np.zeros(len(model.thrusters)),
        hammer=0.0,
    )
