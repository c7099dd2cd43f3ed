"""Specific energy: what a volume of rock costs, and what a power buys.

Sources:
    Teale 1965, Int. J. Rock Mech. Min. Sci. 2 (specific energy; minimum "very roughly" the crushing strength, V).
    Peters et al. 2018 (Curiosity: strength from the percussive energy that holds a set rate of penetration, V).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, finite, fraction, non_negative, positive

_TURN = 2.0 * math.pi


def annulus_area_m2(outer_m: npt.ArrayLike, inner_m: npt.ArrayLike = 0.0) -> Array:
    """Kerf area of a bit with these diameters, m2. ValueError unless 0 <= inner < outer."""
    outer, inner = positive("outer_m", outer_m), non_negative("inner_m", inner_m)
    if np.any(inner >= outer):
        raise ValueError("inner_m must be less than outer_m")
    area: Array = np.pi / 4.0 * (outer * outer - inner * inner)
    return area


def hole_volume_m3(outer_m: npt.ArrayLike, depth_m: npt.ArrayLike, inner_m: npt.ArrayLike = 0.0) -> Array:
    """Rock turned to cuttings by a hole (or, with `inner_m`, a kerf around a core) of these diameters, m3."""
    volume: Array = annulus_area_m2(outer_m, inner_m) * non_negative("depth_m", depth_m)
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

    Raises:
        ValueError: an area that is not positive, a value that is not finite, a negative rate of penetration or blow,
            a transfer beyond 0..1.

    Source: Teale 1965 (V) for the first two terms; the third adds the blows' power.
    """
    area, penetration = positive("area_m2", area_m2), non_negative("penetration_m_s", penetration_m_s)
    power = _TURN * finite("speed_rev_s", speed_rev_s) * finite("torque_nm", torque_nm)
    blows = non_negative("blow_energy_j", blow_energy_j) * non_negative("blow_rate_hz", blow_rate_hz)
    power = power + blows * fraction("transfer", transfer)
    with np.errstate(divide="ignore", invalid="ignore"):
        turned = np.where(power == 0.0, 0.0, power / (area * penetration))
    energy: Array = finite("weight_on_bit_n", weight_on_bit_n) / area + turned
    return energy


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
    rate = fraction("efficiency", efficiency) * non_negative("power_w", power_w) / positive("area_m2", area_m2)
    rate = rate / (positive("specific_energy_ratio", specific_energy_ratio) * positive("ucs_pa", ucs_pa))
    weight, threshold = np.asarray(weight_on_bit_n, np.float64), non_negative("threshold_n", threshold_n)
    if np.isnan(weight).any():
        raise ValueError("weight_on_bit_n is NaN")
    return np.where(weight >= threshold, rate, 0.0)


def percussive_rate(
    blow_energy_j: npt.ArrayLike,
    blow_rate_hz: npt.ArrayLike,
    transfer: npt.ArrayLike,
    area_m2: npt.ArrayLike,
    specific_energy_pa: npt.ArrayLike,
) -> Array:
    """Rate of penetration of a hammer: u = E_b f_b eta / (A SE), m/s.

    Raises:
        ValueError: an area or a specific energy that is not positive, a negative energy or rate, or a transfer
            beyond 0..1.

    Source: energy balance (A); transfer of 0.01-0.03 for small core drills in basalt, 0.5-0.7 for mine hammers (M).
    """
    power = non_negative("blow_energy_j", blow_energy_j) * non_negative("blow_rate_hz", blow_rate_hz)
    rate: Array = power * fraction("transfer", transfer) / positive("area_m2", area_m2)
    return np.asarray(rate / positive("specific_energy_pa", specific_energy_pa))


def blow_energy_for_rate_j(
    penetration_m_s: npt.ArrayLike,
    blow_rate_hz: npt.ArrayLike,
    transfer: npt.ArrayLike,
    area_m2: npt.ArrayLike,
    specific_energy_pa: npt.ArrayLike,
) -> Array:
    """Energy of a blow that holds a rate of penetration, J; the inverse of `percussive_rate`.

    Read the other way it is how Curiosity's team infers strength from the level that its controller settles on (Peters
    et al. 2018, V). ValueError for an argument outside its range.
    """
    volume_rate = non_negative("penetration_m_s", penetration_m_s) * positive("area_m2", area_m2)
    power = volume_rate * positive("specific_energy_pa", specific_energy_pa)
    share = fraction("transfer", transfer) * positive("blow_rate_hz", blow_rate_hz)
    return np.asarray(power / positive("transfer", share))


def strength_from_energy_pa(energy_pa: npt.ArrayLike, specific_energy_ratio: npt.ArrayLike = 1.0) -> Array:
    """Compressive strength that a measured specific energy speaks of: MSE / k, Pa (Teale's minimum: k 0.5 to 3)."""
    strength: Array = non_negative("energy_pa", energy_pa) / positive("specific_energy_ratio", specific_energy_ratio)
    return strength


def blow_level(needed_j: npt.ArrayLike, levels_j: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Index of the weakest percussion level that gives `needed_j` a blow; the strongest when none does.

    Curiosity's drill chooses so among six levels that span about 20x in energy (V2).

    Raises:
        ValueError: levels that do not rise.
    """
    levels = positive("levels_j", levels_j)
    if levels.ndim != 1 or np.any(np.diff(levels) <= 0):
        raise ValueError("levels_j must rise")
    index = np.searchsorted(levels, non_negative("needed_j", needed_j))
    return np.asarray(np.minimum(index, len(levels) - 1))
