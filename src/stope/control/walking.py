"""Walk: one limb at a time, three anchors always closed, each new grip pulled at before the next is opened.

    plan -> (unload -> open -> lift -> swing -> grip -> prove) for each limb -> shift the body -> ... -> arrived

Weight holds nothing here, so there is no balance to keep: what keeps the robot on the ground are the three grips that
stay closed. A limb opens only while all others hold; a grip that fails its proof is tried on the next best foothold.
"""

from __future__ import annotations

import math

import numpy as np

from stope.control.anchoring import AnchorController
from stope.control.footholds import footholds
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.stance import Stance
from stope.mission.missionfile import Anchor, Walk
from stope.robot.messages import AnchorAction, AnchorPhase, Vector

STRIDE_M = 0.20  # feet reach half of it before and behind their nominal places
BODY_M_S = 0.012
FOOT_M_S = 0.06
LIFT_M = 0.05
ABOVE_M = 0.02  # over the map's ground: from there the foot feels its way
STILL_CLOSED = 3
UNLOAD_S = 1.5
RAMP_N_S, PROOF_S, PROOF_PATIENCE_S = 6.0, 1.0, 8.0
PROVED_SHARE = 0.85
INSIST = 100.0
MAP_PATIENCE_S = 12.0
JAM_RETRIES = 8
ARRIVED_M = 0.015
NEARLY_M = 3.0e-3
STANCE_M = 0.12  # a foot so far from its nominal place at the end takes one more step
ORDER = (0, 3, 1, 2)  # a limb and then the one across, so that the three that hold stand wide


