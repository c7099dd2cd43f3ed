"""Descend: fall to the ground at a chosen speed under cold-gas hold-down, and stay there."""

from __future__ import annotations

import math

from stope.control.contact import contact_speed_m_s
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.stance import Stance
from stope.mission.missionfile import Descend

SPEED_GAIN_1_S = 1.5  # thrust per speed error, in robot masses
SETTLED_M_S = 0.006
SETTLED_S = 0.5
STANDING_FEET = 2  # steered thrust keeps it level on two; the other feet are set down by the anchor task


class DescendController:
    """Controls the descent until at least two feet stand still on the ground.

    Args:
        escape_speed_m_s: believed, at the site; the contact speed asked for is lowered to what cannot bounce away.
    """

    def __init__(self, task: Descend, stance: Stance, escape_speed_m_s: float = math.inf) -> None:
        self._task, self._stance = task, stance
        self._contact_m_s = min(task.contact_speed_m_s, contact_speed_m_s(escape_speed_m_s))
        self._still_s = 0.0
        self.progress = Progress("falling")

    def update(self, view: View) -> Goal:
        """Thrust toward the contact speed; hold-down from the first touch, never so much that it falls faster."""
        goal = Goal.still(self._stance.feet_m, view.model)
        goal.stiffness = view.model.contact_stiffness_share
        standing = int(view.estimate.contact.sum())
        if standing == 0:
            down = -view.estimate.climb_m_s
            want = SPEED_GAIN_1_S * view.kinematics.mass_kg * (self._contact_m_s - down)
            goal.hold_down_n = min(max(want, 0.0), self._task.hold_down_n)
            self._still_s = 0.0
            self.progress = Progress(f"falling at {100.0 * down:.1f} cm/s")
            return goal
        # Full thrust stops a rebound; falling again, it must not drive the other feet in faster than the first.
        falling = max(0.0, -view.estimate.climb_m_s) / self._contact_m_s
        goal.hold_down_n = self._task.hold_down_n * max(0.0, 1.0 - falling)
        slow = abs(view.estimate.climb_m_s) < SETTLED_M_S and standing >= STANDING_FEET
        self._still_s = self._still_s + view.dt_s if slow else 0.0
        done = self._still_s >= SETTLED_S
        self.progress = Progress(f"{standing} feet down", Outcome.SUCCEEDED if done else Outcome.RUNNING)
        return goal
