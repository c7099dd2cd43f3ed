"""Microspines: which asperities hold, and what a bundle of spines holds.

All functions take SI units and scalars or arrays that broadcast. Marks V, V2, A as in the research notes: read in
the source's own abstract, read in a secondary text, analytic.

Sources:
    Asbeck et al. 2006, Int. J. Robotics Research (engagement angle, V2).
    Daniels 1945, Proc. R. Soc. A 183 (bundle of parallel fibres); Smith 1982, Ann. Probability 10 (its finite-size
    correction), both evaluated against Monte Carlo in the tests.
    Parness et al. 2013, J. Field Robotics, doi 10.1002/rob.21476 (microspine gripper, V2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, finite, fraction, non_negative, positive
from stope.physics.normal import normal_cdf

CapacityCdf = Callable[[Array], npt.ArrayLike]

_GRID = 4000  # loads at which a CDF is looked at
_EXACT = 16  # spines up to which the recursion is taken: its terms alternate, its error there is below 1e-9


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
        friction: spine-rock friction coefficient mu, >= 0 (0.15-0.25 for steel on rock; none needs an overhang).
        load_angle_rad: pull-out angle of the load from the wall.

    Returns:
        Angle of the asperity's normal from the wall's normal, rad. Above pi/2 + load angle nothing holds.

    Source: Asbeck et al. 2006 (V2); 2-D, rigid asperity.
    """
    threshold: Array = finite("load_angle_rad", load_angle_rad) + np.arctan2(1.0, non_negative("friction", friction))
    return threshold


def engagement_probability(friction: npt.ArrayLike, load_angle_rad: npt.ArrayLike, rms_slope: npt.ArrayLike) -> Array:
    """Share of a surface's asperities that a spine can hang on: P(slope >= tan theta_min), 0 from 90 deg on.

    Slopes of a random rough surface are Gaussian with the root mean square `rms_slope`; a height field has no
    overhangs, so nothing is held once theta_load + arccot(mu) reaches 90 deg.

    Args:
        friction, load_angle_rad: as in `engagement_angle_rad`.
        rms_slope: of the surface at the scale of the spine's tip, > 0 (dimensionless).

    Raises:
        ValueError: friction is negative, or slope is not positive.

    Source: Asbeck et al. 2006 for the threshold (V2); Gaussian slopes: Nayak 1971 (M). Range: rigid, isotropic, no
    overhangs; vesicular rock has pockets and holds better.
    """
    threshold = engagement_angle_rad(friction, load_angle_rad)
    slope = positive("rms_slope", rms_slope)
    steep = np.tan(np.minimum(threshold, np.pi / 2))
    return np.where(threshold < np.pi / 2, 1.0 - normal_cdf(steep / slope), 0.0)


def engaged_after_drag(probability: npt.ArrayLike, drag_m: npt.ArrayLike, spacing_m: npt.ArrayLike) -> Array:
    """Share of spines that found a hold after being dragged: 1 - (1 - p)^(drag / spacing).

    Args:
        probability: p that one asperity holds (`engagement_probability`).
        drag_m: length of the engagement stroke, >= 0.
        spacing_m: distance between asperities that the tip can feel, > 0.

    Raises:
        ValueError: p outside 0..1, a negative stroke, a spacing that is not positive.

    Source: independent trials along the stroke (A); that engagement grows with the stroke: Asbeck et al. 2006 (V2).
    """
    share = np.asarray(probability, np.float64)
    if not np.all((share >= 0.0) & (share <= 1.0)):
        raise ValueError("probability must be from 0 to 1")
    trials = non_negative("drag_m", drag_m) / positive("spacing_m", spacing_m)
    return np.asarray(1.0 - (1.0 - share) ** trials)


def bundle_peak_n(capacities_n: npt.ArrayLike) -> Array:
    """Exact peak load of bundles whose spine capacities are known: max over k of x_(k) (n - k + 1).

    Args:
        capacities_n: (..., spines) capacity of each spine, N; equally stiff spines, load shared by the survivors.

    Returns:
        (...) peak load of each bundle, N. Source: Daniels 1945.

    Raises:
        ValueError: no spines, or a capacity that is negative or NaN.
    """
    ordered = np.sort(np.atleast_1d(non_negative("capacities_n", capacities_n)), axis=-1)
    if ordered.shape[-1] == 0:
        raise ValueError("no spine capacities given")
    survivors = np.arange(ordered.shape[-1], 0, -1)
    peak: Array = (ordered * survivors).max(axis=-1)
    return peak


def bundle_strength(spines: int, capacity: CapacityCdf | npt.ArrayLike, upper_n: float | None = None) -> BundleStrength:
    """Strength of `spines` equally stiff parallel spines from the scatter of single-spine capacity.

    mean = n m + 0.996 n^(1/3) lambda,  m = max g, g(x) = x (1 - F(x)),  lambda^3 = g(x*)^2 / -g''(x*)
    sd   = sqrt(n F(x*) (1 - F(x*))) x*

    Up to 16 spines mean and deviation are exact instead: the distribution of the peak by Daniels' recursion,
    B_n(x) = sum_k (-1)^(k+1) C(n, k) F(x / n)^k B_(n-k)(x). Always n m <= mean <= n times a spine's mean.

    Args:
        spines: number of spines n, >= 1; beyond 16 the correction is good to 2 %, to 3 % (high) where the
            weakest spine's load makes the peak (F(x*) = 0, so that sd is 0 too).
        capacity: the CDF F of single-spine capacity (vectorised, N), or measured single-spine capacities, N.
        upper_n: with a CDF, a load that no spine exceeds (or that few do), N.

    Raises:
        ValueError: no spines or part of one, no samples, negative or NaN ones, or a CDF without `upper_n`.

    Source: Daniels 1945 (A), Smith 1982. Valid while spines fail one by one and share load equally (compliant
    carriages); measured carriages do not share load proportionally (Parness 2013), so never divide a total by n.
    """
    _check_spines(spines)
    load, survival, mean_capacity = _survival(capacity, upper_n)
    carried = load * survival
    best = int(np.argmax(carried))
    peak_load, peak, held = float(load[best]), float(carried[best]), float(survival[best])
    if spines <= _EXACT and load[0] < load[-1]:
        mean, sd = _small_bundle(spines, capacity, load)
        return BundleStrength(min(max(mean, spines * peak), spines * mean_capacity), sd, spines * peak, peak_load)
    near = carried >= 0.9 * peak
    scattered = len(np.unique(load[near])) >= 3
    curvature = float(np.polyfit(load[near] - peak_load, carried[near], 2)[0]) * 2.0 if scattered else 0.0
    correction = 0.996 * spines ** (1 / 3) * (peak**2 / -curvature) ** (1 / 3) if curvature < 0.0 else 0.0
    sd = float(np.sqrt(spines * held * (1.0 - held))) * peak_load
    mean = min(spines * peak + correction, spines * max(mean_capacity, peak))
    return BundleStrength(mean, sd, spines * peak, peak_load)


