"""Samplers without cutting: gas jets and projectiles; the momentum that they put into the robot.

Sources:
    Isentropic expansion of a perfect gas (A).
    Zacny et al. 2014, PlanetVac (about 1000 times the gas by mass, V). Lauretta et al. 2022 (Bennu's response, V).
    Holsapple 1993, Annu. Rev. Earth Planet. Sci. 21 (crater scaling; coefficients M).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.constants import GAS_CONSTANT, Array, finite, non_negative, positive

__all__ = [
    "COHESIVE_SOIL",
    "DRY_SAND",
    "SOFT_ROCK",
    "CraterSoil",
    "choked_flow_kg_s",
    "crater_diameter_m",
    "crater_volume_m3",
    "gas_lift_ratio",
    "jet_impulse_n_s",
    "jet_speed_m_s",
    "loft_speed_m_s",
    "lofted_mass_kg",
    "projectile_impulse_n_s",
    "recoil_m_s",
]


class CraterSoil(NamedTuple):
    """Coefficients of Holsapple's coupling: K_1, exponent mu, effective strength."""

    k1: float
    mu: float
    strength_pa: float


#: Holsapple 1993 and his later tables (M).
DRY_SAND = CraterSoil(0.132, 0.41, 0.0)
SOFT_ROCK = CraterSoil(0.095, 0.55, 7.6e6)
COHESIVE_SOIL = CraterSoil(0.132, 0.41, 0.18e6)


def jet_speed_m_s(temperature_k: npt.ArrayLike, molar_mass_kg: npt.ArrayLike, heat_ratio: npt.ArrayLike) -> Array:
    """Speed of a gas let out into vacuum: sqrt(2 gamma/(gamma - 1) R T / M), m/s; nitrogen at 293 K: 780 m/s (A).

    Raises:
        ValueError: an argument that is not positive, or a heat ratio of 1 and less.
    """
    gamma = np.asarray(heat_ratio, np.float64)
    above = positive("heat_ratio - 1", gamma - 1.0)
    heat = GAS_CONSTANT * positive("temperature_k", temperature_k) / positive("molar_mass_kg", molar_mass_kg)
    return np.asarray(np.sqrt(2.0 * gamma / above * heat))


def choked_flow_kg_s(
    throat_m2: npt.ArrayLike,
    pressure_pa: npt.ArrayLike,
    temperature_k: npt.ArrayLike,
    molar_mass_kg: npt.ArrayLike,
    heat_ratio: npt.ArrayLike,
) -> Array:
    """Mass flow of a nozzle into vacuum: A p sqrt(gamma M / (R T)) (2/(gamma+1))^((gamma+1)/(2(gamma-1))), kg/s (A)."""
    gamma = positive("heat_ratio - 1", np.asarray(heat_ratio, np.float64) - 1.0) + 1.0
    gas = positive("molar_mass_kg", molar_mass_kg) / (GAS_CONSTANT * positive("temperature_k", temperature_k))
    choke = (2.0 / (gamma + 1.0)) ** ((gamma + 1.0) / (2.0 * (gamma - 1.0)))
    flow = positive("throat_m2", throat_m2) * non_negative("pressure_pa", pressure_pa)
    return np.asarray(flow * np.sqrt(gamma * gas) * choke)


def gas_lift_ratio(
    jet_m_s: npt.ArrayLike, gravity_m_s2: npt.ArrayLike, height_m: npt.ArrayLike, transfer: npt.ArrayLike = 1.0
) -> Array:
    """Mass of soil lofted by each kilogram of gas: eta v_jet / sqrt(2 g h).

    The gas gives its momentum to grains that must leave with sqrt(2 g h) to reach the collector. In microgravity the
    ratio is bounded by the soil within reach, not by this.

    Args:
        height_m: h of the way up into the sampler, m.
        transfer: eta, share of the jet's momentum that ends in grains on their way up.

    Raises:
        ValueError: an argument that is not positive, or a transfer beyond 0..1.

    Source: momentum balance (A, ours); PlanetVac has about 1000 on Earth (V). A factor of 3.
    """
    share = np.asarray(transfer, np.float64)
    if not np.all((share >= 0.0) & (share <= 1.0)):
        raise ValueError("transfer must be from 0 to 1")
    rise = loft_speed_m_s(positive("gravity_m_s2", gravity_m_s2), height_m)
    return np.asarray(share * positive("jet_m_s", jet_m_s) / rise)


