"""Recover: the anchors are said to be gone. Tools off, gas on, ask each grip, back to the ground, grip again.

    tools off -> draw the feet together -> grips that carry are kept -> enough of them: done
                                        -> press on with gas, open the empty ones, grip again

A grip is never opened while it carries load, nor while neither gas on standing feet nor enough other grips hold the
robot: the alarm may be wrong, and a grip that was opened is lost for certain.
"""

from __future__ import annotations

import math

import numpy as np

from stope.control.anchoring import AnchorController
from stope.control.contact import contact_speed_m_s
from stope.control.feed import ESCAPE_M_S, bring_home
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.gripcheck import CARRIES_S, DRAW_N, DRAW_S, GripCheck
from stope.control.impedance import FootImpedance
from stope.control.stance import Stance
from stope.mission.missionfile import Anchor
from stope.robot.messages import AnchorAction, AnchorPhase

RETURN_M_S = 0.04  # speed at which the robot is brought back down, or less where a touch must be slower
GAIN_1_S = 1.5  # thrust per speed error, in robot masses
PRESS_SHARE = 0.6  # of full thrust, once it stands: the feet are pressed on and gas is left for gripping
STOPPED_RAD_S = 0.3  # the device opens no gripper before the spindle stands
EMPTY_KG = 1e-3  # two deviations of a gauge; one that reads more of an empty tank is found out by the clock
GIVE_UP_S = 120.0
STANDING_FEET = 2  # as in the descent: the others are set down by gripping
SETTLED_M_S = 0.008
SETTLED_S = 0.5
SAFE_GRIPS = 3  # that fix a body without gas
SETTLE_S = DRAW_S + 2.0 * CARRIES_S  # after which what the drawn feet feel says which grips carry


