"""Boulders: how many of which size lie on a small body, and a seeded draw of them.

Cumulative counts follow a power law, N(> D) = N_1 D^-p per area, over the sizes that were counted. Exponents (M unless
marked): Bennu 2.9 (DellaGiustina et al. 2019), Ryugu 2.65 (Michikami et al. 2019), Itokawa 3.1 (Michikami et al. 2008),
Eros 3.2 (Thomas et al. 2001). Below the resolution of the pictures any extrapolation is a guess.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, fraction, positive

__all__ = [
    "SIZE_EXPONENT",
    "Boulders",
    "covered_fraction",
    "cumulative_count",
    "draw_boulders",
]

#: Body -> exponent p of the cumulative count (M).
SIZE_EXPONENT = {"bennu": 2.9, "ryugu": 2.65, "itokawa": 3.1, "eros": 3.2}


class Boulders(NamedTuple):
    """(N,) diameters, m, (N, 2) centres, m, and (N,) depth of burial as a share of the diameter."""

    diameter_m: Array
    centre_m: Array
    buried: Array


def cumulative_count(diameter_m: npt.ArrayLike, exponent: npt.ArrayLike, count_above_1m: npt.ArrayLike) -> Array:
    """Expected boulders larger than D: N_1 D^-p, per area as `count_above_1m` is. ValueError unless positive."""
    size = positive("diameter_m", diameter_m) ** -positive("exponent", exponent)
    return np.asarray(positive("count_above_1m", count_above_1m) * size)


def covered_fraction(smallest_m: float, largest_m: float, exponent: float, count_above_1m_per_m2: float) -> float:
    """Share of the ground that boulders between two sizes cover, if none overlap: integral of pi D^2/4 dN (A).

    Raises:
        ValueError: sizes out of order, or an argument that is not positive.
    """
    low, high = float(positive("smallest_m", smallest_m)), float(positive("largest_m", largest_m))
    p, count = float(positive("exponent", exponent)), float(positive("count", count_above_1m_per_m2))
    if high <= low:
        raise ValueError(f"largest_m is {high:g}, expected more than smallest_m, {low:g}")
    power = np.log(high / low) if p == 2.0 else (high ** (2.0 - p) - low ** (2.0 - p)) / (2.0 - p)
    return float(np.pi / 4.0 * p * count * power)


def draw_boulders(
    rng: np.random.Generator,
    side_m: float,
    smallest_m: float,
    largest_m: float,
    exponent: float,
    count_above_1m_per_m2: float,
    buried_mean: float = 0.4,
) -> Boulders:
    """A seeded field of boulders on a square patch about the origin: Poisson count, power-law sizes, even positions.

    Args:
        side_m: of the patch.
        smallest_m, largest_m: range of diameters drawn; the law is cut off at both.
        buried_mean: mean share of a boulder below the ground; drawn from a beta distribution of concentration 10.

    Raises:
        ValueError: sizes out of order, or an argument outside its range.
    """
    low, high = float(positive("smallest_m", smallest_m)), float(positive("largest_m", largest_m))
    if high <= low:
        raise ValueError(f"largest_m is {high:g}, expected more than smallest_m, {low:g}")
    area, share = float(positive("side_m", side_m)) ** 2, float(fraction("buried_mean", buried_mean))
    above = cumulative_count(np.array([low, high]), exponent, count_above_1m_per_m2) * area
    number = int(rng.poisson(float(above[0] - above[1])))
    # invert N(> D) between the two cut-offs
    u = rng.uniform(size=number)
    ratio = (high / low) ** -exponent
    diameter = low * (1.0 - u * (1.0 - ratio)) ** (-1.0 / exponent)
    centre = rng.uniform(-0.5, 0.5, (number, 2)) * side_m
    depth = np.full(number, share) if share in (0.0, 1.0) else rng.beta(10.0 * share, 10.0 * (1.0 - share), number)
    return Boulders(diameter, centre, np.asarray(depth))
