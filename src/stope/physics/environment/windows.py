"""Communication windows: when a robot on a spinning body sees its relay or the Earth.

Geometry of a sphere (A). Local relief only shortens windows: give `mask_rad` for it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, finite, non_negative, positive

SPEED_OF_LIGHT_M_S = 299_792_458.0  #: exact


def hover_visibility_fraction(distance_m: npt.ArrayLike, radius_m: npt.ArrayLike) -> Array:
    """Share of a rotation in which an equatorial robot sees a craft that hovers in the equator's plane: acos(R/D)/pi.

    Raises:
        ValueError: a length that is not positive, or a craft below the surface.
    """
    ratio = positive("radius_m", radius_m) / positive("distance_m", distance_m)
    if np.any(ratio > 1.0):
        raise ValueError("distance_m is below radius_m")
    return np.asarray(np.arccos(ratio) / np.pi)


def elevation_rad(robot: npt.ArrayLike, relay: npt.ArrayLike) -> Array:
    """Elevation of a relay (..., 3) above the horizon of a robot (..., 3) on a sphere about the origin, rad."""
    at, other = finite("robot", robot), finite("relay", relay)
    line = other - at
    up = at / positive("distance from the centre", np.linalg.norm(at, axis=-1))[..., None]
    length = positive("distance to the relay", np.linalg.norm(line, axis=-1))
    return np.asarray(np.arcsin(np.clip(np.sum(up * line, axis=-1) / length, -1.0, 1.0)))


def windows(times_s: npt.ArrayLike, elevation: npt.ArrayLike, mask_rad: float = 0.0) -> list[tuple[float, float]]:
    """Intervals (start, end), s, in which sampled `elevation` is above the mask; edges interpolated.

    Raises:
        ValueError: lengths that differ, times that do not increase, fewer than two samples.
    """
    t, e = finite("times_s", times_s), finite("elevation", elevation)
    if t.shape != e.shape or t.ndim != 1 or t.size < 2 or np.any(np.diff(t) <= 0.0):
        raise ValueError("times_s and elevation need the same length of at least 2, times increasing")
    above = e - mask_rad
    found: list[tuple[float, float]] = []
    start = float(t[0]) if above[0] > 0.0 else None
    for k in range(1, t.size):
        if (above[k] > 0.0) == (above[k - 1] > 0.0):
            continue
        crossing = float(t[k - 1] + (t[k] - t[k - 1]) * above[k - 1] / (above[k - 1] - above[k]))
        if start is None:
            start = crossing
        else:
            found.append((start, crossing))
            start = None
    return [*found, (start, float(t[-1]))] if start is not None else found


def hover_windows(
    period_s: float, radius_m: float, distance_m: float, latitude_rad: float, days: float = 1.0, mask_rad: float = 0.0
) -> list[tuple[float, float]]:
    """Windows of a robot at a latitude to a craft that hovers over the equator in inertial space, noon at t = 0, s.

    Raises:
        ValueError: an argument that is not positive, a craft below the surface, a latitude beyond +-pi/2 rad, more than
            10,000 days (a day takes 720 samples).
    """
    if not positive("distance_m", distance_m) >= radius_m:
        raise ValueError("distance_m is below radius_m")
    if not abs(latitude_rad) <= np.pi / 2 + 1e-12:
        raise ValueError(f"latitude_rad is {latitude_rad:g}, expected -pi/2 to pi/2")
    if days > 10_000:
        raise ValueError(f"days is {days:g}, expected at most 10000")
    positive("period_s", period_s), positive("radius_m", radius_m), positive("days", days)
    t = np.linspace(0.0, days * period_s, max(721, round(721 * days)))
    angle = 2.0 * np.pi * t / period_s
    flat = radius_m * np.cos(latitude_rad)
    robot = np.stack(
        [flat * np.cos(angle), flat * np.sin(angle), np.full_like(t, radius_m * np.sin(latitude_rad))], axis=-1
    )
    return windows(t, elevation_rad(robot, np.array([distance_m, 0.0, 0.0])), mask_rad)


def light_time_s(distance_m: npt.ArrayLike) -> Array:
    """One-way delay, s. At 1 au 499 s: nobody joysticks an asteroid robot."""
    return np.asarray(non_negative("distance_m", distance_m) / SPEED_OF_LIGHT_M_S)
