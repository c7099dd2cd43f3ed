"""Ejecta: how fast tools throw cuttings, whether they come back, how far and how long they fly.

SI throughout. On Bennu 0.20 m/s is escape: the rim of a 27 mm bit reaches it at 140 rpm, so tools are hooded.

Sources:
    Ballistics of a point mass (A); local escape speed from `physics.gravity`.
    Housen & Holsapple 2011, Icarus 211, 856 (speed and mass of what an impact throws out; equations and constants M).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, finite, fraction, non_negative, positive

__all__ = [
    "GLASS_BEADS",
    "POROUS_SAND",
    "SAND",
    "EjectaSoil",
    "escapes",
    "faster_fraction",
    "fastest_turn_rad_s",
    "flat_range_m",
    "flat_time_s",
    "impact_launch_speed",
    "impact_mass_kg",
    "launch_speed",
    "lost_fraction",
    "spherical_range_m",
    "spherical_time_s",
]


class EjectaSoil(NamedTuple):
    """Constants of Housen & Holsapple's ejecta: exponent mu, C_1, k, p, and the first and last launch radii n_1, n_2.

    Attributes:
        n1: in impactor radii; n2: in crater radii.
    """

    mu: float
    c1: float
    k: float
    p: float
    n1: float
    n2: float


#: Housen & Holsapple 2011, table 3 (M).
SAND = EjectaSoil(0.41, 0.55, 0.3, 0.3, 1.2, 1.3)
GLASS_BEADS = EjectaSoil(0.45, 1.00, 0.5, 0.3, 1.2, 1.3)
POROUS_SAND = EjectaSoil(0.35, 0.60, 0.32, 0.2, 1.2, 1.0)  # sand and fly ash, 45 % and more of it pores

_DENSITY_EXPONENT = 0.4  # nu


def impact_launch_speed(
    place_m: npt.ArrayLike,
    impactor_radius_m: npt.ArrayLike,
    speed_m_s: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    ground_density_kg_m3: npt.ArrayLike,
    crater_radius_m: npt.ArrayLike,
    soil: EjectaSoil = SAND,
) -> Array:
    """Speed of what an impact (a projectile sampler's, an impactor's) throws from a distance x off its centre, m/s.

    v = U C_1 [(x/a) (rho/delta)^nu]^(-1/mu) (1 - x/(n_2 R))^p from n_1 a to n_2 R; nothing is thrown from elsewhere: 0.

    Args:
        place_m: x, > 0; impactor_radius_m: a; crater_radius_m: R.
        speed_m_s: U of the impact, normal to the ground.
        density_kg_m3: delta of the impactor; ground_density_kg_m3: rho, bulk.

    Raises:
        ValueError: an argument that is not positive.

    Source: Housen & Holsapple 2011, equation 14 (M). Range: faster than sound in the ground, so that the impact is a
    point source; for the meteor-like, not for a landing foot.
    """
    x, a, crater = positive("place_m", place_m), *_sizes(impactor_radius_m, crater_radius_m)
    ratio = positive("ground_density_kg_m3", ground_density_kg_m3) / positive("density_kg_m3", density_kg_m3)
    inside = (x >= soil.n1 * a) & (x <= soil.n2 * crater)
    rim = np.where(inside, 1.0 - x / (soil.n2 * crater), 0.0) ** soil.p
    far: Array = (x / a * ratio**_DENSITY_EXPONENT) ** (-1.0 / soil.mu)
    return np.asarray(np.where(inside, positive("speed_m_s", speed_m_s) * soil.c1 * far * rim, 0.0))


def impact_mass_kg(
    place_m: npt.ArrayLike,
    impactor_radius_m: npt.ArrayLike,
    ground_density_kg_m3: npt.ArrayLike,
    crater_radius_m: npt.ArrayLike,
    soil: EjectaSoil = SAND,
) -> Array:
    """Mass that an impact throws from within a distance x of its centre, kg: k rho (x^3 - (n_1 a)^3), 0 below n_1 a.

    Beyond n_2 R no more is thrown. What leaves within x is faster than `impact_launch_speed` there, so both together
    are the distribution of speeds. ValueError and source as there (equation 18, M).
    """
    x, a, crater = positive("place_m", place_m), *_sizes(impactor_radius_m, crater_radius_m)
    reach = np.clip(x, soil.n1 * a, np.maximum(soil.n2 * crater, soil.n1 * a))
    thrown = reach**3 - (soil.n1 * a) ** 3
    return np.asarray(soil.k * positive("ground_density_kg_m3", ground_density_kg_m3) * thrown)


def _sizes(impactor_radius_m: npt.ArrayLike, crater_radius_m: npt.ArrayLike) -> tuple[Array, Array]:
    return positive("impactor_radius_m", impactor_radius_m), positive("crater_radius_m", crater_radius_m)


def launch_speed(quantile: npt.ArrayLike, outer_m: float, inner_m: float, rate_rad_s: npt.ArrayLike) -> Array:
    """Speed that this share of a spinning tool's cuttings does not exceed, m/s.

    Cuttings leave with the speed of the tool where they were cut, and the kerf is cut evenly over its area:
    v(q) = |omega| sqrt(r_i^2 + q (r_o^2 - r_i^2)). Feed uniform random numbers to sample it.

    Args:
        quantile: q in [0, 1].
        outer_m, inner_m: diameters of the kerf; a drum's cuttings all leave near the rim (inner close to outer).
        rate_rad_s: tool speed, either sense.

    Range: no percussion, no bouncing under a hood (both spread it: assumption, ours).
    """
    outer, inner = _radii(outer_m, inner_m)
    radius = np.sqrt(inner * inner + fraction("quantile", quantile) * (outer * outer - inner * inner))
    speed: Array = np.abs(finite("rate_rad_s", rate_rad_s)) * radius
    return speed


def faster_fraction(speed_m_s: npt.ArrayLike, outer_m: float, inner_m: float, rate_rad_s: npt.ArrayLike) -> Array:
    """Share of a spinning tool's cuttings that leave faster than `speed_m_s`: the complement of `launch_speed`."""
    rate = np.abs(finite("rate_rad_s", rate_rad_s))
    outer, inner = _radii(outer_m, inner_m)
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = non_negative("speed_m_s", speed_m_s) / rate
    radius = np.where(rate > 0.0, radius, np.inf)
    share: Array = np.clip((outer * outer - radius * radius) / (outer * outer - inner * inner), 0.0, 1.0)
    return share


