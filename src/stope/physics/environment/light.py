"""Sunlight on a small body: flux, elevation of the sun, length of the day, shadow of an orbit.

Geometry (A); the solar constant is 1361 W/m2 at 1 au (Kopp & Lean 2011). Angles in radians; the hour angle is 0 at
local noon and grows through the afternoon; declination is the sun's latitude on the body. Point sun, flat horizon.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import SOLAR_CONSTANT_W_M2, Array, finite, non_negative, positive


def solar_flux_w_m2(distance_au: npt.ArrayLike) -> Array:
    """1361 / r^2, W/m2. 0.897 au: 1692; 1.356 au: 740 (Bennu). ValueError for a distance that is not positive."""
    return np.asarray(SOLAR_CONSTANT_W_M2 / positive("distance_au", distance_au) ** 2)


def sun_elevation_sine(
    latitude_rad: npt.ArrayLike, declination_rad: npt.ArrayLike, hour_angle_rad: npt.ArrayLike
) -> Array:
    """Sine of the sun's elevation: sin(lat) sin(dec) + cos(lat) cos(dec) cos(h); negative at night."""
    latitude, sun = _latitude(latitude_rad), _latitude(declination_rad)
    up = np.sin(latitude) * np.sin(sun)
    return np.asarray(up + np.cos(latitude) * np.cos(sun) * np.cos(finite("hour_angle_rad", hour_angle_rad)))


def incidence_cosine(normal: npt.ArrayLike, to_sun: npt.ArrayLike) -> Array:
    """Cosine between facets' normals (..., 3) and the direction of the sun (..., 3), 0 where a facet looks away."""
    n, s = finite("normal", normal), finite("to_sun", to_sun)
    size = np.linalg.norm(n, axis=-1) * np.linalg.norm(s, axis=-1)
    return np.asarray(np.maximum(np.sum(n * s, axis=-1) / positive("length", size), 0.0))


def daylight_fraction(latitude_rad: npt.ArrayLike, declination_rad: npt.ArrayLike) -> Array:
    """Share of a rotation with the sun above the horizon: acos(-tan(lat) tan(dec)) / pi; 0 or 1 in polar seasons."""
    product = np.tan(_latitude(latitude_rad)) * np.tan(_latitude(declination_rad))
    return np.asarray(np.arccos(np.clip(-product, -1.0, 1.0)) / np.pi)


def mean_insolation_w_m2(
    flux_w_m2: npt.ArrayLike, latitude_rad: npt.ArrayLike, declination_rad: npt.ArrayLike
) -> Array:
    """Flux on level ground averaged over a rotation: S/pi (h0 sin lat sin dec + cos lat cos dec sin h0), W/m2.

    S / pi on the equator at equinox. h0 is half the day's arc.
    """
    latitude, sun = _latitude(latitude_rad), _latitude(declination_rad)
    half = np.pi * daylight_fraction(latitude, sun)
    mean = half * np.sin(latitude) * np.sin(sun) + np.cos(latitude) * np.cos(sun) * np.sin(half)
    return np.asarray(np.maximum(non_negative("flux_w_m2", flux_w_m2) / np.pi * mean, 0.0))


def eclipse_fraction(orbit_radius_m: npt.ArrayLike, body_radius_m: npt.ArrayLike) -> Array:
    """Share of a circular orbit in the sun's plane that lies in the cylindrical shadow: asin(R / r) / pi.

    Raises:
        ValueError: a radius that is not positive, or an orbit below the surface.
    """
    ratio = positive("body_radius_m", body_radius_m) / positive("orbit_radius_m", orbit_radius_m)
    if np.any(ratio > 1.0):
        raise ValueError("orbit_radius_m is below body_radius_m")
    return np.asarray(np.arcsin(ratio) / np.pi)


def in_shadow(points: npt.ArrayLike, to_sun: npt.ArrayLike, body_radius_m: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether points (..., 3) lie in the cylindrical shadow of a sphere at the origin."""
    r, s = finite("points", points), finite("to_sun", to_sun)
    s = s / positive("length of to_sun", np.linalg.norm(s, axis=-1))[..., None]
    along = np.sum(r * s, axis=-1)
    across = np.linalg.norm(r - along[..., None] * s, axis=-1)
    return np.asarray((along < 0.0) & (across < positive("body_radius_m", body_radius_m)))


def _latitude(value: npt.ArrayLike) -> Array:
    angle = finite("latitude", value)
    if np.any(np.abs(angle) > np.pi / 2 + 1e-12):
        raise ValueError("latitude and declination must be within -pi/2 to pi/2 rad")
    return angle
