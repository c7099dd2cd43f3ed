"""Augers: when cuttings climb, when they choke the flights, and how a plug jams the drill.

Sources: single-grain friction (derivation A, formula M); Feng et al. 2022, abstract in JFM (rotation to feed
governs choking, V); Janssen 1895 (stress in a plug grows with exp of its length, M).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, acute, finite, fraction, non_negative, positive

_TURN = 2.0 * math.pi


def auger_critical_speed(
    gravity_m_s2: npt.ArrayLike,
    radius_m: npt.ArrayLike,
    flight_angle_rad: npt.ArrayLike,
    flight_friction_rad: npt.ArrayLike,
    wall_friction: npt.ArrayLike,
) -> Array:
    """Speed above which dry grains climb an auger, rad/s: omega_c^2 = g tan(alpha + phi_s) / (mu_w R).

    Single grain, friction only (derivation A, formula M): 378 rpm on Earth for 12.5 mm, 0.9 rpm on Bennu, where
    cohesion and room, not gravity, limit transport. Raises ValueError where alpha + phi_s reaches 90 deg.
    """
    climb = acute("flight_angle_rad", flight_angle_rad) + acute("flight_friction_rad", flight_friction_rad)
    if np.any(climb >= np.pi / 2):
        raise ValueError("flight angle + friction angle reach 90 deg: no speed makes such an auger climb")
    squared = non_negative("gravity_m_s2", gravity_m_s2) * np.tan(climb)
    squared = squared / (positive("wall_friction", wall_friction) * positive("radius_m", radius_m))
    speed: Array = np.sqrt(squared)
    return speed


def choke_ratio(
    hole_area_m2: npt.ArrayLike,
    penetration_m_s: npt.ArrayLike,
    speed_rev_s: npt.ArrayLike,
    flight_area_m2: npt.ArrayLike,
    pitch_m: npt.ArrayLike,
    bulking: npt.ArrayLike = 1.5,
    flight_fill: npt.ArrayLike = 0.5,
) -> Array:
    """Cuttings made over cuttings that the flights can carry; the auger chokes above 1.

    A_hole u phi_bulk / (eta_f A_flight p N). The ratio of rotation to feed is what a controller has in hand
    (Feng et al. 2022, V). Standing still with feed gives infinity. ValueError for an argument outside its range.
    """
    rate, fastest = np.broadcast_arrays(
        non_negative("penetration_m_s", penetration_m_s),
        fastest_feed_m_s(hole_area_m2, speed_rev_s, flight_area_m2, pitch_m, bulking, flight_fill),
    )
    ratio: Array = np.divide(rate, fastest, out=np.where(rate > 0.0, np.inf, 0.0), where=fastest > 0.0)
    return ratio


def auger_capacity_m3_s(
    speed_rev_s: npt.ArrayLike, flight_area_m2: npt.ArrayLike, pitch_m: npt.ArrayLike, flight_fill: npt.ArrayLike = 0.5
) -> Array:
    """Loose volume that the flights carry: eta_f A_flight p |N|, m3/s.

    Raises:
        ValueError: a negative area or pitch, a fill beyond 0..1.
    """
    section = non_negative("flight_area_m2", flight_area_m2) * non_negative("pitch_m", pitch_m)
    capacity: Array = fraction("flight_fill", flight_fill) * section * np.abs(finite("speed_rev_s", speed_rev_s))
    return capacity


def fastest_feed_m_s(
    hole_area_m2: npt.ArrayLike,
    speed_rev_s: npt.ArrayLike,
    flight_area_m2: npt.ArrayLike,
    pitch_m: npt.ArrayLike,
    bulking: npt.ArrayLike = 1.5,
    flight_fill: npt.ArrayLike = 0.5,
) -> Array:
    """Rate of penetration at which `choke_ratio` is 1, m/s: beyond it the auger chokes."""
    capacity = auger_capacity_m3_s(speed_rev_s, flight_area_m2, pitch_m, flight_fill)
    feed: Array = capacity / (positive("hole_area_m2", hole_area_m2) * positive("bulking", bulking))
    return feed


def plug_torque_nm(
    plug_m: npt.ArrayLike,
    radius_m: npt.ArrayLike,
    gap_m: npt.ArrayLike,
    cohesion_pa: npt.ArrayLike,
    wall_friction: npt.ArrayLike,
    stress_ratio: npt.ArrayLike = 0.5,
) -> Array:
    """Torque to turn an auger in a compacted plug of cuttings, N m: it grows exponentially with the plug's length.

    Wall shear follows Janssen in reverse (the plug is pushed): tau(z) = c exp(2 K mu z / w), so
    T = 2 pi R^2 c (w / 2 K mu) (exp(2 K mu L / w) - 1).

    Args:
        plug_m: L, length of full flights from the bit up.
        radius_m: R of the hole.
        gap_m: w, radial depth of the flights.
        cohesion_pa: c of the compacted cuttings at the free end.
        wall_friction: mu; stress_ratio: K, lateral over axial stress.

    Raises:
        ValueError: an argument outside its range.

    Source: Janssen 1895 (M). Range: dry fines; says that a jam comes within a few gap widths, not the exact torque.
    """
    gap = positive("gap_m", gap_m)
    rate = 2.0 * positive("stress_ratio", stress_ratio) * positive("wall_friction", wall_friction) / gap
    shear = non_negative("cohesion_pa", cohesion_pa) * np.expm1(rate * non_negative("plug_m", plug_m)) / rate
    torque: Array = _TURN * positive("radius_m", radius_m) ** 2 * shear
    return torque


def plug_growth_m_rev(
    hole_area_m2: npt.ArrayLike,
    feed_m_rev: npt.ArrayLike,
    flight_area_m2: npt.ArrayLike,
    pitch_m: npt.ArrayLike,
    bulking: npt.ArrayLike = 1.5,
    flight_fill: npt.ArrayLike = 0.5,
) -> Array:
    """Length of flights that choking fills in each revolution: (made - carried) / room left in a metre of flights, m.

    0 while the flights keep up. ValueError for an argument outside its range (a fill of 1 leaves no room).
    """
    made, carried_m_rev = plug_growth_terms(hole_area_m2, flight_area_m2, pitch_m, bulking, flight_fill)
    growth: Array = np.maximum(made * non_negative("feed_m_rev", feed_m_rev) - carried_m_rev, 0.0)
    return growth


def plug_growth_terms(
    hole_area_m2: npt.ArrayLike,
    flight_area_m2: npt.ArrayLike,
    pitch_m: npt.ArrayLike,
    bulking: npt.ArrayLike = 1.5,
    flight_fill: npt.ArrayLike = 0.5,
) -> tuple[Array, Array]:
    """`plug_growth_m_rev` is max(0, first * feed_m_rev - second): for one auger, worked out once.

    Raises:
        ValueError: an argument outside its range (a fill of 1 leaves no room).
    """
    flight, fill = positive("flight_area_m2", flight_area_m2), fraction("flight_fill", flight_fill)
    room = positive("1 - flight_fill", 1.0 - fill)
    made: Array = positive("hole_area_m2", hole_area_m2) * positive("bulking", bulking) / (room * flight)
    carried: Array = fill * positive("pitch_m", pitch_m) / room
    return made, carried


def retention_speed_rad_s(radius_m: npt.ArrayLike, escape_speed_m_s: npt.ArrayLike) -> Array:
    """Auger or bit speed above which bare cuttings leave for good: v_esc / R, rad/s (A).

    150 rpm for 12.5 mm on Bennu: hood the hole. ValueError for an argument that is not positive.
    """
    speed: Array = positive("escape_speed_m_s", escape_speed_m_s) / positive("radius_m", radius_m)
    return speed


def flight_angle_rad(pitch_m: npt.ArrayLike, radius_m: npt.ArrayLike) -> Array:
    """Helix angle at the rim, atan(p / (2 pi R)), rad."""
    return np.asarray(np.arctan2(positive("pitch_m", pitch_m), _TURN * positive("radius_m", radius_m)))
