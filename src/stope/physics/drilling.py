"""Drilling: specific energy, drag bits, rotary-percussive coring, augers.

All functions take SI units. Marks V, A, M as in the research notes: read in the source, analytic, from memory.

Sources:
    Teale 1965, Int. J. Rock Mech. Min. Sci. 2 (specific energy; minimum "very roughly" the crushing strength, V).
    Detournay & Defourny 1992, Int. J. Rock Mech. Min. Sci. 29 (drag bit: E-S diagram; M, checked for consistency, A).
    Zacny et al. 2011 (10 mm core in Saddleback basalt at about 20 N and < 100 W, V).
    Feng et al. 2022, abstract in JFM (rotation to feed governs choking, V).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]

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


class DragBit(NamedTuple):
    """A drag bit's state on the E-S diagram, and the torque that goes with it."""

    specific_energy_pa: Array
    drilling_strength_pa: Array
    torque_nm: Array


def annulus_area_m2(outer_m: npt.ArrayLike, inner_m: npt.ArrayLike = 0.0) -> Array:
    """Kerf area of a bit with these diameters, m2."""
    outer, inner = np.asarray(outer_m, np.float64), np.asarray(inner_m, np.float64)
    area: Array = np.pi / 4.0 * (outer * outer - inner * inner)
    return area


def hole_volume_m3(outer_m: npt.ArrayLike, depth_m: npt.ArrayLike, inner_m: npt.ArrayLike = 0.0) -> Array:
    """Rock turned to cuttings by a hole (or, with `inner_m`, a kerf around a core) of these diameters, m3."""
    volume: Array = annulus_area_m2(outer_m, inner_m) * np.asarray(depth_m, np.float64)
    return volume


def specific_energy(
    weight_on_bit_n: npt.ArrayLike,
    area_m2: npt.ArrayLike,
    speed_rev_s: npt.ArrayLike,
    torque_nm: npt.ArrayLike,
    penetration_m_s: npt.ArrayLike,
    blow_energy_j: npt.ArrayLike = 0.0,
    blow_rate_hz: npt.ArrayLike = 0.0,
    transfer: npt.ArrayLike = 1.0,
) -> Array:
    """Mechanical specific energy: work per volume of rock removed, Pa.

    MSE = F/A + 2 pi N T / (A u) + E_b f_b eta / (A u)

    Args:
        weight_on_bit_n: F.
        area_m2: A, area of the hole (of the kerf for a coring bit).
        speed_rev_s: N, revolutions per second.
        torque_nm: T at the bit.
        penetration_m_s: u, rate of penetration, > 0; at 0 the energy is infinite.
        blow_energy_j, blow_rate_hz, transfer: E_b, f_b, eta of a percussive drill.

    Source: Teale 1965 (V) for the first two terms; the third adds the blows' power.
    """
    area = np.asarray(area_m2, np.float64)
    power = _TURN * np.asarray(speed_rev_s, np.float64) * np.asarray(torque_nm)
    power = power + np.asarray(blow_energy_j, np.float64) * np.asarray(blow_rate_hz) * np.asarray(transfer)
    with np.errstate(divide="ignore"):
        energy: Array = np.asarray(weight_on_bit_n, np.float64) / area + power / (area * np.asarray(penetration_m_s))
    return energy


def drag_bit(
    weight_on_bit_n: npt.ArrayLike,
    depth_of_cut_m: npt.ArrayLike,
    intrinsic_pa: npt.ArrayLike,
    outer_m: npt.ArrayLike,
    inner_m: npt.ArrayLike = 0.0,
    thrust_ratio: npt.ArrayLike = CUTTING_THRUST_RATIO,
    friction_shape: npt.ArrayLike = FRICTION_SHAPE,
) -> DragBit:
    """A drag bit that cuts `depth_of_cut_m` per revolution under `weight_on_bit_n`.

    Cutting takes W_c = zeta eps w d and 2 pi T_c = eps A d; the rest of the weight rubs, T_f = mu gamma W_f (R + r)/2.
    With E = 2 pi T/(A d) and S = W/(w d), w = R - r, that is the line E = E_0 + mu gamma S,
    E_0 = (1 - mu gamma zeta) eps, from the cutting point S = zeta eps, E = eps on.

    Args:
        intrinsic_pa: eps, energy to cut a unit of rock with a sharp bit.
        outer_m, inner_m: kerf diameters 2R and 2r.
        thrust_ratio: zeta.
        friction_shape: mu gamma.

    Raises:
        ValueError: less weight than cutting that deep takes (below the line there are no states).

    Source: Detournay & Defourny 1992 (M); the annulus is ours and reduces to theirs for r = 0.
    """
    depth, eps = np.asarray(depth_of_cut_m, np.float64), np.asarray(intrinsic_pa, np.float64)
    outer, inner = np.asarray(outer_m, np.float64), np.asarray(inner_m, np.float64)
    face, kerf = (outer - inner) / 2.0, annulus_area_m2(outer, inner)
    cutting = np.asarray(thrust_ratio) * eps * face * depth
    rubbing = np.asarray(weight_on_bit_n, np.float64) - cutting
    if np.any(rubbing < -1e-9 * cutting):
        raise ValueError("weight on bit is less than this depth of cut takes")
    torque = eps * kerf * depth / _TURN + np.asarray(friction_shape) * rubbing * (outer + inner) / 4.0
    return DragBit(_TURN * torque / (kerf * depth), (cutting + rubbing) / (face * depth), torque)


