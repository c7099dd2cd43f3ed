"""Small strictly convex quadratic programmes, solved exactly by a dual active-set method.

DAQP (Arnstroem, Bemporad, Axehill: A Dual Active-Set Solver for Embedded Quadratic Programming Using Recursive LDL'
Updates, IEEE TAC 67(8), 2022) ends after a few dozen exchanges of constraints, about 30 us for the 13 variables and 119
rows of a four-limbed robot, where an interior or proximal method takes 1 ms; and it adds up in one order, so that the
same numbers give the same bits in every process. The tests hold it against ProxQP.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import daqp
import numpy as np
from numba import njit

from stope.robot.messages import Vector

EQUALITY = 5  # DAQP's `sense` of a row that holds with equality
MOST_EXCHANGES = 1000  # measured on a whole mission: 29


@dataclass(frozen=True, slots=True)
class Solution:
    """The minimiser x (n,) and the multipliers of its rows (k,), negative at a lower bound."""

    x: Vector
    duals: Vector


def solve(
    weights: Vector, gradient: Vector, rows: Vector, lower: Vector, upper: Vector, equalities: int = 0
) -> Solution | None:
    """The x that makes 0.5 x' diag(weights) x + gradient' x least, with lower <= rows x <= upper.

    Args:
        weights: (n,), all above 0; gradient: (n,); rows: (k, n); lower, upper: (k,), infinite where there is no bound.
        equalities: of the last so many rows lower and upper are the same.

    Returns: None if there is no such x, or none was found within `MOST_EXCHANGES`, or an argument is not a number.
    """
    if not _are_numbers(gradient, rows, lower, upper):
        return None
    sense = np.zeros(len(upper), dtype=np.int32)
    sense[len(upper) - equalities :] = EQUALITY
    x, _, flag, info = daqp.solve(np.diag(weights), gradient, rows, upper, lower, sense, iter_limit=MOST_EXCHANGES)
    if flag <= 0 or not math.isfinite(math.fsum(x)):
        return None
    return Solution(x, info["lam"])


@njit(cache=True)
def _are_numbers(gradient: Vector, rows: Vector, lower: Vector, upper: Vector) -> bool:
    """Whether nothing is NaN, and nothing but a bound is infinite."""
    for bound in (lower, upper):
        for value in bound:
            if np.isnan(value):
                return False
    return bool(np.isfinite(gradient).all() and np.isfinite(rows).all())
