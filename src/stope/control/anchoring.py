"""Anchor: find the ground with each foot, drag the spines in under hold-down, preload opposed limbs; then pull-test."""

from __future__ import annotations

import math

import numpy as np

from stope.belief.pulltest import plan_pull_test
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.stance import Stance
from stope.mission.missionfile import Anchor, PullTest
from stope.robot.messages import AnchorAction, AnchorPhase

PROBE_M_S = 0.008  # a foot feels for the ground this fast: 1 kg of foot at this speed rebounds far below escape speed
PROBE_REACH_M = 0.08
PRESSED_SHARE = 0.6  # of the press that the spines need, by the filtered and noisy force sensor
GRIP_PATIENCE_S = 12.0  # a gripper that has not bitten by then is opened and set down again
TRIES = 3
RESEAT_M, RESEAT_UP_M = 0.02, 0.01
RESEAT_M_S = 0.02  # a step of the set-point instead throws kilograms of limb, and the jolt is taken for lost anchors
GAS_RAMP_N_S = 4.0
PRELOAD_S = 1.5


class AnchorController:
    """All limbs feel, press and grip at the same time under hold-down; gas is cut once enough of them hold.

    Args:
        hold_down_n: thrust to keep until then.
        holding: (L,) bool, anchors that hold already and stay where they are.
    """

    def __init__(self, task: Anchor, stance: Stance, hold_down_n: float, holding: np.ndarray | None = None) -> None:
        self._task, self._stance, self._gas = task, stance, hold_down_n
        limbs = len(stance.feet_m)
        self._tried_s = np.zeros(limbs)
        self._tries = np.ones(limbs, dtype=int)
        self._opening, self._swings = np.zeros(limbs, dtype=bool), np.zeros(limbs, dtype=bool)
        self._seat_m = stance.feet_m.copy()
        self._gripped = np.zeros(limbs, dtype=bool) if holding is None else holding.copy()
        self._preload_s = 0.0
        self.progress = Progress("feeling for the ground")

    def update(self, view: View) -> Goal:
        """Probe, press and grip each limb; then preload."""
        new = view.anchored & ~self._gripped
        if new.any():
            self._stance.hold_here(view.kinematics.feet_m, new)
            self._gripped = view.anchored.copy()
        holding, limbs = int(view.anchored.sum()), len(view.anchored)
        finished = view.anchored | (self._tries > TRIES)
        if finished.all() and holding < self._task.min_anchors:
            reason = f"{holding} of {limbs} grippers hold after {TRIES} tries, {self._task.min_anchors} are needed"
            self.progress = Progress("no hold", Outcome.FAILED, "anchor.too_few", reason, float(holding))
        goal = Goal.still(self._stance.feet_m, view.model)
        if finished.all():
            self._gas = max(0.0, self._gas - GAS_RAMP_N_S * view.dt_s)
        goal.hold_down_n = self._gas
        if holding == 0:  # nothing but gas keeps it here: a touch is to be swallowed, not given back
            goal.stiffness = view.model.contact_stiffness_share
        for limb in np.flatnonzero(~finished):
            self._grip(int(limb), view, goal)
        goal.feet_base_m = self._stance.feet_m.copy()
        if finished.all() and holding >= self._task.min_anchors and self._gas == 0.0:
            self._preload(view, goal)
        elif self.progress.outcome is Outcome.RUNNING:
            self.progress = Progress(f"{holding} of {limbs} anchors")
        return goal

    def _grip(self, limb: int, view: View, goal: Goal) -> None:
        gripper, phase = view.model.limbs[limb].gripper, int(view.obs.anchor_phase[limb])
        if self._opening[limb]:
            goal.anchor_action[limb], goal.release = AnchorAction.RELEASE, True
            if phase == AnchorPhase.OPEN:
                self._opening[limb] = False
                self._reseat(limb)
            return
        if self._swings[limb]:
            self._swing(limb, RESEAT_M_S * view.dt_s)
            return
        self._tried_s[limb] += view.dt_s
        if self._tried_s[limb] > GRIP_PATIENCE_S:
            self._tried_s[limb], self._opening[limb] = 0.0, phase != AnchorPhase.OPEN
            self._tries[limb] += 1
            if phase == AnchorPhase.OPEN:
                self._reseat(limb)
            return
        press = gripper.engage_press_n
        goal.foot_force_n[limb, 2] = press
        if press == 0.0 or view.estimate.limb_force_n[limb, 2] >= PRESSED_SHARE * press:
            goal.anchor_action[limb] = AnchorAction.ENGAGE
        elif phase == AnchorPhase.OPEN:
            reach = self._stance.nominal_m[limb, 2] - PROBE_REACH_M
            self._stance.feet_m[limb, 2] = max(reach, self._stance.feet_m[limb, 2] - PROBE_M_S * view.dt_s)
        else:
            goal.anchor_action[limb] = AnchorAction.ENGAGE

    def _reseat(self, limb: int) -> None:
        """Go for another foothold near the last: alternately outward and inward of it, and a little raised."""
        side = 1.0 if self._tries[limb] % 2 else -1.0
        aside = side * RESEAT_M * self._stance.outward[limb]
        self._seat_m[limb] = self._stance.nominal_m[limb] + aside + (0.0, 0.0, RESEAT_UP_M)
        self._swings[limb] = True

    def _swing(self, limb: int, step_m: float) -> None:
        """Move the open foot toward its new foothold."""
        foot_m = self._stance.feet_m[limb]
        away_m = self._seat_m[limb] - foot_m
        far_m = float(np.linalg.norm(away_m))
        self._swings[limb] = far_m > step_m
        self._stance.feet_m[limb] = foot_m + away_m * (step_m / far_m) if far_m > step_m else self._seat_m[limb]

    def _preload(self, view: View, goal: Goal) -> None:
        """Opposed limbs pull toward each other: the ground pulls each foot outward."""
        self._preload_s += view.dt_s
        goal.foot_force_n = preload(view, self._stance, self._task.preload_n)
        done = self._preload_s >= PRELOAD_S
        self.progress = Progress("preloading", Outcome.SUCCEEDED if done else Outcome.RUNNING)