def loft_speed_m_s(
    gravity_m_s2: npt.ArrayLike,
    height_m: npt.ArrayLike,
    cohesion_pa: npt.ArrayLike = 0.0,
    density_kg_m3: npt.ArrayLike = 1000.0,
) -> Array:
    """Speed that grains need to part from their bed and rise to the collector: sqrt(2 g h + 2 c / rho), m/s.

    Bennu, 1 Pa of cohesion: 6 cm/s, all of it to part them; dry sand on Earth, h = 0.1 m: 1.4 m/s, all of it to rise.

    Raises:
        ValueError: a height or density that is not positive, or a negative gravity or cohesion.

    Source: energy balance, cohesion taken as energy per volume of what is parted (A, ours). Order of magnitude.
    """
    rise = 2.0 * non_negative("gravity_m_s2", gravity_m_s2) * positive("height_m", height_m)
    part = 2.0 * non_negative("cohesion_pa", cohesion_pa) / positive("density_kg_m3", density_kg_m3)
    return np.asarray(np.sqrt(rise + part))


def lofted_mass_kg(impulse_n_s: npt.ArrayLike, gravity_m_s2: npt.ArrayLike, crater_m: npt.ArrayLike) -> Array:
    """Mass that an impulse throws out of a crater of radius R in cohesionless ground: J / sqrt(g R), kg.

    Grains must leave with sqrt(g R) to clear the rim. OSIRIS-REx on Bennu: 78 N s of stopping and 520 N s of leaving
    thrust, R = 4.5 m: 38 t at most, of which >= 6 t were seen displaced (case C10). Order of magnitude.

    Raises:
        ValueError: a negative impulse, or a gravity or radius that is not positive.

    Source: momentum balance (A, ours).
    """
    launch = np.sqrt(positive("gravity_m_s2", gravity_m_s2) * positive("crater_m", crater_m))
    return np.asarray(non_negative("impulse_n_s", impulse_n_s) / launch)


def jet_impulse_n_s(gas_kg: npt.ArrayLike, jet_m_s: npt.ArrayLike) -> Array:
    """Recoil of a gas burst, N s: m v (A; a plume that is turned back by the ground gives up to twice that)."""
    return np.asarray(non_negative("gas_kg", gas_kg) * non_negative("jet_m_s", jet_m_s))


def projectile_impulse_n_s(mass_kg: npt.ArrayLike, speed_m_s: npt.ArrayLike) -> Array:
    """Momentum that firing a projectile gives the robot, N s: m v (A). 5 g at 300 m/s: 1.5 N s."""
    return np.asarray(positive("mass_kg", mass_kg) * non_negative("speed_m_s", speed_m_s))


def recoil_m_s(impulse_n_s: npt.ArrayLike, robot_kg: npt.ArrayLike) -> Array:
    """Speed that an impulse gives a free robot, m/s: J / m (A). 1.5 N s on 609 kg: 2.5 mm/s."""
    return np.asarray(finite("impulse_n_s", impulse_n_s) / positive("robot_kg", robot_kg))


def crater_volume_m3(
    mass_kg: npt.ArrayLike,
    speed_m_s: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    ground_density_kg_m3: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
    soil: CraterSoil = DRY_SAND,
) -> Array:
    """Volume that an impact excavates, m3, between gravity and strength.

    rho V / m = K_1 [pi_2 (rho/delta)^(-1/3) + pi_3^((2+mu)/2)]^(-3 mu/(2+mu)),  pi_2 = g a / v^2,
    pi_3 = Y / (rho v^2), a radius of the impactor; density exponents for nu = 1/3.

    Args:
        density_kg_m3: delta of the impactor; ground_density_kg_m3: rho.
        soil: K_1, mu and Y; `DRY_SAND` has no strength.

    Raises:
        ValueError: an argument that is not positive; gravity may be 0 where the soil has strength.

    Source: Holsapple 1993 (M). Range: faster than the speed of sound in the ground; slower shots dig less. Order of
    magnitude.
    """
    mass, speed = positive("mass_kg", mass_kg), positive("speed_m_s", speed_m_s)
    dense, bulk = positive("density_kg_m3", density_kg_m3), positive("ground_density_kg_m3", ground_density_kg_m3)
    radius = np.cbrt(3.0 * mass / (4.0 * np.pi * dense))
    stopped = non_negative if soil.strength_pa > 0.0 else positive  # by strength alone, or by gravity alone
    weight = stopped("gravity_m_s2", gravity_m_s2) * radius / speed**2 * np.cbrt(dense / bulk)
    strength = (soil.strength_pa / (bulk * speed**2)) ** ((2.0 + soil.mu) / 2.0)
    scaled = soil.k1 * (weight + strength) ** (-3.0 * soil.mu / (2.0 + soil.mu))
    return np.asarray(scaled * mass / bulk)


def crater_diameter_m(volume_m3: npt.ArrayLike) -> Array:
    """Rim-to-rim diameter of a simple crater of this volume, m: 2 x 1.3 R, R = 1.1 V^(1/3) (Holsapple, M)."""
    return np.asarray(2.0 * 1.3 * 1.1 * np.cbrt(non_negative("volume_m3", volume_m3)))
