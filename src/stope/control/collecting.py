"""Collect: lower the body until the counter-rotating drums bite, sweep until they hold what was asked, and weigh them.

    check -> tare -> lower -> dig -> raise -> weigh -> lower again for what is missing, or the end

How fast body and drums move is what the anchors have left (`control.allowance`) and what the reserve allows the drums.
"""

from __future__ import annotations

import math

import numpy as np

from stope.control.allowance import Allowance
from stope.control.anchoring import preload
from stope.control.distribution import LARGEST_RESERVE_N
from stope.control.drumlevel import DrumLevel
from stope.control.drumscale import DrumScale, believed_kg, load_kg
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.limited import LimitedBy
from stope.control.stance import Stance
from stope.mission.missionfile import Collect
from stope.robot.messages import Vector
from stope.robot.model import Drums

LOWER_M_S = 0.006
DIG_M_S = 0.0008  # the cut deepens this slowly
SWEEP_M = 0.06
SWEEP_M_S = 0.006
TOUCH_KG = 3e-3  # rise of the drums' level sensors that says ground: five sigma of two readings of both
TOUCH_N = 4.0  # or a push of the ground on the drums: fifty deviations of the filtered sum of four feet
PUSH_FILTER_S = 0.4
REACH_M = 0.13  # how far the body may come down from its stance
NO_GAIN_S = 40.0
FULL = 0.98
PUSH_SHARE, PUSH_EASE = 0.5, 0.3  # of the reserve that drums may press with; of that, over which they slow down
TRIM_1_S, TRIM_RAD_S = 2.0, 0.5  # integral of a drum's lacking speed: friction over the servo's damping, 0.2 rad/s
SPUN_UP = 0.7  # of the wanted speed may be lacking: a servo that stands has nothing to trim yet
RAISE_PACE = 0.3  # least: coming up is what unloads
ROUNDS = 3  # times that the drums are lowered for what the scale still misses
CLOSE_SHARE = 0.05  # of what was asked: the drums are not lowered again for less


