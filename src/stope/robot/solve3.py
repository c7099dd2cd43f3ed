"""A symmetric 3 x 3 system, compiled: numba's own solver would want SciPy and costs twenty times as much."""

from __future__ import annotations

import numpy as np
from numba import njit

from stope.robot.messages import Vector


@njit(cache=True)
def solve3(a: Vector, b: Vector) -> Vector:
    """x (3,) with a x = b for a symmetric (3, 3) that is not singular: Cramer's rule."""
    c00 = a[1, 1] * a[2, 2] - a[1, 2] * a[2, 1]
    c01 = a[1, 2] * a[2, 0] - a[1, 0] * a[2, 2]
    c02 = a[1, 0] * a[2, 1] - a[1, 1] * a[2, 0]
    c11 = a[0, 0] * a[2, 2] - a[0, 2] * a[2, 0]
    c12 = a[0, 1] * a[2, 0] - a[0, 0] * a[2, 1]
    c22 = a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]
    det = a[0, 0] * c00 + a[0, 1] * c01 + a[0, 2] * c02
    x = np.empty(3)
    x[0] = (c00 * b[0] + c01 * b[1] + c02 * b[2]) / det
    x[1] = (c01 * b[0] + c11 * b[1] + c12 * b[2]) / det
    x[2] = (c02 * b[0] + c12 * b[1] + c22 * b[2]) / det
    return x
