"""What holds grains together: van der Waals forces, Bond number, strength of a rubble of fines.

Sources:
    Scheeres et al. 2010, Icarus 210 (cohesion of cm grains exceeds their weight, V abstract; constant M).
    Sanchez & Scheeres 2014, Meteorit. Planet. Sci. 49 (strength ~ 1 / grain size, M).
    Rumpf 1970 (tensile strength from contact force and porosity, M).
    Prandtl 1921, Terzaghi 1943 (bearing of a plate on Mohr-Coulomb ground, S).
    Persson & Biele 2022 (roughness cuts the force by 100 and makes it independent of size, V): the counter-evidence.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, acute, fraction, non_negative, positive

__all__ = [
    "VAN_DER_WAALS_N_M",
    "bearing_capacity_pa",
    "bond_number",
    "hamaker_force_n",
    "matrix_strength_pa",
    "mohr_coulomb_ucs_pa",
    "rumpf_strength_pa",
    "sticking_radius_m",
    "van_der_waals_n",
]

#: Scheeres' practical van der Waals constant for lunar-like grains, N/m (M).
VAN_DER_WAALS_N_M = 3.6e-2


def van_der_waals_n(radius_m: npt.ArrayLike, cleanliness: npt.ArrayLike = 0.1) -> Array:
    """Force between two equal grains: 3.6e-2 S^2 r, N.

    Args:
        cleanliness: S, 0..1: how thin the adsorbed layer is; lunar 0.1, in deep vacuum up to 1.

    Raises:
        ValueError: a radius that is not positive, S beyond 0..1.

    Range: smooth grains up to centimetres; real rough ones have 100 times less, at any
    size (Persson & Biele).
    """
    clean = fraction("cleanliness", cleanliness)
    force: Array = VAN_DER_WAALS_N_M * clean * clean * positive("radius_m", radius_m)
    return force


def hamaker_force_n(radius_m: npt.ArrayLike, gap_m: npt.ArrayLike, hamaker_j: npt.ArrayLike = 4.3e-20) -> Array:
    """Force between two equal smooth spheres at a gap: A r / (12 h^2), N (Hamaker 1937; reduced radius r/2).

    Lunar soil A = 4.3e-20 J (M). ValueError for an argument that is not positive.
    """
    gap = positive("gap_m", gap_m)
    force: Array = positive("hamaker_j", hamaker_j) * positive("radius_m", radius_m) / (12.0 * gap * gap)
    return force


def bond_number(
    radius_m: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
    cleanliness: npt.ArrayLike = 0.1,
) -> Array:
    """Cohesion over weight of one grain, F_c / (m g): above 1 grains stick; falls with r^2.

    5 mm on Itokawa: 11; 50 mm: 0.11 (Scheeres et al. 2010). ValueError for an argument outside its range.
    """
    radius = positive("radius_m", radius_m)
    mass = 4.0 / 3.0 * np.pi * positive("density_kg_m3", density_kg_m3) * radius**3
    bond: Array = van_der_waals_n(radius, cleanliness) / (mass * positive("gravity_m_s2", gravity_m_s2))
    return bond


def sticking_radius_m(
    density_kg_m3: npt.ArrayLike, gravity_m_s2: npt.ArrayLike, cleanliness: npt.ArrayLike = 0.1
) -> Array:
    """Grain radius of Bond number 1, m: smaller grains behave as flour, larger as gravel."""
    weight = 4.0 / 3.0 * np.pi * positive("density_kg_m3", density_kg_m3) * positive("gravity_m_s2", gravity_m_s2)
    clean = fraction("cleanliness", cleanliness)
    return np.asarray(np.sqrt(VAN_DER_WAALS_N_M * clean * clean / weight))


def rumpf_strength_pa(contact_force_n: npt.ArrayLike, diameter_m: npt.ArrayLike, porosity: npt.ArrayLike) -> Array:
    """Tensile strength of packed equal grains: (1 - n)/n F / d^2, Pa (Rumpf 1970, M).

    Raises:
        ValueError: a negative force, a diameter that is not positive, a porosity beyond 0..1 or 0.
    """
    pores = positive("porosity", fraction("porosity", porosity))
    size = positive("diameter_m", diameter_m)
    return np.asarray((1.0 - pores) / pores * non_negative("contact_force_n", contact_force_n) / (size * size))


def matrix_strength_pa(grain_radius_m: npt.ArrayLike, constant_pa_m: npt.ArrayLike = 1.56e-4) -> Array:
    """Strength of a matrix of fines that binds boulders: 1.56e-4 / r, Pa (Sanchez & Scheeres 2014, M).

    5 um: 31 Pa; 1 mm: 0.16 Pa. ValueError for an argument that is not positive.
    """
    return np.asarray(positive("constant_pa_m", constant_pa_m) / positive("grain_radius_m", grain_radius_m))


def mohr_coulomb_ucs_pa(cohesion_pa: npt.ArrayLike, friction_rad: npt.ArrayLike) -> Array:
    """Unconfined compressive strength of a Mohr-Coulomb ground: 2 c cos(phi) / (1 - sin(phi)), Pa (A).

    ValueError for a negative cohesion or an angle outside 0..pi/2 rad.
    """
    phi = acute("friction_rad", friction_rad)
    return np.asarray(2.0 * non_negative("cohesion_pa", cohesion_pa) * np.cos(phi) / (1.0 - np.sin(phi)))


def bearing_capacity_pa(cohesion_pa: npt.ArrayLike, friction_rad: npt.ArrayLike) -> Array:
    """Pressure under a round plate at which cohesive ground without weight gives way: 1.3 c N_c, Pa.

    N_c = (N_q - 1) cot(phi), N_q = exp(pi tan(phi)) tan^2(45 deg + phi/2); 5.14 at phi = 0 (Prandtl). 1.3 is
    Terzaghi's factor for a circle. The ground's own weight is left out: 0.2 Pa under 20 cm on Bennu.

    Raises:
        ValueError: a negative cohesion, or an angle outside 0..pi/2 rad.

    Source: Terzaghi 1943 (S).
    """
    phi = acute("friction_rad", friction_rad)
    rough = np.maximum(phi, 1e-6)
    surcharge = np.exp(np.pi * np.tan(rough)) * np.tan(np.pi / 4.0 + rough / 2.0) ** 2
    factor = np.where(phi > 1e-6, (surcharge - 1.0) / np.tan(rough), np.pi + 2.0)
    return np.asarray(1.3 * non_negative("cohesion_pa", cohesion_pa) * factor)
