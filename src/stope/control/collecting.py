"""Collect: lower the body until the counter-rotating drums bite, and sweep until the drums hold what was asked."""

from __future__ import annotations

import math

import numpy as np

from stope.control.anchoring import preload
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.stance import Stance
from stope.mission.missionfile import Collect

LOWER_M_S = 0.006
DIG_M_S = 0.0008  # the cut deepens this slowly
SWEEP_M = 0.06
SWEEP_M_S = 0.006
TOUCH_KG = 2e-4  # rise of the drums' level sensors that says ground
REACH_M = 0.13  # how far the body may come down from its stance
NO_GAIN_S = 40.0
EASY_MARGIN = 0.25  # below this anchor margin the feed slows down, to a stop at none
FULL = 0.98


class CollectController:
    """Lower, dig while sweeping fore and aft, raise."""

    def __init__(self, task: Collect, stance: Stance, preload_n: float) -> None:
        self._task, self._stance, self._preload_n = task, stance, preload_n
        self._phase = "check"
        self._feet_m = stance.feet_m.copy()
        self._down_m = self._touch_m = self._side_m = 0.0
        self._direction = 1.0
        self._fill_at_start = self._best_kg = self._since_gain_s = 0.0
        self._ending: Progress | None = None
        self.progress = Progress("check")

    def update(self, view: View) -> Goal:
        """One tick."""
        drums = view.model.drums
        assert drums is not None
        goal = Goal.still(self._stance.feet_m, view.model)
        goal.foot_force_n = preload(view, self._stance, self._preload_n)
        held_kg = float(view.obs.drum_fill.sum()) * drums.capacity_kg
        if self._phase == "check":
            self._check(view, held_kg)
        elif self._phase == "lower":
            self._lower(view, held_kg)
        elif self._phase == "dig":
            self._dig(view, held_kg)
        elif self._phase == "raise":
            self._raise(view)
        self._stance.shift_base(self._feet_m, np.array((self._side_m, 0.0, -self._down_m)))
        goal.feet_base_m = self._stance.feet_m.copy()
        if self._phase in ("lower", "dig"):
            goal.drum_rad_s = self._task.drum_rad_s * np.array(drums.dig_sign, dtype=np.float64)
        return goal

    def _check(self, view: View, held_kg: float) -> None:
        drums, holding = view.model.drums, int(view.anchored.sum())
        assert drums is not None
        if holding < drums.anchors_required:
            reason = f"{holding} anchors hold, the drums need {drums.anchors_required}"
            self.progress = Progress("refused", Outcome.REFUSED, "collect.no_anchor", reason, float(holding))
            return
        self._feet_m = self._stance.feet_m.copy()
        self._fill_at_start, self._phase = held_kg, "lower"

    def _lower(self, view: View, held_kg: float) -> None:
        self._down_m += LOWER_M_S * view.dt_s
        if held_kg > self._fill_at_start + TOUCH_KG:
            self._phase, self._touch_m = "dig", self._down_m
        elif self._down_m > REACH_M:
            self._give_up("collect.no_ground", f"drums met no ground within {REACH_M:.2f} m", REACH_M, "m")
        self.progress = Progress(f"lowering, {100.0 * self._down_m:.1f} cm")

    def _dig(self, view: View, held_kg: float) -> None:
        gained = held_kg - self._fill_at_start
        deepest = min(self._touch_m + self._task.depth_m, REACH_M)
        share = min(1.0, max(0.0, view.margin / EASY_MARGIN))  # feed is what the anchors have left
        self._down_m = min(deepest, self._down_m + share * DIG_M_S * view.dt_s)
        self._side_m += self._direction * share * SWEEP_M_S * view.dt_s
        if abs(self._side_m) > SWEEP_M:
            self._direction = -math.copysign(1.0, self._side_m)
        if gained > self._best_kg + 1e-3:
            self._best_kg, self._since_gain_s = gained, 0.0
        self._since_gain_s += view.dt_s
        if gained >= self._task.mass_kg:
            self._phase = "raise"
        elif bool((view.obs.drum_fill > FULL).all()):
            reason = f"the drums are full with {gained:.3f} of {self._task.mass_kg:.3f} kg"
            self._give_up("collect.drums_full", reason, gained, "kg")
        elif self._since_gain_s > NO_GAIN_S:
            reason = f"drums hold {gained:.3f} of {self._task.mass_kg:.3f} kg and gain no more within reach"
            self._give_up("collect.exhausted", reason, gained, "kg")
        self.progress = Progress(f"{1e3 * gained:.0f} g in the drums")

    def _raise(self, view: View) -> None:
        step = LOWER_M_S * view.dt_s
        self._down_m = max(0.0, self._down_m - step)
        self._side_m -= math.copysign(min(step, abs(self._side_m)), self._side_m)
        if self._down_m == 0.0 and self._side_m == 0.0:
            self.progress = self._ending or Progress("raised", Outcome.SUCCEEDED)
        else:
            self.progress = Progress("raising")

    def wind_up(self, ending: Progress) -> None:
        """Raise the drums, then report `ending`."""
        if self._ending is None and self._phase != "check":
            self._phase, self._ending = "raise", ending

    def _give_up(self, code: str, reason: str, value: float, unit: str) -> None:
        self.wind_up(Progress("raised", Outcome.FAILED, code, reason, value, unit))
