"""Drill: weight-on-bit as large as the anchors are believed to pay and no larger; and what to do when a hole resists.

    check -> touch -> spud -> drill -> breakoff -> retract
                          clear, free, cool: and back to drill

A weight law (`control.weight_law`) chooses weight, speed and blows; everything here is there whatever the law says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from stope.belief.rock import RockBelief
from stope.control.allowance import Allowance
from stope.control.anchoring import preload
from stope.control.bitcare import RESUME_WARMTH, WORN, BitCare
from stope.control.feed import bring_home
from stope.control.goal import Goal, Outcome, Progress, View
from stope.control.headway import STALLED_M, STALLED_S, Headway, LayerWatch
from stope.control.holewatch import HoleWatch, unloaded_m
from stope.control.limited import LimitedBy
from stope.control.stance import Stance
from stope.control.weight_law import LEVELS, Hole, Setting, WeightLaw, weight_law
from stope.control.weight_servo import LIMIT_OVER_TARGET, TOUCH_N, TRIM_MAX_N, WeightServo
from stope.mission.missionfile import DrillTask
from stope.physics.drilling import CoreBit
from stope.robot.model import Drill

LEAST_WEIGHT_N = 5.0  # below this a bit polishes: not worth the anchors' risk
APPROACH_M_S = 0.015  # a velocity servo of 600 N s/m then meets the ground with 9 N
APPROACH_PUSH_N = 10.0
BOUND_SHARE = 0.95  # of the anchors' reserve that is aimed at: what the servo overshoots stays inside the bound
SPUD_N, SPUD_M = 10.0, 3.0e-3  # a bit on a slope skids by its weight until its own hole guides it
LIFT_M, LIFT_M_S, LOWER_M_S = 4.0e-3, 0.01, 0.006
CLEAR_TURNS = 5.0  # off the bottom, after which the flights carry nothing but what still grips
CLEAR_MOST_S = 20.0
FREE_TRIES, FREE_S, FREE_TURNS = 5, 1.0, 2.0
COOL_RAD_S = 3.0
WARM, TORQUE_NEAR, CHIPS_NEAR, WEIGHT_NEAR = 0.95, 0.9, 0.8, 0.9  # of a limit: near enough to be what binds
SETTLE_S, BREAK_S, BREAK_RAD = 1.5, 4.0, 0.5
UNLOAD_N_S = 50.0
COUNTER_N_M = 2000.0
TORQUE_SHARE = 0.9  # of the torque that the anchors can pay beside the weight


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the hole did: `code` at `time_s`, at this depth."""

    time_s: float
    code: str
    depth_m: float


