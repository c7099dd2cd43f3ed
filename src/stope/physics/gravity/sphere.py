"""Gravity of a point mass or a uniform sphere: the first estimate for any body, and the far limit of every other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, G, finite, positive


def point_mass_potential(points: npt.ArrayLike, gm: npt.ArrayLike) -> Array:
    """() or (N,) m2/s2, U = GM / r, positive; outside a sphere of that mass. ValueError at the origin."""
    return np.asarray(positive("gm", gm) / _off_centre(points)[1])


def point_mass_acceleration(points: npt.ArrayLike, gm: npt.ArrayLike) -> Array:
    """(3,) or (N, 3) m/s2 toward a point mass of `gm` m3/s2, one or (N,), at the origin. ValueError at the origin."""
    r, size = _off_centre(points)
    return np.asarray(-(positive("gm", gm) / size**3)[..., None] * r)


def point_mass_gradient(points: npt.ArrayLike, gm: npt.ArrayLike) -> Array:
    """(3, 3) or (N, 3, 3) 1/s2, GM (3 r r^T / r^5 - 1 / r^3). ValueError at the origin."""
    r, size = _off_centre(points)
    along = (r / size[..., None])[..., :, None]
    return np.asarray(
        (positive("gm", gm) / size**3)[..., None, None] * (3.0 * along * np.swapaxes(along, -1, -2) - np.eye(3))
    )


def surface_gravity(mass_kg: npt.ArrayLike, radius_m: npt.ArrayLike) -> Array:
    """G M / R^2, m/s2, of a sphere that does not spin.

    Raises:
        ValueError: mass or radius is not positive.
    """
    mass, radius = positive("mass_kg", mass_kg), positive("radius_m", radius_m)
    return np.asarray(G * mass / (radius * radius))


def escape_speed(mass_kg: npt.ArrayLike, radius_m: npt.ArrayLike) -> Array:
    """sqrt(2 G M / R), m/s, of a sphere that does not spin; `local_escape_speed` for a shape that does.

    Raises:
        ValueError: mass or radius is not positive.
    """
    return np.asarray(np.sqrt(2.0 * G * positive("mass_kg", mass_kg) / positive("radius_m", radius_m)))


def synchronous_radius_m(mass_kg: npt.ArrayLike, period_s: npt.ArrayLike) -> Array:
    """Radius of a circular orbit as long as the body's day, (G M T^2 / 4 pi^2)^(1/3), m.

    Loose material on an equator beyond it leaves by itself. ValueError for a mass or a period that is not positive.
    """
    mass, period = positive("mass_kg", mass_kg), positive("period_s", period_s)
    return np.asarray(np.cbrt(G * mass * (period / (2.0 * np.pi)) ** 2))


def _off_centre(points: npt.ArrayLike) -> tuple[Array, Array]:
    """(..., 3) points and their distances (...) from the origin, none of them 0."""
    r = finite("points", points)
    if r.shape[-1:] != (3,):
        raise ValueError(f"points have shape {r.shape}, expected (..., 3)")
    return r, positive("distance from the centre", np.linalg.norm(r, axis=-1))
