"""Recover: the anchors are gone and the robot is moving. Tools off, gas on, back to the ground, grip again."""

from __future__ import annotations

import math

import numpy as np

from stope.control.anchoring import AnchorController
from stope.control.feed import ESCAPE_M_S, bring_home
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.stance import Stance
from stope.mission.missionfile import Anchor
from stope.robot.messages import AnchorAction, AnchorPhase

RETURN_M_S = 0.04  # speed at which the robot is brought back down
GAIN_1_S = 1.5  # thrust per speed error, in robot masses
PRESS_SHARE = 0.6  # of full thrust, once it stands: the feet are pressed on and gas is left for gripping
STOPPED_RAD_S = 0.3  # the device opens no gripper before the spindle stands
EMPTY_KG = 1e-3  # two deviations of a gauge; one that reads more of an empty tank is found out by the clock
GIVE_UP_S = 120.0
STANDING_FEET = 2  # as in the descent: the others are set down by gripping
SETTLED_M_S = 0.008
SETTLED_S = 0.5


class RecoverController:
    """Outcome SUCCEEDED: anchored again. FAILED: drifting, with speed and escape verdict.

    Args:
        escape_speed_m_s: believed escape speed at the site; infinite on a bench.
        min_anchors: how many must hold again.
    """

    def __init__(self, stance: Stance, escape_speed_m_s: float, min_anchors: int) -> None:
        self._stance, self._escape = stance, escape_speed_m_s
        self._min_anchors = min_anchors
        self._elapsed_s = self._still_s = 0.0
        self._gripping: AnchorController | None = None
        self._held = False
        self.fastest_m_s = 0.0
        self.progress = Progress("tools off")

    def update(self, view: View) -> Goal:
        """One tick."""
        self._elapsed_s += view.dt_s
        self.fastest_m_s = max(self.fastest_m_s, _speed(view))
        if self._gripping is not None and self._held and not view.anchored.any():
            self._gripping, self._still_s = None, 0.0  # lost once more: from the start
        self._held = bool(view.anchored.any())
        if self._gripping is not None:
            return self._grip_again(view, self._gripping)
        goal = Goal.still(self._stance.nominal_m, view.model)
        home = _tools_off(view, goal)
        grips_open = bool((view.obs.anchor_phase == AnchorPhase.OPEN).all())
        self._press_down(view, goal)
        out_of_gas = bool(view.model.thrusters) and view.obs.propellant_kg < EMPTY_KG
        if out_of_gas or self._elapsed_s > GIVE_UP_S:
            self._lost(view)
        elif self._still_s >= SETTLED_S and grips_open and home:
            self._stance.feet_m = self._stance.nominal_m.copy()
            task = Anchor(task="anchor", min_anchors=self._min_anchors, preload_n=0.0)
            self._gripping = AnchorController(task, self._stance, goal.hold_down_n)
        else:
            self.progress = Progress(f"hold-down, {100.0 * view.estimate.climb_m_s:+.1f} cm/s")
        return goal

    def _press_down(self, view: View, goal: Goal) -> None:
        """Thrust that brings the robot down at `RETURN_M_S`, and then presses it on."""
        full = sum(thruster.max_n for thruster in view.model.thrusters)
        climb, standing = view.estimate.climb_m_s, int(view.estimate.contact.sum())
        want = GAIN_1_S * view.kinematics.mass_kg * (RETURN_M_S + climb)
        goal.hold_down_n = PRESS_SHARE * full if standing else min(max(want, 0.0), full)
        enough = standing >= min(STANDING_FEET, len(view.anchored))
        self._still_s = self._still_s + view.dt_s if enough and abs(climb) < SETTLED_M_S else 0.0

    def _grip_again(self, view: View, gripping: AnchorController) -> Goal:
        goal = gripping.update(view)
        if gripping.progress.outcome is Outcome.SUCCEEDED:
            reason = (
                f"anchored again on {int(view.anchored.sum())} of {len(view.anchored)} grippers after "
                f"{self._elapsed_s:.0f} s, fastest {100.0 * self.fastest_m_s:.1f} cm/s"
            )
            self.progress = Progress(
                "anchored again", Outcome.SUCCEEDED, "anchors.lost", reason, self.fastest_m_s, "m/s"
            )
        elif gripping.progress.outcome is Outcome.FAILED:
            self._lost(view, gripping.progress.reason)
        else:
            self.progress = Progress(f"gripping again: {gripping.progress.phase}")
        return goal

    def _lost(self, view: View, why: str = "") -> None:
        speed = _speed(view)
        escape = f"the escape speed of {100.0 * self._escape:.1f} cm/s"
        verdict = (
            "nothing escapes from here"
            if math.isinf(self._escape)
            else f"{'above' if speed >= self._escape else 'below'} {escape}"
        )
        gas = f" with {view.obs.propellant_kg:.3f} kg of gas left" if view.model.thrusters else ""
        reason = (
            f"not anchored after {self._elapsed_s:.0f} s{gas}{': ' + why if why else ''}; "
            f"drifts at {100.0 * speed:.1f} cm/s, {verdict}"
        )
        self.progress = Progress("lost", Outcome.FAILED, "robot.lost", reason, speed, "m/s")


def _tools_off(view: View, goal: Goal) -> bool:
    """Bit home, spindle and drums at rest, then the empty grippers open; whether the bit is home."""
    drill = view.model.drill
    home = bring_home(view, goal, ESCAPE_M_S)
    stopped = drill is None or abs(float(view.obs.joint_velocity[drill.spindle])) < STOPPED_RAD_S
    closed = view.obs.anchor_phase != AnchorPhase.OPEN
    if stopped and closed.any():
        goal.anchor_action[closed], goal.release = int(AnchorAction.RELEASE), True
    return home


def _speed(view: View) -> float:
    return float(np.linalg.norm(view.estimate.velocity_m_s))
