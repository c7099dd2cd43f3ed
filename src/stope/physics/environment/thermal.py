"""Heat: equilibrium, thermal inertia and skin depth, and the surface through a day.

Sources: radiative balance, conduction into a half-space (A); Biele et al. 2021 for the check with Ryugu's rock (V).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.physics.constants import STEFAN_BOLTZMANN, Array, fraction, non_negative, positive
from stope.physics.environment.light import sun_elevation_sine


def subsolar_temperature_k(
    flux_w_m2: npt.ArrayLike, albedo: npt.ArrayLike = 0.02, emissivity: npt.ArrayLike = 0.9
) -> Array:
    """Equilibrium under the sun: [S (1 - A) / (eps sigma)]^(1/4), K. Bennu 425 K at perihelion, 345 K at aphelion.

    Raises:
        ValueError: a negative flux, an albedo beyond 0..1, an emissivity that is not in (0, 1].
    """
    absorbed = non_negative("flux_w_m2", flux_w_m2) * (1.0 - fraction("albedo", albedo))
    emitted = positive("emissivity", fraction("emissivity", emissivity)) * STEFAN_BOLTZMANN
    return np.asarray((absorbed / emitted) ** 0.25)


def thermal_inertia(
    conductivity_w_m_k: npt.ArrayLike, density_kg_m3: npt.ArrayLike, heat_capacity_j_kg_k: npt.ArrayLike
) -> Array:
    """Gamma = sqrt(k rho c), J/(m2 K s^0.5). ValueError for an argument that is not positive."""
    heat = positive("density_kg_m3", density_kg_m3) * positive("heat_capacity_j_kg_k", heat_capacity_j_kg_k)
    return np.asarray(np.sqrt(positive("conductivity_w_m_k", conductivity_w_m_k) * heat))


def density_from_inertia_kg_m3(
    inertia: npt.ArrayLike, conductivity_w_m_k: npt.ArrayLike, heat_capacity_j_kg_k: npt.ArrayLike
) -> Array:
    """Density that closes thermal data: Gamma^2 / (k c), kg/m3. Ryugu rock: 1417, so 49 % pores (case T02)."""
    both = positive("conductivity_w_m_k", conductivity_w_m_k) * positive("heat_capacity_j_kg_k", heat_capacity_j_kg_k)
    return np.asarray(positive("inertia", inertia) ** 2 / both)


def porosity(density_kg_m3: npt.ArrayLike, grain_density_kg_m3: npt.ArrayLike) -> Array:
    """1 - rho / rho_grain. ValueError if the bulk is denser than its grains."""
    pores = 1.0 - positive("density_kg_m3", density_kg_m3) / positive("grain_density_kg_m3", grain_density_kg_m3)
    return fraction("porosity", pores)


def skin_depth_m(
    conductivity_w_m_k: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    heat_capacity_j_kg_k: npt.ArrayLike,
    period_s: npt.ArrayLike,
) -> Array:
    """Depth at which the daily wave has fallen to 1/e: sqrt(2 k / (rho c w)), m. ValueError unless positive."""
    heat = positive("density_kg_m3", density_kg_m3) * positive("heat_capacity_j_kg_k", heat_capacity_j_kg_k)
    rate = 2.0 * np.pi / positive("period_s", period_s)
    return np.asarray(np.sqrt(2.0 * positive("conductivity_w_m_k", conductivity_w_m_k) / (heat * rate)))


def surface_day_k(
    flux_w_m2: float,
    inertia: float,
    period_s: float,
    *,
    albedo: float = 0.02,
    emissivity: float = 0.9,
    latitude_rad: float = 0.0,
    declination_rad: float = 0.0,
    samples: int = 96,
    days: int = 20,
) -> Array:
    """Temperature of level ground through one day, (samples,) K, from midnight on, once days repeat themselves.

    One-dimensional conduction with constant properties in units of skin depth, explicit steps, radiating surface; the
    bottom, 6 skin depths down, is insulated. Energy closes: mean emission equals mean absorption (tested).

    Args:
        flux_w_m2: at the body's distance; inertia: Gamma, >= 0 is not enough: > 0.
        samples: points of the day returned; days: to settle, more for a high inertia.

    Raises:
        ValueError: an argument outside its range.

    Source: the standard thermophysical model without roughness (Spencer 1989, M). Range: no self-heating, flat horizon.
    """
    positive("inertia", inertia), positive("period_s", period_s), positive("flux_w_m2", flux_w_m2)
    fraction("albedo", albedo), positive("emissivity", fraction("emissivity", emissivity))
    if samples < 4 or days < 1:
        raise ValueError(f"samples and days are {samples} and {days}, expected at least 4 and 1")
    substeps = max(1, round(3600 / samples))
    angle = 2.0 * np.pi * np.arange(samples * substeps) / (samples * substeps) - np.pi
    absorbed = (1.0 - albedo) * flux_w_m2 * np.maximum(
        sun_elevation_sine(latitude_rad, declination_rad, angle), 0.0
    )  # fmt: skip
    start = (max(float(absorbed.mean()), 1e-3) / (emissivity * STEFAN_BOLTZMANN)) ** 0.25
    day = _settle(absorbed, inertia * np.sqrt(2.0 * np.pi / period_s), emissivity, start, days)
    return np.asarray(day[::substeps])


@njit(cache=True)
def _settle(absorbed: Array, coupling: float, emissivity: float, start: float, days: int) -> Array:
    """Surface temperature through the last day. Depth in skin depths / sqrt 2: u_t = w u_zz, q = Gamma sqrt(w) u_z."""
    cells, depth = 48, 8.5
    thickness = depth / cells
    step = 2.0 * np.pi / len(absorbed)
    rate = step / (thickness * thickness)
    inner = max(1, int(np.ceil(rate / 0.4)))
    rate /= inner
    u = np.full(cells, start)
    surface, out = start, np.empty(len(absorbed))
    fresh = np.empty(cells)
    for _ in range(days):
        for k in range(len(absorbed)):
            for _ in range(inner):
                # surface balance by Newton: absorbed = eps sigma T^4 + coupling (T - u0) / (half a cell)
                conduct = 2.0 * coupling / thickness
                for _ in range(8):
                    cube = emissivity * 5.670374419e-8 * surface**3
                    miss = absorbed[k] - cube * surface - conduct * (surface - u[0])
                    surface += miss / (4.0 * cube + conduct)
                fresh[0] = u[0] + rate * (2.0 * (surface - u[0]) + u[1] - u[0])
                for j in range(1, cells - 1):
                    fresh[j] = u[j] + rate * (u[j - 1] - 2.0 * u[j] + u[j + 1])
                fresh[cells - 1] = u[cells - 1] + rate * (u[cells - 2] - u[cells - 1])
                u[:] = fresh
            out[k] = surface
    return out
