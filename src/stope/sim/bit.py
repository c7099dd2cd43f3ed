"""The bit in the ground: weight-on-bit from contact, hole depth from the drilling model, torque and wall forces."""

from __future__ import annotations

import math

import numpy as np

from stope.physics.drilling import CoreBit, annulus_area_m2, core_drill_response
from stope.robot.messages import Vector
from stope.robot.model import Drill
from stope.sim.truth import TrueGround

BIT_STIFFNESS_N_M = 6.0e4  # drill string and rock in series, assumed; stable with a 4 kg carriage at a 2 ms step
BIT_DAMPING_NS_M = 250.0
WALL_STIFFNESS_N_M = 1.5e4  # hole wall on the bit's flank
WALL_DAMPING_NS_M = 60.0
WALL_FROM_M = 2.0e-3  # the hole guides the bit once it is this deep


class BitInGround:
    """One hole per site, drilled along the bit's axis at first contact.

    Attributes:
        depth_m: hole depth below the surface at the collar.
        weight_on_bit_n: axial contact force, positive into the ground.
        torque_nm: torque of the rock on the bit about the spindle's axis (+z of the bit link), against the turn.
        cover_m: loose cover at the collar.
    """

    def __init__(self, drill: Drill, ground: TrueGround) -> None:
        self._ground = ground
        self._bit = CoreBit(drill.bit_outer_m, drill.bit_inner_m, drill.blow_energy_j, drill.blow_rate_hz)
        self.kerf_m2 = annulus_area_m2(drill.bit_outer_m, drill.bit_inner_m)
        self.core_m2 = math.pi / 4.0 * drill.bit_inner_m**2
        self.depth_m = 0.0
        self.cover_m = 0.0
        self.weight_on_bit_n = 0.0
        self.torque_nm = 0.0
        self._radius_m = 0.5 * drill.bit_outer_m
        self._in_hole = False
        self._collar: Vector | None = None
        self._axis = np.array([0.0, 0.0, -1.0])

    @property
    def collar_m(self) -> Vector | None:
        """World point where the hole starts; None before the first contact."""
        return self._collar

    def open_hole(self, point_m: Vector, axis: Vector, cover_m: float) -> None:
        """First contact of the bit with the ground at a world point, drilling along `axis`."""
        self._collar, self._axis, self.cover_m = point_m.copy(), axis.copy(), cover_m

    def react(self, tip_m: Vector, velocity_m_s: Vector, spin_rad_s: float, step_s: float) -> Vector | None:
        """Advance the hole by one step; force of the ground on the bit (3,) N, or None while the bit is out."""
        self.weight_on_bit_n, self.torque_nm = 0.0, 0.0
        if self._collar is None:
            return None
        offset = tip_m - self._collar
        inserted = float(offset @ self._axis)
        if inserted <= 0.0:
            self._in_hole = False
            return None
        if not self._in_hole:
            aside = offset - inserted * self._axis
            if float(aside @ aside) > self._radius_m**2:
                return self._stand(inserted, velocity_m_s)
            self._in_hole = True
        speed = float(velocity_m_s @ self._axis)
        press = 0.0
        if inserted > self.depth_m:
            press = max(0.0, BIT_STIFFNESS_N_M * (inserted - self.depth_m) + BIT_DAMPING_NS_M * speed)
        if press > 0.0:
            self._cut(press, spin_rad_s, inserted, step_s)
        force = -press * self._axis
        if inserted > WALL_FROM_M:
            lateral = offset - inserted * self._axis
            sideways = velocity_m_s - speed * self._axis
            force -= WALL_STIFFNESS_N_M * lateral + WALL_DAMPING_NS_M * sideways
        self.weight_on_bit_n = press
        return force

    def _stand(self, sunk_m: float, velocity_m_s: Vector) -> Vector:
        """A bit beside its hole stands on the ground and does not cut: a second hole is the physics issue's."""
        press = max(0.0, BIT_STIFFNESS_N_M * sunk_m + BIT_DAMPING_NS_M * float(velocity_m_s @ self._axis))
        self.weight_on_bit_n = press
        return np.asarray(-press * self._axis)

    def _cut(self, press_n: float, spin_rad_s: float, inserted_m: float, step_s: float) -> None:
        in_cover = self.depth_m < self.cover_m
        strength = self._ground.cover_cohesion_pa if in_cover else self._ground.rock_ucs_pa
        ratio = self._ground.cover.specific_energy_ratio.median if in_cover else self._ground.rock_energy_ratio
        rate, torque = core_drill_response(press_n, spin_rad_s, strength, ratio, self._bit)
        self.torque_nm = torque
        # The hole cannot become deeper than the bit is.
        self.depth_m = min(self.depth_m + rate * step_s, inserted_m)
