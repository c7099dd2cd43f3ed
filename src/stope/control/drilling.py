"""Drill: weight-on-bit as large as the anchors are believed to pay, and no larger."""

from __future__ import annotations

import numpy as np

from stope.belief.rock import RockBelief
from stope.control.anchoring import preload
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.stance import Stance
from stope.mission.missionfile import DrillTask
from stope.physics.drilling import CoreBit
from stope.robot.model import Drill

LEAST_WEIGHT_N = 5.0  # below this a bit polishes: not worth the anchors' risk
TOUCH_N = 2.0
APPROACH_M_S = 0.015  # a velocity servo of 600 N s/m then meets the ground with 9 N
APPROACH_PUSH_N = 10.0
RETRACT_M_S = 0.02
HOME_M = 2.0e-3
WEIGHT_RAMP_N_S = 10.0
TRIM_1_S = 0.5  # integral of the weight-on-bit error into the push: carriage weight and friction
TRIM_MAX_N = 15.0
BOUND_SHARE = 0.95  # of the anchors' reserve that is aimed at: what the servo overshoots stays inside the bound
LIMIT_OVER_TARGET = 1.1  # feed effort limit handed to the device, over the wanted push; never above the reserve
TRACK_S = 1.5  # of the depth filter: encoder noise of 0.1 mm at 100 Hz becomes 3 um and 3 um/s
STALLED_M = 3.0e-3  # planner.md 5.4: less than 1 mm/min ...
STALLED_S = 180.0  # ... for three minutes