class DrillController:
    """Spud in, drill under the bound, clear, free, cool, break the core off and come home.

    Args:
        rock: estimate of specific energy, updated while drilling.
        preload_n: shear preload that the anchors keep.
        care: what is believed of the bit; kept from hole to hole. A new bit when left out.
        law: chooses the setting; the task's own when left out.
        levels: shares of the blow energy that the hammer can be set to.
        retained_rad_s: spindle speed above which chips leave the body for good (`control.retention`).

    Attributes:
        events: chokes, jams, rests, layers and breakages, as they were noticed.
        touched_m: feed position of the unloaded bit at the first touch; None before.
    """

    def __init__(
        self,
        task: DrillTask,
        stance: Stance,
        rock: RockBelief,
        preload_n: float,
        care: BitCare | None = None,
        law: WeightLaw | None = None,
        levels: tuple[float, ...] = LEVELS,
        retained_rad_s: float = math.inf,
    ) -> None:
        self._task, self._stance, self._rock, self._preload_n = task, stance, rock, preload_n
        self._fastest_rad_s, self._retains = (
            min(task.spindle_rad_s, retained_rad_s),
            retained_rad_s < task.spindle_rad_s,
        )
        self._law, self._levels, self._care = law or weight_law(task.weight_law), levels, care
        self._watch: HoleWatch | None = None
        self._phase = "check"
        self._asked: Goal | None = None
        self._setting = Setting(0.0, self._fastest_rad_s, levels[0])
        self._servo, self._headway, self._layers = WeightServo(), Headway(), LayerWatch(SPUD_M)
        self._deepest_m = self._phase_s = self._turned = 0.0
        self._lift_from_m, self._tries, self._freeing = 0.0, 0, 0.0
        self._counter_n = 0.0  # push against a feed that drives by itself
        self._allowance, self._limit = Allowance(), LimitedBy()
        self._ending: Progress | None = None
        self._core = ""
        self.events: list[Event] = []
        self.touched_m: float | None = None
        self.progress = Progress("check")

    def update(self, view: View) -> Goal:
        """One tick of the phase that the hole is in."""
        goal = Goal.still(self._stance.feet_m, view.model)
        goal.foot_force_n = preload(view, self._stance, self._preload_n)
        if self._phase == "check":
            self._check(view)
        if self.progress.outcome is not Outcome.RUNNING:
            return goal
        drill = _drill(view)
        watch, care = self._watch, self._care
        assert watch is not None
        assert care is not None
        spin, torque = float(view.obs.joint_velocity[drill.spindle]), float(view.obs.joint_effort[drill.spindle])
        if self._asked is not None:
            watch.update(view, self._asked)
            care.update(view.obs.weight_on_bit_n, torque, spin, self._asked.hammer, view.dt_s)
            self._guard(view, watch, care)
        self._allowance.update(view)
        self._pay_reaction(view, goal)
        self._phase_s += view.dt_s
        self._turned += spin * view.dt_s
        goal.spindle_rad_s = self._fastest_rad_s
        goal.spindle_limit_nm = self._torque_budget_nm(view)
        if self._phase in ("clear", "lower", "free"):
            self._watch_headway(view)  # a hole that is cleared again and again gets no deeper either
        getattr(self, f"_{self._phase}")(view, goal, watch)
        self._asked = goal
        return goal

    def bound_n(self, view: View) -> float:
        """Weight-on-bit to aim at: what was asked, or less if the anchors are believed, or felt, to pay less."""
        asked = min(self._task.weight_on_bit_max_n, BOUND_SHARE * view.reserve_n)
        if asked < LEAST_WEIGHT_N or self._phase not in ("spud", "drill"):
            return asked
        return min(asked, self._allowance.most_n(view.obs.weight_on_bit_n, LEAST_WEIGHT_N))

    def _torque_budget_nm(self, view: View) -> float:
        """Spindle torque that the anchors can pay beside the present push: the reserve's wrenches are a convex set."""
        used = min(1.0, self._servo.push_n / view.reserve_n) if view.reserve_n > 0.0 else 1.0
        rubbing = view.torque_per_weight_m * self._servo.push_n
        return TORQUE_SHARE * (1.0 - used) * view.reserve_nm + rubbing

    def _check(self, view: View) -> None:
        drill, bound = _drill(view), self.bound_n(view)
        self._care = self._care or BitCare(drill)
        self._watch = HoleWatch(drill, self._fastest_rad_s)
        if self._care.broken or self._care.wear > WORN:
            what = "broken" if self._care.broken else f"worn to {100.0 * self._care.wear:.0f} %"
            self.progress = Progress(
                "refused", Outcome.REFUSED, "drill.no_bit", f"the bit is {what}", self._care.wear, "1"
            )
        elif bound < LEAST_WEIGHT_N:
            reason = f"weight-on-bit bound is {bound:.1f} N, drilling needs at least {LEAST_WEIGHT_N:.0f} N"
            reason += f" ({view.binding})" if view.binding else ""
            self.progress = Progress("refused", Outcome.REFUSED, "drill.no_reserve", reason, bound, "N")
        else:
            self._go("touch")
            self.progress = Progress("touch")

    def _go(self, phase: str) -> None:
        self._phase, self._phase_s, self._turned = phase, 0.0, 0.0

    def _guard(self, view: View, watch: HoleWatch, care: BitCare) -> None:
        """What ends a hole in whatever phase: a feed that runs away, a bit that broke."""
        if self._ending is not None:
            return
        if watch.runaway is not None:
            self._note(view, "feed.runaway")
            value, limit, unit = watch.runaway
            self._counter_n = min(-1.0, self._servo.push_n - view.obs.weight_on_bit_n)
            self._end(
                "feed.runaway", f"the feed did {value:.3g} {unit} where {limit:.3g} {unit} is the most", value, unit
            )
            self._go("brake")
        elif self._phase in ("spud", "drill") and self._asked is not None:
            spin = float(view.obs.joint_velocity[_drill(view).spindle])
            arm = care.look_for_break(view.obs.weight_on_bit_n, spin, self._asked.spindle_rad_s, view.dt_s)
            if care.broken:
                self._note(view, "bit.broken")
                reason = f"the bit turns with {1e3 * arm:.2f} mm of torque per weight, as if its crown were gone"
                self._end("bit.broken", reason, arm, "m")

    def _pay_reaction(self, view: View, goal: Goal) -> None:
        """The rock lifts the robot by the weight on bit and turns it against the spindle."""
        torque = float(view.obs.joint_effort[_drill(view).spindle])
        weight = self._servo.push_n if self._phase in ("spud", "drill") else max(view.obs.weight_on_bit_n, 0.0)
        goal.tool_wrench = np.array((0.0, 0.0, weight, 0.0, 0.0, -torque))

    def _note(self, view: View, code: str, depth_m: float | None = None) -> None:
        self.events.append(Event(view.time_s, code, self._deepest_m if depth_m is None else depth_m))

    # --- phases -------------------------------------------------------------------------------------------------------

    def _touch(self, view: View, goal: Goal, watch: HoleWatch) -> None:
        goal.feed_velocity_m_s, goal.feed_limit_n = APPROACH_M_S, APPROACH_PUSH_N + TRIM_MAX_N
        drill = _drill(view)
        if view.obs.weight_on_bit_n > TOUCH_N:
            watch.collar(view)
            self.touched_m = unloaded_m(view.obs, drill)
            self._servo.push_n = view.obs.weight_on_bit_n
            self._go("spud")
        end = view.model.joints[drill.feed].position_max
        if view.obs.joint_position[drill.feed] > end - 2e-3:
            self._end("drill.no_ground", f"no ground within the feed's {end:.2f} m of travel", end, "m")
        self.progress = Progress("touch")

    def _spud(self, view: View, goal: Goal, watch: HoleWatch) -> None:
        """Lightly, until the hole guides the bit."""
        self._setting = Setting(SPUD_N, self._fastest_rad_s, self._levels[-1])
        self._press(view, goal, watch)
        if self._phase == "spud" and watch.depth_m >= min(SPUD_M, self._task.depth_m):
            self._go("drill")
        self._mind(view, watch)

    def _drill(self, view: View, goal: Goal, watch: HoleWatch) -> None:
        assert self._care is not None
        hole = Hole(
            drill=_drill(view), bound_n=self.bound_n(view), weight_n=view.obs.weight_on_bit_n,
            torque_nm=watch.torque_nm, spindle_rad_s=float(view.obs.joint_velocity[_drill(view).spindle]),
            depth_m=watch.depth_m, rate_m_s=watch.rate_m_s, rock=self._rock.estimate(),
            feed_max_m_s=watch.feed_max_m_s, spindle_max_rad_s=self._fastest_rad_s, levels=self._levels,
            warmth=self._care.warmth, wear=self._care.wear, dt_s=view.dt_s,
        )  # fmt: skip
        asked = self._law.choose(hole)
        if not math.isfinite(asked.weight_n + asked.spindle_rad_s + asked.hammer):
            self._end("drill.law", f"the weight law asked for {asked}", 0.0, "1")
            return
        self._setting = asked
        self._press(view, goal, watch)
        if self.progress.outcome is Outcome.RUNNING and self._phase == "drill":
            self._limit.update(self._at_limit(goal, watch, hole), view.dt_s)
            self.progress = replace(self.progress, phase=f"drill{self._limit.said}")
        energy = hole.rock.specific_energy_pa if hole.rock is not None else None
        if self._layers.update(watch.depth_m, energy):
            self._note(view, "drill.layer", watch.depth_m)
        if self._phase == "drill" and watch.depth_m >= self._task.depth_m:
            self._go("breakoff")
        self._mind(view, watch)

    def _at_limit(self, goal: Goal, watch: HoleWatch, hole: Hole) -> str:
        """What keeps this hole from going faster, the nearest first."""
        assert self._care is not None
        if self._care.warmth > WARM:
            return "heat"
        if watch.torque_nm > TORQUE_NEAR * goal.spindle_limit_nm:
            return "torque"
        if watch.rate_m_s > CHIPS_NEAR * watch.feed_max_m_s * goal.spindle_rad_s / self._fastest_rad_s:
            return "ejecta" if self._retains else "chips"
        if hole.weight_n < WEIGHT_NEAR * hole.bound_n:
            return ""  # still on the way to what was asked for, or a law that wants no more
        return "task" if hole.bound_n >= self._task.weight_on_bit_max_n else "anchors"

    def _mind(self, view: View, watch: HoleWatch) -> None:
        """Leave the bottom when the hole resists: a spindle that stands, chips that pack, a bit that is warm."""
        assert self._care is not None
        if self._phase not in ("spud", "drill"):
            return
        if watch.standing:
            self._begin_free(view)
        elif watch.choking or watch.packing:
            watch.learn_choke()
            self._note(view, "drill.choked" if watch.choking else "drill.pecked")
            self._lift(view, "clear")
        elif self._care.warmth >= 1.0:
            self._note(view, "bit.warm")
            self._lift(view, "cool")

    def _press(self, view: View, goal: Goal, watch: HoleWatch) -> None:
        """Push with the setting's weight inside the bound, ramped and trimmed."""
        bound = self.bound_n(view)
        self._servo.press(view, goal, min(max(self._setting.weight_n, 0.0), bound), watch.rate_m_s)
        goal.spindle_rad_s = min(max(self._setting.spindle_rad_s, 0.0), self._fastest_rad_s)
        goal.hammer = min(max(self._setting.hammer, 0.0), 1.0)
        self._learn(view, watch, goal.hammer)
        if bound < LEAST_WEIGHT_N:
            self._end("drill.no_reserve", f"weight-on-bit bound fell to {bound:.1f} N", bound, "N")
        self._deepest_m = max(self._deepest_m, watch.depth_m)
        self._watch_headway(view)
        self.progress = Progress(self._phase, depth_m=self._deepest_m, penetration_m_s=watch.rate_m_s)

    def _learn(self, view: View, watch: HoleWatch, hammer: float) -> None:
        drill = _drill(view)
        torque, spin = float(view.obs.joint_effort[drill.spindle]), float(view.obs.joint_velocity[drill.spindle])
        self._rock.update(view.obs.weight_on_bit_n, torque, spin, watch.rate_m_s, view.dt_s, hammer)

    def _watch_headway(self, view: View) -> None:
        slow = self._headway.update(self._deepest_m, view.dt_s)
        if slow is None:
            return
        tops = [event.depth_m for event in self.events if event.code == "drill.layer"]
        layer = f", in another layer since {1e3 * tops[-1]:.0f} mm" if tops else ""
        reason = (
            f"{slow:.2f} mm/min over {STALLED_S:.0f} s at {self._servo.push_n:.0f} N and {1e3 * self._deepest_m:.1f} mm"
            f" depth{layer}, less than {60e3 * STALLED_M / STALLED_S:.0f} mm/min is not worth it"
        )
        self._end("drill.stalled", reason, slow, "mm/min")

    # --- when the hole resists ----------------------------------------------------------------------------------------

    def _lift(self, view: View, phase: str) -> None:
        self._lift_from_m = float(view.obs.joint_position[_drill(view).feed])
        self._servo.push_n = 0.0
        self._layers.forget(self._deepest_m)  # what packed chips asked for is no property of the rock
        self._rock.reset()
        self._go(phase)

    def _hold_lifted(self, view: View, goal: Goal) -> bool:
        """Draw the bit off the bottom; whether it is off."""
        feed = float(view.obs.joint_position[_drill(view).feed])
        up = feed <= max(self._lift_from_m - LIFT_M, 0.0)
        self._draw(view, goal, 0.0 if up else LIFT_M_S)
        return up

    def _draw(self, view: View, goal: Goal, speed_m_s: float) -> None:
        """Draw back. The full limit: a bit still pressed is no over-press while the feed goes the other way."""
        goal.feed_velocity_m_s, goal.feed_limit_n = -speed_m_s, view.model.joints[_drill(view).feed].effort_max

    def _clear(self, view: View, goal: Goal, watch: HoleWatch) -> None:
        """Off the bottom the flights only carry: the plug is turned out."""
        up = self._hold_lifted(view, goal)
        clean = up and not watch.choking and abs(self._turned) > CLEAR_TURNS * 2.0 * math.pi
        if watch.standing:
            self._begin_free(view)
        elif clean or self._phase_s > CLEAR_MOST_S:
            self._tries = 0
            watch.chips.clean()
            self._go("lower")
        self.progress = Progress("clearing chips", depth_m=self._deepest_m)

    def _lower(self, view: View, goal: Goal, watch: HoleWatch) -> None:
        """Back to the bottom, as gently as at the first touch."""
        goal.feed_velocity_m_s, goal.feed_limit_n = LOWER_M_S, min(APPROACH_PUSH_N + TRIM_MAX_N, view.reserve_n)
        goal.hammer = 0.0
        if view.obs.weight_on_bit_n > TOUCH_N:
            self._servo.push_n = view.obs.weight_on_bit_n
            self._go("drill" if watch.depth_m >= SPUD_M else "spud")
        elif watch.standing:
            self._begin_free(view)
        self.progress = Progress("back to the bottom", depth_m=self._deepest_m)

    def _cool(self, view: View, goal: Goal, _watch: HoleWatch) -> None:
        assert self._care is not None
        self._hold_lifted(view, goal)
        goal.spindle_rad_s = min(COOL_RAD_S, self._fastest_rad_s)
        if self._care.warmth < RESUME_WARMTH:
            self._go("lower")
        self.progress = Progress(f"bit cools, {self._care.temperature_k:.0f} K", depth_m=self._deepest_m)

    def _begin_free(self, view: View) -> None:
        self._note(view, "drill.jammed")
        self._tries += 1
        self._servo.push_n = 0.0
        self._go("free")
        if self._tries > FREE_TRIES:
            reason = f"the bit is stuck at {1e3 * self._deepest_m:.1f} mm after {FREE_TRIES} tries to turn it back"
            self._end("drill.jammed", reason, float(FREE_TRIES), "1")

    def _free(self, view: View, goal: Goal, _watch: HoleWatch) -> None:
        """Turn back, with more torque at each try and never more than the anchors can pay, while drawing."""
        share = min(1.0, 0.5 + 0.25 * self._tries)
        goal.spindle_limit_nm *= share
        goal.spindle_rad_s = 0.0 if self._phase_s < 2.0 * view.dt_s else -0.5 * self._fastest_rad_s
        self._draw(view, goal, LIFT_M_S)
        if self._turned < -FREE_TURNS * 2.0 * math.pi or self._phase_s > FREE_S * (1 + self._tries):
            self._lift(view, "clear")
        self.progress = Progress(f"turning back, try {self._tries}", depth_m=self._deepest_m)

    # --- the end of a hole --------------------------------------------------------------------------------------------

    def _breakoff(self, view: View, goal: Goal, _watch: HoleWatch) -> None:
        """Twist the core off at its root: turn back on the bottom, with torque that rises to what the anchors pay."""
        drill = _drill(view)
        self._servo.push_n = max(0.5 * LEAST_WEIGHT_N, self._servo.push_n - UNLOAD_N_S * view.dt_s)
        push = self._servo.push_n
        goal.feed_push_n, goal.feed_limit_n = push, LIMIT_OVER_TARGET * push + LEAST_WEIGHT_N
        turning = self._phase_s > SETTLE_S
        goal.spindle_rad_s = -self._fastest_rad_s if turning else 0.0
        if turning:
            goal.spindle_limit_nm *= min(1.0, (self._phase_s - SETTLE_S) / BREAK_S)
        else:
            self._turned = 0.0
        if self._turned < -BREAK_RAD or drill.bit_inner_m == 0.0:
            self._core = "core broken off"
            self._go("retract")
        elif self._phase_s > 2.0 * BREAK_S:
            self._core = "core left in the hole"
            self._go("retract")
        self.progress = Progress("breaking the core off", depth_m=self._deepest_m)

    def _brake(self, _view: View, goal: Goal, _watch: HoleWatch) -> None:
        """A feed that runs away is braked, and then drawn back with all it has."""
        goal.feed_limit_n = 0.0
        if self._phase_s > 0.5:
            self._go("retract")
        self.progress = Progress("feed braked", depth_m=self._deepest_m)

    def _retract(self, view: View, goal: Goal, _watch: HoleWatch) -> None:
        drill = _drill(view)
        self._servo.push_n = 0.0
        home = bring_home(view, goal)
        if self._counter_n and not home:
            feed = _drill(view).feed
            error = goal.feed_velocity_m_s - float(view.obs.joint_velocity[feed])
            self._counter_n += COUNTER_N_M * error * view.dt_s
            goal.feed_push_n = self._counter_n
        if home:
            goal.spindle_rad_s = 0.0
        stopped = abs(view.obs.joint_velocity[drill.spindle]) < 0.3
        if not (home and stopped):
            self.progress = Progress("retract", depth_m=self._deepest_m)
        elif self._ending is not None:
            self.progress = self._ending
        else:
            said = f"out of the hole, {self._core}" if self._core else "out of the hole"
            self.progress = Progress(said, Outcome.SUCCEEDED, depth_m=self._deepest_m)

    def wind_up(self, ending: Progress) -> None:
        """Come out of the hole, then report `ending`."""
        if self._ending is None and self._phase != "check":
            self._ending = ending
            self._go("retract")

    def _end(self, code: str, reason: str, value: float, unit: str) -> None:
        self.wind_up(Progress("out of the hole", Outcome.FAILED, code, reason, value, unit, self._deepest_m))


def _drill(view: View) -> Drill:
    drill = view.model.drill
    assert drill is not None
    return drill


def unknown_rock(drill: Drill, energy_ratio: float) -> RockBelief:
    """A rock estimate before the first turn, for this drill's kerf and hammer."""
    bit = CoreBit(drill.bit_outer_m, drill.bit_inner_m, drill.blow_energy_j, drill.blow_rate_hz)
    return RockBelief(bit.kerf_m2, energy_ratio, bit.blow_power_w)
