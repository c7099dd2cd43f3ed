"""The bucket drums in the loose cover: cutting forces from the excavation model, cover into the drums."""

from __future__ import annotations

import math

import numpy as np

from stope.ledger.accounts import Carry, micrograms
from stope.physics.excavation import drum_cut
from stope.robot.messages import Vector
from stope.robot.model import Drums
from stope.sim.heightmap import HeightMap
from stope.sim.truth import TrueGround

ROCK_STIFFNESS_N_M = 1.0e4  # a drum that reaches bedrock stands on it
ROCK_DAMPING_NS_M = 100.0


class DrumsInGround:
    """All drums of one robot over one height map.

    Attributes:
        held_ug: int64 micrograms inside each drum.
        near: whether any drum is low enough to touch something before the plant looks again.
    """

    def __init__(self, drums: Drums, ground: TrueGround, heights: HeightMap, gravity_m_s2: float) -> None:
        self._drums, self._ground, self._heights, self._gravity = drums, ground, heights, gravity_m_s2
        self.held_ug = np.zeros(len(drums.joints), dtype=np.int64)
        self._volume_m3 = np.zeros(len(drums.joints))
        self.near = False
        self._below: list[tuple[float, float]] = []
        self._carry = [Carry() for _ in drums.joints]

    def look(self, centres_m: Vector) -> None:
        """Note the ground below the drums at (drums, 3); to be repeated while they are `near`."""
        xy = centres_m[:, :2]
        self._below = list(zip(self._heights.height(xy).tolist(), self._heights.cover_at(xy).tolist(), strict=True))

    def react(
        self, drum: int, centre_m: Vector, velocity_m_s: Vector, axle: Vector, rate_rad_s: float, step_s: float
    ) -> Vector | None:
        """(6,) force at its centre and torque of the ground on drum number `drum`; None while it is clear."""
        d, cover = self._drums, self._ground.cover
        bottom = float(centre_m[2]) - d.radius_m
        surface, cover_m = self._below[drum] if self._below else (-math.inf, 0.0)
        if bottom >= surface:
            return None
        # The lower edge of a drum that turns about +axle moves along -(axle x up); the scoops face the digging sense.
        sense = d.dig_sign[drum]
        edge = -sense * np.array((axle[1], -axle[0], 0.0))
        loose = min(surface - bottom, cover_m)
        force, torque = np.zeros(3), np.zeros(3)
        if loose > 0.0:
            cut = drum_cut(
                loose,
                d.width_m,
                d.radius_m,
                sense * rate_rad_s,
                float(velocity_m_s @ edge),
                cover.density_kg_m3,
                self._ground.cover_cohesion_pa,
                math.radians(cover.friction_deg),
                self._gravity,
            )
            force += -cut.horizontal_n * edge + np.array((0.0, 0.0, cut.vertical_n))
            torque += -sense * cut.torque_nm * axle
            self._volume_m3[drum] += cut.volume_rate_m3_s * step_s
        into_rock = surface - bottom - loose
        if into_rock > 0.0:
            force[2] += max(0.0, ROCK_STIFFNESS_N_M * into_rock - ROCK_DAMPING_NS_M * velocity_m_s[2])
        return np.concatenate((force, torque))

    def dig(self, drum: int, centre_m: Vector, yaw_rad: float) -> int:
        """Move what was cut since the last call from the height map into the drum; micrograms moved."""
        d, density = self._drums, self._ground.cover.density_kg_m3
        wanted = self._carry[drum].take(self._volume_m3[drum] * density)
        self._volume_m3[drum] = 0.0
        room = micrograms(d.capacity_kg) - int(self.held_ug[drum])
        wanted = min(wanted, room)
        if wanted <= 0:
            return 0
        bottom = float(centre_m[2]) - d.radius_m
        surface = float(self._heights.height(centre_m[:2]))
        half_chord = math.sqrt(max(2.0 * d.radius_m * (surface - bottom), 1e-6))
        cells = self._heights.footprint(centre_m[:2], half_chord, d.width_m / 2.0, yaw_rad)
        moved = int(self._heights.excavate(cells, bottom, wanted, density))
        self.held_ug[drum] += moved
        return moved

    def fill(self) -> Vector:
        """(drums,) 0..1."""
        return self.held_ug / micrograms(self._drums.capacity_kg)