def preload(view: View, stance: Stance, preload_n: float) -> np.ndarray:
    """(L, 3) outward forces of the ground on the anchored feet, base frame; they cancel over opposed limbs."""
    return np.asarray(np.where(view.anchored[:, None], preload_n * stance.outward, 0.0))


RAMP_N_S = 8.0
REACHED_SHARE = 0.9
TEST_PATIENCE_S = 15.0
UNSTRESS_S = 1.0
INSIST = 100.0
ASK_MOST = 2.0
WORTH_SHARE = 0.5  # of the test load: an anchor that did not carry it is not counted on


class PullTestController:
    """Pulls at each anchor in turn with the others as support; the belief learns from what it held.

    Args:
        risk: that the anchors may fail a task with; needed_n: pull that a tool will ask of one anchor at most. Both
            decide how hard to pull where the task does not say.
    """

    def __init__(
        self, task: PullTest, stance: Stance, preload_n: float, risk: float = 1e-3, needed_n: float = math.inf
    ) -> None:
        self._task, self._stance, self._preload_n = task, stance, preload_n
        self._risk, self._needed_n = risk, needed_n
        self._limb, self._load, self._held_s, self._since_s = 0, 0.0, 0.0, 0.0
        self._highest_n = self._unstressed_s = 0.0
        self._target_n: float | None = None
        self._weak: dict[int, str] = {}
        self._slip_at_start: np.ndarray | None = None
        self._supports = 0  # anchors that held as this pull began
        self.progress = Progress("pull test")

    def update(self, view: View) -> Goal:
        """Ramp, hold and unload the limb under test."""
        goal = Goal.still(self._stance.feet_m, view.model)
        goal.foot_force_n = preload(view, self._stance, self._preload_n)
        if self._slip_at_start is None:
            self._slip_at_start = view.obs.anchor_slip_m.copy()
        self._choose(view)
        if self._limb == len(view.anchored):
            if self._unstressed_s < UNSTRESS_S:
                self._unstress(view, goal)
            else:
                self._finish(view)
            return goal
        limb, target = self._limb, self._target_n
        assert target is not None
        if self._unstressed_s < UNSTRESS_S:
            self._unstress(view, goal)
            return goal
        pull = -float(view.estimate.limb_force_n[limb, 2])
        holding = int(view.anchored.sum())
        if self._since_s == 0.0:
            self._supports = holding
        slipped = view.obs.anchor_slip_m[limb] > self._slip_at_start[limb] + 1e-3 or holding < self._supports
        self._since_s += view.dt_s
        self._highest_n = max(self._highest_n, pull)
        reached = pull >= REACHED_SHARE * target
        if reached:
            self._held_s += view.dt_s
        if self._held_s >= self._task.hold_s or slipped or self._since_s > self._patience_s(target):
            self._load -= RAMP_N_S * view.dt_s * 2.0
            if self._load <= 0.0:
                self._next(view)
        elif pull < target:
            # The posture's stiffness takes a part of what is asked: ask until the limb itself feels the load.
            self._load = min(ASK_MOST * target, self._load + RAMP_N_S * view.dt_s)
        goal.foot_force_n[limb] = (0.0, 0.0, -max(self._load, 0.0))
        goal.insist[limb], goal.proof = INSIST, limb
        self.progress = Progress(f"{view.model.limbs[limb].name} pulled with {pull:.1f} N")
        return goal

    def _unstress(self, view: View, goal: Goal) -> None:
        """Before the first pull and after each, the grips are not to pull at one another."""
        self._unstressed_s += view.dt_s
        self._stance.unstress(view.kinematics.feet_m, view.anchored, view.dt_s)
        goal.feet_base_m = self._stance.feet_m.copy()

    def _choose(self, view: View) -> None:
        """The next limb that holds and is worth a test, and how hard to pull at it."""
        while self._limb < len(view.anchored):
            if not view.anchored[self._limb]:
                self._next(view)  # it let go under the test, or was never there
                continue
            if self._target_n is None:
                self._target_n = self._planned_n(view)
            if self._target_n > 0.0:
                return
            self._limb, self._target_n = self._limb + 1, None  # believed well enough: nothing to learn that would pay

    def _planned_n(self, view: View) -> float:
        if self._task.load_n is not None:
            return self._task.load_n
        median = float(view.belief.normal_median_n[self._limb])
        if median <= 0.0:
            return 0.0
        plan = plan_pull_test(
            view.belief,
            self._limb,
            self._risk,
            int(view.anchored.sum()),
            needed=self._needed_n / median,
            grips=1,  # this controller makes no new grip: what breaks is lost
            hold_s=self._task.hold_s,
            most=max(view.reserve_n, 0.0) / median,  # the other anchors pay for the pull
        )
        return plan.utilisation * median

    def _patience_s(self, target: float) -> float:
        return TEST_PATIENCE_S + target / RAMP_N_S

    def _next(self, view: View) -> None:
        target = self._target_n if self._target_n is not None else self._task.load_n or 0.0
        if self._highest_n < WORTH_SHARE * target:
            self._weak[self._limb] = f"{view.model.limbs[self._limb].name} carried {self._highest_n:.1f} N"
        self._limb, self._load, self._held_s, self._since_s, self._highest_n = self._limb + 1, 0.0, 0.0, 0.0, 0.0
        self._target_n, self._unstressed_s = None, 0.0

    def _finish(self, view: View) -> None:
        drill = view.model.drill
        needed = drill.anchors_required if drill else 1
        holding = sum(limb not in self._weak for limb in np.flatnonzero(view.anchored))
        if holding < needed:
            why = f" ({', '.join(self._weak.values())})" if self._weak else ""
            reason = f"{holding} anchors hold after the pull test{why}, {needed} are needed"
            self.progress = Progress("pull test", Outcome.FAILED, "anchor.too_few", reason, float(holding))
        else:
            self.progress = Progress(f"reserve {view.reserve_n:.0f} N", Outcome.SUCCEEDED)
