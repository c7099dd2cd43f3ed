"""What of the robot may meet the ground soon, and where that ground is: what cannot meet it is not computed."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stope.robot.model import RobotModel
from stope.robot.tree import Tree
from stope.sim.bit import BitInGround
from stope.sim.bullet import ArticulatedBody
from stope.sim.bullet_calls import BASE
from stope.sim.drums import DrumsInGround
from stope.sim.fast_step import Near
from stope.sim.footing import Footing
from stope.sim.ground_mesh import GroundMesh
from stope.sim.heightmap import HeightMap

NEAR_GROUND_M = 0.05
TOUCH_M = 1e-3  # a bit so near to the ground, its hole not begun, is looked at in every step


class Rows(NamedTuple):
    """Where the points of interest stand in the tree's arrays: feet from 0 on, then the first of each tool."""

    feet: int
    bit: int
    head: int
    drums: int

    @classmethod
    def of(cls, model: RobotModel) -> Rows:
        """Of a robot: bit, head of the gas sampler, drums, as far as it has them."""
        feet = len(model.limbs)
        head = feet + (1 if model.drill else 0)
        return cls(feet, feet, head, head + (1 if model.sampler else 0))


class NearGround:
    """Looks at the ground below the robot.

    Attributes:
        near: what the compiled steps must compute; may_dig: whether the bit is near enough to begin a hole.
    """

    def __init__(
        self,
        model: RobotModel,
        body: ArticulatedBody,
        mesh: GroundMesh,
        heights: HeightMap,
        tree: Tree,
        footing: Footing,
        bit: BitInGround | None,
        drums: DrumsInGround | None,
    ) -> None:
        self._body, self._mesh, self._heights, self._tree = body, mesh, heights, tree
        self._footing, self._bit, self._drums = footing, bit, drums
        self._rows = Rows.of(model)
        self._drum_reach_m = model.drums.radius_m + NEAR_GROUND_M if model.drums else -math.inf
        # A limb's last link ends in its foot, whose contact is ours; body and upper links collide in PyBullet.
        feet = [limb.foot_link for limb in model.limbs if limb.foot_link != model.base_link]
        ours = {body.parent(body.link(foot, model.base_link)) for foot in feet}
        self._collides = [link for link in body.colliding_links() if link not in ours or link == BASE]
        body.collide(mesh.body, body.colliding_links(), on=False)
        self.near, self.may_dig = Near(body=False, drums=False, floor_m=-math.inf), False

    def follow(self) -> None:
        """Tangent plane below each free foot, ground below the drums; they move at most 1 mm until the next time."""
        points, state = self._tree.point_m, self._footing.state
        if self._footing.any_free:
            free = (state.engagement == 0.0) | (state.health == 0.0)
            xy = points[: self._rows.feet][free, :2]
            height, normal = self._heights.height_and_normal(xy)
            state.plane_point[free] = np.column_stack((xy, height))
            state.plane_normal[free] = normal
        if self._drums is not None and self.near.drums:
            self._drums.look(points[self._rows.drums :], self._tree.base_rotation[:, 1])

    def look_around(self) -> None:
        """Whether body, tools or knees may meet the ground before the next look."""
        low = self._watch_body()
        bit, rows, tools = self._bit, self._rows, self._tree.point_m[self._rows.feet :]
        if bit is not None and bit.collar_m is not None and bit.is_beside(tools[0]):
            bit.leave_hole()
        drums, floor_m = False, -math.inf
        if len(tools):
            clear = tools[:, 2] - self._heights.height(tools[:, :2])
            self.may_dig = bool(clear[0] < NEAR_GROUND_M)
            floor_m = float(tools[0, 2] - clear[0]) + TOUCH_M
            drums = bool((clear[rows.drums - rows.feet :] < self._drum_reach_m).any())
        self.near = Near(low, drums, floor_m)

    def _watch_body(self) -> bool:
        """Let body and knees collide with fresh ground while they are low; whether they are."""
        lowest, corners = self._body.footprints(self._collides)
        ground = self._heights.height(corners.reshape(-1, 2)).reshape(corners.shape[:2])
        low = bool((lowest < ground.max(axis=1) + NEAR_GROUND_M).any())
        renewed = low and self._mesh.follow()
        if renewed and self.near.body:  # else what Bullet remembers of the old ground goes on holding the robot up
            self._body.collide(self._mesh.body, self._collides, on=False)
        if low != self.near.body or renewed:
            self._body.collide(self._mesh.body, self._collides, on=low)
        return low

    @property
    def bit_is_about_to_touch(self) -> bool:
        """Whether every step must be looked at: the bit is just above ground in which it has no hole."""
        bit = self._bit
        return bit is not None and bit.collar_m is None and self._tree.point_m[self._rows.bit, 2] < self.near.floor_m

    def touch_down(self) -> None:
        """Open the hole if the bit meets the ground now for the first time."""
        bit = self._bit
        if bit is None or not self.may_dig or bit.collar_m is not None:
            return
        row = self._rows.bit
        tip = self._tree.point_m[row]
        surface = float(self._heights.height(tip[:2]))
        if tip[2] > surface:
            return
        axis = (-self._tree.point_rotation[row, :, 2]).tolist()
        x, y, _ = tip.tolist()
        _, normal = self._heights.height_and_normal(tip[None, :2])
        cover = float(self._heights.cover_at(tip[:2]))
        bit.open_hole((x, y, surface), (axis[0], axis[1], axis[2]), cover, tuple(normal[0].tolist()))
