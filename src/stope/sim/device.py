"""The simulated device: safety states, command lifetime and reflexes around the servo.

The Python twin of what the firmware does on hardware (research/firmware.md, section 9): the device decides when to
go safe, in its own time. Safe is not power off: joints hold, anchors stay engaged, spindle and feed come to rest,
gas is shut.
"""

from __future__ import annotations

from enum import IntFlag

import numpy as np

from stope.robot.messages import (
    AnchorAction,
    AnchorPhase,
    Applied,
    Codes,
    Command,
    Efforts,
    RawSensors,
    SafetyState,
    Vector,
)
from stope.robot.model import RobotModel
from stope.sim.servo import JointServo

HOLD_TO_DISARM_US = 5_000_000  # HOLD without a fresh command for this long disarms (firmware.md, section 9)
OVER_PRESS = 1.2  # feed reflex: weight-on-bit above this share of the command's limit backs the feed off
PRESS_MARGIN_N = 3.0  # and at least this much above it, so that load-cell noise never trips it
STALL_SHARE = 0.1  # spindle below this share of its commanded speed while saturated counts as stalled
STALL_US = 200_000
DRIVE = np.array([0, 1, -1], dtype=np.int8)  # of the gripper, by `AnchorAction`: hold, engage, release
LET_GO = int(AnchorAction.RELEASE)
HOLDING = (int(AnchorPhase.ENGAGED), int(AnchorPhase.SLIPPING))
SPINDLE_OFF_RAD_S = 0.5  # release interlock: the drill counts as off below this


class FaultFlag(IntFlag):
    """Device fault bits in `Observation.fault_flags`."""

    NONE = 0
    STALE_COMMAND = 1
    OVER_PRESS = 2
    SPINDLE_STALL = 4
    FEED_INTERLOCK = 8
    RELEASE_REFUSED = 16
    JET_INTERLOCK = 1 << 30  # as the wire's comes to the seam (bridge.faultbits)


