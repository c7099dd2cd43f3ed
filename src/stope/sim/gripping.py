"""The grippers' actuators: drag the spines in, let them go, and sometimes stick. Works at 100 Hz on `Footing`."""

from __future__ import annotations

import numpy as np
from numba import njit

from stope.physics.anchoring import RELEASE_STICKS_PROBABILITY
from stope.robot.messages import Codes, Vector
from stope.robot.model import RobotModel
from stope.robot.tree import Tree
from stope.sim.footing import Footing
from stope.sim.heightmap import HeightMap
from stope.sim.truth import TrueGround

PRESS_SHARE = 0.5  # of the stated engaging press: less than that and the spines do not reach the rock


class Grippers:
    """All grippers of one robot.

    Attributes:
        quality: strength of grips made from now on, 1; lowered by fault injection.
        phase: (L,) what each gripper says of itself.
    """

    def __init__(
        self, model: RobotModel, footing: Footing, heights: HeightMap, ground: TrueGround, works: bool, period_s: float
    ) -> None:
        self._specs = [limb.gripper for limb in model.limbs]
        self._footing, self._heights, self._ground, self._works = footing, heights, ground, works
        self._travel = [period_s / gripper.engage_s for gripper in self._specs]
        self._jammed = np.zeros(len(self._specs), dtype=bool)
        self._idle = np.zeros(len(self._specs), dtype=np.int8)
        self._moved = False
        self.quality = 1.0
        self.phase: Codes = footing.phases(self._idle, self._jammed)

    def work(self, drive: Codes, tree: Tree) -> None:
        """One period: +1 drags in, 0 holds, -1 lets go, per limb (L,)."""
        moving, slipped = _stirs(drive, self._footing.state.slip_m)
        if not moving and not self._moved and not slipped:
            return
        self._moved = moving
        for foot, way in enumerate(drive.tolist()):
            if way > 0 and self._works:
                self._drag_in(foot, tree)
            elif way < 0 and self._footing.state.engagement[foot] > 0.0:
                self._let_go(foot)
            if way >= 0:
                self._jammed[foot] = False
        self.phase = self._footing.phases(drive, self._jammed)

    def _drag_in(self, foot: int, tree: Tree) -> None:
        state, gripper = self._footing.state, self._specs[foot]
        if state.engagement[foot] == 0.0:
            if state.press_n[foot] < PRESS_SHARE * gripper.engage_press_n:
                return
            at = tree.point_m[foot]
            if gripper.kind == "clamp":
                strength = (gripper.rated_normal_n, gripper.rated_shear_n)
            else:
                cover_m = float(self._heights.cover_at(at[:2]))
                strength = self._ground.grip_strength(gripper.spines, cover_m, at[:2])
            normal_n, shear_n = (self.quality * newtons for newtons in strength)
            self._footing.grip(foot, at, tree.point_rotation[foot], normal_n, shear_n)
        state.engagement[foot] = min(1.0, state.engagement[foot] + self._travel[foot])

    def _let_go(self, foot: int) -> None:
        state = self._footing.state
        if state.engagement[foot] >= 1.0:
            self._jammed[foot] = self._ground.release_sticks(RELEASE_STICKS_PROBABILITY)
            if self._jammed[foot]:
                return
        state.engagement[foot] -= self._travel[foot]
        if state.engagement[foot] <= 0.0:
            self._footing.open(foot)


@njit(cache=True)
def _stirs(drive: Codes, slip_m: Vector) -> tuple[bool, bool]:
    """Whether any gripper is driven, and whether any has slipped: `any()` of two arrays in a fifth of the time."""
    moving = slipped = False
    for i in range(drive.shape[0]):
        moving |= drive[i] != 0
        slipped |= slip_m[i] != 0.0
    return moving, slipped
