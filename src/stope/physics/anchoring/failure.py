"""How one spine ends: it slips off its asperity, the asperity spalls, the spine yields; and how it fails to let go.

Sources:
    Asbeck et al. 2006 (competing failures; usable asperities ~ 1 / r_tip^2, load per asperity ~ r_tip^2: V2).
    Parness et al. 2013, J. Field Robotics, doi 10.1002/rob.21476 (release statistics, V2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.anchoring.spines import engagement_angle_rad
from stope.physics.constants import Array, finite, fraction, positive

#: Upper bounds of Parness et al. 2013 (V2; no trial count published): spines stick on release, cannot be released.
RELEASE_STICKS_PROBABILITY = 0.05
RELEASE_JAMS_PROBABILITY = 0.01

#: What an asperity of basalt carries under a worn-in tip: 1-2 N at 25 um (V2). Tensile strength of basalt 15 MPa (M).
SPALL_REFERENCE_N = 1.5
SPALL_REFERENCE_TIP_M = 25e-6
SPALL_REFERENCE_STRENGTH_PA = 15e6


class SpineCapacity(NamedTuple):
    """What one spine holds and what gives way first: "slip", "spall" or "yield"."""

    load_n: Array
    mode: npt.NDArray[np.str_]


def spall_load_n(tip_radius_m: npt.ArrayLike, tensile_strength_pa: npt.ArrayLike) -> Array:
    """Load that breaks the asperity: F_ref (r / r_ref)^2 (sigma_t / sigma_ref), N.

    Args:
        tip_radius_m: r, 10-15 um new, 25-35 um blunt.
        tensile_strength_pa: sigma_t of the rock; a tenth to a fifteenth of the compressive strength.

    Raises:
        ValueError: an argument that is not positive.

    Source: Asbeck's r^2 law (V2), scaled from 1-2 N on basalt at 25 um; proportional to strength by dimension
    (assumed). Not from the Hertz edge tension, which gives 4e-7 N there: six orders below what is observed (A).
    Range: tips of 10-100 um on rock whose grains are larger than the tip; a factor of 2 either way.
    """
    size = positive("tip_radius_m", tip_radius_m) / SPALL_REFERENCE_TIP_M
    strength = positive("tensile_strength_pa", tensile_strength_pa) / SPALL_REFERENCE_STRENGTH_PA
    load: Array = SPALL_REFERENCE_N * size * size * strength
    return load


def yield_load_n(diameter_m: npt.ArrayLike, length_m: npt.ArrayLike, yield_strength_pa: npt.ArrayLike) -> Array:
    """Tip load that yields a round spine at its root: pi d^3 sigma_y / (32 L), N (cantilever, A).

    Raises:
        ValueError: an argument that is not positive.
    """
    diameter = positive("diameter_m", diameter_m)
    load: Array = np.pi * diameter**3 * positive("yield_strength_pa", yield_strength_pa)
    return np.asarray(load / (32.0 * positive("length_m", length_m)))


def spine_capacity(
    asperity_angle_rad: npt.ArrayLike,
    load_angle_rad: npt.ArrayLike,
    friction: npt.ArrayLike,
    spall_n: npt.ArrayLike,
    yield_n: npt.ArrayLike,
) -> SpineCapacity:
    """What one spine on one asperity holds: nothing if it slips, else the lesser of spalling and yielding.

    Args:
        asperity_angle_rad: theta, asperity's normal from the wall's normal.
        load_angle_rad, friction: as in `engagement_angle_rad`.
        spall_n, yield_n: from `spall_load_n` and `yield_load_n`.

    Raises:
        ValueError: a load or a friction that is not positive, an angle that is not finite.

    Source: Asbeck et al. 2006 (V2): slip, spalling and yield compete.
    """
    angle = finite("asperity_angle_rad", asperity_angle_rad)
    holds = angle >= engagement_angle_rad(friction, load_angle_rad)
    spall, strong = positive("spall_n", spall_n), positive("yield_n", yield_n)
    load = np.where(holds, np.minimum(spall, strong), 0.0)
    mode = np.where(holds, np.where(spall <= strong, "spall", "yield"), "slip")
    return SpineCapacity(load, mode)


def release_fault_probability(releases: npt.ArrayLike, jams: npt.ArrayLike = RELEASE_JAMS_PROBABILITY) -> Array:
    """Probability that at least one of so many releases jams for good: 1 - (1 - p)^n.

    At the published bound of 1 % four anchors released ten times jam with 33 %: release needs a way out that cutting
    a spine cassette loose gives. ValueError for a probability outside 0..1 or a negative count.
    """
    count = np.asarray(releases, np.float64)
    if not np.all(count >= 0):
        raise ValueError("releases must be zero or more")
    return np.asarray(-np.expm1(count * np.log1p(-np.minimum(fraction("jams", jams), 1.0 - 1e-16))))


def draw_releases(
    trials: int,
    rng: np.random.Generator,
    sticks: float = RELEASE_STICKS_PROBABILITY,
    jams: float = RELEASE_JAMS_PROBABILITY,
) -> npt.NDArray[np.int64]:
    """(trials,) outcome of each release: 0 free, 1 sticks (a second try frees it), 2 jams.

    Raises:
        ValueError: probabilities outside 0..1, or that add up to more than 1.
    """
    if float(fraction("sticks", sticks)) + float(fraction("jams", jams)) > 1.0:
        raise ValueError(f"sticks and jams add up to {sticks + jams:g}, expected at most 1")
    u = rng.uniform(size=trials)
    return np.where(u < jams, 2, np.where(u < jams + sticks, 1, 0))
