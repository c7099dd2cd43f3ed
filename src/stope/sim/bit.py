"""The bit in the ground: weight-on-bit from contact, a hole from the drilling models, and what goes wrong in holes.

Each step: contact and wall (`_touch`); cutting by `core_response`, blunter as the bit wears; chips into the flights,
which pack to a plug when more is cut than they carry and grip the wall (`plug_torque_nm`); heat; wear; the core, which
stays rooted in the rock until it is twisted off. All state is one array, so that a step is one compiled call.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from stope.physics.drilling import WEAR_FLAT_NEW, WEAR_FLAT_WORN, CoreBit, core_response
from stope.physics.drilling.wear import ARCHARD_COEFFICIENT, CARBIDE_HARDNESS_PA
from stope.robot.messages import Vector
from stope.robot.model import Drill
from stope.sim.strata import Stratum
from stope.sim.truth import TrueGround

BIT_DAMPING_NS_M = 250.0
WALL_STIFFNESS_N_M = 1.5e4  # hole wall on the bit's flank
WALL_DAMPING_NS_M = 60.0
WALL_FROM_M = 2.0e-3  # the hole guides the bit once it is this deep; until then the bit skids downslope
BULKING = 1.5  # loose over solid volume of chips
DEBRIS_SHARE = 0.2  # of what the flights carry: how fast they take up chips that lie at the bottom
PLUG_STIFFNESS_NM_RAD = 40.0  # of the string, in torsion: a stuck bit holds torque at rest
PLUG_DAMPING_NMS_RAD = 0.2
STRESS_RATIO = 0.5  # lateral over axial stress in packed chips (Janssen)
HEAT_CAPACITY_J_K = 40.0  # bit and string near it, ASSUMED
CONDUCTANCE_W_K = 0.1  # to the drill head, ASSUMED
HEAD_K = 260.0
HEAT_OF_TURNING, HEAT_OF_BLOWS = 0.5, 0.2  # shares that stay in the bit, ASSUMED; the rest leaves with chips and rock
SOFT_ABOVE_K = 450.0  # braze and binder soften: wear doubles each 30 K above, ASSUMED
CUTTER_HEIGHT_M = 1e-3  # that a cutter loses until it counts as worn out
WEDGE_RAD = 0.5  # of turning back that loosens a wedged fragment to a third
CORE_HOLDS_PA = 1e4  # weaker ground gives no core: it fills the tube as it is cut
TENSILE_SHARE = 0.1  # tensile over compressive strength of rock
BREAKER_REACH_M = 2.0e-3  # the core breaker grips the core's root with the bit this near to the bottom
CORE_LIFTER_N = 20.0  # what the core lifter's spring pulls with before it slides off a rooted core
BROKEN_TORQUE_SHARE = 0.02  # of its friction that a bit keeps whose crown has sheared off

Triple = tuple[float, float, float]
Pair = tuple[float, float]
Four = tuple[float, float, float, float]
Five = tuple[float, float, float, float, float]
Layers = tuple[tuple[float, float, float], ...]

# of `BitState.state`
DEPTH, WEIGHT, INSERTED, IN_HOLE, COLLAR, AXIS, SLOPE = 0, 1, 2, 3, 4, 7, 10
PLUG, DEBRIS, WIND, HEAT, WEAR, ROOTED, HELD, BROKEN, HAMMER, WANDER, TORQUE, PEAK_K, BORED, WEDGE = range(13, 27)
STATES = 27
LAYERS = 16  # that a column may have


class BitState(NamedTuple):
    """What the kernel knows of bit and hole: the hole's state and its layers, in place, and constants."""

    state: Vector
    string: Pair
    cutter: Five
    layers: Vector
    flights: Four
    core: Pair


_NOWHERE = np.zeros((LAYERS, 3))
NO_BIT = BitState(np.zeros(STATES), (0.0, 0.0), (0.0,) * 5, _NOWHERE, (0.0,) * 4, (0.0, 0.0))


