"""Anchoring on rock: microspine engagement, fibre-bundle strength, limit surface, grasp success.

All functions take SI units and scalars or arrays that broadcast. Marks V, V2, A as in the research notes: read in
the source's own abstract, read in a secondary text, analytic.

Sources:
    Asbeck et al. 2006, Int. J. Robotics Research (engagement angle, V2).
    Daniels 1945, Proc. R. Soc. A 183 (bundle of parallel fibres); Smith 1982, Ann. Probability 10 (its finite-size
    correction), both evaluated against Monte Carlo in the tests.
    Parness et al. 2013, J. Field Robotics, doi 10.1002/rob.21476 (microspine gripper, V2).
    Newdick et al. 2022, arXiv 2209.10687 (half-ellipsoid grasp surface and grasp success, V).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.normal import normal_cdf

Array = npt.NDArray[np.float64]
CapacityCdf = Callable[[Array], npt.ArrayLike]

#: Upper bounds of Parness et al. 2013 (V2; no trial count published): spines stick on release, cannot be released.
RELEASE_STICKS_PROBABILITY = 0.05
RELEASE_JAMS_PROBABILITY = 0.01

#: Strength lower bounds of the 256-spine gripper on rough basalt, N (Parness et al. 2013, Fig. 8, V2).
GRIPPER_NORMAL_BOUND_N = 130.0
GRIPPER_45_DEG_BOUND_N = 150.0
GRIPPER_TANGENTIAL_BOUND_N = 140.0


class BundleStrength(NamedTuple):
    """Peak load of a bundle of spines under common displacement.

    Attributes:
        mean_n: mean over bundles, with the n^(1/3) finite-size correction.
        sd_n: standard deviation over bundles.
        asymptote_n: Daniels' limit for many spines, n max x (1 - F(x)).
        spine_load_n: load of each surviving spine at the peak.
    """

    mean_n: float
    sd_n: float
    asymptote_n: float
    spine_load_n: float


def engagement_angle_rad(friction: npt.ArrayLike, load_angle_rad: npt.ArrayLike) -> Array:
    """Smallest asperity angle that a spine can hang on: theta_load + arccot(mu).

    Args:
        friction: spine-rock friction coefficient mu, > 0 (0.15-0.25 for steel on rock).
        load_angle_rad: pull-out angle of the load from the wall.

    Returns:
        Angle of the asperity's normal from the wall's normal, rad. Above pi/2 + load angle nothing holds.

    Source: Asbeck et al. 2006 (V2); 2-D, rigid asperity.
    """
    return np.asarray(load_angle_rad, dtype=np.float64) + np.arctan2(1.0, np.asarray(friction, dtype=np.float64))


def bundle_peak_n(capacities_n: npt.ArrayLike) -> Array:
    """Exact peak load of bundles whose spine capacities are known: max over k of x_(k) (n - k + 1).

    Args:
        capacities_n: (..., spines) capacity of each spine, N; equally stiff spines, load shared by the survivors.

    Returns:
        (...) peak load of each bundle, N. Source: Daniels 1945.
    """
    ordered = np.sort(np.asarray(capacities_n, dtype=np.float64), axis=-1)
    survivors = np.arange(ordered.shape[-1], 0, -1)
    peak: Array = (ordered * survivors).max(axis=-1)
    return peak


def bundle_strength(spines: int, capacity: CapacityCdf | npt.ArrayLike, upper_n: float | None = None) -> BundleStrength:
    """Strength of `spines` equally stiff parallel spines from the scatter of single-spine capacity.

    mean = n m + 0.996 n^(1/3) lambda,  m = max g, g(x) = x (1 - F(x)),  lambda^3 = g(x*)^2 / -g''(x*)
    sd   = sqrt(n F(x*) (1 - F(x*))) x*

    Args:
        spines: number of spines n, >= 1; the correction is good to a few percent from about 10.
        capacity: the CDF F of single-spine capacity (vectorised, N), or measured single-spine capacities, N.
        upper_n: with a CDF, a load that no spine exceeds (or that few do), N.

    Raises:
        ValueError: no spines, no samples, or a CDF without `upper_n`.

    Source: Daniels 1945 (A), Smith 1982. Valid while spines fail one by one and share load equally (compliant
    carriages); measured carriages do not share load proportionally (Parness 2013), so never divide a total by n.
    """
    if spines < 1:
        raise ValueError(f"a bundle needs at least one spine, got {spines}")
    load, survival = _survival(capacity, upper_n)
    carried = load * survival
    best = int(np.argmax(carried))
    peak_load, peak, held = float(load[best]), float(carried[best]), float(survival[best])
    near = np.abs(load - peak_load) <= 0.3 * peak_load
    curvature = float(np.polyfit(load[near] - peak_load, carried[near], 2)[0]) * 2.0 if near.sum() >= 3 else 0.0
    correction = 0.996 * spines ** (1 / 3) * (peak**2 / -curvature) ** (1 / 3) if curvature < 0.0 else 0.0
    sd = float(np.sqrt(spines * held * (1.0 - held))) * peak_load
    return BundleStrength(spines * peak + correction, sd, spines * peak, peak_load)


def bundle_strength_uniform(spines: int, low_n: float, high_n: float) -> BundleStrength:
    """`bundle_strength` for capacities uniform in [low_n, high_n]; 256 spines in 0-2 N give 132 +- 8 N (case A02)."""
    if not 0.0 <= low_n < high_n:
        raise ValueError(f"capacity range must satisfy 0 <= low < high, got {low_n} to {high_n} N")

    def cdf(load_n: Array) -> Array:
        return np.clip((load_n - low_n) / (high_n - low_n), 0.0, 1.0)

    return bundle_strength(spines, cdf, high_n)


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
        Utilisation >= 0, in the broadcast shape of the arguments. Source: Newdick et al. 2022 (V) for pull; Coulomb
        for compression.
    """
    pull = np.asarray(pull_n, dtype=np.float64)
    shear = np.abs(shear_n)
    outward = np.maximum(pull, 0.0)
    in_plane = np.asarray(shear_strength_n, np.float64) + np.asarray(friction, dtype=np.float64) * (outward - pull)
    with np.errstate(divide="ignore", invalid="ignore"):
        used: Array = np.hypot(outward / np.asarray(normal_strength_n, np.float64), shear / in_plane)
    if np.isnan(used).any():  # 0 / 0: no load on no strength
        used = np.hypot(_share(outward, normal_strength_n), _share(shear, in_plane))
    return used


