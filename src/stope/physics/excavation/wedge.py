"""Soil-cutting force of a wide blade: the fundamental earth-moving equation (McKyes, Reece).

SI throughout. Six published models of this kind disagree by several-fold on one lunar case (Wilkinson & DeGennaro
2007, V): treat any force here as right to a factor of 3.

Sources:
    McKyes 1985, Soil Cutting and Tillage; Reece 1965 (coefficients M; their Rankine limit A).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, finite, non_negative, positive

#: Rake of a scoop's lip, for callers that do not say.
SCOOP_RAKE_RAD = math.radians(45.0)


_NEARLY_NONE_RAD = 1e-6  # stands for the limit of no friction: coefficients are right to about as much


class McKyesCoefficients(NamedTuple):
    """N factors of the fundamental earth-moving equation and the failure angle that they were taken at."""

    gravity: Array
    cohesion: Array
    surcharge: Array
    adhesion: Array
    failure_angle_rad: Array


def mckyes_coefficients(
    rake_rad: npt.ArrayLike, tool_friction_rad: npt.ArrayLike, friction_rad: npt.ArrayLike
) -> McKyesCoefficients:
    """N_g, N_c, N_q, N_ca at the failure angle b that makes N_g least.

    N_g = (cot a + cot b)/(2 D), N_q = 2 N_g, N_c = (1 + cot b cot(b+phi))/D, N_ca = (1 - cot a cot(b+phi))/D,
    D = cos(a+delta) + sin(a+delta) cot(b+phi). With t = cot b, N_g is a quadratic over a line, so its minimum is the
    root of s m t^2 + 2 s k t + B k - m G = 0; s, c = sin, cos phi; m, k = sin, cos(a+delta+phi); B = s cot a + c;
    G = c cot a.

    Args:
        rake_rad: a, blade from the horizontal ahead of it, in (0, pi/2].
        tool_friction_rad: delta, soil on tool.
        friction_rad: phi, internal friction; 0, saturated clay, for a smooth tool alone: its limit, where N_g is the
            same at any angle (a vertical blade has N_c = 2).

    Raises:
        ValueError: no failure wedge exists (a + delta + phi >= pi, or a rough tool in soil without friction).
    """
    rake, delta = finite("rake_rad", rake_rad), non_negative("tool_friction_rad", tool_friction_rad)
    phi = non_negative("friction_rad", friction_rad)
    phi = np.where((phi == 0.0) & (delta == 0.0), _NEARLY_NONE_RAD, phi)
    if np.any(rake + delta + phi >= np.pi) or np.any(rake <= 0.0) or np.any(phi <= 0.0):
        raise ValueError("no failure wedge: needs rake > 0, friction > 0 and rake + tool friction + friction < 180 deg")
    cot_a, s, c = 1.0 / np.tan(rake), np.sin(phi), np.cos(phi)
    m, k = np.sin(rake + delta + phi), np.cos(rake + delta + phi)
    linear, constant = cot_a * s + c, cot_a * c
    cot_b = (-s * k + np.sqrt((s * k) ** 2 - s * m * (linear * k - m * constant))) / (s * m)
    cot_b_phi = (cot_b * c - s) / (cot_b * s + c)
    denominator = np.cos(rake + delta) + np.sin(rake + delta) * cot_b_phi
    gravity = (cot_a + cot_b) / (2.0 * denominator)
    return McKyesCoefficients(
        gravity,
        (1.0 + cot_b * cot_b_phi) / denominator,
        2.0 * gravity,
        (1.0 - cot_a * cot_b_phi) / denominator,
        np.arctan2(1.0, cot_b),
    )


def mckyes_force(
    depth_m: npt.ArrayLike,
    width_m: npt.ArrayLike,
    density_kg_m3: npt.ArrayLike,
    cohesion_pa: npt.ArrayLike,
    friction_rad: npt.ArrayLike,
    gravity_m_s2: npt.ArrayLike,
    rake_rad: npt.ArrayLike = SCOOP_RAKE_RAD,
    tool_friction_rad: npt.ArrayLike = 0.0,
    surcharge_pa: npt.ArrayLike = 0.0,
    adhesion_pa: npt.ArrayLike = 0.0,
) -> Array:
    """Total force on a wide blade, N: w [rho g d^2 N_g + c d N_c + q d N_q + c_a d N_ca].

    It acts at `tool_friction_rad` from the blade's normal: F sin(a + delta) along the motion, F cos(a + delta) lifts.
    Quasi-static, two-dimensional (width several depths), level ground. Source: McKyes 1985 (M; Rankine limit A).

    Raises:
        ValueError: an argument outside its range, or no failure wedge (as `mckyes_coefficients`).
    """
    n = mckyes_coefficients(rake_rad, tool_friction_rad, friction_rad)
    depth = non_negative("depth_m", depth_m)
    weight = positive("density_kg_m3", density_kg_m3) * non_negative("gravity_m_s2", gravity_m_s2) * depth * n.gravity
    cohesive = non_negative("cohesion_pa", cohesion_pa) * n.cohesion
    cohesive = cohesive + non_negative("adhesion_pa", adhesion_pa) * n.adhesion
    pressed = weight + cohesive + non_negative("surcharge_pa", surcharge_pa) * n.surcharge
    force: Array = positive("width_m", width_m) * depth * pressed
    return force
