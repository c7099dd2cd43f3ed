"""A Command to the messages of one set-point. The only place where joint signs are applied on the way down.

SETPOINT per eight joints, then ACTUATION, all with one seq and deadline: the device takes all of them or none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stope.bridge.assemble import DRUMS_PER_PART, JOINTS_PER_PART, LIMBS_PER_PART
from stope.bridge.fieldcheck import Value
from stope.robot.messages import AnchorAction, Codes, Command, JointMode, Vector
from stope.robot.model import RobotModel

THRUSTERS_PER_PART = 4
MAX_JOINTS = 2 * JOINTS_PER_PART

Message = tuple[str, dict[str, Value]]


class Disassembler:
    """Makes messages of commands for one robot.

    Raises:
        ValueError: the robot has more joints, limbs, drums or thrusters than one link carries.
    """

    def __init__(self, model: RobotModel) -> None:
        drums = len(model.drums.joints) if model.drums else 0
        for what, count, most in (
            ("joints", len(model.joints), MAX_JOINTS),
            ("limbs", len(model.limbs), LIMBS_PER_PART),
            ("drums", drums, DRUMS_PER_PART),
            ("thrusters", len(model.thrusters), THRUSTERS_PER_PART),
        ):
            if count > most:
                raise ValueError(f"robot {model.name} has {count} {what}; one link carries {most}")
        self._signs = np.array([float(joint.sign) for joint in model.joints])

    def messages(self, command: Command, wire_seq: int, session: int, zero_us: int = 0) -> list[Message]:
        """The parts of `command`, which passed the host's limits, as set-point `wire_seq` of `session`.

        Args:
            zero_us: device time at which run time is 0.
        """
        common: dict[str, Value] = {
            "valid_until_us": command.valid_until_us + zero_us,
            "seq": wire_seq,
            "session": session,
        }
        columns: dict[str, Sequence[float]] = {
            "position": (self._signs * command.joint_position).tolist(),
            "velocity": (self._signs * command.joint_velocity).tolist(),
            "effort": (self._signs * command.joint_effort).tolist(),
            "effort_limit": command.joint_effort_limit.tolist(),
            "mode": command.joint_mode.tolist(),
        }
        parts: list[Message] = []
        for first in range(0, len(self._signs), JOINTS_PER_PART):
            here = min(len(self._signs) - first, JOINTS_PER_PART)
            slots = {name: _padded(column[first : first + here], JOINTS_PER_PART) for name, column in columns.items()}
            parts.append(("SETPOINT", {**common, **slots, "valid_mask": (1 << here) - 1, "first_joint": first}))
        releasing = bool((command.anchor_action == AnchorAction.RELEASE).any())
        meant = releasing and command.release_confirm == command.seq
        actuation: dict[str, Value] = {
            **common,
            "release_confirm": session ^ wire_seq if meant else 0,
            "thrust_n": _padded(command.thrust_n.tolist(), THRUSTERS_PER_PART),
            "anchor_action": _padded(command.anchor_action.tolist(), LIMBS_PER_PART),
            "hammer": command.hammer,
        }
        parts.append(("ACTUATION", actuation))
        return parts


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


def _padded(values: Sequence[float], length: int) -> tuple[float, ...]:
    return (*values, *[0] * (length - len(values)))
