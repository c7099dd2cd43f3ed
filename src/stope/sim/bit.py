"""The bit in the ground: weight-on-bit from contact, hole depth from the drilling model, torque and wall forces."""

from __future__ import annotations

import math

from stope.physics.drilling import CoreBit, core_drill_response
from stope.robot.messages import Vector
from stope.robot.model import Drill
from stope.sim.truth import TrueGround

BIT_DAMPING_NS_M = 250.0
WALL_STIFFNESS_N_M = 1.5e4  # hole wall on the bit's flank
WALL_DAMPING_NS_M = 60.0
WALL_FROM_M = 2.0e-3  # the hole guides the bit once it is this deep

Triple = tuple[float, float, float]


class BitInGround:
    """One hole per site, drilled along the bit's axis at first contact. Plain floats: this is the inner loop.

    Attributes:
        depth_m: hole depth below the surface at the collar.
        weight_on_bit_n: axial contact force, positive into the ground.
        torque_nm: torque of the rock on the bit about the spindle's axis (+z of the bit link), against the turn.
        cover_m: loose cover at the collar.
        radius_m: of the bit's edge.
        collar_m: world point where the hole starts; None before the first contact.
    """

    def __init__(self, drill: Drill, ground: TrueGround) -> None:
        self._ground = ground
        self._bit = CoreBit(drill.bit_outer_m, drill.bit_inner_m, drill.blow_energy_j, drill.blow_rate_hz)
        self._stiffness = drill.string_stiffness_n_m
        self.radius_m = 0.5 * drill.bit_outer_m
        self.kerf_m2 = self._bit.kerf_m2
        self.core_m2 = math.pi / 4.0 * drill.bit_inner_m**2
        self.depth_m = 0.0
        self.cover_m = 0.0
        self.weight_on_bit_n = 0.0
        self.torque_nm = 0.0
        self.collar_m: Triple | None = None
        self._axis: Triple = (0.0, 0.0, -1.0)
        self._in_hole = False

    def open_hole(self, point_m: Triple, axis: Triple, cover_m: float) -> None:
        """First contact of the bit with the ground at a world point, drilling along `axis`."""
        self.collar_m, self._axis, self.cover_m = point_m, axis, cover_m

    def react(self, tip_m: Vector, velocity_m_s: Vector, spin_rad_s: float, step_s: float) -> Triple | None:
        """Advance the hole by one step; force of the ground on the bit, N, or None while the bit is out."""
        self.weight_on_bit_n, self.torque_nm = 0.0, 0.0
        if self.collar_m is None:
            return None
        (x, y, z), (ax, ay, az), (cx, cy, cz) = tip_m.tolist(), self._axis, self.collar_m
        x, y, z = x - cx, y - cy, z - cz
        inserted = x * ax + y * ay + z * az
        if inserted <= 0.0:
            self._in_hole = False
            return None
        vx, vy, vz = velocity_m_s.tolist()
        speed = vx * ax + vy * ay + vz * az
        x, y, z = x - inserted * ax, y - inserted * ay, z - inserted * az
        if not self._in_hole and x * x + y * y + z * z > self.radius_m**2:
            # A bit beside its hole stands on the ground and does not cut: a second hole is the physics issue's.
            press = self._press(inserted, speed)
            return -press * ax, -press * ay, -press * az
        self._in_hole = True
        press = self._press(inserted - self.depth_m, speed)
        if press > 0.0:
            self._cut(press, spin_rad_s, inserted, step_s)
        fx, fy, fz = -press * ax, -press * ay, -press * az
        if inserted > WALL_FROM_M:
            k, c = WALL_STIFFNESS_N_M, WALL_DAMPING_NS_M
            fx -= k * x + c * (vx - speed * ax)
            fy -= k * y + c * (vy - speed * ay)
            fz -= k * z + c * (vz - speed * az)
        return fx, fy, fz

    def _press(self, squeezed_m: float, speed_m_s: float) -> float:
        press = 0.0
        if squeezed_m > 0.0:
            press = max(0.0, self._stiffness * squeezed_m + BIT_DAMPING_NS_M * speed_m_s)
        self.weight_on_bit_n = press
        return press

    def _cut(self, press_n: float, spin_rad_s: float, inserted_m: float, step_s: float) -> None:
        ground, in_cover = self._ground, self.depth_m < self.cover_m
        strength = ground.cover_cohesion_pa if in_cover else ground.rock_ucs_pa
        ratio = ground.cover_energy_ratio if in_cover else ground.rock_energy_ratio
        rate, self.torque_nm = core_drill_response(press_n, spin_rad_s, strength, ratio, self._bit)
        # The hole cannot become deeper than the bit is.
        self.depth_m = min(self.depth_m + rate * step_s, inserted_m)