class BitInGround:
    """One hole at a time, drilled along the bit's axis at its first contact.

    Args:
        ground: its true numbers; `layers` replaces what it says of strength and depth.
        layers: (top_m, strength_pa, specific energy ratio) from the collar down, at most `LAYERS`; the first begins
            at 0.

    Attributes:
        radius_m: of the bit's edge; kerf_m2, core_m2: what a metre of hole turns to chips and to core.
        collar_m: world point where the hole starts; None before the first contact.
        holes: how many were begun.
        column: the layers of rock under the collar, from above.
    """

    def __init__(self, drill: Drill, ground: TrueGround, layers: Layers | None = None) -> None:
        bit = CoreBit(drill.bit_outer_m, drill.bit_inner_m, drill.blow_energy_j, drill.blow_rate_hz)
        self.radius_m = 0.5 * drill.bit_outer_m
        self.kerf_m2 = bit.kerf_m2
        self.core_m2 = math.pi / 4.0 * drill.bit_inner_m**2
        self.collar_m: Triple | None = None
        self.holes = 0
        self.cover_m = 0.0
        self.column: list[Stratum] = []
        self._ground, self._column = ground, layers
        self._state = np.zeros(STATES)
        self._state[HEAT], self._state[HAMMER] = HEAD_K, 1.0
        self._layers = np.zeros((LAYERS, 3))
        self._string = drill.string_stiffness_n_m, self.radius_m
        self._cutter = bit.face_m, bit.kerf_m2, bit.arm_m, bit.blow_power_w, drill.blow_energy_j * drill.blow_rate_hz
        gap = drill.auger_gap_m
        flight_m2 = math.pi * (self.radius_m**2 - (self.radius_m - gap) ** 2)
        rate_1_m = 2.0 * STRESS_RATIO * ground.chip_friction / gap
        shear_nm = 2.0 * math.pi * self.radius_m**2 * ground.chip_cohesion_pa / rate_1_m
        carried_m3 = ground.chip_fill * flight_m2 * drill.auger_pitch_m / (2.0 * math.pi)
        self._flights = carried_m3, (1.0 - ground.chip_fill) * flight_m2, rate_1_m, shear_nm
        self._core = self.core_m2, math.pi / 16.0 * drill.bit_inner_m**3

    @property
    def depth_m(self) -> float:
        """Hole depth below the surface at the collar."""
        return float(self._state[DEPTH])

    @property
    def weight_on_bit_n(self) -> float:
        """Axial contact force, positive into the ground."""
        return float(self._state[WEIGHT])

    @property
    def wander_m(self) -> float:
        """How far the bit skidded from where it first touched until the hole guided it."""
        return float(self._state[WANDER])

    @property
    def plug_m(self) -> float:
        """Length of flights packed with chips."""
        return float(self._state[PLUG])

    @property
    def torque_nm(self) -> float:
        """Torque of the ground on the bit about its axis."""
        return float(self._state[TORQUE])

    @property
    def temperature_k(self) -> float:
        """Of the bit."""
        return float(self._state[HEAT])

    @property
    def hottest_k(self) -> float:
        """Highest temperature that the bit has had."""
        return float(self._state[PEAK_K])

    @property
    def wear(self) -> float:
        """0 new .. 1 worn out."""
        return math.sqrt(float(self._state[WEAR]))

    @property
    def core_held_m(self) -> float:
        """Rock core broken off and held in the tube, over all holes."""
        return float(self._state[HELD])

    @property
    def hammer(self) -> float:
        """Share of the full blow energy, 0..1."""
        return float(self._state[HAMMER])

    @hammer.setter
    def hammer(self, share: float) -> None:
        self._state[HAMMER] = share

    def jam(self, plug_m: float) -> None:
        """Chips pack the flights over this length, at most the hole's (fault injection)."""
        self._state[PLUG] = plug_m

    def wedge(self, torque_nm: float) -> None:
        """Cave-in: a fragment wedges the bit until it is turned back (fault injection)."""
        self._state[WEDGE] = torque_nm

    def snap(self) -> None:
        """The crown shears off: it stays in the hole and the string turns on it (fault injection)."""
        self._state[BROKEN] = 1.0

    def open_hole(self, point_m: Triple, axis: Triple, cover_m: float, normal: Triple | None = None) -> None:
        """First contact of the bit with the ground at a world point, drilling along `axis`.

        Args:
            cover_m: loose cover there; normal: of the surface, by which the bit skids until it is guided.
        """
        self.collar_m, self.cover_m = point_m, cover_m
        self.holes += 1
        state, ground = self._state, self._ground
        self.column = ground.column(np.array(point_m[:2]))
        state[[DEPTH, WEIGHT, INSERTED, IN_HOLE, PLUG, DEBRIS, WIND, ROOTED, WANDER, WEDGE]] = 0.0
        state[COLLAR:AXIS], state[AXIS:SLOPE] = point_m, axis
        up = np.array(normal if normal is not None else axis) * (1.0 if normal is not None else -1.0)
        along = np.array(axis)
        state[SLOPE:PLUG] = up - (up @ along) * along
        rock = ((cover_m + layer.top_m, layer.ucs_pa, layer.energy_ratio) for layer in self.column[: LAYERS - 1])
        loose = ((0.0, ground.cover_cohesion_pa, ground.cover_energy_ratio),) if cover_m > 0.0 else ()
        column = self._column or (*loose, *rock)
        self._layers[:], self._layers[:, 0] = 0.0, np.inf
        self._layers[: len(column)] = column
        state[BORED] = 1.0

    def layer_below(self, depth_m: float) -> tuple[int, float]:
        """What is cut at a depth of the hole: index in `column`, -1 for the cover; and the depth where it ends."""
        tops = [self.cover_m + layer.top_m for layer in self.column]
        index = sum(top <= depth_m for top in tops) - 1
        return index, tops[index + 1] if index + 1 < len(tops) else math.inf

    def is_beside(self, tip_m: Vector) -> bool:
        """Whether the bit is out of its hole and not over it: another contact would begin another hole."""
        axis, off = self._state[AXIS:SLOPE], tip_m - self._state[COLLAR:AXIS]
        along = float(axis @ off)
        return along <= 0.0 and float(np.linalg.norm(off - along * axis)) > self.radius_m

    @property
    def in_hole(self) -> bool:
        """Whether the bit stands in its hole."""
        return self.collar_m is not None and self._state[INSERTED] > 0.0

    def leave_hole(self) -> None:
        """The robot has gone elsewhere: the next contact begins another hole."""
        self.collar_m, self._state[BORED] = None, 0.0

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
        return BitState(self._state, self._string, self._cutter, self._layers, self._flights, self._core)


