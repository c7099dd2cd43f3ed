"""The rotating body-fixed frame: fictitious accelerations and what is conserved and possible in it.

`spin_rad_s` is the body's angular velocity vector, constant. Points, velocities and accelerations are (3,) or (N, 3)
in one body-fixed frame whose origin lies on the spin axis.
Scheeres (2012), "Orbital Motion in Strongly Perturbed Environments", gives the surface quantities.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import G, finite, positive

__all__ = [
    "centrifugal",
    "centrifugal_gradient",
    "coriolis",
    "cross_matrix",
    "direction",
    "effective_acceleration",
    "effective_slope_deg",
    "ellipsoid_point",
    "jacobi_integral",
    "latitude_longitude_deg",
    "local_escape_speed",
    "spin_limit_period_s",
    "spin_vector",
]

Array = npt.NDArray[np.float64]


def spin_vector(period_s: float) -> Array:
    """(3,) rad/s about +z; a negative period spins backwards, an infinite one not at all.

    Raises:
        ValueError: the period is 0 or NaN.
    """
    if period_s == 0.0 or np.isnan(period_s):
        raise ValueError(f"spin period is {period_s} s, expected a time other than 0")
    return np.array([0.0, 0.0, 2.0 * np.pi / period_s])


def cross_matrix(w: npt.ArrayLike) -> Array:
    """(3, 3) matrix [w]x with [w]x r = w x r."""
    x, y, z = np.asarray(w, dtype=np.float64)
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def centrifugal_gradient(spin_rad_s: npt.ArrayLike) -> Array:
    """(3, 3) 1/s2, derivative of the centrifugal acceleration: |W|^2 I - W W^T."""
    w = np.asarray(spin_rad_s, dtype=np.float64)
    return np.asarray(w @ w * np.eye(3) - np.outer(w, w))


def centrifugal(points: npt.ArrayLike, spin_rad_s: npt.ArrayLike) -> Array:
    """-W x (W x r), m/s2."""
    return np.asarray(np.asarray(points, dtype=np.float64) @ centrifugal_gradient(spin_rad_s))


def coriolis(velocity: npt.ArrayLike, spin_rad_s: npt.ArrayLike) -> Array:
    """-2 W x v, m/s2."""
    return np.asarray(np.asarray(velocity, dtype=np.float64) @ (-2.0 * cross_matrix(spin_rad_s)).T)


def effective_acceleration(
    gravity_m_s2: npt.ArrayLike, points: npt.ArrayLike, spin_rad_s: npt.ArrayLike, velocity: npt.ArrayLike | None = None
) -> Array:
    """Gravity and centrifugal, and Coriolis when a velocity is given, m/s2."""
    still = np.asarray(gravity_m_s2, dtype=np.float64) + centrifugal(points, spin_rad_s)
    return still if velocity is None else np.asarray(still + coriolis(velocity, spin_rad_s))


def jacobi_integral(
    points: npt.ArrayLike, velocity: npt.ArrayLike, potential_m2_s2: npt.ArrayLike, spin_rad_s: npt.ArrayLike
) -> Array:
    """C = v^2/2 - |W x r|^2/2 - U, m2/s2: constant in free flight. `potential_m2_s2` is positive, as GM/r is."""
    v = np.asarray(velocity, dtype=np.float64)
    carried = np.cross(np.asarray(spin_rad_s, dtype=np.float64), np.asarray(points, dtype=np.float64))
    kinetic = np.sum(v * v, axis=-1) - np.sum(carried * carried, axis=-1)
    return np.asarray(0.5 * kinetic - np.asarray(potential_m2_s2, dtype=np.float64))


def local_escape_speed(
    normal: npt.ArrayLike, points: npt.ArrayLike, potential_m2_s2: npt.ArrayLike, gm: float, spin_rad_s: npt.ArrayLike
) -> Array:
    """Speed along the surface normal, relative to the surface, that guarantees escape, m/s.

    v = -n.(W x r) + sqrt((n.(W x r))^2 + 2 Umax - |W x r|^2), Umax = max(U, GM/r). 0 where the surface itself
    already moves that fast.

    Args:
        normal: unit vector outward.
        potential_m2_s2: U at the point, positive; 0 where only GM/r is known.

    Raises:
        ValueError: a value that is not finite, a `gm` that is not positive, a point at the origin.
    """
    n, r = finite("normal", normal), finite("points", points)
    carried = np.cross(finite("spin_rad_s", spin_rad_s), r)
    distance = positive("distance from the centre", np.linalg.norm(r, axis=-1))
    deepest = np.maximum(finite("potential_m2_s2", potential_m2_s2), positive("gm", gm) / distance)
    along = np.sum(n * carried, axis=-1)
    needed = 2.0 * deepest - np.sum(carried * carried, axis=-1)
    speed = -along + np.sqrt(np.maximum(along * along + needed, 0.0))
    return np.asarray(np.where(needed > 0.0, np.maximum(speed, 0.0), 0.0))


def effective_slope_deg(effective_m_s2: npt.ArrayLike, normal: npt.ArrayLike) -> Array:
    """Angle between -a_eff and the outward surface normal (any length), degrees; above 90 loose material leaves.

    Raises:
        ValueError: a value that is not finite; no acceleration or no normal, which have no direction.
    """
    a, n = finite("effective_m_s2", effective_m_s2), finite("normal", normal)
    positive("size of effective_m_s2", np.linalg.norm(a, axis=-1)), positive("length", np.linalg.norm(n, axis=-1))
    # atan2 of sine and cosine: arccos loses half its digits near 0
    sine = np.linalg.norm(np.cross(n, a), axis=-1)
    return np.asarray(np.degrees(np.arctan2(sine, -np.sum(a * n, axis=-1))))


def spin_limit_period_s(density_kg_m3: npt.ArrayLike) -> Array:
    """Shortest period of a cohesionless sphere, sqrt(3 pi / (G rho)), s. ValueError unless it is positive."""
    return np.asarray(np.sqrt(3.0 * np.pi / (G * positive("density_kg_m3", density_kg_m3))))


def direction(latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike) -> Array:
    """(..., 3) unit vector from the centre of mass; planetocentric latitude, east longitude."""
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    x, y = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude)
    return np.stack(np.broadcast_arrays(x, y, np.sin(latitude)), axis=-1)


def latitude_longitude_deg(points: npt.ArrayLike) -> tuple[Array, Array]:
    """Planetocentric latitude -90..90 and east longitude -180..180 of (..., 3) points."""
    x, y, z = np.moveaxis(np.asarray(points, dtype=np.float64), -1, 0)
    return np.asarray(np.degrees(np.arctan2(z, np.hypot(x, y)))), np.asarray(np.degrees(np.arctan2(y, x)))


def ellipsoid_point(
    semi_axes_m: tuple[float, float, float], latitude_deg: float, longitude_deg: float
) -> tuple[Array, Array]:
    """Point (3,) m and outward unit normal (3,) where the ray of that latitude and longitude leaves an ellipsoid."""
    axes = positive("semi_axes_m", semi_axes_m)
    ray = direction(latitude_deg, longitude_deg)
    point = ray / np.sqrt(np.sum((ray / axes) ** 2))
    normal = point / axes**2
    return point, normal / np.linalg.norm(normal)
