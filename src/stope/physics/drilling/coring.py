"""Rotary-percussive coring: what rock answers to a bit that is pressed, turned and hammered.

SI units. Marks V, A, M as in the research notes: read in the source, analytic, from memory.

Sources:
    Teale 1965, Int. J. Rock Mech. Min. Sci. 2 (specific energy; minimum "very roughly" the crushing strength, V).
    Detournay & Defourny 1992, Int. J. Rock Mech. Min. Sci. 29 (drag bit: E-S diagram; M, checked for consistency, A).
    Zacny et al. 2011 (10 mm core in Saddleback basalt at about 20 N and < 100 W, V).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.physics.constants import Array, finite, non_negative, positive

#: Ratio of thrust to cutting force of a sharp cutter face: carbide core bits with negative rake; PDC bits have 0.5-0.8.
CUTTING_THRUST_RATIO = 1.2
#: mu gamma of the E-S line: friction under the wear flats times the bit's shape number (sandstones: 0.4-0.8).
FRICTION_SHAPE = 0.5
#: Area of all wear flats over the kerf area, for a new and a worn-out bit (ours: sets the threshold thrust).
WEAR_FLAT_NEW = 0.003
WEAR_FLAT_WORN = 0.03
#: Depth of cut per revolution at which the kerf is full of chips and the bit's body carries the rest (ours).
DEPTH_OF_CUT_MAX_M = 0.6e-3
#: Weight on bit that keeps bit and rock together between blows; below it blows are lost in bouncing (ours).
BLOW_CONTACT_N = 5.0
#: Speed over which bit friction changes sign: explicit integration of dry friction would chatter at zero speed.
STANDSTILL_RAD_S = 1.0
#: Weakest ground that the model tells apart: cohesion of the loosest regolith is of this order.
STRENGTH_MIN_PA = 1.0

_TURN = 2.0 * math.pi


@dataclass(frozen=True, slots=True)
class CoreBit:
    """A coring bit: what it cuts, how it hammers, how worn it is. The solid bit has `inner_m` = 0.

    Attributes:
        outer_m, inner_m: kerf diameters, m (27 mm and 13 mm: Perseverance).
        blow_energy_j, blow_rate_hz: percussion; 0 for a rotary drill.
        transfer: share of the blow energy that ends as broken rock at k UCS, 0..1. A 50 W piezo hammer that makes
            2 mm/min in basalt implies 0.01-0.03.
        wear: 0 new .. 1 worn out.

    Raises:
        ValueError: a geometry or a fraction that no bit has.
    """

    outer_m: float
    inner_m: float
    blow_energy_j: float = 0.0
    blow_rate_hz: float = 0.0
    transfer: float = 0.03
    wear: float = 0.0
    kerf_m2: float = field(init=False)
    face_m: float = field(init=False)
    arm_m: float = field(init=False)
    flat_m2: float = field(init=False)
    blow_power_w: float = field(init=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.inner_m < self.outer_m < math.inf:
            raise ValueError(f"a bit needs 0 <= inner < outer diameter, got {self.inner_m} and {self.outer_m} m")
        if not (0.0 <= self.transfer <= 1.0 and 0.0 <= self.wear <= 1.0):
            raise ValueError(f"transfer and wear are fractions 0..1, got {self.transfer} and {self.wear}")
        if not (0.0 <= self.blow_energy_j < math.inf and 0.0 <= self.blow_rate_hz < math.inf):
            raise ValueError(f"blow energy and rate cannot be {self.blow_energy_j} J and {self.blow_rate_hz} Hz")
        kerf_m2 = math.pi / 4.0 * (self.outer_m**2 - self.inner_m**2)
        flat_share = WEAR_FLAT_NEW + self.wear * (WEAR_FLAT_WORN - WEAR_FLAT_NEW)
        object.__setattr__(self, "kerf_m2", kerf_m2)
        object.__setattr__(self, "face_m", (self.outer_m - self.inner_m) / 2.0)
        object.__setattr__(self, "arm_m", (self.outer_m + self.inner_m) / 4.0)
        object.__setattr__(self, "flat_m2", flat_share * kerf_m2)
        object.__setattr__(self, "blow_power_w", self.blow_energy_j * self.blow_rate_hz * self.transfer)


def threshold_thrust_n(ucs_pa: npt.ArrayLike, bit: CoreBit) -> Array:
    """Weight on bit below which `bit` only rubs: its wear flats must crush the rock under them, N.

    ValueError for a negative strength.
    """
    return np.asarray(non_negative("ucs_pa", ucs_pa) * bit.flat_m2)


@overload
def core_drill_response(
    weight_on_bit_n: float, spindle_rad_s: float, ucs_pa: float, specific_energy_ratio: float, bit: CoreBit
) -> tuple[float, float]: ...
@overload
def core_drill_response(
    weight_on_bit_n: npt.ArrayLike,
    spindle_rad_s: npt.ArrayLike,
    ucs_pa: npt.ArrayLike,
    specific_energy_ratio: npt.ArrayLike,
    bit: CoreBit,
) -> tuple[Array, Array]: ...
def core_drill_response(
    weight_on_bit_n: npt.ArrayLike,
    spindle_rad_s: npt.ArrayLike,
    ucs_pa: npt.ArrayLike,
    specific_energy_ratio: npt.ArrayLike,
    bit: CoreBit,
) -> tuple[float | Array, float | Array]:
    """What rock answers to a coring bit: rate of penetration (m/s, >= 0) and torque on the bit (N m, against the turn).

    1. Rotary: weight beyond the threshold thrust W_0 = UCS A_flat cuts d_r = (W - W_0) / (zeta eps w) per revolution,
       eps = k UCS.
    2. Percussive: u_p = c E_b f_b eta / (A eps), c = 1 - exp(-W / W_b): blows on a bit that is not held down are lost.
    3. Both fill the kerf, so u = n d, d = d_raw d_max / (d_raw + d_max), d_raw = d_r + u_p / n. Without turning
       (n = 0) chips do not leave and teeth fall into their own marks: no penetration.
    4. Torque: eps A d_rot / (2 pi) for the share of d that was cut, mu gamma (W - W_cut) (R + r)/2 for the weight that
       rubs; so the state is on the E-S line of Detournay & Defourny. It goes through zero speed as
       tanh(omega / 1 rad/s): the plant integrates explicitly and dry friction would chatter.

    Args:
        weight_on_bit_n: thrust into the rock; <= 0 is no contact.
        spindle_rad_s: bit speed, either sense.
        ucs_pa: unconfined compressive strength; below 1 Pa (loose cover without cohesion) it counts as 1 Pa.
        specific_energy_ratio: k = eps / UCS, 0.5 to 3.

    Range: 0.1-300 MPa, 0-500 N, 10-60 mm bits; dry chips, no choking (`choke_ratio`). Constants marked "ours" are
    set so that basalt cores at the published rates; expect a factor of 3. Floats give floats, arrays broadcast.

    Raises:
        ValueError: a weight or a speed that is not finite, a negative strength, a ratio that is not positive.
    """
    cutter = bit.flat_m2, bit.face_m, bit.kerf_m2, bit.arm_m, bit.blow_power_w
    plain = _plain_floats(weight_on_bit_n, spindle_rad_s, ucs_pa, specific_energy_ratio)
    if plain is not None:
        rate, torque = core_response(*plain, cutter)
        return rate, torque
    weight, spindle, strength, ratio = np.broadcast_arrays(
        finite("weight_on_bit_n", weight_on_bit_n),
        finite("spindle_rad_s", spindle_rad_s),
        non_negative("ucs_pa", ucs_pa),
        positive("specific_energy_ratio", specific_energy_ratio),
    )
    states = zip(weight.flat, spindle.flat, strength.flat, ratio.flat, strict=True)
    answers = [core_response(float(w), float(s), float(u), float(k), cutter) for w, s, u, k in states]
    if weight.ndim == 0:
        return answers[0]
    table = np.array(answers).reshape(*weight.shape, 2)
    return table[..., 0], table[..., 1]


def _plain_floats(
    weight: object, spindle: object, ucs: object, ratio: object
) -> tuple[float, float, float, float] | None:
    """Good floats as they are: inner loops ask with them, and broadcasting would cost those ten times the model."""
    if not (isinstance(weight, float) and isinstance(spindle, float) and isinstance(ucs, float)):
        return None
    if not (isinstance(ratio, float) and math.isfinite(weight + spindle) and ucs >= 0.0 and 0.0 < ratio < math.inf):
        return None
    return (weight, spindle, ucs, ratio) if ucs < math.inf else None


@njit(cache=True)
def core_response(
    weight_on_bit_n: float,
    spindle_rad_s: float,
    ucs_pa: float,
    specific_energy_ratio: float,
    cutter: tuple[float, float, float, float, float],
) -> tuple[float, float]:
    """`core_drill_response`, compiled for inner loops; `cutter` is the bit's flat_m2, face_m, kerf_m2, arm_m, power."""
    flat_m2, face_m, kerf_m2, arm_m, blow_power_w = cutter
    if weight_on_bit_n <= 0.0:
        return 0.0, 0.0
    sense = math.tanh(spindle_rad_s / STANDSTILL_RAD_S)
    turns = abs(spindle_rad_s) / _TURN
    eps = specific_energy_ratio * max(ucs_pa, STRENGTH_MIN_PA)
    cut_n_m = CUTTING_THRUST_RATIO * eps * face_m
    rotary = max(0.0, weight_on_bit_n - ucs_pa * flat_m2) / cut_n_m * turns
    held = 1.0 - math.exp(-weight_on_bit_n / BLOW_CONTACT_N)
    percussive = held * blow_power_w / (kerf_m2 * eps)
    raw, room = rotary + percussive, DEPTH_OF_CUT_MAX_M * turns
    if raw <= 0.0 or room <= 0.0:
        return 0.0, -sense * FRICTION_SHAPE * weight_on_bit_n * arm_m
    clear = room / (raw + room)
    cut_m = rotary * clear / turns
    torque = eps * kerf_m2 * cut_m / _TURN + FRICTION_SHAPE * (weight_on_bit_n - cut_n_m * cut_m) * arm_m
    return raw * clear, -sense * torque
