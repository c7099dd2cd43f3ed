"""Bit wear: flats grow with the distance rubbed and the force on them, and blunt bits need more thrust.

Sources: Archard 1953 (wear volume k F s / H, M); Detournay & Defourny 1992 (what a flat does to a drag bit, M). Wear
coefficients of carbide on abrasive rock spread over two decades: measure yours, e.g. from the threshold thrust.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, non_negative, positive
from stope.physics.drilling.coring import WEAR_FLAT_NEW, WEAR_FLAT_WORN, CoreBit

#: Hardness of tungsten carbide with cobalt, Pa (14-16 GPa, M); Archard's k against hard rock (M: 1e-6 to 1e-4).
CARBIDE_HARDNESS_PA = 15e9
ARCHARD_COEFFICIENT = 1e-5


def archard_volume_m3(
    force_n: npt.ArrayLike,
    distance_m: npt.ArrayLike,
    hardness_pa: npt.ArrayLike = CARBIDE_HARDNESS_PA,
    coefficient: npt.ArrayLike = ARCHARD_COEFFICIENT,
) -> Array:
    """Volume worn off: k F s / H, m3 (Archard 1953).

    Raises:
        ValueError: a negative force or distance, a hardness that is not positive.
    """
    work = non_negative("force_n", force_n) * non_negative("distance_m", distance_m)
    volume: Array = non_negative("coefficient", coefficient) * work / positive("hardness_pa", hardness_pa)
    return volume


def rubbing_distance_m(depth_m: npt.ArrayLike, depth_of_cut_m: npt.ArrayLike, radius_m: npt.ArrayLike) -> Array:
    """Path of a cutter while a hole deepens by `depth_m`: 2 pi r depth / depth of cut, m.

    Shallow cuts wear a bit out: at 1 um a revolution a 10 mm cutter rubs 63 km for each metre.
    """
    turns = non_negative("depth_m", depth_m) / positive("depth_of_cut_m", depth_of_cut_m)
    distance: Array = 2.0 * np.pi * positive("radius_m", radius_m) * turns
    return distance


def wear_after(
    bit: CoreBit,
    weight_on_bit_n: npt.ArrayLike,
    depth_m: npt.ArrayLike,
    depth_of_cut_m: npt.ArrayLike,
    cutter_height_m: float = 1e-3,
    coefficient: npt.ArrayLike = ARCHARD_COEFFICIENT,
) -> Array:
    """Wear of `bit`, 0 new .. 1 worn out, after drilling `depth_m` more under a constant weight.

    The worn volume is taken off cutters whose flats grow linearly with their wear, so wear^2 grows with the volume:
    V_full = 1/2 A_kerf (flat_worn - flat_new) h, wear = sqrt(wear_0^2 + V / V_full), at most 1.

    Args:
        cutter_height_m: h, height that a cutter loses until it counts as worn out.

    Raises:
        ValueError: an argument outside its range.

    Source: Archard 1953 and geometry of a wedge-shaped cutter (ours). Range: abrasive wear, no chipping, no heat.
    """
    path = rubbing_distance_m(depth_m, depth_of_cut_m, bit.arm_m)
    lost = archard_volume_m3(weight_on_bit_n, path, coefficient=coefficient)
    full = 0.5 * bit.kerf_m2 * (WEAR_FLAT_WORN - WEAR_FLAT_NEW) * float(positive("cutter_height_m", cutter_height_m))
    return np.minimum(np.sqrt(bit.wear**2 + lost / full), 1.0)
