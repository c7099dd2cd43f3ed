"""Recover: the anchors are gone and the robot is moving. Tools off, gas on, back to the ground, grip again."""

from __future__ import annotations

import numpy as np

from stope.control.anchoring import AnchorController
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.stance import Stance
from stope.mission.missionfile import Anchor
from stope.robot.messages import AnchorAction, AnchorPhase

RETURN_M_S = 0.04  # speed at which the robot is brought back down
GAIN_1_S = 1.5
FULL_N = 12.0
RETRACT_M_S = 0.05
EMPTY_KG = 1e-3
GIVE_UP_S = 120.0
STANDING_FEET = 3
SETTLED_M_S = 0.008
SETTLED_S = 0.5


class RecoverController:
    """Outcome SUCCEEDED: anchored again. FAILED: drifting, with speed and escape verdict.

    Args:
        escape_speed_m_s: believed escape speed at the site.
    """

    def __init__(self, stance: Stance, escape_speed_m_s: float, min_anchors: int) -> None:
        self._stance, self._escape = stance, escape_speed_m_s
        self._min_anchors = min_anchors
        self._elapsed_s = self._still_s = 0.0
        self._gripping: AnchorController | None = None
        self.fastest_m_s = 0.0
        self.progress = Progress("tools off")

    def update(self, view: View) -> Goal:
        """One tick."""
        self._elapsed_s += view.dt_s
        speed = float(np.linalg.norm(view.estimate.velocity_m_s))
        self.fastest_m_s = max(self.fastest_m_s, speed)
        if self._gripping is not None:
            return self._grip_again(view)
        goal = Goal.still(self._stance.nominal_m, view.model)
        drill = view.model.drill
        if drill is not None:
            home = view.obs.joint_position[drill.feed] < 2e-3
            goal.feed_velocity_m_s = 0.0 if home else -RETRACT_M_S
            goal.feed_limit_n = view.model.joints[drill.feed].effort_max
        closed = view.obs.anchor_phase != AnchorPhase.OPEN
        if closed.any() and (drill is None or abs(view.obs.joint_velocity[drill.spindle]) < 0.3):
            goal.anchor_action[closed], goal.release = int(AnchorAction.RELEASE), True
        climb = view.estimate.climb_m_s
        standing = int(view.estimate.contact.sum())
        want = GAIN_1_S * view.kinematics.mass_kg * (RETURN_M_S + climb)
        goal.hold_down_n = FULL_N * 0.6 if standing else min(max(want, 0.0), FULL_N)
        slow = standing >= STANDING_FEET and abs(climb) < SETTLED_M_S
        self._still_s = self._still_s + view.dt_s if slow else 0.0
        if view.obs.propellant_kg < EMPTY_KG or self._elapsed_s > GIVE_UP_S:
            self._lost(speed, view)
        elif self._still_s >= SETTLED_S and not closed.any():
            self._stance.feet_m = self._stance.nominal_m.copy()
            task = Anchor(task="anchor", min_anchors=self._min_anchors, preload_n=0.0)
            self._gripping = AnchorController(task, self._stance, goal.hold_down_n)
        else:
            self.progress = Progress(f"hold-down, {100.0 * climb:+.1f} cm/s")
        return goal

    def _grip_again(self, view: View) -> Goal:
        assert self._gripping is not None
        goal = self._gripping.update(view)
        inner = self._gripping.progress
        if inner.outcome is Outcome.SUCCEEDED:
            holding = int(view.anchored.sum())
            reason = f"anchored again on {holding} grippers, fastest {100.0 * self.fastest_m_s:.1f} cm/s"
            self.progress = Progress("anchored again", Outcome.SUCCEEDED, "anchors.lost", reason, self.fastest_m_s, "m/s")
        elif inner.outcome is Outcome.FAILED:
            self._lost(float(np.linalg.norm(view.estimate.velocity_m_s)), view)
        else:
            self.progress = Progress(f"gripping again: {inner.phase}")
        return goal

    def _lost(self, speed: float, view: View) -> None:
        verdict = "above" if speed >= self._escape else "below"
        reason = (
            f"not anchored after {self._elapsed_s:.0f} s with {view.obs.propellant_kg:.3f} kg of gas left; drifts at "
            f"{100.0 * speed:.1f} cm/s, {verdict} the escape speed of {100.0 * self._escape:.1f} cm/s"
        )
        self.progress = Progress("lost", Outcome.FAILED, "robot.lost", reason, speed, "m/s")
