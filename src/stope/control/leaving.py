"""Stow and release: empty the drums, bring the bit home, unload the grips and let go one at a time."""

from __future__ import annotations

import numpy as np

from stope.control.feed import bring_home
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.stance import Stance
from stope.robot.messages import AnchorAction, AnchorPhase

EMPTY_FILL = 0.002
UNLOAD_S = 2.0
JAM_RETRIES = 8
HOLD_DOWN_N = 1.0  # while the last grips open: on a small body nothing else keeps the robot where it is
LAST_GRIPS = 2
REST_M_S = 0.004
REST_S = 1.0


class StowController:
    """Drums backwards until empty, bit home."""

    def __init__(self, stance: Stance) -> None:
        self._stance = stance
        self.progress = Progress("stow")

    def update(self, view: View) -> Goal:
        """One tick."""
        goal = Goal.still(self._stance.feet_m, view.model)
        drums, obs = view.model.drums, view.obs
        home = bring_home(view, goal)
        empty = bool((obs.drum_fill < EMPTY_FILL).all())
        full = obs.bin_fill > 0.995
        if drums is not None and not empty and not full:
            goal.drum_rad_s = -drums.rated_rad_s * np.array(drums.dig_sign, dtype=np.float64)
        if home and (empty or full):
            self.progress = Progress(f"bin {100.0 * obs.bin_fill:.0f} % full", Outcome.SUCCEEDED)
        else:
            self.progress = Progress(f"drums {100.0 * float(obs.drum_fill.sum()):.0f} % full")
        return goal


class ReleaseController:
    """Unload all grips, then open them one at a time; a jammed one is worked to and fro."""

    def __init__(self, stance: Stance) -> None:
        self._stance = stance
        self._unloaded_s = self._still_s = 0.0
        self._order: list[int] | None = None
        self._retries = 0
        self._wiggle = 0
        self.progress = Progress("unloading grips")

    def update(self, view: View) -> Goal:
        """One tick."""
        if self._order is None:
            self._stance.hold_here(view.kinematics.feet_m, view.anchored)
            closed = view.obs.anchor_phase != AnchorPhase.OPEN
            self._order = [int(limb) for limb in np.flatnonzero(closed)]
        goal = Goal.still(self._stance.feet_m, view.model)
        if len(self._order) <= LAST_GRIPS and view.model.hold_down_nozzles:
            goal.hold_down_n = HOLD_DOWN_N
        if self._unloaded_s < UNLOAD_S:
            self._unloaded_s += view.dt_s
        elif self._order:
            self._open(view, goal, self._order[0])
        else:
            self._rest(view)
        return goal

    def _open(self, view: View, goal: Goal, limb: int) -> None:
        assert self._order is not None
        phase = int(view.obs.anchor_phase[limb])
        if phase == AnchorPhase.OPEN:
            self._order.pop(0)
            self._retries = 0
            return
        if phase == AnchorPhase.JAMMED and self._wiggle == 0:
            self._retries, self._wiggle = self._retries + 1, 10
        if self._wiggle > 0:  # let the spines back in for a moment, then pull out again
            self._wiggle -= 1
        else:
            goal.anchor_action[limb], goal.release = AnchorAction.RELEASE, True
        name = view.model.limbs[limb].name
        self.progress = Progress(f"opening {name}")
        if self._retries > JAM_RETRIES:
            reason = f"gripper {name} stays jammed after {JAM_RETRIES} tries"
            self.progress = Progress("jammed", Outcome.FAILED, "anchor.jammed", reason, float(self._retries))

    def _rest(self, view: View) -> None:
        speed = float(np.linalg.norm(view.estimate.velocity_m_s))
        self._still_s = self._still_s + view.dt_s if speed < REST_M_S or not view.model.hold_down_nozzles else 0.0
        done = self._still_s >= REST_S or not view.model.hold_down_nozzles
        self.progress = Progress("all grips open", Outcome.SUCCEEDED if done else Outcome.RUNNING)