def grasp_success(mean_n: npt.ArrayLike, sd_n: npt.ArrayLike, load_n: npt.ArrayLike) -> Array:
    """Probability that one grasp holds: Phi((mu - f) / sigma); see `stance_success` for several.

    Args:
        mean_n, sd_n: strength in the direction of the load, N; sd > 0.
        load_n: load, N.

    Source: Newdick et al. 2022 (V).
    """
    margin = np.asarray(mean_n, dtype=np.float64) - np.asarray(load_n, dtype=np.float64)
    return normal_cdf(margin / np.asarray(sd_n, dtype=np.float64))


def stance_success(mean_n: npt.ArrayLike, sd_n: npt.ArrayLike, load_n: npt.ArrayLike) -> Array:
    """Probability that every grasp along the last axis holds: the product of `grasp_success`.

    A stance is commonly accepted from 0.95. Source: Newdick et al. 2022 (V); grasps independent.
    """
    held: Array = grasp_success(mean_n, sd_n, load_n).prod(axis=-1)
    return held


def free_motion_time_to_speed(mass_kg: npt.ArrayLike, force_n: npt.ArrayLike, speed_m_s: npt.ArrayLike) -> Array:
    """Seconds until an unanchored body pushed with `force_n` reaches `speed_m_s`: m v / F.

    50 kg, 20 N, Bennu's 0.20 m/s: 0.50 s (case A11).
    """
    seconds: Array = np.asarray(mass_kg, dtype=np.float64) * np.asarray(speed_m_s) / np.asarray(force_n)
    return seconds


def _survival(capacity: CapacityCdf | npt.ArrayLike, upper_n: float | None) -> tuple[Array, Array]:
    """Loads and the fraction of spines that survive them."""
    if callable(capacity):
        if upper_n is None:
            raise ValueError("with a capacity CDF, upper_n says up to which load to look")
        load = np.linspace(0.0, upper_n, 4001)
        return load, 1.0 - np.asarray(capacity(load), dtype=np.float64)
    samples = np.sort(np.asarray(capacity, dtype=np.float64).ravel())
    if samples.size == 0:
        raise ValueError("no spine capacities given")
    return samples, np.arange(samples.size, 0, -1) / samples.size


def _share(load: npt.ArrayLike, strength: npt.ArrayLike) -> Array:
    """load / strength, with 0 / 0 = 0 and anything else / 0 = infinity."""
    load, strength = np.broadcast_arrays(np.asarray(load, np.float64), np.asarray(strength, np.float64))
    nothing = np.where(load > 0.0, np.inf, 0.0)
    share: Array = np.divide(load, strength, out=nothing, where=strength > 0.0)
    return share
