"""The polyhedron's sums, compiled: one pass over facets and edges for a block of field points.

The two transcendental functions are most of the work. Seen from a facet or an edge that is a few of its own lengths
away their arguments are small, so a truncated odd series in the inner loop, which the compiler turns into vector
instructions over the points of a block, is exact to a rounding; the few near ones are done over with the library
function. Both bounds below leave a truncation of less than 1e-16.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

LANES = 8  #: field points of a block; the functions take any number, the width of `root`
SUMS = 10  #: scalars a facet or an edge adds to: v.D.v, D.v (3) and D's six different elements
_BLOCK = 256  # terms added up before they join the total: keeps rounding near that of pairwise summation
# |x|^(2 n + 3) / (2 n + 3) at the bound, relative to x, is below 1e-16 for the terms kept here
_LIMIT = 0.1
# a + b - l of a point on the edge is rounding; off it by h it is about 2 h^2 / l, so this is h = 2e-8 l
_ON_EDGE = 1e-15


@njit(cache=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")
def facet_terms(
    square: Array, root: Array, faces: Indices, edge_of: Indices, lengths2: Array, planes: Array, p: Array,
    constants: Array, total: Array,
) -> None:  # fmt: skip
    """Subtract sum_f w_f (constants of f) from `total` (10, lanes).

    Args:
        square, root: (V, lanes) squared distance and distance of every vertex.
        faces, edge_of: (F, 3) vertices and edges of the facets.
        lengths2: (E,) squared edge lengths.
        planes: (F, 5) unit normal, plane offset, twice the area.
        p: (3, lanes) field points.
        constants: (F, 10).
    """
    lanes = root.shape[1]
    angle, above, below = np.empty(lanes), np.empty(lanes), np.empty(lanes)
    part = np.zeros((SUMS, lanes))
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        l12, l23, l31 = lengths2[edge_of[f, 0]], lengths2[edge_of[f, 1]], lengths2[edge_of[f, 2]]
        nx, ny, nz, offset, area2 = planes[f, 0], planes[f, 1], planes[f, 2], planes[f, 3], planes[f, 4]
        worst = 0.0
        for q in range(lanes):
            r1, r2, r3 = root[i, q], root[j, q], root[k, q]
            s1, s2, s3 = square[i, q], square[j, q], square[k, q]
            height = offset - nx * p[0, q] - ny * p[1, q] - nz * p[2, q]
            top = area2 * height
            # r_a . r_b by the law of cosines; van Oosterom & Strackee 1983
            bottom = r1 * r2 * r3 + 0.5 * (r1 * (s2 + s3 - l23) + r2 * (s3 + s1 - l31) + r3 * (s1 + s2 - l12))
            t = top / bottom
            u = t * t
            series = 1.0 / 15.0 - u / 17.0
            series = 1.0 / 13.0 - u * series
            series = 1.0 / 11.0 - u * series
            series = 1.0 / 9.0 - u * series
            series = 1.0 / 7.0 - u * series
            series = 1.0 / 5.0 - u * series
            series = 1.0 / 3.0 - u * series
            angle[q] = 2.0 * t * (1.0 - u * series)
            above[q], below[q] = top, bottom
            # written so that NaN and a negative denominator (a point close to the facet) count as near
            near = 0.0 if (bottom > 0.0 and u < _LIMIT * _LIMIT) else 1.0
            worst = max(worst, near)
        if worst > 0.0:
            for q in range(lanes):
                if not (below[q] > 0.0 and abs(above[q]) < _LIMIT * below[q]):
                    angle[q] = 2.0 * math.atan2(above[q], below[q])
        for m in range(SUMS):
            c = constants[f, m]
            for q in range(lanes):
                part[m, q] += c * angle[q]
        if f % _BLOCK == _BLOCK - 1:
            total -= part
            part[:] = 0.0
    total -= part


@njit(cache=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")
def edge_terms(
    root: Array, edges: Indices, lengths: Array, constants: Array, total: Array, touched: npt.NDArray[np.bool_]
) -> None:
    """Add sum_e L_e (constants of e) to `total` (10, lanes); L = ln((a+b+l)/(a+b-l)) = 2 artanh(l/(a+b)).

    On an edge L is infinite, but what potential and acceleration multiply it with is 0: a large finite L gives their
    limit. The gradient has none there: such lanes are marked in `touched` (lanes,).
    """
    lanes = root.shape[1]
    log, ratio = np.empty(lanes), np.empty(lanes)
    part = np.zeros((SUMS, lanes))
    for e in range(len(edges)):
        i, j, length = edges[e, 0], edges[e, 1], lengths[e]
        worst = 0.0
        for q in range(lanes):
            t = length / (root[i, q] + root[j, q])
            u = t * t
            series = 1.0 / 15.0 + u / 17.0
            series = 1.0 / 13.0 + u * series
            series = 1.0 / 11.0 + u * series
            series = 1.0 / 9.0 + u * series
            series = 1.0 / 7.0 + u * series
            series = 1.0 / 5.0 + u * series
            series = 1.0 / 3.0 + u * series
            log[q] = 2.0 * t * (1.0 + u * series)
            ratio[q] = t
            near = 0.0 if t < _LIMIT else 1.0
            worst = max(worst, near)
        if worst > 0.0:
            for q in range(lanes):
                if not ratio[q] < _LIMIT:
                    ends = root[i, q] + root[j, q]
                    gap = ends - length
                    if not gap > _ON_EDGE * length:
                        gap, touched[q] = _ON_EDGE * length, True
                    log[q] = np.log1p(2.0 * length / gap)
        for m in range(SUMS):
            c = constants[e, m]
            for q in range(lanes):
                part[m, q] += c * log[q]
        if e % _BLOCK == _BLOCK - 1:
            total += part
            part[:] = 0.0
    total += part


@njit(cache=True, error_model="numpy")
def distances(vertices: Array, p: Array, square: Array, root: Array) -> None:
    """Fill `square` and `root` (V, lanes) with the distances of the vertices from the points `p` (3, lanes)."""
    lanes = root.shape[1]
    for v in range(len(vertices)):
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        for q in range(lanes):
            dx, dy, dz = x - p[0, q], y - p[1, q], z - p[2, q]
            s = dx * dx + dy * dy + dz * dz
            square[v, q] = s
            root[v, q] = math.sqrt(s)
