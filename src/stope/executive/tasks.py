"""Which controller works on which task of the mission."""

from __future__ import annotations

from dataclasses import dataclass

from stope.belief.rock import RockBelief
from stope.control.anchoring import AnchorController, PullTestController
from stope.control.bitcare import BitCare
from stope.control.collecting import CollectController
from stope.control.descending import DescendController
from stope.control.drilling import DrillController
from stope.control.goal import TaskController
from stope.control.leaving import ReleaseController, StowController
from stope.control.recovering import RecoverController
from stope.control.stance import Stance
from stope.control.weight_law import LEVELS
from stope.executive.activity import Activity
from stope.executive.leaf import MakeController
from stope.mission.missionfile import Anchor, Collect, Descend, DrillTask, PullTest, Release, Stow, Task

RECOVER_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Workshop:
    """What controllers are built from.

    Attributes:
        hold_down_n: thrust kept from the descent until anchors hold; preload_n: shear preload kept afterwards.
        escape_speed_m_s: believed, for the verdict on a drift.
        care: what is believed of the bit, over all holes; hammer_levels: of the drill, as shares of its blow energy.
    """

    stance: Stance
    rock: RockBelief | None
    hold_down_n: float
    preload_n: float
    escape_speed_m_s: float
    care: BitCare | None = None
    hammer_levels: tuple[float, ...] = LEVELS

    def maker(self, task: Task) -> MakeController:
        """How to build the controller of one task."""
        return lambda _view: self._controller(task)

    def recovery(self, min_anchors: int) -> tuple[Activity, MakeController]:
        """The response to lost anchors."""
        activity = Activity(-1, "recover", RECOVER_TIMEOUT_S)
        return activity, lambda _view: RecoverController(self.stance, self.escape_speed_m_s, min_anchors)

    def _controller(self, task: Task) -> TaskController:
        match task:
            case Descend():
                return DescendController(task, self.stance)
            case Anchor():
                return AnchorController(task, self.stance, self.hold_down_n)
            case PullTest():
                return PullTestController(task, self.stance, self.preload_n)
            case DrillTask():
                if self.rock is None:
                    raise ValueError("a drill task for a robot without a drill")
                return DrillController(
                    task, self.stance, self.rock, self.preload_n, self.care, levels=self.hammer_levels
                )
            case Collect():
                return CollectController(task, self.stance, self.preload_n)
            case Stow():
                return StowController(self.stance)
            case Release():
                return ReleaseController(self.stance)
