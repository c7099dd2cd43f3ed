"""Which controller works on which task of the mission, under which conditions, and what is tried when it fails.

The ladders are planner.md's section 5.4. Their first level, reflexes and re-tries within a grip or a hole, lives in the
controllers and the device; here is the second, another try in another way. The third, to leave the task and plan anew,
is the desk's `replan`; the fourth, to stay where one is, anchored, is the tree's closing branch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stope.belief.bed import LooseBed
from stope.belief.rock import RockBelief
from stope.control.anchoring import AnchorController, PullTestController
from stope.control.bitcare import BitCare
from stope.control.collecting import CollectController
from stope.control.descending import DescendController
from stope.control.drilling import DrillController
from stope.control.goal import TaskController, View
from stope.control.leaving import ReleaseController, StowController
from stope.control.recovering import RecoverController
from stope.control.retention import fastest_drum_rad_s, fastest_grain_m_s, fastest_spindle_rad_s
from stope.control.sampling import SampleController
from stope.control.stance import Stance
from stope.control.walking import WalkController
from stope.control.weight_law import LEVELS
from stope.executive.activity import Activity
from stope.executive.condition import Condition
from stope.executive.task import MakeController, Rung, Task
from stope.mission.missionfile import Anchor, Collect, Descend, DrillTask, PullTest, Release, Sample, Stow, Walk
from stope.mission.missionfile import Task as Asked
from stope.robot.messages import AnchorPhase
from stope.robot.model import RobotModel

RECOVER_TIMEOUT_S = 300.0
LEAST_GAS_KG = 0.01  # hold-down for a second of full thrust: with less nothing presses the feet on
HOME_M = 5.0e-3
BIN_FULL, BIN_NEARLY_FULL = 0.995, 0.98
SHIFT_M = 0.05  # another foothold, beyond what the controller itself has tried
GENTLER_LOAD = 0.8  # of the pull test that failed: 1.0 F_req where the first asked 1.25 F_req (planner.md 5.4)
FASTER_SPINDLE = 1.3
LEAST_DEPTH_M, LEAST_MASS_KG = 5e-4, 1e-3


@dataclass(frozen=True, slots=True)
class Workshop:
    """What tasks are built from.

    Attributes:
        hold_down_n: thrust kept from the descent until anchors hold; preload_n: shear preload kept afterwards.
        escape_speed_m_s: believed, for the contact speed and for the verdict on a drift.
        care: what is believed of the bit, over all holes; hammer_levels: of the drill, as shares of its blow energy.
        bed: what is believed of the loose cover.
        risk: that the anchors may fail a task with; needed_n: pull that a tool will ask of one anchor at most.
    """

    stance: Stance
    rock: RockBelief | None
    hold_down_n: float
    preload_n: float
    escape_speed_m_s: float
    model: RobotModel
    care: BitCare | None = None
    hammer_levels: tuple[float, ...] = LEVELS
    risk: float = 1e-3
    needed_n: float = math.inf
    bed: LooseBed | None = None

    def task(self, asked: Asked) -> Task:
        """How to do one task of the mission."""
        match asked:
            case Descend():
                return self._descend(asked)
            case Anchor():
                return self._anchor(asked)
            case PullTest():
                return self._pull_test(asked)
            case DrillTask():
                return self._drill(asked)
            case Collect():
                return self._collect(asked)
            case Sample():
                return self._sample(asked)
            case Walk():
                return self._walk(asked)
            case Stow():
                return self._stow(asked)
            case Release():
                return self._release(asked)

    def recovery(self, min_anchors: int) -> tuple[Activity, Task]:
        """The response to lost anchors."""
        activity = Activity(-1, "recover", RECOVER_TIMEOUT_S)
        make = _always(lambda: RecoverController(self.stance, self.escape_speed_m_s, min_anchors))
        return activity, Task("recover", RECOVER_TIMEOUT_S, make)

    def _descend(self, asked: Descend) -> Task:
        gas = Condition("propellant.empty", "propellant", lambda view: view.obs.propellant_kg, LEAST_GAS_KG, unit="kg")
        feet = Condition("descend.no_contact", "feet on the ground", lambda view: float(view.estimate.contact.sum()), 1)
        return Task(
            "descend", asked.timeout_s, _always(lambda: DescendController(asked, self.stance, self.escape_speed_m_s)),
            pre=(gas,) if self.model.hold_down_nozzles else (), invariant=(FRESH,), post=(feet,),
        )  # fmt: skip

    def _anchor(self, asked: Anchor) -> Task:
        def elsewhere(view: View, _activity: Activity) -> TaskController:
            free = ~view.anchored
            self.stance.feet_m = np.where(
                free[:, None], self.stance.nominal_m + SHIFT_M * self.stance.outward, self.stance.feet_m
            )
            return AnchorController(asked, self.stance, self.hold_down_n)

        return Task(
            "anchor", asked.timeout_s, _always(lambda: AnchorController(asked, self.stance, self.hold_down_n)),
            invariant=(FRESH,), post=(_anchors(asked.min_anchors),),
            ladder=(Rung(("anchor.too_few",), 1, f"tried {100 * SHIFT_M:.0f} cm further out", elsewhere),),
        )  # fmt: skip

    def _pull_test(self, asked: PullTest) -> Task:
        # Where the task leaves the load to the policy, the policy knows what broke and plans anew.
        gentler_n = None if asked.load_n is None else GENTLER_LOAD * asked.load_n
        gentler = asked.model_copy(update={"load_n": gentler_n})
        told = "as hard as pays" if gentler_n is None else f"with {gentler_n:.0f} N"

        def test(how: PullTest) -> TaskController:
            return PullTestController(how, self.stance, self.preload_n, self.risk, self.needed_n)

        grip = Anchor(task="anchor", min_anchors=1, preload_n=0.0)
        rung = Rung(
            ("anchor.too_few",), 1, f"gripped again and tested {told}",
            _always(lambda: test(gentler)),
            first=_always(lambda: AnchorController(grip, self.stance, self.hold_down_n)),
        )  # fmt: skip
        return Task(
            "pull_test", asked.timeout_s, _always(lambda: test(asked)),
            pre=(_anchors(1),), invariant=(FRESH,), ladder=(rung,),
        )  # fmt: skip

    def _drill(self, asked: DrillTask) -> Task:
        rock = self.rock
        if rock is None:
            raise ValueError("a drill task for a robot without a drill")
        assert self.model.drill is not None
        retained = fastest_spindle_rad_s(self.model.drill, self.escape_speed_m_s)

        def drill(spindle: float) -> MakeController:
            def make(_view: View, activity: Activity) -> TaskController:
                left = asked.depth_m - activity.before_m
                if left < LEAST_DEPTH_M:
                    return StowController(self.stance)  # deep enough: all that is left is to bring the bit home
                rest = asked.model_copy(update={"depth_m": left, "spindle_rad_s": spindle})
                return DrillController(
                    rest, self.stance, rock, self.preload_n, self.care, levels=self.hammer_levels,
                    retained_rad_s=retained,
                )  # fmt: skip

            return make

        fastest = min(self.model.joints[self.model.drill.spindle].velocity_max, retained)
        faster = min(FASTER_SPINDLE * asked.spindle_rad_s, fastest)
        stalled = Rung(("drill.stalled",), 1, f"tried again at {faster:.1f} rad/s", drill(faster))
        pressed = Rung(("drill.over_weight", "anchor.overloaded"), 1, "tried again from zero load",
                       drill(asked.spindle_rad_s))  # fmt: skip
        return Task(
            "drill", asked.timeout_s, drill(asked.spindle_rad_s), invariant=(FRESH,), post=(self._bit_home("drill"),),
            resources=frozenset({"drill"}), ladder=(stalled, pressed) if faster > asked.spindle_rad_s else (pressed,),
        )  # fmt: skip

    def _collect(self, asked: Collect) -> Task:
        drums = self.model.drums

        def make(view: View, activity: Activity) -> TaskController:
            assert drums is not None
            held = float(view.obs.drum_fill.sum()) * drums.capacity_kg
            begun = activity.memory.setdefault("held_kg", held)
            rest = asked.model_copy(update={"mass_kg": max(asked.mass_kg - (held - begun), LEAST_MASS_KG)})
            most_rad_s = fastest_drum_rad_s(drums, self.escape_speed_m_s)
            return CollectController(rest, self.stance, self.preload_n, most_rad_s)

        again = Rung(("collect.exhausted",), 1, "lowered again for the rest", make)
        return Task(
            "collect", asked.timeout_s, make, pre=(ROOM,), invariant=(FRESH,), exit=(FULL,),
            resources=frozenset({"collect"}), ladder=(again,),
        )  # fmt: skip

    def _sample(self, asked: Sample) -> Task:
        sampler = self.model.sampler

        def make(view: View, activity: Activity) -> TaskController:
            assert sampler is not None
            held = view.obs.bin_fill * self.model.bin_capacity_kg
            begun = activity.memory.setdefault("held_kg", held)
            rest = asked.model_copy(update={"mass_kg": max(asked.mass_kg - (held - begun), LEAST_MASS_KG)})
            most_m_s = fastest_grain_m_s(sampler, self.escape_speed_m_s)
            return SampleController(rest, self.stance, self.preload_n, most_m_s, self.bed)

        return Task(
            "sample", asked.timeout_s, make, pre=(ROOM,), invariant=(FRESH,), exit=(FULL,),
            resources=frozenset({"sample"}),
        )  # fmt: skip

    def _walk(self, asked: Walk) -> Task:
        pre = (self._bit_home("walk"),) if self.model.drill is not None else ()
        make = _always(lambda: WalkController(asked, self.stance))
        return Task("walk", asked.timeout_s, make, pre=pre, invariant=(FRESH,), post=(_anchors(3),))

    def _stow(self, asked: Stow) -> Task:
        make = _always(lambda: StowController(self.stance))
        post = (self._bit_home("stow"),) if self.model.drill is not None else ()
        return Task(
            "stow", asked.timeout_s, make, invariant=(FRESH,), post=post,
            ladder=(Rung(("task.timeout", "stow.bit_in"), 2, "tried again", make),),
        )  # fmt: skip

    def _release(self, asked: Release) -> Task:
        make = _always(lambda: ReleaseController(self.stance))
        closed = Condition("release.not_open", "grips not open", _not_open, most=0)
        ladder = (
            Rung(("anchor.jammed", "release.not_open"), 1, "worked once more", make),
            Rung(("anchor.jammed", "release.not_open"), 1, "the operator may have it worked once more", make, ask=True),
        )
        pre = (self._bit_home("release"),) if self.model.drill is not None else ()
        return Task("release", asked.timeout_s, make, pre=pre, invariant=(FRESH,), post=(closed,), ladder=ladder)

    def _bit_home(self, task: str) -> Condition:
        assert self.model.drill is not None
        feed = self.model.drill.feed
        return Condition(
            f"{task}.bit_in", "the bit's way out of its housing", lambda view: float(view.obs.joint_position[feed]),
            most=HOME_M, unit="m",
        )  # fmt: skip


#: True while telemetry is fresh, unknown while it is not: what every task rests on.
FRESH = Condition("telemetry.unknown", "the state of the robot", lambda _view: 0.0, most=0.0)

ROOM = Condition("collector.bin_full", "fill of the bin", lambda view: view.obs.bin_fill, most=BIN_NEARLY_FULL)
FULL = Condition("collector.bin_full", "the bin is full", lambda view: view.obs.bin_fill, least=BIN_FULL)


def _anchors(least: int) -> Condition:
    return Condition("anchor.too_few", "anchors that hold", lambda view: float(view.anchored.sum()), float(least))


def _not_open(view: View) -> float:
    return float((view.obs.anchor_phase != AnchorPhase.OPEN).sum())


def _always(build: Callable[[], TaskController]) -> MakeController:
    """A controller that is built the same in every try."""
    return lambda _view, _activity: build()
