"""Which command of the stack a sequence number of the wire stands for, and what the device did with it.

The two differ on purpose: a device that outlived its host has seen sequences already, and sequences only rise within a
session. So the wire counts on from what the device has seen, and this table says which command was meant.
"""

from __future__ import annotations

from collections import OrderedDict

from stope.bridge.dialect import Dialect
from stope.bridge.telemetry import DeviceState
from stope.robot.messages import Applied
from stope.robot.model import RobotModel

KEPT = 256
MARGIN = 1024  #: set-points that a host which died may have had under way


class SequenceTable:
    """Wire sequences handed out in one session."""

    def __init__(self, model: RobotModel, dialect: Dialect, state: DeviceState) -> None:
        self._jet = model.thrusters[model.sampler.jet].name if model.sampler else ""
        self._names = [joint.name for joint in model.joints]
        self._limits, self._refusals = dialect.enums["LIMIT_REASON"], dialect.enums["REFUSE_REASON"]
        self._wire = max(state.setpoint_seq, state.refused_seq) + MARGIN
        self._meant: OrderedDict[int, int] = OrderedDict()
        self._adopted = -1

    def next(self, command_seq: int) -> int:
        """A fresh wire sequence for the stack's command; -1 for one that the bridge sends by itself."""
        self._wire = (self._wire + 1) & 0xFFFFFFFF or 1
        self._meant[self._wire] = command_seq
        if len(self._meant) > KEPT:
            self._meant.popitem(last=False)
        return self._wire

    def applied(self, state: DeviceState) -> Applied:
        """What the device says that it did, in the stack's sequences and channel names."""
        self._adopted = max(self._adopted, self._meant.get(state.setpoint_seq, -1))
        refused = self._is_newer(state.refused_seq, state.setpoint_seq)
        if refused:
            reason = self._refusals.name_of(state.refuse_reason)
            meant = self._meant[state.refused_seq]
            return Applied(self._adopted, (), True, f"device refused command {meant}: {reason}")
        if not (state.limited_joints or state.limit_reason):
            return Applied(self._adopted)
        limited = [f"joint_effort:{name}" for i, name in enumerate(self._names) if state.limited_joints >> i & 1]
        reason = self._limits.name_of(state.limit_reason)
        if reason.startswith("RELEASE"):
            limited.append("anchor_action")
        elif reason == "JET_INTERLOCK":
            limited.append(f"thrust_n:{self._jet}")
        why = f"{reason}: {state.limit_value:g}" if limited else ""
        return Applied(self._adopted, tuple(limited), False, why)

    def _is_newer(self, refused: int, adopted: int) -> bool:
        """Whether `refused` is one of ours and came after `adopted`."""
        return refused in self._meant and 0 < (refused - adopted) & 0xFFFFFFFF < 1 << 31
