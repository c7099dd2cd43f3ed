"""Anchors in granular and cohesive ground: buried plates, helices, ice screws, penetrators.

On a small body the weight of the soil above is nothing: a 100 mm plate that holds 63 N in dense sand on Earth holds
0.1 mN on Bennu, and each pascal of cohesion adds 0.09 N. Measured on Earth, installation torque tells a helix's
strength (`helix_torque_strength_n`); that does not transfer below about 1e-3 g.

Sources:
    Meyerhof & Adams 1968, Can. Geotech. J. 5 (uplift of plates; shape factor and limiting depth M; the formula
        reproduces the published table of case A08: A).
    Vesic 1971 (breakout factor of cohesive ground, at most 9: V in the same source as the table).
    Hoyt & Clemence 1989 (torque correlation, M). Mitsch & Clemence 1985 (helix plates one by one or as a cylinder, M).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, acute, finite, non_negative, positive

BREAKOUT_FACTOR = 9.0  #: B_c of deep plates in undrained ground; shallow ones have less, down to about 2
#: Friction angle, shape coefficient m and limiting H/B of Meyerhof & Adams (M).
_ANGLE_RAD = np.radians([20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 48.0])
_SHAPE = np.array([0.05, 0.10, 0.15, 0.25, 0.35, 0.50, 0.60])
_LIMIT = np.array([2.5, 3.0, 4.0, 5.0, 7.0, 9.0, 11.0])
_UPLIFT = 0.95  # K_u, nominal uplift coefficient: 0.9-0.97 for all friction angles


def plate_uplift_n(
    depth_m: npt.ArrayLike,
    width_m: npt.ArrayLike,
    unit_weight_n_m3: npt.ArrayLike,
    length_m: npt.ArrayLike | None = None,
    shape_factor: npt.ArrayLike | None = None,
    uplift_friction: npt.ArrayLike = 0.92,
) -> Array:
    """Uplift of a shallow plate in sand, factors given: gamma H^2 (2 s B + L - B) K_u tan(phi) + gamma B L H, N.

    Args:
        depth_m: H, depth of the plate.
        width_m, length_m: B and L (square when L is left out), L >= B.
        unit_weight_n_m3: gamma = density x gravity.
        shape_factor: s, 1 for a strip; 1 + 0.48 H / B (a square in dense sand) when left out.
        uplift_friction: K_u tan(phi).

    Raises:
        ValueError: a dimension that is not positive, a negative weight or factor, a length below the width.

    Source: Meyerhof & Adams 1968; 63/279/738/1531 N for 100 mm at 0.1-0.4 m, 17 kN/m3 (case A08). Range: depth below
    the limiting one (`plate_strength_n` knows it), dense or compact sand.
    """
    depth, width = positive("depth_m", depth_m), positive("width_m", width_m)
    length = width if length_m is None else positive("length_m", length_m)
    if np.any(length < width):
        raise ValueError("length_m is less than width_m")
    gamma = non_negative("unit_weight_n_m3", unit_weight_n_m3)
    shape = 1.0 + 0.48 * depth / width if shape_factor is None else non_negative("shape_factor", shape_factor)
    sides = 2.0 * shape * width + length - width
    friction = gamma * depth * depth * sides * non_negative("uplift_friction", uplift_friction)
    uplift: Array = friction + gamma * width * length * depth
    return uplift


def plate_breakout_n(
    cohesion_pa: npt.ArrayLike, area_m2: npt.ArrayLike, factor: npt.ArrayLike = BREAKOUT_FACTOR
) -> Array:
    """Pull-out of a plate from cohesive ground without weight: B_c c A, N, B_c <= 9 (Vesic 1971).

    Raises:
        ValueError: a negative argument.
    """
    strength: Array = non_negative("factor", factor) * non_negative("cohesion_pa", cohesion_pa)
    return np.asarray(strength * non_negative("area_m2", area_m2))


def plate_strength_n(
    depth_m: npt.ArrayLike,
    width_m: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
    friction_rad: npt.ArrayLike,
    cohesion_pa: npt.ArrayLike = 0.0,
    length_m: npt.ArrayLike | None = None,
) -> Array:
    """Pull-out of a buried plate in ground with friction and cohesion, N.

    Q = 2 c H' (B + L) + gamma (2 H - H') H' (2 s B + L - B) K_u tan(phi) + gamma B L H,  s = 1 + m H'/B,
    H' = min(H, limiting depth); never more than the deep breakout 9 c A plus the frictional share.

    Args:
        friction_rad: phi, 0 to below pi/2; m and the limiting depth are interpolated between 20 and 48 deg.
        cohesion_pa: c on the sides of the failure prism.

    Raises:
        ValueError: an argument outside its range.

    Source: Meyerhof & Adams 1968 (coefficients M). Earth data; on small bodies the first term is all there is.
    """
    depth, width = positive("depth_m", depth_m), positive("width_m", width_m)
    length = width if length_m is None else positive("length_m", length_m)
    if np.any(length < width):
        raise ValueError("length_m is less than width_m")
    phi, cohesion = acute("friction_rad", friction_rad), non_negative("cohesion_pa", cohesion_pa)
    gamma = positive("density_kg_m3", density_kg_m3) * non_negative("gravity_m_s2", gravity_m_s2)
    shallow = np.minimum(depth, width * np.interp(phi, _ANGLE_RAD, _LIMIT))
    shape = 1.0 + np.interp(phi, _ANGLE_RAD, _SHAPE) * shallow / width
    friction = gamma * (2.0 * depth - shallow) * shallow * (2.0 * shape * width + length - width)
    friction = friction * _UPLIFT * np.tan(phi) + gamma * width * length * depth
    sides = np.minimum(2.0 * shallow * (width + length), BREAKOUT_FACTOR * width * length)
    strength: Array = cohesion * sides + friction
    return strength


def helix_strength_n(
    depth_m: npt.ArrayLike,
    diameter_m: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
    friction_rad: npt.ArrayLike,
    cohesion_pa: npt.ArrayLike = 0.0,
    plates: int = 1,
    spacing_m: npt.ArrayLike = 0.0,
) -> Array:
    """Pull-out of a helical anchor, N: its plates one by one, or the cylinder between them, whichever is less.

    Each plate is a square one of equal area. The cylinder adds pi D (n - 1) s (c + K gamma H_mean tan(phi)), K = 1, to
    the uppermost plate.

    Args:
        depth_m: of the lowest plate; the others are `spacing_m` above each other, below the surface.
        plates: n >= 1.

    Raises:
        ValueError: an argument outside its range, or plates above the surface.

    Source: Mitsch & Clemence 1985 (both failure modes, M); plates as in `plate_strength_n`. Laboratory data at 1 g.
    """
    if not (plates >= 1 and plates % 1 == 0):
        raise ValueError(f"a helix needs at least one plate and whole ones, got {plates}")
    depth, diameter = positive("depth_m", depth_m), positive("diameter_m", diameter_m)
    spacing = non_negative("spacing_m", spacing_m)
    top = depth - (plates - 1) * spacing
    if np.any(top <= 0.0):
        raise ValueError("the uppermost plate is above the surface")
    side = diameter * np.sqrt(np.pi) / 2.0
    ground = density_kg_m3, gravity_m_s2, friction_rad, cohesion_pa
    each = [plate_strength_n(depth - k * spacing, side, *ground) for k in range(int(plates))]
    gamma = positive("density_kg_m3", density_kg_m3) * non_negative("gravity_m_s2", gravity_m_s2)
    shear = np.asarray(cohesion_pa) + gamma * 0.5 * (depth + top) * np.tan(friction_rad)
    cylinder = each[-1] + np.pi * diameter * (plates - 1) * spacing * shear
    return np.asarray(np.minimum(sum(each), cylinder))


def helix_torque_strength_n(torque_nm: npt.ArrayLike, factor_per_m: npt.ArrayLike = 33.0) -> Array:
    """Pull-out from installation torque: Q = K_t T, N, K_t = 33 per m for shafts below 89 mm.

    Hoyt & Clemence 1989 (M). Range: soils on Earth, where both torque and strength come from the soil's weight; below
    about 1e-3 g torque measures cohesion and shaft friction only. ValueError for a negative argument.
    """
    strength: Array = non_negative("factor_per_m", factor_per_m) * non_negative("torque_nm", torque_nm)
    return strength


def screw_pull_out_n(diameter_m: npt.ArrayLike, thread_m: npt.ArrayLike, shear_strength_pa: npt.ArrayLike) -> Array:
    """Pull-out of a screw from ice or weak rock: the cylinder at its threads shears, pi D L tau, N (A).

    Args:
        diameter_m, thread_m: outer diameter and engaged length of the thread.
        shear_strength_pa: tau of the ground; for a Mohr-Coulomb material without confinement its cohesion.

    Raises:
        ValueError: a negative argument.

    Range: steel stronger than the ground, thread engaged on its whole length, no spalled crater at the mouth.
    """
    area = np.pi * non_negative("diameter_m", diameter_m) * non_negative("thread_m", thread_m)
    strength: Array = area * non_negative("shear_strength_pa", shear_strength_pa)
    return strength


def penetrator_depth_m(
    mass_kg: npt.ArrayLike,
    diameter_m: npt.ArrayLike,
    speed_m_s: npt.ArrayLike,
    strength_pa: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    drag: npt.ArrayLike = 1.0,
) -> Array:
    """Depth of a harpoon or penetrator by Poncelet's law, m: m / (2 A k) ln(1 + k v^2 / sigma), k = C rho.

    The ground resists with A (sigma + C rho v^2); without strength the depth is unbounded (infinite here).

    Args:
        strength_pa: sigma, static resistance (3-10 times the compressive strength of rock; cohesion times 9 in soil).
        drag: C, 0.5 for an ogive, 1 blunt.

    Raises:
        ValueError: an argument outside its range.

    Source: Poncelet 1829, as in Forrestal & Luk 1992 (M; the integral A). Range: rigid penetrator, normal impact,
    depth of several diameters.
    """
    area = np.pi / 4.0 * positive("diameter_m", diameter_m) ** 2
    inertia = positive("drag", drag) * positive("density_kg_m3", density_kg_m3)
    strength, speed = non_negative("strength_pa", strength_pa), finite("speed_m_s", speed_m_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = positive("mass_kg", mass_kg) / (2.0 * area * inertia) * np.log1p(inertia * speed**2 / strength)
    return np.where(speed == 0.0, 0.0, depth)


def penetrator_pull_out_n(diameter_m: npt.ArrayLike, depth_m: npt.ArrayLike, cohesion_pa: npt.ArrayLike) -> Array:
    """Pull-out of a smooth penetrator: shaft adhesion up to the ground's cohesion, pi D L c, N (A; no barbs)."""
    return screw_pull_out_n(diameter_m, depth_m, cohesion_pa)
