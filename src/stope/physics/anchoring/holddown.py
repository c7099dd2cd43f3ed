"""Holding down without gripping: what pushes a robot off, and what thrusters and friction can do about it."""

from __future__ import annotations

import numpy.typing as npt

from stope.physics.constants import EARTH_GRAVITY_M_S2, Array, finite, non_negative, positive


def free_motion_time_to_speed(mass_kg: npt.ArrayLike, force_n: npt.ArrayLike, speed_m_s: npt.ArrayLike) -> Array:
    """Seconds until an unanchored body pushed with `force_n` reaches `speed_m_s`: m v / F.

    50 kg, 20 N, Bennu's 0.20 m/s: 0.50 s (case A11). ValueError for a mass or a force that is not positive.
    """
    seconds: Array = positive("mass_kg", mass_kg) * finite("speed_m_s", speed_m_s) / positive("force_n", force_n)
    return seconds


def free_motion_distance_m(mass_kg: npt.ArrayLike, force_n: npt.ArrayLike, time_s: npt.ArrayLike) -> Array:
    """How far an unanchored body has moved: F t^2 / (2 m), m. ValueError for a mass that is not positive."""
    time = non_negative("time_s", time_s)
    distance: Array = finite("force_n", force_n) * time * time / (2.0 * positive("mass_kg", mass_kg))
    return distance


def friction_hold_n(
    mass_kg: npt.ArrayLike, gravity_m_s2: npt.ArrayLike, friction: npt.ArrayLike, thrust_n: npt.ArrayLike = 0.0
) -> Array:
    """Lateral force that a robot resting on the ground takes without sliding: mu (m g + F_thrust), N (Coulomb, A).

    Raises:
        ValueError: a negative argument, or a mass that is not positive.
    """
    weight = positive("mass_kg", mass_kg) * non_negative("gravity_m_s2", gravity_m_s2)
    hold: Array = non_negative("friction", friction) * (weight + non_negative("thrust_n", thrust_n))
    return hold


def thruster_feed_limit_n(mass_kg: npt.ArrayLike, gravity_m_s2: npt.ArrayLike, thrust_n: npt.ArrayLike) -> Array:
    """Largest steady weight on bit that a robot without anchors can react: weight plus downward thrust, N (A)."""
    weight = positive("mass_kg", mass_kg) * non_negative("gravity_m_s2", gravity_m_s2)
    limit: Array = weight + non_negative("thrust_n", thrust_n)
    return limit


def propellant_kg(thrust_n: npt.ArrayLike, time_s: npt.ArrayLike, specific_impulse_s: npt.ArrayLike) -> Array:
    """Propellant that holding down takes: F t / (I_sp g_0), kg.

    Cold nitrogen has about 60-75 s (M): 20 N for the 30 minutes of one core is 50 kg, so thrusters bridge the seconds
    until an anchor engages and no more. ValueError for a negative thrust or time, or an I_sp that is not positive.
    """
    impulse = non_negative("thrust_n", thrust_n) * non_negative("time_s", time_s)
    mass: Array = impulse / (positive("specific_impulse_s", specific_impulse_s) * EARTH_GRAVITY_M_S2)
    return mass


def hold_time_s(propellant_kg: npt.ArrayLike, thrust_n: npt.ArrayLike, specific_impulse_s: npt.ArrayLike) -> Array:
    """How long that much propellant holds down with `thrust_n`, s; the inverse of `propellant_kg`."""
    stored = non_negative("propellant_kg", propellant_kg) * positive("specific_impulse_s", specific_impulse_s)
    time: Array = stored * EARTH_GRAVITY_M_S2 / positive("thrust_n", thrust_n)
    return time