@njit(cache=True)
def bit_reacts(point: Vector, spin: float, step_s: float, bit: BitState, wrench: Vector) -> None:
    """`BitInGround.react`, compiled."""
    state, string, cutter, layers, flights, core = bit
    if state[BORED] == 0.0:
        return
    press = _touch(point, state, string, spin, wrench)
    strength, ratio = _layer(state[DEPTH], layers)
    torque, advance = 0.0, 0.0
    if press > 0.0:
        torque, advance = _cut(press, spin, step_s, strength, ratio, cutter, state)
    turned = spin * step_s
    if state[INSERTED] > 0.0:
        _carry(turned, advance * cutter[1] * BULKING, flights, state)
        torque += _grip(spin, turned, flights, core, strength, state)
    else:
        state[PLUG] = state[WIND] = 0.0  # out of the hole the flights throw their chips off
    _keep_core(core, strength, state)
    _warm(torque * spin, press, step_s, cutter[4], state)
    state[TORQUE] = torque
    for j in range(3):
        wrench[3 + j] = torque * point[5 + 3 * j]


@njit(cache=True)
def _layer(depth_m: float, layers: Vector) -> tuple[float, float]:
    row = 0
    while row + 1 < layers.shape[0] and layers[row + 1, 0] <= depth_m:
        row += 1
    return layers[row, 1], layers[row, 2]