class CollectController:
    """Lower, dig while sweeping fore and aft, raise, weigh.

    Args:
        rated_rad_s: most speed for the drums: above it what they throw would leave the body for good.
    """

    def __init__(self, task: Collect, stance: Stance, preload_n: float, most_rad_s: float = math.inf) -> None:
        self._task, self._stance, self._preload_n = task, stance, preload_n
        self._drum_rad_s, self._most_rad_s = min(task.drum_rad_s, most_rad_s), most_rad_s
        self._phase, self._rounds = "check", 0
        self._feet_m = stance.feet_m.copy()
        self._felt_n = np.zeros_like(self._feet_m)
        self._down_m = self._touch_m = self._side_m = 0.0
        self._direction = 1.0
        self._level_at_start = self._best_kg = self._since_gain_s = 0.0
        self._scale: DrumScale | None = None
        self._empty_kg_m2, self._trim_rad_s = np.zeros(0), np.zeros(1)
        self._even = DrumLevel(np.zeros(0))
        self._corrected_kg = 0.0  # what the scale said more than the level sensors
        self._allowance, self._limit = Allowance(), LimitedBy()
        self._push, self._push_n = np.zeros(3), 0.0
        self._ending: Progress | None = None
        self.progress = Progress("check")

    def update(self, view: View) -> Goal:
        """One tick."""
        drums = view.model.drums
        assert drums is not None
        goal = Goal.still(self._stance.feet_m, view.model)
        goal.foot_force_n = preload(view, self._stance, self._preload_n)
        if self._phase == "check":
            self._check(view)
        if self.progress.outcome is not Outcome.RUNNING:
            return goal
        goal.drum_rad_s = np.zeros(len(drums.joints))
        pace = self._pace(view)
        gained = _level_kg(view, drums) - self._level_at_start + self._corrected_kg
        if self._phase == "lower":
            self._lower(view, pace, gained)
        elif self._phase == "dig":
            self._dig(view, pace, gained)
        elif self._phase == "raise":
            self._raise(view, max(RAISE_PACE, pace), drums)
        elif self._phase in ("tare", "weigh"):
            self._weigh(view, goal, gained)
        self._stance.relax(view.estimate.limb_force_n, self._felt_n, view.anchored, view.dt_s)
        self._stance.shift_base(self._even.pitched(self._feet_m), np.array((self._side_m, 0.0, -self._down_m)))
        goal.feet_base_m = self._stance.feet_m.copy()
        if self._phase in ("lower", "dig"):
            goal.drum_rad_s = self._turn(view, drums)
        return goal

    def _turn(self, view: View, drums: Drums) -> Vector:
        """(drums,) rad/s at which both cut equally fast, so that their forces cancel.

        A drum that is carried along rolls: the body's share, with its speed as it is felt, for it lags behind the sweep
        and lurches now and then, is added with the same sign to both, though they counter-rotate. And friction slows
        each servo differently: what is lacking is asked for on top.
        """
        joints = list(drums.joints)
        sweep_m_s = float(view.estimate.rotation[:, 0] @ view.estimate.velocity_m_s)
        wanted = self._drum_rad_s * np.array(drums.dig_sign, dtype=np.float64) + sweep_m_s / drums.radius_m
        wanted = np.clip(wanted, -self._most_rad_s, self._most_rad_s)
        lacking = wanted - view.obs.joint_velocity[joints]
        if (np.abs(lacking) < SPUN_UP * self._drum_rad_s).all():
            self._trim_rad_s = np.clip(self._trim_rad_s + TRIM_1_S * view.dt_s * lacking, -TRIM_RAD_S, TRIM_RAD_S)
        return np.asarray(wanted + self._trim_rad_s)

    def _check(self, view: View) -> None:
        drums, holding = view.model.drums, int(view.anchored.sum())
        assert drums is not None
        if holding < drums.anchors_required:
            reason = f"{holding} anchors hold, the drums need {drums.anchors_required}"
            self.progress = Progress("refused", Outcome.REFUSED, "collect.no_anchor", reason, float(holding))
            return
        self._feet_m, self._felt_n = self._stance.feet_m.copy(), view.estimate.limb_force_n.copy()
        self._stance.given_m = np.zeros_like(self._feet_m)
        self._level_at_start = _level_kg(view, drums)
        self._scale, self._phase = DrumScale(drums, self._most_rad_s), "tare"

    def _pace(self, view: View) -> float:
        """Speed of what loads the anchors, 1 to -1; and which of its limits it is."""
        self._allowance.update(view)
        felt = view.estimate.limb_force_n - self._felt_n
        together = felt.sum(axis=0)  # what no foot pays for another: the drums' push; for a moment, a pad that peels
        if math.isfinite(float(together.sum())):
            self._push += min(1.0, view.dt_s / PUSH_FILTER_S) * (together - self._push)
        self._push_n = math.hypot(*self._push.tolist())
        # The reserve is in the drill's direction; a robot without one has only what its anchors are felt to have left.
        most_n = PUSH_SHARE * (view.reserve_n if view.model.drill is not None else LARGEST_RESERVE_N)
        left = (most_n - self._push_n) / (PUSH_EASE * most_n) if most_n > 0.0 else -1.0
        anchors = self._allowance.pace
        pace = max(-1.0, min(anchors, left, 1.0))
        limit = "" if pace >= 1.0 else "anchors" if anchors <= left else "reserve"
        self._limit.update(limit, view.dt_s)
        return pace

    def _lower(self, view: View, pace: float, gained: float) -> None:
        self._even.update(view.obs.drum_fill, _pitch_rad(view), view.dt_s)
        before = self._down_m
        self._down_m = max(0.0, self._down_m + pace * LOWER_M_S * view.dt_s)
        self._since_gain_s = 0.0 if self._down_m > before else self._since_gain_s + view.dt_s
        back = 0.0 < self._touch_m <= self._down_m  # where ground was met in an earlier round
        if back or gained > self._best_kg + TOUCH_KG or self._push_n > TOUCH_N:
            self._phase, self._touch_m, self._since_gain_s = "dig", self._down_m, 0.0
        elif self._down_m > REACH_M:
            self._give_up("collect.no_ground", f"drums met no ground within {REACH_M:.2f} m", REACH_M, "m")
        elif self._since_gain_s > NO_GAIN_S:
            reason = f"the anchors leave nothing for the drums: margin {self._allowance.margin:.2f}{self._limit.said}"
            self._give_up("collect.no_reserve", reason, self._allowance.margin, "1")
        self.progress = Progress(f"lowering, {100.0 * self._down_m:.1f} cm{self._limit.said}")

    def _dig(self, view: View, pace: float, gained: float) -> None:
        self._even.update(view.obs.drum_fill, _pitch_rad(view), view.dt_s)
        deepest = min(self._touch_m + self._task.depth_m, REACH_M)
        speed = DIG_M_S if pace > 0.0 else LOWER_M_S  # back off faster than in
        self._down_m = min(deepest, max(0.0, self._down_m + pace * speed * view.dt_s))
        self._side_m += self._direction * pace * SWEEP_M_S * view.dt_s
        if abs(self._side_m) > SWEEP_M:
            self._direction = -math.copysign(1.0, self._side_m) if pace > 0.0 else self._direction
            self._side_m = math.copysign(SWEEP_M, self._side_m)
        if gained > self._best_kg + 1e-3:
            self._best_kg, self._since_gain_s = gained, 0.0
        self._since_gain_s += view.dt_s
        enough = gained >= self._task.mass_kg or bool((view.obs.drum_fill > FULL).all())
        if enough or self._since_gain_s > NO_GAIN_S:
            self._phase = "raise"
        self.progress = Progress(f"{1e3 * gained:.0f} g in the drums{self._limit.said}")

    def _raise(self, view: View, pace: float, drums: Drums) -> None:
        step = pace * LOWER_M_S * view.dt_s
        self._down_m = max(0.0, self._down_m - step)
        self._side_m -= math.copysign(min(step, abs(self._side_m)), self._side_m)
        self.progress = Progress("raising")
        level = self._even.home(view.dt_s)
        if level and self._down_m == 0.0 and self._side_m == 0.0:
            self._scale, self._phase = DrumScale(drums, self._most_rad_s), "weigh"
            if self._ending is not None:
                self.progress = self._ending

    def _weigh(self, view: View, goal: Goal, gained: float) -> None:
        """Ramp the drums to and fro; after the digging, judge what they hold."""
        drums, scale = view.model.drums, self._scale
        assert drums is not None
        assert scale is not None
        goal.drum_rad_s = scale.update(view)
        self.progress = Progress("weighing the empty drums" if self._phase == "tare" else "weighing the drums")
        if not scale.done:
            return
        goal.drum_rad_s = np.zeros(len(drums.joints))
        if self._phase == "tare":
            self._empty_kg_m2, self._phase = scale.inertia_kg_m2, "lower"
            self._even = DrumLevel(view.obs.drum_fill, _pitch_rad(view))
            return
        weighed = load_kg(scale.inertia_kg_m2 - self._empty_kg_m2, drums)
        held = believed_kg(gained, weighed)
        self._corrected_kg += held - gained
        self._judge(view, held, weighed, drums)

    def _judge(self, view: View, held_kg: float, weighed_kg: float, drums: Drums) -> None:
        """Enough, full, to be lowered again, or all that there is."""
        asked = self._task.mass_kg
        stuck = self._since_gain_s > NO_GAIN_S and held_kg <= self._best_kg + CLOSE_SHARE * asked
        self._rounds += 1
        room = drums.capacity_kg * len(drums.joints) * FULL - self._level_at_start - held_kg
        if held_kg >= (1.0 - CLOSE_SHARE) * asked:
            said = f"{1e3 * held_kg:.0f} g collected, {1e3 * weighed_kg:.0f} g by the scale"
            self.progress = Progress(said, Outcome.SUCCEEDED)
        elif room <= 0.0 or bool((view.obs.drum_fill > FULL).all()):
            reason = f"the drums are full with {held_kg:.3f} of {asked:.3f} kg"
            self.progress = Progress("raised", Outcome.FAILED, "collect.drums_full", reason, held_kg, "kg")
        elif stuck or self._rounds >= ROUNDS:
            reason = f"drums hold {held_kg:.3f} of {asked:.3f} kg and gain no more within reach{self._limit.said}"
            self.progress = Progress("raised", Outcome.FAILED, "collect.exhausted", reason, held_kg, "kg")
        else:
            self._best_kg, self._since_gain_s, self._phase = held_kg, 0.0, "lower"

    def wind_up(self, ending: Progress) -> None:
        """Raise the drums, then report `ending`."""
        if self._ending is None and self._phase != "check":
            self._phase, self._ending = "raise", ending

    def _give_up(self, code: str, reason: str, value: float, unit: str) -> None:
        self.wind_up(Progress("raised", Outcome.FAILED, code, reason, value, unit))


def _pitch_rad(view: View) -> float:
    """Pitch of the body about its y: positive with its front down."""
    return -math.asin(min(1.0, max(-1.0, float(view.estimate.rotation[2, 0]))))


def _level_kg(view: View, drums: Drums) -> float:
    """What the drums' level sensors say that they hold."""
    return float(view.obs.drum_fill.sum()) * drums.capacity_kg