def bundle_strength_uniform(spines: int, low_n: float, high_n: float) -> BundleStrength:
    """`bundle_strength` for capacities uniform in [low_n, high_n]; 256 spines in 0-2 N give 132 +- 8 N (case A02).

    Equal bounds are identical spines, which hold n times one. ValueError unless 0 <= low <= high, high > 0 and finite.
    """
    if not (0.0 <= low_n <= high_n < np.inf and high_n > 0.0):
        raise ValueError(f"capacity range must satisfy 0 <= low <= high, high > 0, got {low_n} to {high_n} N")
    if low_n == high_n:
        return bundle_strength(spines, [high_n])

    def cdf(load_n: Array) -> Array:
        return np.clip((load_n - low_n) / (high_n - low_n), 0.0, 1.0)

    return bundle_strength(spines, cdf, high_n)


def bundle_strength_weibull(spines: int, shape: float, scale_n: float) -> BundleStrength:
    """`bundle_strength` for Weibull capacities, F(x) = 1 - exp(-(x / scale)^shape): Daniels' own example.

    Asymptote n scale (shape e)^(-1 / shape). ValueError for a shape or a scale that is not positive.
    """
    k, scale = float(positive("shape", shape)), float(positive("scale_n", scale_n))

    def cdf(load_n: Array) -> Array:
        return np.asarray(-np.expm1(-((load_n / scale) ** k)))

    # the peak lies at scale / k^(1/k); three times that sees it; one spine in a million holds more than the last
    return bundle_strength(spines, cdf, scale * max(3.0, 3.0 * k ** (-1.0 / k), 13.8 ** (1.0 / k)))


def bundle_force_n(displacement_m: npt.ArrayLike, spines: int, stiffness_n_m: float, capacity: CapacityCdf) -> Array:
    """Force of a bundle pulled by so much: n k x (1 - F(k x)), N; rises, peaks at Daniels' strength, and slips away.

    Args:
        displacement_m: x, common to all spines (stiff carriage), >= 0.
        stiffness_n_m: k of one spine's flexure.
        capacity: the CDF F of single-spine capacity.

    Raises:
        ValueError: no spines, a stiffness that is not positive, a negative displacement.

    Source: Daniels 1945 (A).
    """
    _check_spines(spines)
    load = float(positive("stiffness_n_m", stiffness_n_m)) * non_negative("displacement_m", displacement_m)
    force: Array = spines * load * (1.0 - np.asarray(capacity(load), np.float64))
    return force


def _check_spines(spines: int) -> None:
    if not (spines >= 1 and spines % 1 == 0):
        raise ValueError(f"a bundle needs at least one spine and whole ones, got {spines}")


def _small_bundle(spines: int, capacity: CapacityCdf | npt.ArrayLike, load: Array) -> tuple[float, float]:
    """Mean and standard deviation of the peak, from its distribution (Daniels 1945). Alternating: for few spines."""
    total = np.linspace(0.0, spines * float(load[-1]), 2 * _GRID + 1)
    below = [np.ones_like(total)]  # B_0
    for n in range(1, spines + 1):
        each = total / n
        failed = capacity(each) if callable(capacity) else np.searchsorted(load, each, side="right") / load.size
        powers = np.cumprod(np.broadcast_to(np.asarray(failed, np.float64), (n, total.size)), axis=0)
        terms = [(-1) ** k * math.comb(n, k + 1) * powers[k] * below[n - k - 1] for k in range(n)]
        below.append(np.clip(np.sum(terms, axis=0), 0.0, 1.0))
    above = 1.0 - below[-1]
    mean = float(np.trapezoid(above, total))
    return mean, math.sqrt(max(2.0 * float(np.trapezoid(total * above, total)) - mean * mean, 0.0))


def _survival(capacity: CapacityCdf | npt.ArrayLike, upper_n: float | None) -> tuple[Array, Array, float]:
    """Loads, the fraction of spines that survive them, and a spine's mean capacity."""
    if callable(capacity):
        if upper_n is None:
            raise ValueError("with a capacity CDF, upper_n says up to which load to look")
        load = np.linspace(0.0, float(positive("upper_n", upper_n)), _GRID + 1)
        survival = 1.0 - fraction("capacity CDF", capacity(load))
        return load, survival, float(np.trapezoid(survival, load))
    samples = np.sort(non_negative("capacity", capacity).ravel())
    if samples.size == 0:
        raise ValueError("no spine capacities given")
    return samples, np.arange(samples.size, 0, -1) / samples.size, float(samples.mean())
