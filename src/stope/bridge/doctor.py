"""The doctor: is this robot wired as robot.yaml says? Joint by joint, with small moves and a hand on the e-stop.

A servo follows its encoder, so telemetry alone cannot see a wrong scale or a mirrored drive: the person says whether
the real joint moved as it should. What telemetry can see: a motor against its encoder (it would run away: stopped
within a fraction of the jog), swapped wires, a stuck or weak joint, velocity in another unit than position.
The robot is armed for each jog alone: while a person thinks, nothing tells the device that the host lives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stope.bridge.calibration import Calibration, JointCheck
from stope.bridge.disassemble import hold_command
from stope.bridge.errors import LinkError
from stope.bridge.serial_robot import SerialRobot
from stope.robot.messages import AnchorAction, JointMode, Observation, SafetyState
from stope.robot.model import Joint

PERIOD_US = 10_000
LIFETIME_US = 100_000
JOG = {"rad": 0.05, "m": 0.004}  #: largest jog; the arming tolerance of the firmware is 0.05 rad and 5 mm
OUT_US, STAY_US = 1_000_000, 300_000
RUNAWAY = 0.4  #: share of the jog that a joint may be off its reference in the wrong direction, or beyond
FOLLOWED = (0.8, 1.2)  #: share of the jog that must be seen
STILL = 0.2  #: share of the jog that another joint may move
VELOCITY = (0.7, 1.3)
MEANING = {
    "hip_yaw": "the limb turns to the left, seen from above",
    "hip_pitch": "the limb's outer end moves down",
    "knee": "the foot moves down and in",
    "feed": "the bit moves down",
    "spindle": "the bit turns to the left, seen from above",
    "drum": "the drum's lower edge moves aft",
}

Ask = Callable[[str], bool]
Tell = Callable[[str], None]


class RunawayError(LinkError):
    """A joint moved against its reference; the device was told to stop."""


@dataclass(slots=True)
class _Seen:
    """What telemetry said during one jog."""

    peak: float = 0.0
    travelled: float = 0.0
    effort: float = 0.0
    others: float = 0.0


def examine(
    robot: SerialRobot, ask: Ask | None = None, tell: Tell = lambda _: None, joints: Sequence[str] = ()
) -> Calibration:
    """Jog joint after joint of a connected and disarmed robot.

    Args:
        ask: a question to the person, True for yes; nobody is asked when None.
        tell: told what is done.
        joints: names; all when empty.

    Raises:
        RunawayError: a motor works against its encoder; the device was told to stop.
        KeyError: no such joint. LinkError: the link failed, or the device went safe.
    """
    model = robot.model
    indices = [model.joint(name) for name in joints] or list(range(len(model.joints)))
    checks = []
    for index in indices:
        joint = model.joints[index]
        if ask is not None and not ask(f"{joint.name}: jog it by {JOG[joint.unit]:g} {joint.unit} and back?"):
            tell(f"{joint.name}: left out")
            continue
        check = _check(robot, index)
        if check.good and ask is not None:
            check = _asked(check, joint, ask)
        tell(f"{joint.name}: {check.verdict}")
        checks.append(check)
    caps = robot.caps
    return Calibration(model.name, caps.identity, caps.firmware_text, caps.limits_hash, tuple(checks))


def _check(robot: SerialRobot, index: int) -> JointCheck:
    robot.arm()
    try:
        jogger = _Jogger(robot, index)
        start = jogger.settle()
        jog = _direction(jogger.joint, float(start.joint_position[index])) * JOG[jogger.joint.unit]
        end = jogger.move(jog)
        seen, jogger.seen = jogger.seen, _Seen()
        back = jogger.move(-jog)
    except BaseException:
        robot.safe("the doctor stopped")
        raise
    robot.disarm()
    moved = float(end.joint_position[index] - start.joint_position[index])
    check = JointCheck(
        joint=jogger.joint.name,
        unit=jogger.joint.unit,
        wanted=jog,
        moved=moved,
        returned=float(back.joint_position[index] - start.joint_position[index]),
        velocity_share=seen.travelled / moved if moved else 0.0,
        others=seen.others,
        peak_effort=seen.effort,
        seen=None,
        verdict="",
    )
    return replace(check, verdict=_verdict(check))


def _asked(check: JointCheck, joint: Joint, ask: Ask) -> JointCheck:
    meaning = MEANING[joint.role] if check.wanted > 0 else f"the opposite of: {MEANING[joint.role]}"
    right = ask(f"{joint.name}: did it move {abs(check.wanted):g} {joint.unit} so that {meaning}, and back?")
    verdict = "good" if right else "not as robot.yaml says: correct `sign` there, or the drive's gear ratio"
    return replace(check, seen=right, verdict=verdict)


def _verdict(check: JointCheck) -> str:
    share = check.moved / check.wanted
    if check.others > STILL * abs(check.wanted):
        return "another joint moved too: check which motor and encoder are wired to which channel"
    if not FOLLOWED[0] <= share <= FOLLOWED[1]:
        return f"moved {share:.0%} of what was asked: check that it is free, powered and strong enough"
    if abs(check.returned) > STILL * abs(check.wanted):
        return "did not come back to where it was: check the encoder for lost counts"
    if not VELOCITY[0] <= check.velocity_share <= VELOCITY[1]:
        return f"its velocity sums up to {check.velocity_share:.2f} times its move: check the unit and sign of velocity"
    return "good"


def _direction(joint: Joint, position: float) -> float:
    """Toward the farther limit, so that a joint at its stop can be jogged too."""
    if math.isinf(joint.position_max):
        return 1.0
    return 1.0 if joint.position_max - position >= position - joint.position_min else -1.0


class _Jogger:
    """Moves one joint about where it was when the robot armed; all others stay.

    Attributes:
        seen: what telemetry said since it was last replaced.
    """

    def __init__(self, robot: SerialRobot, index: int) -> None:
        self._robot, self._index = robot, index
        self._obs = robot.read()
        self._reference = self._obs.joint_position.copy()
        self.joint = robot.model.joints[index]
        self.seen = _Seen()

    def settle(self) -> Observation:
        """Let it find its rest under its own weight; what it reads then is where the jog is measured from."""
        until_us = self._obs.time_us + STAY_US
        while self._obs.time_us < until_us:
            self._turn(0.0, 0.0)
        return self._obs

    def move(self, jog: float) -> Observation:
        """Move by `jog` along a raised cosine and stay there; the last observation."""
        start = self._obs
        while (elapsed_us := self._obs.time_us - start.time_us) < OUT_US + STAY_US:
            phase = math.pi * min(elapsed_us / OUT_US, 1.0)
            reference = jog * 0.5 * (1.0 - math.cos(phase))
            before = self._obs
            self._turn(reference, jog * 0.5 * math.pi * math.sin(phase) / (OUT_US * 1e-6))
            self._watch(start, before, reference, jog)
        self._reference[self._index] += jog
        return self._obs

    def _turn(self, offset: float, rate: float) -> None:
        model, index = self._robot.model, self._index
        keep = np.full(len(model.limbs), int(AnchorAction.HOLD), dtype=np.int8)
        held = hold_command(model, self._reference, keep, self._obs.time_us + LIFETIME_US)
        position, velocity, mode = held.joint_position.copy(), held.joint_velocity.copy(), held.joint_mode.copy()
        position[index] += offset
        velocity[index] += rate
        mode[index] = JointMode.POSITION
        command = replace(held, seq=self._obs.seq, joint_position=position, joint_velocity=velocity, joint_mode=mode)
        self._robot.write(command)
        self._robot.wait(self._obs.time_us + PERIOD_US)
        self._obs = obs = self._robot.read()
        if obs.safety not in (SafetyState.HOLD, SafetyState.ARMED):
            raise LinkError(f"the device went {obs.safety.name} during the jog: {obs.applied.why or 'see its faults'}")

    def _watch(self, start: Observation, before: Observation, reference: float, jog: float) -> None:
        obs, seen = self._obs, self.seen
        offset = obs.joint_position - start.joint_position
        own = float(offset[self._index])
        seen.travelled += float(obs.joint_velocity[self._index]) * (obs.time_us - before.time_us) * 1e-6
        seen.effort = max(seen.effort, abs(float(obs.joint_effort[self._index])))
        seen.others = max(seen.others, float(np.abs(np.delete(offset, self._index)).max(initial=0.0)))
        way = math.copysign(1.0, jog)
        if own * way < -RUNAWAY * abs(jog) or (own - reference) * way > RUNAWAY * abs(jog):
            raise RunawayError(
                f"{self.joint.name} moved {own:.3f} where {reference:.3f} was asked: its motor works against its "
                "encoder, or another joint's encoder is on its channel; swap the motor's poles or the channel, then "
                "run the doctor again"
            )