def penetration_rate(
    power_w: npt.ArrayLike,
    area_m2: npt.ArrayLike,
    ucs_pa: npt.ArrayLike,
    specific_energy_ratio: npt.ArrayLike = 1.0,
    efficiency: npt.ArrayLike = 1.0,
    weight_on_bit_n: npt.ArrayLike = math.inf,
    threshold_n: npt.ArrayLike = 0.0,
) -> Array:
    """Rate of penetration that a power at the bit buys, m/s: u = eta P / (A k UCS), 0 below the threshold thrust.

    Args:
        power_w: P, of rotation or of the blows (E_b f_b).
        specific_energy_ratio: k = MSE_min / UCS, 0.5 to 3 ("very roughly" 1: Teale 1965, V).
        efficiency: share of the power that breaks rock.
    """
    rate = np.asarray(efficiency, np.float64) * np.asarray(power_w)
    rate = rate / (np.asarray(area_m2, np.float64) * np.asarray(specific_energy_ratio) * np.asarray(ucs_pa))
    return np.where(np.asarray(weight_on_bit_n) >= np.asarray(threshold_n), rate, 0.0)


def threshold_thrust_n(ucs_pa: float, bit: CoreBit) -> float:
    """Weight on bit below which `bit` only rubs: its wear flats must crush the rock under them, N."""
    return ucs_pa * bit.flat_m2


def core_drill_response(
    weight_on_bit_n: float, spindle_rad_s: float, ucs_pa: float, specific_energy_ratio: float, bit: CoreBit
) -> tuple[float, float]:
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
    set so that basalt cores at the published rates; expect a factor of 3. Floats only.
    """
    cutter = bit.flat_m2, bit.face_m, bit.kerf_m2, bit.arm_m, bit.blow_power_w
    rate, torque = core_response(weight_on_bit_n, spindle_rad_s, ucs_pa, specific_energy_ratio, cutter)
    return rate, torque


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


def auger_critical_speed(
    gravity_m_s2: npt.ArrayLike,
    radius_m: npt.ArrayLike,
    flight_angle_rad: npt.ArrayLike,
    flight_friction_rad: npt.ArrayLike,
    wall_friction: npt.ArrayLike,
) -> Array:
    """Speed above which dry grains climb an auger, rad/s: omega_c^2 = g tan(alpha + phi_s) / (mu_w R).

    Single grain, friction only (derivation A, formula M): 378 rpm on Earth for 12.5 mm, 0.9 rpm on Bennu, where
    cohesion and room, not gravity, limit transport. Raises ValueError where alpha + phi_s reaches 90 deg.
    """
    climb = np.asarray(flight_angle_rad, np.float64) + np.asarray(flight_friction_rad)
    if np.any(climb >= np.pi / 2):
        raise ValueError("flight angle + friction angle reach 90 deg: no speed makes such an auger climb")
    squared = np.asarray(gravity_m_s2, np.float64) * np.tan(climb) / (np.asarray(wall_friction) * np.asarray(radius_m))
    speed: Array = np.sqrt(squared)
    return speed


def choke_ratio(
    hole_area_m2: npt.ArrayLike,
    penetration_m_s: npt.ArrayLike,
    speed_rev_s: npt.ArrayLike,
    flight_area_m2: npt.ArrayLike,
    pitch_m: npt.ArrayLike,
    bulking: npt.ArrayLike = 1.5,
    flight_fill: npt.ArrayLike = 0.5,
) -> Array:
    """Cuttings made over cuttings that the flights can carry; the auger chokes above 1.

    A_hole u phi_bulk / (eta_f A_flight p N). The ratio of rotation to feed is what a controller has in hand
    (Feng et al. 2022, V). Standing still with feed gives infinity.
    """
    made = np.asarray(hole_area_m2, np.float64) * np.asarray(penetration_m_s) * np.asarray(bulking)
    carried = np.asarray(flight_fill, np.float64) * np.asarray(flight_area_m2) * np.asarray(pitch_m)
    carried = carried * np.abs(np.asarray(speed_rev_s))
    made, carried = np.broadcast_arrays(made, carried)
    ratio: Array = np.divide(made, carried, out=np.where(made > 0.0, np.inf, 0.0), where=carried > 0.0)
    return ratio