class WalkController:
    """Outcome SUCCEEDED: the body has come as far as asked, on at least three proved grips."""

    def __init__(self, task: Walk, stance: Stance) -> None:
        self._task, self._stance = task, stance
        self._phase, self._phase_s, self._elapsed_s = "plan", 0.0, 0.0
        self._map_m: Vector | None = None  # site frame
        self._goal_m: Vector | None = None
        self._start_m, self._start_j = np.zeros(3), 0.0
        self._queue: list[int] = []
        self._limb = -1
        self._spots: list[Vector] = []
        self._local = stance
        self._gripping: AnchorController | None = None
        self._pull_n = self._proved_s = 0.0
        self._retries = self._wiggle = 0
        self._ending: Progress | None = None
        self.steps = 0
        self.fewest_closed = 99
        self.progress = Progress("looking at the ground")

    def update(self, view: View) -> Goal:
        """One tick."""
        self._phase_s += view.dt_s
        self._elapsed_s += view.dt_s
        if view.obs.terrain_m is not None:
            self._map_m = view.obs.terrain_m @ view.estimate.rotation.T + view.estimate.position_m
        self.fewest_closed = min(self.fewest_closed, int(view.anchored.sum()))
        goal = Goal.still(self._stance.feet_m, view.model)
        closed = int(view.anchored.sum())
        if self.progress.outcome is Outcome.RUNNING and self._phase != "plan" and closed < STILL_CLOSED:
            reason = f"{closed} anchors hold, {STILL_CLOSED} must at all times"
            self._end(Outcome.FAILED, "walk.too_few", reason, float(closed), "1")
        if self.progress.outcome is Outcome.RUNNING:
            goal = getattr(self, f"_{self._phase}")(view, goal)
        goal.feet_base_m = self._stance.feet_m.copy()
        return goal

    def wind_up(self, ending: Progress) -> None:
        """Close the grip that is open, then report `ending`."""
        self._ending = self._ending or ending

    def _go(self, phase: str) -> None:
        self._phase, self._phase_s = phase, 0.0

    def _end(self, outcome: Outcome, code: str, reason: str, value: float, unit: str) -> None:
        self.progress = Progress("walk", outcome, code, reason, value, unit)

    # --- the way ------------------------------------------------------------------------------------------------------

    def _plan(self, view: View, goal: Goal) -> Goal:
        if int(view.anchored.sum()) <= STILL_CLOSED:
            holding = int(view.anchored.sum())
            reason = f"{holding} anchors hold, to open one of them {STILL_CLOSED + 1} are needed"
            self._end(Outcome.REFUSED, "walk.too_few", reason, float(holding), "1")
        elif self._map_m is not None:
            self._start_m, self._start_j = view.estimate.position_m.copy(), view.obs.energy_used_j
            self._goal_m = self._start_m + np.array((self._task.east_m, self._task.north_m, 0.0))
            self._go("shift")
        elif self._phase_s > MAP_PATIENCE_S:
            self._end(Outcome.REFUSED, "walk.no_map", "no elevation map of the ground came", self._phase_s, "s")
        return goal

    def _left_m(self, view: View) -> Vector:
        """(3,) way that the body has still to go, base frame, level."""
        assert self._goal_m is not None
        left = view.estimate.rotation.T @ (self._goal_m - view.estimate.position_m)
        return np.array((left[0], left[1], 0.0))

    def _shift(self, view: View, goal: Goal) -> Goal:
        """Move the body over its closed grips until the feet are half a stride behind, and back to its height."""
        left, offset = self._left_m(view), (self._stance.feet_m - self._stance.nominal_m)[view.anchored].mean(axis=0)
        far = float(np.linalg.norm(left))
        along = left / max(far, 1e-9)
        ahead = min(far, float(offset @ along) + 0.5 * STRIDE_M)
        if ahead < NEARLY_M or self._ending is not None:
            self._arrive_or_step(view, far)
            return goal
        step = along * ahead + np.array((0.0, 0.0, offset[2]))
        reach = BODY_M_S * view.dt_s
        self._stance.feet_m = self._stance.feet_m - step * min(1.0, reach / float(np.linalg.norm(step)))
        self.progress = Progress(f"body, {100.0 * far:.0f} cm to go")
        return goal

    def _arrive_or_step(self, view: View, left_m: float) -> None:
        spread = np.hypot(*(self._stance.feet_m - self._stance.nominal_m)[:, :2].T)
        if self._ending is not None:
            self.progress = self._ending
        elif left_m < ARRIVED_M and float(spread.max()) < STANCE_M:
            far = float(np.linalg.norm(view.estimate.position_m - self._start_m))
            used = view.obs.energy_used_j - self._start_j
            reason = (
                f"walked {far:.2f} m in {self._elapsed_s:.0f} s and {self.steps} steps, "
                f"{self._elapsed_s / far:.0f} s/m, {used / far / 1e3:.1f} kJ/m"
            )
            self._end(Outcome.SUCCEEDED, "", reason, far, "m")
        else:
            order = [limb for limb in ORDER if limb < len(view.anchored)]
            self._queue = order if left_m >= ARRIVED_M else [limb for limb in order if spread[limb] >= STANCE_M]
            self._next(view)

    # --- one step -----------------------------------------------------------------------------------------------------

    def _next(self, view: View) -> None:
        if not self._queue or self._ending is not None:
            self._go("shift")
            return
        others = int(np.delete(view.anchored, self._queue[0]).sum())
        if others < STILL_CLOSED:
            reason = f"{others} other anchors hold, {STILL_CLOSED} must while one is open"
            self._end(Outcome.FAILED, "walk.too_few", reason, float(others), "1")
            return
        self._limb = self._queue.pop(0)
        left = self._left_m(view)
        ahead = left * min(1.0, 0.5 * STRIDE_M / max(float(np.linalg.norm(left)), 1e-9))
        wanted = self._stance.nominal_m[self._limb] + ahead
        assert self._map_m is not None
        in_base = (self._map_m - view.estimate.position_m) @ view.estimate.rotation
        spots = footholds(in_base, wanted)
        self._spots = [spot for spot in spots if self._reaches(view, spot)]
        if not self._spots:
            self._spots = [wanted]  # the map shows nothing better: feel for it, and let the proof decide
        self._retries = 0
        self._go("unload")

    def _reaches(self, view: View, spot: Vector) -> bool:
        _, apart = view.kinematics.joints_for(self._limb, spot, np.array(view.model.stance))
        return apart < 1e-3

    def _unload(self, view: View, goal: Goal) -> Goal:
        self._stance.unstress(view.kinematics.feet_m, view.anchored, view.dt_s)
        if self._phase_s > UNLOAD_S:
            self._go("open")
        self.progress = Progress(f"unloading {view.model.limbs[self._limb].name}")
        return goal

    def _open(self, view: View, goal: Goal) -> Goal:
        limb, phase = self._limb, int(view.obs.anchor_phase[self._limb])
        if phase == AnchorPhase.OPEN:
            self._go("lift")
            return goal
        if phase == AnchorPhase.JAMMED and self._wiggle == 0:
            self._retries, self._wiggle = self._retries + 1, 10
        if self._wiggle > 0:
            self._wiggle -= 1
        else:
            goal.anchor_action[limb], goal.release = AnchorAction.RELEASE, True
        if self._retries > JAM_RETRIES:
            name = view.model.limbs[limb].name
            self._end(Outcome.FAILED, "anchor.jammed", f"gripper {name} stays jammed", float(self._retries), "1")
        self.progress = Progress(f"opening {view.model.limbs[limb].name}")
        return goal

    def _lift(self, view: View, goal: Goal) -> Goal:
        above = np.array((*self._stance.feet_m[self._limb, :2], self._stance.nominal_m[self._limb, 2] + LIFT_M))
        if self._move(above, view):
            self._go("swing")
        return goal

    def _swing(self, view: View, goal: Goal) -> Goal:
        spot = self._spots[0]
        top = max(float(spot[2]) + ABOVE_M, self._stance.nominal_m[self._limb, 2] + LIFT_M)
        over = np.array((spot[0], spot[1], top))
        near = math.hypot(*(self._stance.feet_m[self._limb, :2] - spot[:2]).tolist()) < 1e-4
        if self._move(over if not near else np.array((spot[0], spot[1], spot[2] + ABOVE_M)), view) and near:
            self._begin_grip(view, spot)
        self.progress = Progress(f"step {self.steps + 1}, {view.model.limbs[self._limb].name}")
        return goal

    def _begin_grip(self, view: View, spot: Vector) -> None:
        self._local = Stance(view.model)
        self._local.feet_m = self._stance.feet_m
        self._local.nominal_m[self._limb] = spot
        task = Anchor(task="anchor", min_anchors=len(view.anchored), preload_n=0.0)
        self._gripping = AnchorController(task, self._local, 0.0, view.anchored)
        self._go("grip")

    def _move(self, to_m: Vector, view: View) -> bool:
        """Move the open foot's target toward `to_m`; whether it is there."""
        way = to_m - self._stance.feet_m[self._limb]
        length = float(np.linalg.norm(way))
        reach = FOOT_M_S * view.dt_s
        self._stance.feet_m[self._limb] += way * min(1.0, reach / max(length, 1e-12))
        return length <= reach

    def _grip(self, view: View, goal: Goal) -> Goal:
        assert self._gripping is not None
        goal = self._gripping.update(view)
        self._stance.feet_m = self._local.feet_m
        outcome = self._gripping.progress.outcome
        if view.anchored[self._limb] and outcome is not Outcome.FAILED:
            self._pull_n = self._proved_s = 0.0
            self._go("prove")
        elif outcome is Outcome.FAILED:
            self._elsewhere(view)
        else:
            self.progress = Progress(f"gripping, {view.model.limbs[self._limb].name}")
        return goal

    def _prove(self, view: View, goal: Goal) -> Goal:
        """Pull at the new grip with what the task asks; what does not hold that is not stood on."""
        limb = self._limb
        if self._phase_s < UNLOAD_S:
            self._stance.unstress(view.kinematics.feet_m, view.anchored, view.dt_s)
            return goal
        pull = -float(view.estimate.limb_force_n[limb, 2])
        if not view.anchored[limb] or self._phase_s > UNLOAD_S + PROOF_PATIENCE_S:
            self._elsewhere(view)
            return goal
        if pull >= PROVED_SHARE * self._task.proof_n:
            self._proved_s += view.dt_s
        done = self._proved_s >= PROOF_S
        self._pull_n += (-2.0 if done else 1.0) * RAMP_N_S * view.dt_s
        self._pull_n = min(self._pull_n, 2.0 * self._task.proof_n)
        goal.foot_force_n[limb] = (0.0, 0.0, -max(self._pull_n, 0.0))
        goal.insist[limb], goal.proof = INSIST, limb
        if done and self._pull_n <= 0.0:
            self.steps += 1
            self._next(view)
        self.progress = Progress(f"{view.model.limbs[limb].name} pulled with {pull:.1f} N")
        return goal

    def _elsewhere(self, view: View) -> None:
        """This foothold does not hold: the next best, or an end on the three that do."""
        self._spots.pop(0)
        if not self._spots:
            name = view.model.limbs[self._limb].name
            reason = f"no foothold near holds gripper {name} with {self._task.proof_n:.0f} N"
            self._end(Outcome.FAILED, "walk.no_foothold", reason, float(view.anchored.sum()), "1")
            return
        self._retries = 0
        self._go("open")