@njit(cache=True)
def _cut(
    press: float, spin: float, step_s: float, strength: float, ratio: float,
    cutter: Five, state: Vector,
) -> tuple[float, float]:  # fmt: skip
    """Torque of the ground on the bit, and how much deeper it got; wears the cutters."""
    face, kerf, arm, blow_power_w, _ = cutter
    flat = kerf * (WEAR_FLAT_NEW + math.sqrt(state[WEAR]) * (WEAR_FLAT_WORN - WEAR_FLAT_NEW))
    now = flat, face, kerf, arm, blow_power_w * state[HAMMER]
    rate, torque = core_response(press, spin, strength, ratio, now)
    if state[BROKEN] > 0.0:
        return BROKEN_TORQUE_SHARE * torque, 0.0
    before = state[DEPTH]
    # The hole cannot become deeper than the bit is.
    state[DEPTH] = max(before, min(before + rate * step_s, state[INSERTED]))
    if strength > CORE_HOLDS_PA:
        state[ROOTED] += state[DEPTH] - before
    lost = ARCHARD_COEFFICIENT * press * abs(spin) * arm * step_s / CARBIDE_HARDNESS_PA
    lost *= 2.0 ** max(0.0, (state[HEAT] - SOFT_ABOVE_K) / 30.0)
    full = 0.5 * kerf * (WEAR_FLAT_WORN - WEAR_FLAT_NEW) * CUTTER_HEIGHT_M
    state[WEAR] = min(1.0, state[WEAR] + lost / full)
    return torque, state[DEPTH] - before


@njit(cache=True)
def _carry(turned: float, made_m3: float, flights: Four, state: Vector) -> None:
    """Chips: forward turns carry them up, and pack what is too much; backward turns let the plug down again."""
    carried, room_m2, _, _ = flights
    able = carried * abs(turned)
    if turned >= 0.0:
        taken = min(state[DEBRIS], DEBRIS_SHARE * able) if state[INSERTED] > state[DEPTH] - BREAKER_REACH_M else 0.0
        state[DEBRIS] -= taken
        grown = (made_m3 + taken - able) / room_m2
        state[PLUG] = min(max(0.0, state[PLUG] + grown), state[INSERTED])
    else:
        fallen = min(state[PLUG], able / room_m2)
        state[PLUG] -= fallen
        state[DEBRIS] += fallen * room_m2 + made_m3


@njit(cache=True)
def _grip(
    spin: float, turned: float, flights: Four, core: Pair, strength: float,
    state: Vector,
) -> float:  # fmt: skip
    """Torque of packed chips and of the core's root on the bit: dry friction with the string's wind-up as its spring.

    Pushed up, a plug presses itself onto the wall (Janssen in reverse, `physics.drilling.plug_torque_nm`); pulled down
    it lets go: that is why a jammed auger is freed by turning back.
    """
    _, _, rate_1_m, shear_nm = flights
    packed = min(rate_1_m * state[PLUG], 20.0)
    forward, backward = shear_nm * math.expm1(packed), -shear_nm * math.expm1(-packed)
    root_nm = TENSILE_SHARE * strength * core[1]
    if turned < 0.0:
        state[WEDGE] *= max(0.0, 1.0 + turned / WEDGE_RAD)
    forward += state[WEDGE]
    near = state[INSERTED] > state[DEPTH] - BREAKER_REACH_M
    rooted = near and state[ROOTED] > 0.0 and turned < 0.0 and state[BROKEN] == 0.0
    if rooted:  # the breaker's cam bites in backward turns
        backward += root_nm
    wind = state[WIND] + turned
    held = PLUG_STIFFNESS_NM_RAD * wind + PLUG_DAMPING_NMS_RAD * spin
    if rooted and -held >= backward:
        state[HELD] += state[ROOTED]
        state[ROOTED] = 0.0
    held = min(max(held, -backward), forward)
    state[WIND] = min(max(wind, -backward / PLUG_STIFFNESS_NM_RAD), forward / PLUG_STIFFNESS_NM_RAD)
    return float(-held)


