"""Small strictly convex quadratic programmes, solved exactly by a dual active-set method.

DAQP (Arnstroem, Bemporad, Axehill: A Dual Active-Set Solver for Embedded Quadratic Programming Using Recursive LDL'
Updates, IEEE TAC 67(8), 2022) ends after a few dozen exchanges of constraints, about 30 us for the 13 variables and 119
rows of a four-limbed robot, where an interior or proximal method takes 1 ms; and it adds up in one order, so that the
same numbers give the same bits in every process. The tests hold it against ProxQP.
"""

from __future__ import annotations

from dataclasses import dataclass

import daqp
import numpy as np

from stope.robot.messages import Vector

EQUALITY = 5  # DAQP's `sense` of a row that holds with equality
MOST_EXCHANGES = 1000  # measured on a whole mission: 29


@dataclass(frozen=True, slots=True)
class Solution:
    """The minimiser x (n,) and the multipliers of the inequalities (rows,), negative at a lower bound."""

    x: Vector
    duals: Vector


def solve(
    weights: Vector, gradient: Vector, equal: Vector, target: Vector, rows: Vector, lower: Vector, upper: Vector
) -> Solution | None:
    """The x that makes 0.5 x' diag(weights) x + gradient' x least, with equal x = target and lower <= rows x <= upper.

    Args:
        weights: (n,), all above 0; gradient: (n,); equal: (m, n), target: (m,); rows: (k, n), lower, upper: (k,),
            infinite where there is no bound.

    Returns: None if there is no such x, or none was found within `MOST_EXCHANGES`, or an argument is not a number.
    """
    matrix = np.concatenate((rows, equal))
    most, least = np.concatenate((upper, target)), np.concatenate((lower, target))
    if not (np.isfinite(matrix).all() and np.isfinite(gradient).all() and np.isfinite(target).all()):
        return None
    if np.isnan(most).any() or np.isnan(least).any():
        return None
    sense = np.zeros(len(most), dtype=np.int32)
    sense[len(rows) :] = EQUALITY
    x, _, flag, info = daqp.solve(np.diag(weights), gradient, matrix, most, least, sense, iter_limit=MOST_EXCHANGES)
    if flag <= 0 or not np.isfinite(x).all():
        return None
    return Solution(x, info["lam"][: len(rows)])
