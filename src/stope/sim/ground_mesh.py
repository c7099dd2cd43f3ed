"""The ground as rigid bodies meet it: Bullet's copy of the height map, renewed where digging and slumping changed it.

Feet, bit and drums meet the height map itself, by models of their own; the robot's body and its upper links collide
with this copy. It is looked after only while they are near the ground, and renewed only when it is off by more than
`STALE_M`. Bullet changes the heights in place, so the ground's number, which the compiled loop holds, stays.
"""

from __future__ import annotations

import numpy as np

from stope.sim.bullet import BulletWorld
from stope.sim.heightmap import HeightMap

STALE_M = 5e-3  # renewing 201 x 201 heights takes 2 to 15 ms: with 2 mm 34 times in bennu_core, 2 % of its run


class GroundMesh:
    """Bullet's copy of a height map.

    Attributes:
        body: its number in Bullet.
        renewals: how often it was renewed.
    """

    def __init__(self, world: BulletWorld, heights: HeightMap, friction: float) -> None:
        self._world, self._heights = world, heights
        self._copy = heights.surface_m.copy()
        self.body, self._shape = world.add_ground(self._copy, heights.cell_m, friction)
        self.renewals = 0

    def follow(self) -> bool:
        """Renew the copy if somewhere it is off by more than `STALE_M`; whether it was."""
        surface = self._heights.surface_m
        if float(np.abs(surface - self._copy).max()) <= STALE_M:
            return False
        self._copy = surface.copy()
        self._world.change_ground(self._shape, self._copy, self._heights.cell_m)
        self.renewals += 1
        return True
