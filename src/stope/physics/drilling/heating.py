"""Where drilling power goes as heat: cuttings, bit, rock. Dry drilling has no mud, and in vacuum no air.

Sources: energy balance (A); partition between two half-spaces by effusivity: Blok 1937, Jaeger 1942 (M); moving-source
details left out. Range: steady drilling, contact smaller than bit and hole.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, fraction, non_negative, positive


def cuttings_temperature_rise_k(
    specific_energy_pa: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    heat_capacity_j_kg_k: npt.ArrayLike,
    share: npt.ArrayLike = 1.0,
) -> Array:
    """Rise of the cuttings when `share` of the work stays in them: share x MSE / (rho c), K.

    100 MPa in basalt: 43 K; 10 MPa in a C-type boulder: 8 K. Volatiles of a sample are lost by this, not by the bit.

    Raises:
        ValueError: an argument outside its range.
    """
    heat = positive("density_kg_m3", density_kg_m3) * positive("heat_capacity_j_kg_k", heat_capacity_j_kg_k)
    rise: Array = fraction("share", share) * non_negative("specific_energy_pa", specific_energy_pa) / heat
    return rise


def bit_heat_share(bit_effusivity: npt.ArrayLike, rock_effusivity: npt.ArrayLike) -> Array:
    """Share of frictional heat that goes into the bit: e_b / (e_b + e_r), e = sqrt(k rho c), J/(m2 K s^0.5).

    Carbide 1.7e4 on Ryugu rock 3e2: 98 %. The bit is the heat sink, so it must rest. ValueError unless positive.
    """
    bit = positive("bit_effusivity", bit_effusivity)
    share: Array = bit / (bit + positive("rock_effusivity", rock_effusivity))
    return share


def bit_temperature_k(
    time_s: npt.ArrayLike,
    heat_w: npt.ArrayLike,
    heat_capacity_j_k: npt.ArrayLike,
    conductance_w_k: npt.ArrayLike,
    sink_k: npt.ArrayLike,
    start_k: npt.ArrayLike,
) -> Array:
    """Bit as one lump: T = T_s + Q/G + (T_0 - T_s - Q/G) exp(-G t / C), K (A).

    Args:
        heat_w: Q into the bit, as `bit_heat_share` says; 0 while it rests.
        heat_capacity_j_k: C of bit and string near it.
        conductance_w_k: G to the drill head; without it (0) T = T_0 + Q t / C.
        sink_k: T_s.

    Raises:
        ValueError: an argument outside its range.
    """
    time, heat = non_negative("time_s", time_s), non_negative("heat_w", heat_w)
    capacity = positive("heat_capacity_j_k", heat_capacity_j_k)
    conductance = non_negative("conductance_w_k", conductance_w_k)
    sink, start = positive("sink_k", sink_k), positive("start_k", start_k)
    decay = conductance * time / capacity
    # (1 - exp(-x)) / x, which is 1 for a bit that conducts nothing away
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(decay > 1e-12, -np.expm1(-decay) / decay, 1.0)
    temperature: Array = sink + (start - sink) * np.exp(-decay) + heat * time / capacity * mean
    return temperature


def longest_burst_s(
    limit_k: npt.ArrayLike, heat_w: npt.ArrayLike, heat_capacity_j_k: npt.ArrayLike, start_k: npt.ArrayLike
) -> Array:
    """How long a bit may cut before it reaches `limit_k` when nothing is conducted away: C (T - T_0) / Q, s (A).

    Icy ground refreezes on a bit above 273 K: drill in bites. 0 if it is already too hot.
    """
    room = np.maximum(positive("limit_k", limit_k) - positive("start_k", start_k), 0.0)
    time: Array = positive("heat_capacity_j_k", heat_capacity_j_k) * room / positive("heat_w", heat_w)
    return time