def lost_fraction(
    escape_speed_m_s: npt.ArrayLike, outer_m: float, inner_m: float, rate_rad_s: npt.ArrayLike, hooded: npt.ArrayLike
) -> Array:
    """Share of the cuttings that leave for good: those past the hood and faster than local escape speed.

    Args:
        hooded: share of the cuttings that the hood stops, 0..1.
    """
    past_hood = 1.0 - fraction("hooded", hooded)
    lost: Array = past_hood * faster_fraction(escape_speed_m_s, outer_m, inner_m, rate_rad_s)
    return lost


def fastest_turn_rad_s(
    escape_speed_m_s: float, outer_m: float, inner_m: float, hooded: float, lost_share: float
) -> float:
    """Tool speed at which `lost_fraction` reaches `lost_share`, rad/s; infinite where it never does.

    v / sqrt(r_o^2 - f (r_o^2 - r_i^2)) with f = lost_share / (1 - hooded), what may be too fast of what passes.

    Raises:
        ValueError: an escape speed that is not positive, or a share beyond 0..1.
    """
    outer, inner = _radii(outer_m, inner_m)
    if not escape_speed_m_s > 0.0:
        raise ValueError("escape_speed_m_s must be positive; infinity where nothing escapes")
    past_hood = 1.0 - float(fraction("hooded", hooded))
    if float(fraction("lost_share", lost_share)) >= past_hood:
        return math.inf
    radius2 = outer * outer - lost_share / past_hood * (outer * outer - inner * inner)
    return escape_speed_m_s / math.sqrt(radius2)


