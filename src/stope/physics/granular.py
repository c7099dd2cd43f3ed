"""Loose ground that something pushes into: stopping depth, drag without weight, repose.

Sources:
    Katsuragi & Durian 2007, Nature Physics 3 (inertial drag + friction proportional to depth, V abstract; equation A).
    Katsuragi & Durian 2013, Phys. Rev. E 87, 052208 (scaling of both terms with densities and friction, M).
    Ballouz et al. 2021 (loose packing: drag only, depth ~ v^(4/3), V abstract).
    Taylor 1937 / Culmann (height of a cohesive slope, A).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, acute, non_negative, positive

__all__ = [
    "Resistance",
    "critical_height_m",
    "drag_length",
    "katsuragi_durian",
    "repose_angle_rad",
    "speed_at_depth",
    "speed_under_drag",
    "stopping_depth",
    "stopping_time",
]


class Resistance(NamedTuple):
    """What ground does to an intruder: m dv/dt = m g - k z - m v^2 / d_1."""

    friction_n_m: Array
    drag_length_m: Array


def katsuragi_durian(
    diameter_m: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    ground_density_kg_m3: npt.ArrayLike,
    friction_rad: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
) -> Resistance:
    """k and d_1 of a sphere: d_1 = (0.25 / mu) (rho_p / rho_g) D, k = 12 mu sqrt(rho_g / rho_p) m g / D.

    Args:
        density_kg_m3: rho_p of the sphere; ground_density_kg_m3: rho_g, bulk.
        friction_rad: angle of repose, mu its tangent, > 0.

    Raises:
        ValueError: an argument outside its range.

    Source: Katsuragi & Durian 2013 (M), beads and sand at 1 g, impacts of 0.5-5 m/s. k carries the factor g: the model
    says that in low gravity friction fades; drop-tower data below 1 m/s2 (Murdoch 2017, V) do not follow it (case S04).
    """
    size, dense = positive("diameter_m", diameter_m), positive("density_kg_m3", density_kg_m3)
    bulk = positive("ground_density_kg_m3", ground_density_kg_m3)
    mu = np.tan(positive("friction_rad", acute("friction_rad", friction_rad)))
    mass = np.pi / 6.0 * dense * size**3
    weight = mass * non_negative("gravity_m_s2", gravity_m_s2)
    return Resistance(12.0 * mu * np.sqrt(bulk / dense) * weight / size, 0.25 / mu * dense / bulk * size)


def speed_at_depth(
    depth_m: npt.ArrayLike,
    speed_m_s: npt.ArrayLike,
    mass_kg: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
    friction_n_m: npt.ArrayLike,
    drag_length_m: npt.ArrayLike,
) -> Array:
    """Speed of an intruder at a depth, m/s; 0 beyond where it stops.

    v^2 is linear in its own equation: v^2 = (v_0^2 - b) e^(-2z/d) + b - a z, with d = d_1, a = k d_1 / m and
    b = g d_1 + a d_1 / 2.

    Args:
        depth_m: z below the first contact; speed_m_s: v_0 there.
        friction_n_m: k, resistance for each metre of depth; drag_length_m: d_1.

    Raises:
        ValueError: an argument outside its range.

    Source: Katsuragi & Durian 2007, integrated (A).
    """
    arguments = (depth_m, speed_m_s, mass_kg, gravity_m_s2, friction_n_m, drag_length_m)
    z = non_negative("depth_m", depth_m)
    square = _square(z, *_state(*arguments[1:]))
    stop = stopping_depth(*arguments[1:])
    speed: Array = np.where(z < stop, np.sqrt(np.maximum(square, 0.0)), 0.0)
    return speed


def stopping_depth(
    speed_m_s: npt.ArrayLike,
    mass_kg: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
    friction_n_m: npt.ArrayLike,
    drag_length_m: npt.ArrayLike,
) -> Array:
    """Depth at which an intruder comes to rest, m; infinite where nothing but drag resists it.

    The first root of `speed_at_depth`, by bisection to the last digit. Without drag (d_1 infinite is not accepted;
    take it large) and gravity it is the spring's v sqrt(m / k).

    Args:
        speed_m_s: v at contact, >= 0. The rest as in `speed_at_depth`.

    Raises:
        ValueError: an argument outside its range.

    Source: Katsuragi & Durian 2007 (V abstract; equation A). With k = 0 a body under drag alone never stops: what
    OSIRIS-REx met on Bennu (case C08).
    """
    v, gravity, a, drag = np.broadcast_arrays(*_state(speed_m_s, mass_kg, gravity_m_s2, friction_n_m, drag_length_m))
    b = gravity * drag + 0.5 * a * drag
    with np.errstate(divide="ignore", invalid="ignore"):
        # at this depth b - a z + (v0^2 - b)+ is no longer positive
        high = np.where(a > 0.0, (np.maximum(v * v, b) + b) / a, np.inf)
    low = np.zeros_like(high)
    moves = (v > 0.0) | (gravity > 0.0)
    top = np.where(np.isfinite(high), high, 1.0)
    # v^2 is concave where v0^2 < b and falls where v0^2 >= b: one sign change after the start either way
    for _ in range(200):
        middle = 0.5 * (low + top)
        on = _square(middle, v, gravity, a, drag) > 0.0
        low, top = np.where(on, middle, low), np.where(on, top, middle)
    return np.where(moves, np.where(np.isfinite(high), 0.5 * (low + top), np.inf), 0.0)


def stopping_time(
    speed_m_s: npt.ArrayLike,
    mass_kg: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
    friction_n_m: npt.ArrayLike,
    drag_length_m: npt.ArrayLike,
    steps: int = 400,
) -> Array:
    """Time until an intruder is at rest, s: integral of dz / v over `speed_at_depth`; infinite if it never is.

    Both ends can be square roots (a body set down from rest begins at speed 0, too): z = Z (1 - cos u) / 2 takes them
    out; Gauss-Legendre in u. ValueError as `stopping_depth`.
    """
    v, gravity, a, drag = np.broadcast_arrays(*_state(speed_m_s, mass_kg, gravity_m_s2, friction_n_m, drag_length_m))
    depth = stopping_depth(speed_m_s, mass_kg, gravity_m_s2, friction_n_m, drag_length_m)
    node, weight = np.polynomial.legendre.leggauss(steps)
    u, w = 0.5 * np.pi * (node + 1.0), 0.5 * np.pi * weight
    half = 0.5 * np.where(np.isfinite(depth), depth, 1.0)[..., None]
    square = _square(2.0 * half * np.sin(0.5 * u) ** 2, *(x[..., None] for x in (v, gravity, a, drag)))
    with np.errstate(divide="ignore", invalid="ignore"):
        slowness = np.where(square > 0.0, half * np.sin(u) / np.sqrt(np.maximum(square, 1e-300)), 0.0)
    time = np.sum(slowness * w, axis=-1)
    return np.where(np.isfinite(depth), np.where(depth > 0.0, time, 0.0), np.inf)


def speed_under_drag(speed_m_s: npt.ArrayLike, time_s: npt.ArrayLike, drag_length_m: npt.ArrayLike) -> Array:
    """Speed after a time in ground that only drags, no gravity: v / (1 + v t / d_1), m/s. It never reaches 0 (A)."""
    speed = non_negative("speed_m_s", speed_m_s)
    return np.asarray(speed / (1.0 + speed * non_negative("time_s", time_s) / positive("drag_length_m", drag_length_m)))


def drag_length(
    mass_kg: npt.ArrayLike, area_m2: npt.ArrayLike, density_kg_m3: npt.ArrayLike, drag: npt.ArrayLike
) -> Array:
    """d_1 = 2 m / (C rho A), m: length over which grains of bulk density rho slow a body by 1/e (A)."""
    swept = positive("drag", drag) * positive("density_kg_m3", density_kg_m3) * positive("area_m2", area_m2)
    return np.asarray(2.0 * positive("mass_kg", mass_kg) / swept)


def critical_height_m(
    slope_rad: npt.ArrayLike,
    friction_rad: npt.ArrayLike,
    cohesion_pa: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
) -> Array:
    """Height to which a slope beyond its friction angle stands: 4 c sin b cos phi / (gamma (1 - cos(b - phi))), m.

    Infinite up to the friction angle. On Bennu 1 Pa holds a vertical bank of 200 m of regolith up: low gravity, not
    strength, makes cliffs. ValueError for an argument outside its range.

    Source: Culmann's plane failure (A). Range: dry, plane; overestimates near vertical by about a tenth (Taylor 1937).
    """
    slope, phi = np.asarray(slope_rad, np.float64), acute("friction_rad", friction_rad)
    if not np.all((slope >= 0.0) & (slope <= np.pi / 2 + 1e-12)):
        raise ValueError("slope_rad must be from 0 to pi/2")
    gamma = positive("density_kg_m3", density_kg_m3) * positive("gravity_m_s2", gravity_m_s2)
    steep = slope > phi
    spare = np.where(steep, np.maximum(2.0 * np.sin(0.5 * (slope - phi)) ** 2, 1e-300), 1.0)
    height = 4.0 * non_negative("cohesion_pa", cohesion_pa) * np.sin(slope) * np.cos(phi) / (gamma * spare)
    return np.where(steep, height, np.inf)


def repose_angle_rad(
    friction_rad: npt.ArrayLike,
    cohesion_pa: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
    height_m: npt.ArrayLike,
) -> Array:
    """Steepest slope of this height that stands, rad: the friction angle without cohesion, whatever gravity is.

    Solves `critical_height_m` for the slope by bisection; pi/2 where even a bank stands. ValueError as there.
    """
    height = positive("height_m", height_m)
    phi = acute("friction_rad", friction_rad)
    ground = cohesion_pa, density_kg_m3, gravity_m_s2
    shape = np.broadcast_shapes(*(np.shape(x) for x in (phi, *ground, height)))
    low, high = np.broadcast_to(phi, shape).copy(), np.full(shape, np.pi / 2)
    for _ in range(60):
        middle = 0.5 * (low + high)
        stands = critical_height_m(middle, phi, *ground) >= height
        low, high = np.where(stands, middle, low), np.where(stands, high, middle)
    return np.asarray(low)


def _state(
    speed_m_s: npt.ArrayLike, mass_kg: npt.ArrayLike, gravity_m_s2: npt.ArrayLike,
    friction_n_m: npt.ArrayLike, drag_length_m: npt.ArrayLike,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """v, g, a = k d_1 / m, d_1."""
    speed, gravity = non_negative("speed_m_s", speed_m_s), non_negative("gravity_m_s2", gravity_m_s2)
    drag = positive("drag_length_m", drag_length_m)
    a = non_negative("friction_n_m", friction_n_m) * drag / positive("mass_kg", mass_kg)
    return speed, gravity, np.asarray(a), drag


def _square(z: Array, v: Array, gravity: Array, a: Array, drag: Array) -> Array:
    """v^2 at depth z. Written with expm1: for short depths over a long drag length b cancels to all its digits."""
    x = 2.0 * z / drag
    fall = -np.expm1(-x)
    # g d_1 fall - (a d_1 / 2) (x - fall); the bracket by its series where it cancels
    small = x * x * (0.5 - x / 6.0 + x * x / 24.0 - x**3 / 120.0 + x**4 / 720.0)
    bend = np.where(x < 1e-2, small, x - fall)
    return np.asarray(v * v * np.exp(-x) + gravity * drag * fall - 0.5 * a * drag * bend)
