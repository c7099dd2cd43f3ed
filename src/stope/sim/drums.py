"""The bucket drums in the loose cover: cutting forces from the excavation model, cover into the drums.

A drum is many cells of the ground wide, and what it meets is the sum over its width: the model is applied to strips as
wide as a cell, each with its own depth.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.ledger.accounts import Carry, micrograms
from stope.physics.excavation.drum import LOAD_GYRATION, Scoop, drum_response, scoop_in_soil
from stope.robot.messages import Vector
from stope.robot.model import Drums
from stope.sim.heightmap import Cells, HeightMap
from stope.sim.truth import TrueGround

ROCK_STIFFNESS_N_M = 1.0e4  # a drum that reaches bedrock stands on it
ROCK_DAMPING_NS_M = 100.0
_NOWHERE: Cells = np.zeros(0, dtype=np.int64)


class DrumState(NamedTuple):
    """What the kernel knows of the drums.

    Attributes:
        joints: (d,) of the robot; sense: (d,) that digs.
        below: (d, strips, 2) height of the ground below them and its loose cover, m; volume_m3: (d,) cut, to fetch.
        size: width and radius, m; soil: density, cohesion and gravity; scoop: see `scoop_in_soil`.
    """

    joints: npt.NDArray[np.int64]
    sense: Vector
    below: Vector
    volume_m3: Vector
    size: tuple[float, float]
    soil: tuple[float, float, float]
    scoop: Scoop


NO_DRUMS = DrumState(
    np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros((0, 1, 2)), np.zeros(0), (0.0, 0.0), (0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0),
)  # fmt: skip


class DrumsInGround:
    """All drums of one robot over one height map.

    Attributes:
        held_ug: int64 micrograms inside each drum.
        gyration_m2: (3,) inertia of that over its mass, about the axes of the drum, whose axle is y.
        packed: for the kernel, `drums_react`.
    """

    def __init__(self, drums: Drums, ground: TrueGround, heights: HeightMap, gravity_m_s2: float) -> None:
        self._drums, self._ground, self._heights, self._gravity = drums, ground, heights, gravity_m_s2
        self.held_ug = np.zeros(len(drums.joints), dtype=np.int64)
        self._volume_m3 = np.zeros(len(drums.joints))
        strips = max(1, round(drums.width_m / heights.cell_m))
        self._offsets_m = (np.arange(strips) + 0.5 - strips / 2) * (drums.width_m / strips)
        self._below = np.full((len(drums.joints), strips, 2), -np.inf)
        cover = ground.cover
        self.packed = DrumState(
            joints=np.array(drums.joints, dtype=np.int64),
            sense=np.array(drums.dig_sign, dtype=np.float64),
            below=self._below,
            volume_m3=self._volume_m3,
            size=(drums.width_m, drums.radius_m),
            soil=(cover.density_kg_m3, ground.cover_cohesion_pa, gravity_m_s2),
            scoop=scoop_in_soil(math.radians(cover.friction_deg)),
        )
        axle = (LOAD_GYRATION * drums.radius_m) ** 2
        across = axle / 2.0 + drums.width_m**2 / 12.0
        self.gyration_m2 = np.array((across, axle, across))
        self._carry = [Carry() for _ in drums.joints]

    def look(self, centres_m: Vector, axle: Vector) -> None:
        """Note the ground below the drums at (drums, 3), which turn about `axle` (3,); repeat while they are `near`."""
        xy = centres_m[:, None, :2] + self._offsets_m[:, None] * axle[:2]
        self._below[..., 0], self._below[..., 1] = self._heights.height(xy), self._heights.cover_at(xy)

    def dig(self, drum: int, centre_m: Vector, yaw_rad: float) -> tuple[int, Cells]:
        """Move what was cut since the last call from the height map into the drum; micrograms moved, and whence."""
        d, density = self._drums, self._ground.cover.density_kg_m3
        wanted = self._carry[drum].take(self._volume_m3[drum] * density)
        self._volume_m3[drum] = 0.0
        room = micrograms(d.capacity_kg) - int(self.held_ug[drum])
        wanted = min(wanted, room)
        if wanted <= 0:
            return 0, _NOWHERE
        bottom = float(centre_m[2]) - d.radius_m
        surface = float(self._below[drum, :, 0].max())
        half_chord = math.sqrt(max(2.0 * d.radius_m * (surface - bottom), 1e-6))
        cells = self._heights.footprint(centre_m[:2], half_chord, d.width_m / 2.0, yaw_rad)
        moved = int(self._heights.excavate(cells, bottom, wanted, density))
        self.held_ug[drum] += moved
        return moved, cells

    def fill(self) -> Vector:
        """(drums,) 0..1."""
        return self.held_ug / micrograms(self._drums.capacity_kg)


@njit(cache=True)
def drums_react(points: Vector, axle: Vector, rate: Vector, step_s: float, drums: DrumState, wrench: Vector) -> None:
    """Force and torque of the ground on every drum, zero while it is clear; what is cut is counted.

    Args:
        points: (d, 18) rows of world position, rotation, velocity and spin of the drums' centres (see `tree.Tree`).
        axle: (3,) world axis about which they turn; rate: (n,) joint velocities.
        wrench: (d, 6) rows that receive force and torque.
    """
    width_m, radius_m = drums.size
    density, cohesion, gravity = drums.soil
    strips = drums.below.shape[1]
    strip_m = width_m / strips
    for i in range(drums.joints.shape[0]):
        wrench[i] = 0.0
        bottom = points[i, 2] - radius_m
        # The lower edge of a drum that turns about +axle moves along -(axle x up); the scoops face the digging sense.
        sense = drums.sense[i]
        edge_x, edge_y = -sense * axle[1], sense * axle[0]
        turn, advance = sense * rate[drums.joints[i]], points[i, 12] * edge_x + points[i, 13] * edge_y
        for k in range(strips):
            aside = (k + 0.5 - strips / 2) * strip_m
            deep = drums.below[i, k, 0] - (bottom + aside * axle[2])
            if deep <= 0.0:
                continue
            loose, along, push = min(deep, drums.below[i, k, 1]), 0.0, 0.0
            if loose > 0.0:
                along, push, torque, rate_m3_s = drum_response(
                    loose, strip_m, radius_m, turn, advance, density, cohesion, gravity, drums.scoop
                )
                for j in range(3):
                    wrench[i, 3 + j] -= sense * torque * axle[j]
                drums.volume_m3[i] += rate_m3_s * step_s
            if deep > loose:
                standing = ROCK_STIFFNESS_N_M * (deep - loose) - ROCK_DAMPING_NS_M * points[i, 14]
                push += max(0.0, standing) / strips
            _add(wrench[i], -along * edge_x, -along * edge_y, push, aside, axle)


@njit(cache=True)
def _add(wrench: Vector, x: float, y: float, z: float, aside: float, axle: Vector) -> None:
    """Add a force that acts `aside` along the axle to a wrench (6,) about the drum's centre."""
    wrench[0] += x
    wrench[1] += y
    wrench[2] += z
    wrench[3] += aside * (axle[1] * z - axle[2] * y)
    wrench[4] += aside * (axle[2] * x - axle[0] * z)
    wrench[5] += aside * (axle[0] * y - axle[1] * x)
