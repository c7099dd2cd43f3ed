"""Bringing the bit home: the one place for how fast, and for where home is."""

from __future__ import annotations

from stope.control.goal import Goal, View

HOME_M = 2.0e-3  # feed below this: the bit is stowed
RETRACT_M_S = 0.02
ESCAPE_M_S = 0.05  # when the robot is coming off the ground, the bit is out of the hole as fast as the feed goes


def bring_home(view: View, goal: Goal, speed_m_s: float = RETRACT_M_S) -> bool:
    """Draw the bit back with all that the feed has; whether it is home. A robot without a drill is always home."""
    drill = view.model.drill
    if drill is None:
        return True
    home = bool(view.obs.joint_position[drill.feed] < HOME_M)
    goal.feed_velocity_m_s = 0.0 if home else -speed_m_s
    goal.feed_limit_n = 0.0 if home else view.model.joints[drill.feed].effort_max  # at home its brake holds it
    return home
