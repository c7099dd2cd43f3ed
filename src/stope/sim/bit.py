"""The bit in the ground: weight-on-bit from contact, hole depth from the drilling model, torque and wall forces."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from stope.physics.drilling import CoreBit, core_response
from stope.robot.messages import Vector
from stope.robot.model import Drill
from stope.sim.truth import TrueGround

BIT_DAMPING_NS_M = 250.0
WALL_STIFFNESS_N_M = 1.5e4  # hole wall on the bit's flank
WALL_DAMPING_NS_M = 60.0
WALL_FROM_M = 2.0e-3  # the hole guides the bit once it is this deep

Triple = tuple[float, float, float]

_DEPTH, _COVER, WEIGHT, _INSERTED, _IN_HOLE, _COLLAR, _AXIS, BORED = 0, 1, 2, 3, 4, 5, 8, 11  # of `BitState.state`


class BitState(NamedTuple):
    """What the kernel knows of bit and hole: the hole's state (12,) in place, and constants of string and ground."""

    state: Vector
    string: tuple[float, float]
    cutter: tuple[float, float, float, float, float]
    rock: tuple[float, float]
    cover: tuple[float, float]


NO_BIT = BitState(np.zeros(12), (0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0), (0.0, 0.0))


class BitInGround:
    """One hole per site, drilled along the bit's axis at first contact.

    Attributes:
        radius_m: of the bit's edge; kerf_m2, core_m2: what a metre of hole turns to chips and to core.
        collar_m: world point where the hole starts; None before the first contact.
    """

    def __init__(self, drill: Drill, ground: TrueGround) -> None:
        bit = CoreBit(drill.bit_outer_m, drill.bit_inner_m, drill.blow_energy_j, drill.blow_rate_hz)
        self.radius_m = 0.5 * drill.bit_outer_m
        self.kerf_m2 = bit.kerf_m2
        self.core_m2 = math.pi / 4.0 * drill.bit_inner_m**2
        self.collar_m: Triple | None = None
        self._state = np.zeros(12)
        self._string = drill.string_stiffness_n_m, self.radius_m
        self._cutter = bit.flat_m2, bit.face_m, bit.kerf_m2, bit.arm_m, bit.blow_power_w
        self._rock = ground.rock_ucs_pa, ground.rock_energy_ratio
        self._cover = ground.cover_cohesion_pa, ground.cover_energy_ratio

    @property
    def depth_m(self) -> float:
        """Hole depth below the surface at the collar."""
        return float(self._state[_DEPTH])

    @property
    def cover_m(self) -> float:
        """Loose cover at the collar."""
        return float(self._state[_COVER])

    @property
    def weight_on_bit_n(self) -> float:
        """Axial contact force, positive into the ground."""
        return float(self._state[WEIGHT])

    def open_hole(self, point_m: Triple, axis: Triple, cover_m: float) -> None:
        """First contact of the bit with the ground at a world point, drilling along `axis`."""
        self.collar_m = point_m
        self._state[_COVER] = cover_m
        self._state[_COLLAR:_AXIS], self._state[_AXIS:BORED] = point_m, axis
        self._state[BORED] = 1.0

    def react(self, point: Vector, spin_rad_s: float, step_s: float, wrench: Vector) -> None:
        """Advance the hole by one step.

        Args:
            point: (18,) the tip's row of `tree.Tree.points`; its rotation's third column is the spindle's axis.
            wrench: (6,) receives force and torque of the ground on the bit, N and N m; zero while the bit is out.
        """
        bit_reacts(point, spin_rad_s, step_s, self.packed, wrench)

    @property
    def packed(self) -> BitState:
        """Everything that the kernel knows of the bit."""
        return BitState(self._state, self._string, self._cutter, self._rock, self._cover)


@njit(cache=True)
def bit_reacts(point: Vector, spin_rad_s: float, step_s: float, bit: BitState, wrench: Vector) -> None:
    """`BitInGround.react`, compiled."""
    state, string, cutter, rock, cover = bit
    if state[BORED] == 0.0:
        return
    press = _touch(point, state, string, wrench)
    if press > 0.0:
        strength, ratio = cover if state[_DEPTH] < state[_COVER] else rock
        rate, torque = core_response(press, spin_rad_s, strength, ratio, cutter)
        # The hole cannot become deeper than the bit is.
        state[_DEPTH] = min(state[_DEPTH] + rate * step_s, state[_INSERTED])
        for j in range(3):
            wrench[3 + j] = torque * point[5 + 3 * j]


@njit(cache=True)
def _touch(point: Vector, state: Vector, string: tuple[float, float], wrench: Vector) -> float:
    """Contact of bit and ground: wall and axial force into `wrench`; the force (N) that presses the cutters on rock."""
    stiffness_n_m, radius_m = string
    wrench[:] = 0.0
    state[WEIGHT] = 0.0
    axis, off = state[_AXIS:BORED], point[0:3] - state[_COLLAR:_AXIS]
    inserted = axis[0] * off[0] + axis[1] * off[1] + axis[2] * off[2]
    speed = axis[0] * point[12] + axis[1] * point[13] + axis[2] * point[14]
    state[_INSERTED] = inserted
    if inserted <= 0.0:
        state[_IN_HOLE] = 0.0
        return 0.0
    off -= inserted * axis
    # A bit beside its hole stands on the ground and does not cut: a second hole is the physics issue's.
    if state[_IN_HOLE] == 0.0 and off[0] ** 2 + off[1] ** 2 + off[2] ** 2 <= radius_m**2:
        state[_IN_HOLE] = 1.0
    squeezed = inserted - (state[_DEPTH] if state[_IN_HOLE] > 0.0 else 0.0)
    press = max(0.0, stiffness_n_m * squeezed + BIT_DAMPING_NS_M * speed) if squeezed > 0.0 else 0.0
    state[WEIGHT] = press
    for j in range(3):
        wrench[j] = -press * axis[j]
        if state[_IN_HOLE] > 0.0 and inserted > WALL_FROM_M:
            wrench[j] -= WALL_STIFFNESS_N_M * off[j] + WALL_DAMPING_NS_M * (point[12 + j] - speed * axis[j])
    return press if state[_IN_HOLE] > 0.0 else 0.0
