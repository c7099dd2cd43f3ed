"""The gas sampler's head on the ground: what rim and skirt press, what the plume gives back, what the jet blows where.

The head is fixed to the base and soft, so it is looked at every 10 ms, as the body is; what it presses with stays the
same until the next look.
"""

from __future__ import annotations

import math

import numpy as np

from stope.ledger.accounts import Carry
from stope.physics.cohesion import bearing_capacity_pa
from stope.physics.sampling import loft_speed_m_s
from stope.robot.messages import Vector
from stope.robot.model import Sampler, Thruster
from stope.sim.heightmap import Cells, HeightMap
from stope.sim.truth import TrueGround

SKIRT_STROKE_M = 0.02  # of the skirt, before the head stands on its rim: ASSUMED
RIM_N_M = 1.0e4  # the rim on bedrock, as a drum
DAMPING_NS_M = 40.0
RIM_POINTS = 8
RISE_M = 0.1  # from the bed to the bin's inlet: ASSUMED
REACH_RADII = 0.5  # depth below the rim that a jet still digs at, in radii of the head: ASSUMED
_AROUND = np.arange(RIM_POINTS) * (2.0 * math.pi / RIM_POINTS)
RIM = np.column_stack((np.cos(_AROUND), np.sin(_AROUND)))


class GasHead:
    """One head over one height map.

    Attributes:
        push_n: of the ground on the rim, upward. closeness: 1 with the rim on the ground, 0 from a radius above it.
    """

    def __init__(
        self, sampler: Sampler, jet: Thruster, ground: TrueGround, heights: HeightMap, gravity_m_s2: float
    ) -> None:
        self._sampler, self._jet, self._ground, self._heights = sampler, jet, ground, heights
        cover, cohesion = ground.cover, ground.cover_cohesion_pa
        self._area_m2 = math.pi * sampler.radius_m**2
        self._bears_n = float(bearing_capacity_pa(cohesion, math.radians(cover.friction_deg))) * self._area_m2
        self._loft_m_s = float(loft_speed_m_s(gravity_m_s2, RISE_M, cohesion, cover.density_kg_m3))
        self._loosened = Carry()
        self._centre_m = np.zeros(3)
        self.push_n = self.closeness = 0.0

    def look(self, centre_m: Vector, climb_m_s: float) -> None:
        """Find the ground under the rim, whose middle is at (3,) and rises with `climb_m_s`."""
        self._centre_m = centre_m.copy()
        rim = centre_m[:2] + self._sampler.radius_m * RIM
        height, cover = self._heights.height(rim), self._heights.cover_at(rim)
        self._look_at(float(centre_m[2]), float(height.max()), float((height - cover).max()), climb_m_s)

    def _look_at(self, rim_m: float, soil_m: float, rock_m: float, climb_m_s: float) -> None:
        in_soil, in_rock = soil_m - rim_m, rock_m - rim_m
        skirt_n_m = self._sampler.skirt_n_m
        push_n = min(skirt_n_m * max(in_soil, 0.0), self._bears_n)
        push_n = max(push_n, skirt_n_m * min(in_rock, SKIRT_STROKE_M))
        push_n += RIM_N_M * max(in_rock - SKIRT_STROKE_M, 0.0)
        self.push_n = max(0.0, push_n - DAMPING_NS_M * climb_m_s) if push_n > 0.0 else 0.0
        self.closeness = min(1.0, max(0.0, 1.0 + in_soil / self._sampler.radius_m))

    @property
    def thrust_factor(self) -> float:
        """What the jet pushes the robot with over its thrust in free space: the plume comes back from near ground."""
        return 1.0 + self._sampler.plume_share * self.closeness

    def blow(self, gas_kg: float, period_s: float) -> tuple[int, float, Cells]:
        """Loosen the ground under the head with a jet of `gas_kg` in `period_s`.

        Returns:
            Micrograms that left the ground, their speed in m/s, and the cells below the head.
        """
        jet_m_s, share = self._jet.exhaust_m_s, self._sampler.momentum_share * self.closeness
        cells = self._cells(0.5 * math.sqrt(math.pi) * self._sampler.radius_m)  # a square of the head's area
        pressure_pa = gas_kg * jet_m_s / period_s / self._area_m2 * self.closeness
        if share == 0.0 or pressure_pa <= self._ground.cover_cohesion_pa:
            return 0, 0.0, cells
        wanted = self._loosened.take(share * gas_kg * jet_m_s / self._loft_m_s)
        floor_m = float(self._centre_m[2]) - REACH_RADII * self._sampler.radius_m
        moved = int(self._heights.excavate(cells, floor_m, wanted, self._ground.cover.density_kg_m3))
        # The same momentum on fewer grains makes them faster.
        speed = min(self._loft_m_s * wanted / moved, jet_m_s) if moved else 0.0
        return moved, speed, cells

    def rim(self, width_m: float) -> Cells:
        """The ring of ground around the head onto which falls what the skirt stops."""
        half = 0.5 * math.sqrt(math.pi) * self._sampler.radius_m
        return np.setdiff1d(self._cells(half + width_m), self._cells(half))

    @property
    def rim_m(self) -> Vector:
        """(3,) middle of the rim, site frame."""
        return self._centre_m

    def _cells(self, half_m: float) -> Cells:
        return self._heights.footprint(self._centre_m[:2], half_m, half_m, 0.0)
