"""Gripping by wedging: jaws across a boulder, expanding bolts in a hole. Friction does it, so no asperity is needed.

Two-dimensional Coulomb statics (A). The strength of the rock under the contact bounds every preload.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, acute, non_negative, positive


def jaw_grip_n(preload_n: npt.ArrayLike, friction: npt.ArrayLike, taper_rad: npt.ArrayLike = 0.0) -> Array:
    """Pull along the axis that two opposed jaws hold: 2 P (mu cos a - sin a), N, not below 0.

    Args:
        preload_n: P, normal force of each jaw.
        friction: mu of jaw on rock.
        taper_rad: a, by which the faces close towards the pull (> 0: a cone that squeezes the jaws off) or open
            (< 0: an undercut boulder, gripped beyond its equator).

    Raises:
        ValueError: a negative preload or friction, or a taper of 90 deg and more.
    """
    taper = np.asarray(taper_rad, np.float64)
    if not np.all(np.abs(taper) < np.pi / 2):
        raise ValueError("taper_rad must be within -pi/2 to pi/2")
    hold = 2.0 * non_negative("preload_n", preload_n)
    hold = hold * (non_negative("friction", friction) * np.cos(taper) - np.sin(taper))
    return np.maximum(hold, 0.0)


def wedge_locks(
    wedge_rad: npt.ArrayLike, wall_friction: npt.ArrayLike, wedge_friction: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """Whether a bolt grips the harder the more it is pulled: mu_wall >= tan(wedge angle + its friction angle).

    Args:
        wedge_rad: half-angle of the expander.
        wall_friction: mu of sleeve on rock.
        wedge_friction: mu of expander in sleeve (polished, lubricated: 0.05-0.1).

    Raises:
        ValueError: an angle outside 0..pi/2, a negative friction.
    """
    angle = acute("wedge_rad", wedge_rad) + np.arctan(non_negative("wedge_friction", wedge_friction))
    slope = np.tan(np.minimum(angle, np.pi / 2))
    return np.asarray((angle < np.pi / 2) & (non_negative("wall_friction", wall_friction) >= slope))


def expansion_bolt_n(
    wedge_rad: npt.ArrayLike,
    wall_friction: npt.ArrayLike,
    wedge_friction: npt.ArrayLike,
    contact_area_m2: npt.ArrayLike,
    rock_strength_pa: npt.ArrayLike,
    setting_force_n: npt.ArrayLike = 0.0,
) -> Array:
    """Pull-out of an expanding bolt, N.

    Pulled with T, the expander presses the sleeve on the wall with N = T / tan(b + phi_w). If it locks, only crushing
    of the wall ends it: T = tan(b + phi_w) sigma_c A. If it does not, the setting force F_s is all there is:
    N = F_s / tan(b + phi_w), T = mu N.

    Args:
        contact_area_m2: A of all sleeve segments on the wall.
        rock_strength_pa: sigma_c, compressive strength of the wall (confined: this is conservative).
        setting_force_n: F_s, axial force that set the bolt.

    Raises:
        ValueError: an argument outside its range.

    Source: statics (A); Range: hole within the bolt's stroke, sleeve softer than it is stiff.
    """
    angle = acute("wedge_rad", wedge_rad) + np.arctan(non_negative("wedge_friction", wedge_friction))
    slope = np.tan(np.minimum(angle, np.pi / 2 - 1e-9))
    crush = positive("rock_strength_pa", rock_strength_pa) * positive("contact_area_m2", contact_area_m2)
    locked = slope * crush
    wall = np.minimum(non_negative("setting_force_n", setting_force_n) / slope, crush)
    slipping = non_negative("wall_friction", wall_friction) * wall
    return np.where(wedge_locks(wedge_rad, wall_friction, wedge_friction), locked, slipping)
