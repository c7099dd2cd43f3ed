"""Excavation: soil-cutting force of a blade (McKyes/Reece) and of a bucket drum.

SI throughout. Six published models of this kind disagree by several-fold on one lunar case (Wilkinson & DeGennaro
2007, V): treat any force here as right to a factor of 3.

Sources:
    McKyes 1985, Soil Cutting and Tillage; Reece 1965 (coefficients M; their Rankine limit A).
    Terzaghi 1943 (bearing of the drum's shell, strip footing, undrained limit 5.14 c).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Rake of a drum's scoop lip and the soil-metal friction as a share of the soil's friction angle.
SCOOP_RAKE_RAD = math.radians(45.0)
SCOOP_FRICTION_SHARE = 2.0 / 3.0
#: A scoop swallows a layer up to this share of the drum's radius; a deeper drum rides on its shell.
SCOOP_OPENING = 0.25
SCOOPS = 8
#: Tip speed over which cutting force builds up (explicit integration; see drilling.STANDSTILL_RAD_S).
STANDSTILL_M_S = 5e-3
#: Ground without friction is cut as ground with this much: the wedge's angle is undefined at 0.
FRICTION_MIN_RAD = 1e-3
_BEARING = 5.14


class McKyesCoefficients(NamedTuple):
    """N factors of the fundamental earth-moving equation and the failure angle that they were taken at."""

    gravity: Array
    cohesion: Array
    surcharge: Array
    adhesion: Array
    failure_angle_rad: Array


class DrumCut(NamedTuple):
    """What a drum does to the ground; the robot feels the opposite force.

    Attributes:
        horizontal_n: force of the drum on the ground along the cutting direction (the way the scoop at the drum's
            bottom moves), >= 0 while it cuts.
        vertical_n: force of the drum on the ground, positive down (so the robot is pushed up by as much). Negative:
            the scoops lift, the ground pulls the drum in.
        torque_nm: drive torque that the cut takes, positive in the digging sense.
        volume_rate_m3_s: ground (bank volume) that goes into the drum.
    """

    horizontal_n: float
    vertical_n: float
    torque_nm: float
    volume_rate_m3_s: float


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
        friction_rad: phi, internal friction, > 0.

    Raises:
        ValueError: no failure wedge exists (a + delta + phi >= pi, or friction of 0).
    """
    rake, delta, phi = (np.asarray(x, np.float64) for x in (rake_rad, tool_friction_rad, friction_rad))
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
    """
    n = mckyes_coefficients(rake_rad, tool_friction_rad, friction_rad)
    depth = np.asarray(depth_m, np.float64)
    weight = np.asarray(density_kg_m3, np.float64) * np.asarray(gravity_m_s2) * depth * n.gravity
    cohesive = np.asarray(cohesion_pa) * n.cohesion + np.asarray(adhesion_pa) * n.adhesion
    force: Array = np.asarray(width_m) * depth * (weight + cohesive + np.asarray(surcharge_pa) * n.surcharge)
    return force


def drum_cut(
    depth_m: float,
    width_m: float,
    radius_m: float,
    drum_rad_s: float,
    advance_m_s: float,
    density_kg_m3: float,
    cohesion_pa: float,
    friction_rad: float,
    gravity_m_s2: float,
) -> DrumCut:
    """One bucket drum at `depth_m` in uncut ground.

    Scoops cut the layer h = min(depth, opening) with McKyes' force plus the momentum that the layer is given,
    rho w h v^2 (on a small body that is most of it), for the share of the time that a scoop is in the ground,
    min(1, n 2 phi_e / 2 pi), cos phi_e = 1 - h/R. Deeper than its opening the shell bears on the ground.
    The ground's shape is the caller's: as the layer goes into the drum, the depth falls.

    Args:
        depth_m: how far the drum's lowest point is below the surface; <= 0 is no contact.
        drum_rad_s: positive in the digging sense; turned back, the scoops slide and take nothing.
        advance_m_s: speed of the drum's axis along the cutting direction, signed; adds to the tip speed.
        density_kg_m3, cohesion_pa, friction_rad: bulk density, c and phi of the ground.

    Range: width several times the depth, depth < radius; factor 3 (module docstring). About 2 us.
    """
    if depth_m <= 0.0:
        return DrumCut(0.0, 0.0, 0.0, 0.0)
    layer_m = min(depth_m, SCOOP_OPENING * radius_m)
    sunk_m = min(depth_m, radius_m) - layer_m
    bearing = _BEARING * cohesion_pa + density_kg_m3 * gravity_m_s2 * sunk_m
    shell_n = bearing * width_m * 2.0 * math.sqrt(2.0 * radius_m * sunk_m)
    tip_m_s = drum_rad_s * radius_m + advance_m_s
    if drum_rad_s <= 0.0 or tip_m_s <= 0.0:
        return DrumCut(0.0, shell_n, 0.0, 0.0)
    n_g, n_c, along, lift = _scoop(max(friction_rad, FRICTION_MIN_RAD))
    duty = min(1.0, SCOOPS * math.acos(1.0 - layer_m / radius_m) / math.pi)
    area_m2 = duty * width_m * layer_m
    static = (density_kg_m3 * gravity_m_s2 * layer_m * n_g + cohesion_pa * n_c) * area_m2
    static *= math.tanh(tip_m_s / STANDSTILL_M_S)
    horizontal = static * along + density_kg_m3 * area_m2 * tip_m_s**2
    return DrumCut(horizontal, shell_n - static * lift, horizontal * radius_m, area_m2 * tip_m_s)


@lru_cache(maxsize=256)
def _scoop(friction_rad: float) -> tuple[float, float, float, float]:
    """N_g, N_c of a scoop lip in this soil and the shares of its force along the cut and upward."""
    delta = SCOOP_FRICTION_SHARE * friction_rad
    n = mckyes_coefficients(SCOOP_RAKE_RAD, delta, friction_rad)
    angle = SCOOP_RAKE_RAD + delta
    return float(n.gravity), float(n.cohesion), math.sin(angle), math.cos(angle)