class Device:
    """Safety state machine plus servo. `tick` once per plant step, or `unattended_us` and the servo alone.

    Attributes:
        watch_press_n: measured weight on bit from which the reflexes must be asked.
    """

    def __init__(self, model: RobotModel) -> None:
        self._model = model
        self.servo = JointServo(model)
        self.state = SafetyState.DISARMED
        self.faults = FaultFlag.NONE
        self.applied = Applied()
        self.stale_refused, self._stale = 0, False
        self._command: Command | None = None
        self._hold_since_us = 0
        self._stalled_since_us: int | None = None
        self._all_braked = np.ones(len(model.joints), dtype=bool)
        self._keep = np.full(len(model.limbs), int(AnchorAction.HOLD), dtype=np.int8)
        self._no_gas = np.zeros(len(model.thrusters))
        self._drive, self._actions, self._releasing = self._keep, self._keep.tolist(), False
        self._thrust_n = self._no_gas
        self._jet = model.sampler.jet if model.sampler is not None else None
        self._needed = max(
            (tool.anchors_required for tool in (model.drill, model.sampler) if tool is not None), default=0
        )
        self._phase_seen: Codes | None = None
        self.watch_press_n = self._over_press_n = PRESS_MARGIN_N if model.drill is not None else np.inf
        self._enough = False

    def arm(self, now: RawSensors) -> None:
        """Enable outputs, holding the present position."""
        self.servo.hold(now.joint_position)
        self.state, self._hold_since_us = SafetyState.HOLD, now.time_us

    def disarm(self) -> None:
        """Brakes on, gas shut, anchors as they are."""
        self.state, self._command = SafetyState.DISARMED, None

    def safe(self, now: RawSensors) -> None:
        """Latch FAULT with the joints held by their brakes."""
        self.state, self._command = SafetyState.FAULT, None
        self.servo.hold(now.joint_position)

    def take(self, command: Command, now: RawSensors) -> None:
        """Accept or refuse a command that passed the host's limits."""
        if self.state is not SafetyState.ARMED and self.state is not SafetyState.HOLD:
            self.applied = Applied(command.seq, refused=True, why=f"device is {self.state.name}")
            return
        if command.valid_until_us <= now.time_us or command.seq <= self.applied.seq:
            self.stale_refused += 1
            self.applied = Applied(self.applied.seq, refused=True, why=f"command {command.seq} is stale")
            return
        self._command = command
        self.state = SafetyState.ARMED
        self.servo.take(command)
        actions = command.anchor_action.tolist()
        if actions != self._actions:  # seldom
            self._actions, self._releasing = actions, LET_GO in actions
            self._drive = DRIVE[command.anchor_action]
        self._phase_seen = None
        self.applied = Applied(command.seq)
        if self._stale:
            self._stale = False
            self.faults &= ~FaultFlag.STALE_COMMAND

    def tick(self, now: RawSensors) -> Efforts:
        """Efforts for the next plant step."""
        if self.state is not SafetyState.ARMED:
            return self._tick_unarmed(now)
        command = self._command
        assert command is not None
        if now.time_us > command.valid_until_us:
            self._go_to_hold(now)
            return self._tick_unarmed(now)
        if now.anchor_phase is not self._phase_seen:
            self._look_at_anchors(now)
        effort, saturated = self.servo.efforts(now.joint_position, now.joint_velocity)
        if self._model.drill is not None and (saturated or now.weight_on_bit_n > self.watch_press_n):
            self._drill_reflexes(command, now, effort, saturated)
        else:
            self._stalled_since_us = None
        anchor = self._anchor_drive(command, now) if self._releasing else self._drive
        return Efforts(effort, self.servo.braked, anchor, self._thrust_n, command.hammer)

    def unattended_us(self, now: RawSensors) -> int:
        """How long the servo alone may act from this reading on, 0 if the device must look now.

        Ends early when the measured weight on bit passes `watch_press_n` or the spindle saturates.
        """
        command = self._command
        if self.state is not SafetyState.ARMED or command is None or self._releasing:
            return 0
        if now.anchor_phase is not self._phase_seen:
            self._look_at_anchors(now)
        return max(0, command.valid_until_us - now.time_us)

    def went_unattended(self) -> None:
        """Say that the servo acted alone: no stall was seen."""
        self._stalled_since_us = None

    @property
    def valves(self) -> tuple[Codes, Vector, float]:
        """Gripper drives (limbs,), thrust (thrusters,) and hammer of the command in force."""
        command = self._command
        return self._drive, self._thrust_n if command else self._no_gas, command.hammer if command else 0.0

    def _look_at_anchors(self, now: RawSensors) -> None:
        """What too few anchors forbid: a jet at all, and weight on bit without asking the reflexes at once."""
        drill = self._model.drill
        self._phase_seen = now.anchor_phase
        self._enough = self._engaged(now) >= self._needed
        self._open_nozzles(now)
        if drill is None:
            return
        limit = float(self.servo.limit[drill.feed])
        self._over_press_n = max(OVER_PRESS * limit, limit + PRESS_MARGIN_N)
        self.watch_press_n = self._over_press_n if self._enough else PRESS_MARGIN_N

    def _open_nozzles(self, now: RawSensors) -> None:
        """A sampler's jet lifts the robot off the ground; the nozzles beside it hold it down, and need no anchor."""
        assert self._command is not None
        self._thrust_n, jet = self._command.thrust_n, self._jet
        if jet is None:
            return
        if self._enough or not self._thrust_n[jet] > 0.0:
            self.faults &= ~FaultFlag.JET_INTERLOCK
            return
        self._thrust_n = self._thrust_n.copy()
        self._thrust_n[jet] = 0.0
        self.faults |= FaultFlag.JET_INTERLOCK
        why = f"{self._engaged(now)} anchors engaged, the jet needs {self._needed}"
        self._limit(f"thrust_n:{self._model.thrusters[jet].name}", why)

    def _tick_unarmed(self, now: RawSensors) -> Efforts:
        if self.state is SafetyState.HOLD and now.time_us - self._hold_since_us > HOLD_TO_DISARM_US:
            self.disarm()
        if self.state is not SafetyState.HOLD:
            return Efforts(np.zeros(len(self._model.joints)), self._all_braked, self._keep, self._no_gas, 0.0)
        effort, _ = self.servo.efforts(now.joint_position, now.joint_velocity)
        return Efforts(effort, self.servo.braked, self._keep, self._no_gas, 0.0)

    def _go_to_hold(self, now: RawSensors) -> None:
        self.state, self._command, self._hold_since_us = SafetyState.HOLD, None, now.time_us
        self._stale = True
        self.faults |= FaultFlag.STALE_COMMAND
        self.servo.hold(now.joint_position)

    def _anchor_drive(self, command: Command, now: RawSensors) -> np.ndarray:
        """+1 engage, 0 hold, -1 release; release only when confirmed and with the drill off."""
        why = self._why_no_release(command, now)
        if not why:
            return self._drive
        self.faults |= FaultFlag.RELEASE_REFUSED
        self._limit("anchor_action", why)
        return np.maximum(self._drive, 0)

    def _why_no_release(self, command: Command, now: RawSensors) -> str:
        if command.release_confirm != command.seq:
            return "release without confirmation"
        drill = self._model.drill
        if drill is not None and abs(now.joint_velocity[drill.spindle]) > SPINDLE_OFF_RAD_S:
            return f"release with the spindle at {now.joint_velocity[drill.spindle]:.1f} rad/s"
        return ""

    def _drill_reflexes(self, command: Command, now: RawSensors, effort: np.ndarray, saturated: int) -> None:
        drill = self._model.drill
        assert drill is not None
        feed, spindle, weight = drill.feed, drill.spindle, now.weight_on_bit_n
        if weight > PRESS_MARGIN_N and effort[feed] > 0.0 and not self._enough:
            effort[feed] = 0.0
            why = f"{self._engaged(now)} anchors engaged, feed needs {self._needed}"
            self._flag(FaultFlag.FEED_INTERLOCK, why)
        limit = float(self.servo.limit[feed])
        if weight > self._over_press_n and effort[feed] > -limit:
            effort[feed] = -limit
            self._flag(FaultFlag.OVER_PRESS, f"weight-on-bit {weight:.1f} N above limit {limit:.1f} N")
        if not saturated >> spindle & 1:
            self._stalled_since_us = None
            return
        wanted, turning = float(command.joint_velocity[spindle]), float(now.joint_velocity[spindle])
        if abs(turning) >= STALL_SHARE * abs(wanted):
            self._stalled_since_us = None
        elif self._stalled_since_us is None:
            self._stalled_since_us = now.time_us
        elif now.time_us - self._stalled_since_us > STALL_US:
            effort[spindle], effort[feed] = 0.0, min(effort[feed], 0.0)
            self._flag(FaultFlag.SPINDLE_STALL, f"spindle at {turning:.2f} of {wanted:.2f} rad/s")

    def _engaged(self, now: RawSensors) -> int:
        return sum(phase in HOLDING for phase in now.anchor_phase.tolist())

    def _flag(self, fault: FaultFlag, why: str) -> None:
        self.faults |= fault
        self._limit("joint_effort:drill_feed", why)

    def _limit(self, channel: str, why: str) -> None:
        if channel not in self.applied.limited:
            self.applied = Applied(self.applied.seq, (*self.applied.limited, channel), False, why)