class DrillController:
    """Spin up, touch, drill under the bound, retract.

    Args:
        rock: estimate of specific energy, updated while drilling.
        preload_n: shear preload that the anchors keep.
    """

    def __init__(self, task: DrillTask, stance: Stance, rock: RockBelief, preload_n: float) -> None:
        self._task, self._stance, self._rock, self._preload_n = task, stance, rock, preload_n
        self._phase = "check"
        self._collar_m: np.ndarray | None = None
        self._push_n = self._trim_n = 0.0
        self._depth_m = self._rate_m_s = self._deepest_m = 0.0
        self._mark_m = self._since_mark_s = 0.0
        self._ending: Progress | None = None
        self.progress = Progress("check")

    def update(self, view: View) -> Goal:
        """One tick of the phase that the hole is in."""
        goal = Goal.still(self._stance.feet_m, view.model)
        goal.foot_force_n = preload(view, self._stance, self._preload_n)
        if self._phase == "check":
            self._check(view)
        if self.progress.outcome is not Outcome.RUNNING:
            return goal
        self._measure(view)
        self._pay_reaction(view, goal)
        goal.spindle_rad_s = self._task.spindle_rad_s
        if self._phase == "touch":
            self._touch(view, goal)
        elif self._phase == "drill":
            self._drill(view, goal)
        else:
            self._retract(view, goal)
        return goal

    def bound_n(self, view: View) -> float:
        """Weight-on-bit to aim at: what was asked, or less if the anchors are believed to pay less."""
        return min(self._task.weight_on_bit_max_n, BOUND_SHARE * view.reserve_n)

    def _check(self, view: View) -> None:
        bound = self.bound_n(view)
        if bound < LEAST_WEIGHT_N:
            reason = f"weight-on-bit bound is {bound:.1f} N, drilling needs at least {LEAST_WEIGHT_N:.0f} N"
            reason += f" ({view.binding})" if view.binding else ""
            self.progress = Progress("refused", Outcome.REFUSED, "drill.no_reserve", reason, bound, "N")
        else:
            self._phase, self.progress = "touch", Progress("touch")

    def _measure(self, view: View) -> None:
        """Follow depth and rate of penetration."""
        if self._collar_m is None:
            return
        drill, tip = view.model.drill, _tip_m(view)
        assert drill is not None
        # Encoders see the feed, not the bit: the string between them is shorter by what it is pressed with.
        shorter = max(view.obs.weight_on_bit_n, 0.0) / drill.string_stiffness_n_m
        depth = float((self._collar_m - tip) @ view.estimate.rotation[:, 2]) - shorter
        # Critically damped tracking filter: a plain difference of encoder readings is 1 mm/s of noise, and what is
        # looked for is 1 mm/min.
        error = depth - self._depth_m
        self._depth_m += (self._rate_m_s + 2.0 / TRACK_S * error) * view.dt_s
        self._rate_m_s += error / TRACK_S**2 * view.dt_s

    def _pay_reaction(self, view: View, goal: Goal) -> None:
        """The rock lifts the robot by the weight on bit and turns it against the spindle."""
        drill = view.model.drill
        assert drill is not None
        torque = float(view.obs.joint_effort[drill.spindle])
        weight = self._push_n if self._phase == "drill" else max(view.obs.weight_on_bit_n, 0.0)
        goal.tool_wrench = np.array((0.0, 0.0, weight, 0.0, 0.0, -torque))

    def _touch(self, view: View, goal: Goal) -> None:
        goal.feed_velocity_m_s, goal.feed_limit_n = APPROACH_M_S, APPROACH_PUSH_N + TRIM_MAX_N
        if view.obs.weight_on_bit_n > TOUCH_N:
            self._collar_m = _tip_m(view)
            self._phase, self._push_n = "drill", view.obs.weight_on_bit_n
        drill = view.model.drill
        assert drill is not None
        end = view.model.joints[drill.feed].position_max
        if view.obs.joint_position[drill.feed] > end - HOME_M:
            self._end("drill.no_ground", f"no ground within the feed's {end:.2f} m of travel", end, "m")
        self.progress = Progress("touch")

    def _drill(self, view: View, goal: Goal) -> None:
        bound = self.bound_n(view)
        step = WEIGHT_RAMP_N_S * view.dt_s
        self._push_n += min(max(bound - self._push_n, -5.0 * step), step)
        error = self._push_n - view.obs.weight_on_bit_n
        self._trim_n = min(max(self._trim_n + TRIM_1_S * error * view.dt_s, -TRIM_MAX_N), TRIM_MAX_N)
        goal.feed_velocity_m_s = max(self._rate_m_s, 0.0)
        goal.feed_push_n = self._push_n + self._trim_n
        goal.feed_limit_n = min(LIMIT_OVER_TARGET * self._push_n + abs(self._trim_n) + TOUCH_N, view.reserve_n)
        self._learn(view)
        if bound < LEAST_WEIGHT_N:
            self._end("drill.no_reserve", f"weight-on-bit bound fell to {bound:.1f} N", bound, "N")
        self._deepest_m = max(self._deepest_m, self._depth_m)
        if self._depth_m >= self._task.depth_m:
            self._phase = "retract"
        self._watch_for_stall(view)
        self.progress = Progress("drill", depth_m=self._deepest_m, penetration_m_s=self._rate_m_s)

    def _watch_for_stall(self, view: View) -> None:
        self._since_mark_s += view.dt_s
        if self._depth_m >= self._mark_m + STALLED_M:
            self._mark_m, self._since_mark_s = self._depth_m, 0.0
        elif self._since_mark_s > STALLED_S:
            rate = 60e3 * (self._depth_m - self._mark_m) / self._since_mark_s
            reason = (
                f"{rate:.2f} mm/min over {STALLED_S:.0f} s at {self._push_n:.0f} N and {1e3 * self._depth_m:.1f} mm "
                f"depth, less than {60e3 * STALLED_M / STALLED_S:.0f} mm/min is not worth it"
            )
            self._end("drill.stalled", reason, rate, "mm/min")

    def _learn(self, view: View) -> None:
        drill = view.model.drill
        assert drill is not None
        self._rock.update(
            view.obs.weight_on_bit_n,
            abs(float(view.obs.joint_effort[drill.spindle])),
            abs(float(view.obs.joint_velocity[drill.spindle])),
            self._rate_m_s,
            view.dt_s,
            drill.blow_energy_j > 0.0,
        )

    def _retract(self, view: View, goal: Goal) -> None:
        drill = view.model.drill
        assert drill is not None
        goal.feed_velocity_m_s, goal.feed_limit_n = -RETRACT_M_S, view.model.joints[drill.feed].effort_max
        home = view.obs.joint_position[drill.feed] < HOME_M
        if home:
            goal.spindle_rad_s, goal.feed_velocity_m_s = 0.0, 0.0
        stopped = abs(view.obs.joint_velocity[drill.spindle]) < 0.3
        depth = self._deepest_m
        if not (home and stopped):
            self.progress = Progress("retract", depth_m=depth)
        elif self._ending is not None:
            self.progress = self._ending
        else:
            self.progress = Progress("out of the hole", Outcome.SUCCEEDED, depth_m=depth)

    def wind_up(self, ending: Progress) -> None:
        """Come out of the hole, then report `ending`."""
        if self._ending is None and self._phase != "check":
            self._phase, self._ending = "retract", ending

    def _end(self, code: str, reason: str, value: float, unit: str) -> None:
        self.wind_up(Progress("out of the hole", Outcome.FAILED, code, reason, value, unit, self._deepest_m))


def _tip_m(view: View) -> np.ndarray:
    """(3,) the unloaded bit's tip, site frame."""
    return np.asarray(view.estimate.position_m + view.estimate.rotation @ view.kinematics.bit_tip_m)


def unknown_rock(drill: Drill, energy_ratio: float) -> RockBelief:
    """A rock estimate before the first turn, for this drill's kerf and hammer."""
    bit = CoreBit(drill.bit_outer_m, drill.bit_inner_m, drill.blow_energy_j, drill.blow_rate_hz)
    return RockBelief(bit.kerf_m2, energy_ratio, bit.blow_power_w)