class RecoverController:
    """Outcome SUCCEEDED: anchored, again or still. FAILED: drifting, with speed and escape verdict.

    Args:
        escape_speed_m_s: believed escape speed at the site; infinite on a bench.
        min_anchors: how many must hold again.
    """

    def __init__(self, stance: Stance, escape_speed_m_s: float, min_anchors: int) -> None:
        self._stance, self._escape = stance, escape_speed_m_s
        self._min_anchors = min_anchors
        self._return_m_s = min(RETURN_M_S, contact_speed_m_s(escape_speed_m_s))
        self._elapsed_s = self.fastest_m_s = 0.0
        self.progress = Progress("tools off")
        self._begin()

    def _begin(self) -> None:
        """From the start: which grips carry is to be seen anew."""
        limbs = len(self._stance.feet_m)
        self._check = GripCheck(limbs)
        self._still_s = self._drawn_s = 0.0
        self._drawn_m: np.ndarray | None = None
        self._kept: np.ndarray | None = None
        self._gripping: AnchorController | None = None
        self._held = False

    def update(self, view: View) -> Goal:
        """One tick."""
        self._elapsed_s += view.dt_s
        self.fastest_m_s = max(self.fastest_m_s, _speed(view))
        if self._held and not view.anchored.any():
            self._begin()  # lost once more
        self._held = bool(view.anchored.any())
        self._check.update(view)
        if self._gripping is not None:
            return self._grip_again(view, self._gripping)
        goal = Goal.still(self._stance.feet_m, view.model)
        home = _tools_off(view, goal)
        self._press_down(view, goal)
        self._draw(view, goal, home)
        carry = self._check.carries if self._kept is None else self._kept
        self.progress = Progress(f"hold-down, {100.0 * view.estimate.climb_m_s:+.1f} cm/s")
        enough = self._kept is None and self._drawn_s >= SETTLE_S and bool(carry.sum() >= self._min_anchors)
        gasless = bool(view.model.thrusters) and view.obs.propellant_kg < EMPTY_KG
        if enough and self._believed(view, goal, carry):
            self._still_anchored(carry)
        elif (gasless and not enough) or self._elapsed_s > GIVE_UP_S:
            self._lost(view)
        elif not enough and self._drawn_s >= SETTLE_S and (self._still_s >= SETTLED_S or carry.sum() >= SAFE_GRIPS):
            if view.obs.propellant_kg < self._gas_needed_kg(view, carry):
                self._lost(view, "too little to press the feet on while they grip again")
            else:
                self._open_empty(view, goal, carry)
        return goal

    def _gas_needed_kg(self, view: View, carry: np.ndarray) -> float:
        """Propellant that presses the feet on until open grips have bitten; nothing once they began to open."""
        nozzles = view.model.hold_down_nozzles
        if not nozzles or self._kept is not None or carry.sum() >= SAFE_GRIPS:
            return 0.0
        per_s = sum(PRESS_SHARE * each.max_n / each.exhaust_m_s for each in nozzles)
        return 2.0 * max(limb.gripper.engage_s for limb in view.model.limbs) * per_s

    def _draw(self, view: View, goal: Goal, home: bool) -> None:
        """Draw the closed feet toward each other from where they are: what holds feels it, what is empty does not."""
        closed = view.obs.anchor_phase != AnchorPhase.OPEN
        if self._drawn_m is None:
            # What is gripped is not pulled at: it stays where it is, and only an open foot goes to its place.
            self._stance.feet_m = np.where(closed[:, None], view.kinematics.feet_m, self._stance.nominal_m)
            draw = FootImpedance(view.model).draw_m(view.kinematics, self._stance.outward, DRAW_N)
            self._drawn_m = np.where(closed[:, None], draw, 0.0)
        if home:
            self._drawn_s += view.dt_s
        goal.feet_base_m = self._stance.feet_m + min(1.0, self._drawn_s / DRAW_S) * self._drawn_m

    def _press_down(self, view: View, goal: Goal) -> None:
        """Thrust that brings the robot down at `RETURN_M_S` or less, and then presses it on."""
        full = sum(nozzle.max_n for nozzle in view.model.hold_down_nozzles)
        climb, standing = view.estimate.climb_m_s, int(view.estimate.contact.sum())
        want = GAIN_1_S * view.kinematics.mass_kg * (self._return_m_s + climb)
        goal.hold_down_n = PRESS_SHARE * full if standing else min(max(want, 0.0), full)
        enough = standing >= min(STANDING_FEET, len(view.anchored))
        # A grip that carries ties the robot down; what an inertial unit then says of climbing is its own affair.
        still = abs(climb) < SETTLED_M_S or bool(self._check.carries.any())
        self._still_s = self._still_s + view.dt_s if enough and still else 0.0

    def _believed(self, view: View, goal: Goal, carry: np.ndarray) -> bool:
        """Trust what carries; whether the belief does so by now, for whoever comes next goes by that."""
        waiting = carry & ~view.anchored
        goal.trusted = tuple(np.flatnonzero(waiting).tolist())
        return not waiting.any()

    def _still_anchored(self, carry: np.ndarray) -> None:
        reason = (
            f"{int(carry.sum())} of {len(carry)} grips still carry load and stay closed, "
            f"fastest {100.0 * self.fastest_m_s:.1f} cm/s"
        )
        self.progress = Progress("still anchored", Outcome.SUCCEEDED, "anchors.lost", reason, self.fastest_m_s, "m/s")

    def _open_empty(self, view: View, goal: Goal, carry: np.ndarray) -> None:
        """Keep and trust what carries, open the rest; then grip again with what is open."""
        self._kept = carry.copy()
        waiting = carry & ~view.anchored
        goal.trusted = tuple(np.flatnonzero(waiting).tolist())
        empty = (view.obs.anchor_phase != AnchorPhase.OPEN) & ~carry
        goal.anchor_action[empty], goal.release = int(AnchorAction.RELEASE), bool(empty.any())
        self.progress = Progress(f"{int(carry.sum())} grips carry, opening {int(empty.sum())}")
        if empty.any() or waiting.any():
            return
        self._stance.feet_m = np.where(carry[:, None], goal.feet_base_m, self._stance.feet_m)
        task = Anchor(task="anchor", min_anchors=self._min_anchors, preload_n=0.0)
        self._gripping = AnchorController(task, self._stance, goal.hold_down_n, carry)

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
        kept = int(self._check.carries.sum())
        tied = f", {kept} grips carry load and stay closed" if kept else ""
        reason = (
            f"not anchored after {self._elapsed_s:.0f} s{gas}{': ' + why if why else ''}{tied}; "
            f"drifts at {100.0 * speed:.1f} cm/s, {verdict}"
        )
        self.progress = Progress("lost", Outcome.FAILED, "robot.lost", reason, speed, "m/s")


def _tools_off(view: View, goal: Goal) -> bool:
    """Bit home, spindle and drums at rest; whether it is so."""
    drill = view.model.drill
    home = bring_home(view, goal, ESCAPE_M_S)
    return home and (drill is None or abs(float(view.obs.joint_velocity[drill.spindle])) < STOPPED_RAD_S)


def _speed(view: View) -> float:
    return float(np.linalg.norm(view.estimate.velocity_m_s))
