"""The limit surface of an anchor: which loads it holds, and how surely.

A half-ellipsoid in (pull along the outward normal, shear), opened by Coulomb friction where the anchor is pressed on.

Sources:
    Newdick et al. 2022, arXiv 2209.10687 (half-ellipsoid grasp surface and grasp success, V).
    Parness et al. 2013, J. Field Robotics, doi 10.1002/rob.21476 (strength of the 256-spine gripper, V2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, vectorize

from stope.physics.constants import Array, finite, fraction, non_negative, positive
from stope.physics.normal import normal_cdf, normal_quantile

#: Strength lower bounds of the 256-spine gripper on rough basalt, N (Parness et al. 2013, Fig. 8, V2).
GRIPPER_NORMAL_BOUND_N = 130.0
GRIPPER_45_DEG_BOUND_N = 150.0
GRIPPER_TANGENTIAL_BOUND_N = 140.0


def utilisation(
    pull_n: npt.ArrayLike,
    shear_n: npt.ArrayLike,
    normal_strength_n: npt.ArrayLike,
    shear_strength_n: npt.ArrayLike,
    friction: npt.ArrayLike,
) -> Array:
    """How much of its limit surface an anchor's load uses; it holds iff the result is <= 1.

    Half-ellipsoid: pull > 0: hypot(pull / N, shear / T); pressed on (pull <= 0): shear / (T + mu |pull|).
    Continuous through pull = 0. An anchor without strength is over any load but none: infinity, and 0 for no load.

    Args:
        pull_n: load along the outward surface normal, N; negative presses the anchor on.
        shear_n: magnitude of the tangential load, N, >= 0.
        normal_strength_n, shear_strength_n: N and T, the semi-axes of the surface, N, >= 0.
        friction: mu of foot on rock, added strength when pressed on.

    Returns:
        Utilisation >= 0, in the broadcast shape of the arguments; NaN, which is not <= 1, where an argument is NaN.
        Source: Newdick et al. 2022 (V) for pull; Coulomb for compression.

    Raises:
        ValueError: a negative strength or friction.
    """
    if np.any(np.minimum(np.minimum(normal_strength_n, shear_strength_n), friction) < 0.0):
        raise ValueError("strengths and friction of an anchor must be zero or more")
    with np.errstate(invalid="ignore"):  # what is unknown stays unknown
        used: Array = used_share(pull_n, shear_n, normal_strength_n, shear_strength_n, friction)
    return used


@njit(cache=True)
def _of(load: float, strength: float) -> float:
    """load / strength, with 0 / 0 = 0 and anything else / 0 = infinity; NaN stays NaN."""
    if strength == 0.0:
        return np.inf if load > 0.0 else load
    return load / strength


@vectorize(["float64(float64, float64, float64, float64, float64)"], cache=True)  # type: ignore[no-untyped-call, untyped-decorator]
def used_share(pull_n: float, shear_n: float, normal_n: float, in_plane_n: float, friction: float) -> float:
    """`utilisation` without its checks, compiled: for compiled code, as control runs every tick."""
    outward = 0.0 if pull_n <= 0.0 else pull_n
    return float(np.hypot(_of(outward, normal_n), _of(abs(shear_n), in_plane_n + friction * (outward - pull_n))))


def grasp_success(mean_n: npt.ArrayLike, sd_n: npt.ArrayLike, load_n: npt.ArrayLike) -> Array:
    """Probability that one grasp holds: Phi((mu - f) / sigma); see `stance_success` for several.

    Args:
        mean_n, sd_n: strength in the direction of the load, N; sd > 0.
        load_n: load, N.

    Raises:
        ValueError: a standard deviation that is not positive, a strength or a load that is not finite.

    Source: Newdick et al. 2022 (V).
    """
    margin = finite("mean_n", mean_n) - finite("load_n", load_n)
    return normal_cdf(margin / positive("sd_n", sd_n))


def stance_success(mean_n: npt.ArrayLike, sd_n: npt.ArrayLike, load_n: npt.ArrayLike) -> Array:
    """Probability that every grasp along the last axis holds: the product of `grasp_success`.

    A stance is commonly accepted from 0.95. Source: Newdick et al. 2022 (V); grasps independent.
    """
    held: Array = grasp_success(mean_n, sd_n, load_n).prod(axis=-1)
    return held


def directional_strength_n(
    pull_angle_rad: npt.ArrayLike, normal_strength_n: npt.ArrayLike, shear_strength_n: npt.ArrayLike
) -> Array:
    """Largest load in one direction, N: R(psi) = 1 / sqrt((cos psi / N)^2 + (sin psi / T)^2).

    Args:
        pull_angle_rad: psi from the outward normal, 0 (straight off) to pi/2 (along the surface).
        normal_strength_n, shear_strength_n: N and T, the semi-axes, > 0.

    Raises:
        ValueError: a strength is not positive, an angle beyond 0..pi/2.

    Source: the half-ellipsoid of Newdick et al. 2022 (V). Beyond pi/2 the anchor is pressed on: use `utilisation`.
    """
    angle = finite("pull_angle_rad", pull_angle_rad)
    if not np.all((angle >= 0.0) & (angle <= np.pi / 2 + 1e-12)):
        raise ValueError("pull_angle_rad must be from 0 to pi/2")
    pull = np.cos(angle) / positive("normal_strength_n", normal_strength_n)
    shear = np.sin(angle) / positive("shear_strength_n", shear_strength_n)
    strength: Array = 1.0 / np.hypot(pull, shear)
    return strength


def opposed_pull_off_n(
    normal_strength_n: npt.ArrayLike, shear_strength_n: npt.ArrayLike, preload_n: npt.ArrayLike
) -> Array:
    """Normal pull that an opposed gripper still holds under its own inward preload: N sqrt(1 - (P / T)^2), N.

    Opposed spines carry shear only by pulling against each other; what that takes of the ellipsoid is not there for
    the normal load. 0 from P = T on.

    Args:
        preload_n: P, inward shear of each half, N, >= 0.

    Raises:
        ValueError: a shear strength that is not positive, or a negative preload or strength.

    Source: the half-ellipsoid of Newdick et al. 2022 (V), evaluated (A).
    """
    share = non_negative("preload_n", preload_n) / positive("shear_strength_n", shear_strength_n)
    left: Array = non_negative("normal_strength_n", normal_strength_n) * np.sqrt(np.maximum(1.0 - share**2, 0.0))
    return left


def residual_shear_n(pressing_n: npt.ArrayLike, friction: npt.ArrayLike) -> Array:
    """Shear that an anchor still carries after it slipped: Coulomb friction of what presses it on, mu P, N.

    On a small body nothing presses (weight is millinewtons), so an anchor that slipped is gone: the reason why the
    stack never loads one to its limit.
    """
    shear: Array = non_negative("friction", friction) * np.maximum(finite("pressing_n", pressing_n), 0.0)
    return shear


def allowable_load_n(mean_n: npt.ArrayLike, sd_n: npt.ArrayLike, probability: float) -> Array:
    """Load that a grasp holds with `probability`: mu + sigma Phi^-1(1 - p), not below 0; inverse of `grasp_success`.

    Raises:
        ValueError: a probability outside (0, 1) or a standard deviation that is not positive.
    """
    fraction("probability", probability)
    load = finite("mean_n", mean_n) + positive("sd_n", sd_n) * normal_quantile(1.0 - probability)
    return np.maximum(load, 0.0)
