"""Goal: what a task's controller asks for in one tick; and the view of the robot that it decides on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Protocol, runtime_checkable

import numpy as np

from stope.belief.anchors import AnchorBelief
from stope.control.estimator import BaseEstimate
from stope.control.kinematics import Kinematics
from stope.robot.messages import AnchorAction, Codes, Observation, Vector
from stope.robot.model import RobotModel


@dataclass(frozen=True, slots=True)
class View:
    """Everything a controller may know in this tick. All of it measured or believed, nothing true.

    Attributes:
        anchored: (L,) bool, anchors believed to hold.
        reserve_n: largest push of the tool that the anchors can pay at the stated risk, N: weight-on-bit, or for a
            robot with a gas sampler and no drill thrust of its jet.
        reserve_nm: largest torque about the bit's axis that they can pay while the bit carries no weight, N m.
        torque_per_weight_m: spindle torque per newton of weight that `reserve_n` already pays.
        margins: (L,) 1 - measured over allowed utilisation per anchor: 1 when unloaded, 0 at the bound.
        margin: the worst of them.
        dt_s: control period.
        binding: what bounds the reserve, one clause for people; empty while nothing does.
    """

    obs: Observation
    estimate: BaseEstimate
    kinematics: Kinematics
    belief: AnchorBelief
    model: RobotModel
    anchored: np.ndarray
    reserve_n: float
    margin: float
    margins: Vector
    dt_s: float
    binding: str = ""
    reserve_nm: float = 0.0
    torque_per_weight_m: float = 0.0

    @property
    def time_s(self) -> float:
        """Device time, s."""
        return self.obs.time_us * 1e-6


@dataclass(slots=True)
class Goal:
    """What the posture, the distribution and the tools should do next.

    Attributes:
        feet_base_m: (L, 3) where each foot should be, base frame.
        foot_force_n: (L, 3) force of the ground that each foot should carry, base frame (preload, press, pull test).
        insist: (L,) weight of that wish against the others'.
        proof: limb whose anchor is being tested, -1 for none: what is believed of it does not bound its load.
        tool_wrench: (6,) reaction of the tools on the base to be paid, base frame.
        feed_velocity_m_s, feed_push_n, feed_limit_n: drill feed; spindle_limit_nm: most torque for the spindle.
        hammer: share of the blow energy, 0..1.
        spindle_rad_s: spindle; drum_rad_s: (drums,) signed by the URDF.
        anchor_action: (L,) `AnchorAction`; release: confirm a RELEASE.
        hold_down_n: total cold-gas thrust; jet_n: thrust of the gas sampler's nozzle.
        stiffness: share of the limbs' servo stiffness, 0 < s <= 1; below 1 they give way to a touch.
        trusted: limbs whose anchors were given up and are found to carry load after all.
    """

    feet_base_m: Vector
    foot_force_n: Vector
    insist: Vector
    anchor_action: Codes
    tool_wrench: Vector = field(default_factory=lambda: np.zeros(6))
    feed_velocity_m_s: float = 0.0
    feed_push_n: float = 0.0
    feed_limit_n: float = 0.0
    spindle_rad_s: float = 0.0
    spindle_limit_nm: float = math.inf
    hammer: float = 0.0
    drum_rad_s: Vector = field(default_factory=lambda: np.zeros(0))
    release: bool = False
    proof: int = -1
    hold_down_n: float = 0.0
    jet_n: float = 0.0
    stiffness: float = 1.0
    trusted: tuple[int, ...] = ()

    @classmethod
    def still(cls, feet_base_m: Vector, model: RobotModel) -> Goal:
        """Hold these feet, tools off, grippers as they are."""
        limbs = len(model.limbs)
        return cls(
            feet_base_m=feet_base_m.copy(),
            foot_force_n=np.zeros((limbs, 3)),
            insist=_evenly(limbs).copy(),
            anchor_action=_held(limbs).copy(),
            drum_rad_s=np.zeros(len(model.drums.joints) if model.drums else 0),
        )


# Made once: a copy costs a fifth of making them, in every tick.


@cache
def _evenly(limbs: int) -> Vector:
    return np.ones(limbs)


@cache
def _held(limbs: int) -> Codes:
    return np.full(limbs, int(AnchorAction.HOLD), dtype=np.int8)


class Outcome(Enum):
    """Where a task stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  #: tried and did not reach its post-condition
    REFUSED = "refused"  #: not begun, because what it needs is not there


@dataclass(frozen=True, slots=True)
class Progress:
    """What a controller says of itself after a tick.

    Attributes:
        phase: short text for the progress line.
        code: reason code of a failure or refusal, for machines; `reason` the sentence with the measured value.
        depth_m: hole depth as measured; penetration_m_s: rate of penetration.
    """

    phase: str
    outcome: Outcome = Outcome.RUNNING
    code: str = ""
    reason: str = ""
    value: float = 0.0
    unit: str = "1"
    depth_m: float = 0.0
    penetration_m_s: float = 0.0


class TaskController(Protocol):
    """One task's control law, ticked at the control rate. The door for controllers of one's own."""

    @property
    def progress(self) -> Progress:
        """State after the last tick."""

    def update(self, view: View) -> Goal:
        """What to do next."""


@runtime_checkable
class WindsUp(TaskController, Protocol):
    """A controller whose tool is in the ground: out of time, it brings the tool home before it reports."""

    def wind_up(self, ending: Progress) -> None:
        """Come to an end in good order and then report `ending`; a later call changes nothing."""