@njit(cache=True)
def _keep_core(core: Pair, strength: float, state: Vector) -> None:
    """A bit drawn back from a rooted core tears a weak one off, and leaves a strong one standing in the hole."""
    if state[ROOTED] > 0.0 and state[INSERTED] < state[DEPTH] - 2.5 * BREAKER_REACH_M:
        if TENSILE_SHARE * strength * core[0] < CORE_LIFTER_N:
            state[HELD] += state[ROOTED]
        state[ROOTED] = 0.0


@njit(cache=True)
def _warm(turning_w: float, press: float, step_s: float, blow_w: float, state: Vector) -> None:
    heat_w = HEAT_OF_TURNING * abs(turning_w) - CONDUCTANCE_W_K * (state[HEAT] - HEAD_K)
    if press > 0.0:
        heat_w += HEAT_OF_BLOWS * blow_w * state[HAMMER]
    state[HEAT] += heat_w * step_s / HEAT_CAPACITY_J_K
    state[PEAK_K] = max(state[PEAK_K], state[HEAT])


@njit(cache=True)
def _touch(point: Vector, state: Vector, string: Pair, spin: float, wrench: Vector) -> float:
    """Contact of bit and ground: wall and axial force into `wrench`; the force (N) that presses the cutters on rock."""
    stiffness_n_m, radius_m = string
    wrench[:] = 0.0
    state[WEIGHT] = 0.0
    axis, collar, off = state[AXIS:SLOPE], state[COLLAR:AXIS], point[0:3] - state[COLLAR:AXIS]
    inserted = axis[0] * off[0] + axis[1] * off[1] + axis[2] * off[2]
    speed = axis[0] * point[12] + axis[1] * point[13] + axis[2] * point[14]
    state[INSERTED] = inserted
    if inserted <= 0.0:
        state[IN_HOLE] = 0.0
        return 0.0
    off -= inserted * axis
    # A bit beside its hole stands on the ground and does not cut, until it has gone far enough for another hole.
    if state[IN_HOLE] == 0.0 and off[0] ** 2 + off[1] ** 2 + off[2] ** 2 <= radius_m**2:
        state[IN_HOLE] = 1.0
    squeezed = inserted - (state[DEPTH] if state[IN_HOLE] > 0.0 else 0.0)
    press = max(0.0, stiffness_n_m * squeezed + BIT_DAMPING_NS_M * speed) if squeezed > 0.0 else 0.0
    state[WEIGHT] = press
    in_hole = state[IN_HOLE] > 0.0
    guided = in_hole and state[DEPTH] > WALL_FROM_M
    # A turning bit has spent its friction on turning: nothing holds it sideways on a slope but its own pocket.
    skid = press * (1.0 - state[DEPTH] / WALL_FROM_M) if in_hole and not guided and abs(spin) > 1.0 else 0.0
    if in_hole and not guided and press > 0.0:  # the pocket is cut where the bit is
        state[WANDER] += math.sqrt(off[0] ** 2 + off[1] ** 2 + off[2] ** 2)
        for j in range(3):
            collar[j] += off[j]
            off[j] = 0.0
    for j in range(3):
        wrench[j] = skid * state[SLOPE + j] - press * axis[j]
        if guided:
            wrench[j] -= WALL_STIFFNESS_N_M * off[j] + WALL_DAMPING_NS_M * (point[12 + j] - speed * axis[j])
    return press if in_hole else 0.0