def escapes(speed_m_s: npt.ArrayLike, escape_speed_m_s: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether something this fast (relative to the surface) is lost: at escape speed and above.

    ValueError for a speed that is negative or not finite, an escape speed that is not positive (infinity will do).
    """
    escape = np.asarray(escape_speed_m_s, np.float64)
    if not np.all(escape > 0.0):
        raise ValueError("escape_speed_m_s must be positive; infinity where nothing escapes")
    return np.asarray(non_negative("speed_m_s", speed_m_s) >= escape)


def flat_range_m(speed_m_s: npt.ArrayLike, elevation_rad: npt.ArrayLike, gravity_m_s2: npt.ArrayLike) -> Array:
    """Range over level ground in uniform gravity: v^2 sin(2 theta) / g. Good while far below the body's radius."""
    speed = non_negative("speed_m_s", speed_m_s)
    reach: Array = speed * speed * np.sin(2.0 * _upward(elevation_rad))
    reach = reach / positive("gravity_m_s2", gravity_m_s2)
    return reach


def flat_time_s(speed_m_s: npt.ArrayLike, elevation_rad: npt.ArrayLike, gravity_m_s2: npt.ArrayLike) -> Array:
    """Time of flight over level ground: 2 v sin(theta) / g."""
    time: Array = 2.0 * non_negative("speed_m_s", speed_m_s) * np.sin(_upward(elevation_rad))
    time = time / positive("gravity_m_s2", gravity_m_s2)
    return time


def spherical_range_m(
    speed_m_s: npt.ArrayLike, elevation_rad: npt.ArrayLike, radius_m: npt.ArrayLike, gm_m3_s2: npt.ArrayLike
) -> Array:
    """Range along the surface of a still sphere, m; infinite from escape speed on.

    Q = v^2 R / GM, tan(half angle) = Q sin(th) cos(th) / (1 - Q cos^2 th), range = 2 R half angle.
    """
    radius, sine, cosine, q = _launch(speed_m_s, elevation_rad, radius_m, gm_m3_s2)
    half_angle = np.arctan2(q * sine * cosine, 1.0 - q * cosine * cosine)
    return np.where(q < 2.0, 2.0 * radius * half_angle, np.inf)


def spherical_time_s(
    speed_m_s: npt.ArrayLike, elevation_rad: npt.ArrayLike, radius_m: npt.ArrayLike, gm_m3_s2: npt.ArrayLike
) -> Array:
    """Time of flight over a still sphere, s; infinite from escape speed on.

    Kepler: a = R / (2 - Q), e from the angular momentum, the launch at eccentric anomaly E with
    e cos E = 1 - R/a = Q - 1 and e sin E = sqrt(Q (2 - Q)) sin th; the flight is the
    ellipse's far arc, t = 2 sqrt(a^3 / GM) (pi - E + e sin E).
    """
    radius, sine, _, q = _launch(speed_m_s, elevation_rad, radius_m, gm_m3_s2)
    bound = np.where(q < 2.0, 2.0 - q, np.nan)
    e_sin = np.sqrt(q * bound) * sine
    anomaly = np.arctan2(e_sin, q - 1.0)
    axis = radius / bound
    # from launch up to apoapsis (E to pi) and down again
    time = 2.0 * np.sqrt(axis**3 / np.asarray(gm_m3_s2, np.float64)) * (np.pi - anomaly + e_sin)
    return np.where(np.isnan(bound), np.inf, time)


def _launch(
    speed_m_s: npt.ArrayLike, elevation_rad: npt.ArrayLike, radius_m: npt.ArrayLike, gm_m3_s2: npt.ArrayLike
) -> tuple[Array, Array, Array, Array]:
    """Radius, sine and cosine of the elevation, and Q = v^2 R / GM."""
    speed, radius = non_negative("speed_m_s", speed_m_s), positive("radius_m", radius_m)
    elevation = _upward(elevation_rad)
    return radius, np.sin(elevation), np.cos(elevation), speed * speed * radius / positive("gm_m3_s2", gm_m3_s2)


def _upward(elevation_rad: npt.ArrayLike) -> Array:
    """An elevation from 0 to pi/2: nothing is launched into the ground, and degrees are found out."""
    elevation = finite("elevation_rad", elevation_rad)
    if not np.all((elevation >= 0.0) & (elevation <= np.pi / 2 + 1e-12)):
        raise ValueError("elevation_rad must be from 0 to pi/2")
    return elevation


def _radii(outer_m: float, inner_m: float) -> tuple[float, float]:
    if not 0.0 <= inner_m < outer_m < np.inf:
        raise ValueError(f"kerf diameters are {outer_m} and {inner_m} m, expected 0 <= inner < outer")
    return outer_m / 2.0, inner_m / 2.0
