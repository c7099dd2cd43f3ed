"""Gravity of a uniform polyhedron in closed form.

Werner & Scheeres (1997), "Exterior gravitation of a polyhedron derived and compared with harmonic and mascon
gravitation representations of asteroid 4769 Castalia", Celest. Mech. Dyn. Astron. 65. With r_e, r_f from the field
point to edge e and facet f:

    U = G rho/2 (sum_e L_e r_e.E_e.r_e - sum_f w_f r_f.F_f.r_f)
    g = -G rho (sum_e L_e E_e.r_e - sum_f w_f F_f.r_f)
    grad g = G rho (sum_e L_e E_e - sum_f w_f F_f)
    lap U = -G rho sum_f w_f

U is the positive potential (GM/r far away). Only L_e and w_f depend on the field point in a way that is not a
polynomial, so with r = v - p each sum is one of (L, w) times ten constants of the body (`kernel`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from stope.mission.shape import Mesh, Unit, load_obj
from stope.physics.constants import Array, G
from stope.physics.gravity.kernel import LANES, SUMS, Indices, distances, edge_terms, facet_terms

_UPPER = ([0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2])  # the six different elements of a symmetric matrix
_FULL = [[0, 1, 2], [1, 3, 4], [2, 4, 5]]  # and where each stands in the whole one


class Polyhedron:
    """A closed polyhedron of one density.

    Field points are (3,) or (N, 3) m in the frame of the vertices. On an edge or a vertex the formula is singular:
    a point there, or one that is not finite, raises ValueError. Evaluate at least 1e-6 of the body's radius off.

    Args:
        vertices: (V, 3) m.
        faces: (F, 3) indices from 0, outward winding.
        density_kg_m3: uniform density.

    Raises:
        ValueError: the mesh is open, wound inconsistently or inward, or the density is not positive.
    """

    def __init__(self, vertices: npt.ArrayLike, faces: npt.ArrayLike, density_kg_m3: float) -> None:
        if not 0.0 < density_kg_m3 < np.inf:
            raise ValueError(f"density is {density_kg_m3} kg/m3, expected a positive number")
        mesh = Mesh(np.asarray(vertices, dtype=np.float64), np.asarray(faces, dtype=np.int64))
        self.density_kg_m3 = float(density_kg_m3)
        self.volume_m3 = mesh.volume_m3
        if not self.volume_m3 > 0.0:
            raise ValueError(f"polyhedron encloses {self.volume_m3:g} m3: its faces are wound inward")
        self.mass_kg = self.density_kg_m3 * self.volume_m3
        self.gm = G * self.mass_kg
        self._centre = mesh.vertices.mean(axis=0)  # inner sums are taken about it: less cancellation
        self._vertices = mesh.vertices - self._centre
        self._faces = mesh.faces
        self._edges, self._edge_constants, self._lengths = _edge_table(self._vertices, mesh.faces, mesh.facet_normals)
        first = self._vertices[mesh.faces[:, 0]]
        normal = mesh.facet_normals
        offset = np.einsum("fi,fi->f", normal, first)
        a, b, c = (self._vertices[mesh.faces[:, k]] for k in range(3))
        twice_area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        self._planes = np.concatenate([normal, offset[:, None], twice_area[:, None]], axis=1)
        self._facet_constants = _constants(np.einsum("fi,fj->fij", normal, normal), first)
        self._facet_edge = _facet_edges(self._edges, mesh.faces, len(self._vertices))
        self._lengths2 = self._lengths**2

    @classmethod
    def from_mesh(cls, mesh: Mesh, density_kg_m3: float) -> Polyhedron:
        """The body inside `mesh`."""
        return cls(mesh.vertices, mesh.faces, density_kg_m3)

    @classmethod
    def from_obj(cls, path: Path | str, density_kg_m3: float, unit: Unit = "m") -> Polyhedron:
        """The body inside a shape model, recentred at its centre of mass.

        Raises:
            InputError: the shape model cannot be used.
        """
        return cls.from_mesh(load_obj(Path(path), unit=unit), density_kg_m3)

    def potential(self, points: npt.ArrayLike) -> Array:
        """() or (N,) m2/s2, positive."""
        return self.evaluate(points)[0]

    def acceleration(self, points: npt.ArrayLike) -> Array:
        """(3,) or (N, 3) m/s2."""
        return self.evaluate(points)[1]

    def gradient(self, points: npt.ArrayLike) -> Array:
        """(3, 3) or (N, 3, 3) 1/s2, derivative of the acceleration; symmetric, traceless outside."""
        return self.evaluate(points)[2]

    def laplacian(self, points: npt.ArrayLike) -> Array:
        """() or (N,) 1/s2: 0 outside, -4 pi G rho inside. A free test of which side a point is on."""
        return np.asarray(np.trace(self.evaluate(points)[2], axis1=-2, axis2=-1))

    def contains(self, points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """() or (N,) whether a point is inside the body, by the Laplacian."""
        return np.asarray(self.laplacian(points) < -2.0 * np.pi * G * self.density_kg_m3)

    def evaluate(self, points: npt.ArrayLike) -> tuple[Array, Array, Array]:
        """Potential () or (N,), acceleration (3,) or (N, 3) and gradient (3, 3) or (N, 3, 3) in one pass."""
        flat, shape = _as_rows(points)
        sums = np.empty((len(flat), SUMS))
        lanes = 1 if len(flat) == 1 else LANES
        square = np.empty((len(self._vertices), lanes))
        root = np.empty_like(square)
        for start in range(0, len(flat), lanes):
            block = flat[start : start + lanes] - self._centre
            # the last block is filled up with its last point: all lanes do the same work anyway
            p = np.ascontiguousarray(np.concatenate([block, np.repeat(block[-1:], lanes - len(block), axis=0)]).T)
            sums[start : start + lanes] = self._sums(p, square, root)[: len(block)]
        if not np.isfinite(sums).all():
            bad = int(np.flatnonzero(~np.isfinite(sums).all(axis=1))[0])
            raise ValueError(f"field point {bad} {flat[bad].tolist()} lies on an edge or vertex")
        p = flat - self._centre
        scale = G * self.density_kg_m3
        tensor = sums[:, 4:][:, _FULL]
        along = np.einsum("nij,nj->ni", tensor, p)
        potential = 0.5 * scale * (sums[:, 0] - np.einsum("ni,ni->n", p, 2.0 * sums[:, 1:4] - along))
        acceleration = -scale * (sums[:, 1:4] - along)
        return (
            np.asarray(potential.reshape(shape)),
            np.asarray(acceleration.reshape(*shape, 3)),
            np.asarray((scale * tensor).reshape(*shape, 3, 3)),
        )

    def _sums(self, p: Array, square: Array, root: Array) -> Array:
        """(lanes, 10) per point: sums of L and w against v.E.v, E.v and E."""
        total = np.zeros((SUMS, p.shape[1]))
        distances(self._vertices, p, square, root)
        edge_terms(root, self._edges, self._lengths, self._edge_constants, total)
        facet_terms(
            square, root, self._faces, self._facet_edge, self._lengths2, self._planes, p, self._facet_constants, total
        )
        return np.asarray(total.T)


def _as_rows(points: npt.ArrayLike) -> tuple[Array, tuple[int, ...]]:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim not in (1, 2) or array.shape[-1] != 3:
        raise ValueError(f"points have shape {array.shape}, expected (3,) or (N, 3)")
    rows = array.reshape(-1, 3)
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if bad.size:
        raise ValueError(f"field point {bad[0]} {rows[bad[0]].tolist()} is not finite")
    return rows, array.shape[:-1]


def _constants(dyads: Array, at: Array) -> Array:
    """(n, 10): v.D.v, D.v and the upper half of D, for symmetric dyads (n, 3, 3) at points v (n, 3)."""
    dyads = 0.5 * (dyads + dyads.transpose(0, 2, 1))  # E_e is symmetric but for rounding
    first = np.einsum("nij,nj->ni", dyads, at)
    return np.concatenate([np.einsum("ni,ni->n", first, at)[:, None], first, dyads[:, *_UPPER]], axis=1)


def _half_edges(faces: Indices, vertex_count: int) -> tuple[Indices, Indices, Indices]:
    start, end = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    return start, end, np.minimum(start, end) * vertex_count + np.maximum(start, end)


def _edge_table(vertices: Array, faces: Indices, normals: Array) -> tuple[Indices, Array, Array]:
    """Edges (E, 2) sorted by key, their constants (E, 10) and lengths (E,).

    Raises:
        ValueError: an edge does not belong to exactly two faces that run along it in opposite ways.
    """
    start, end, key = _half_edges(faces, len(vertices))
    order = np.argsort(key, kind="stable")
    one, two = order[0::2], order[1::2]
    paired = len(order) % 2 == 0 and bool((key[one] == key[two]).all() and (np.diff(key[one]) > 0).all())
    if not paired or (start[one] == start[two]).any():
        raise ValueError("polyhedron is open or wound inconsistently: load it with stope.mission.shape.load_obj")
    along = vertices[end] - vertices[start]
    length = np.linalg.norm(along, axis=1)
    face_normal = np.repeat(normals, 3, axis=0)
    outward = np.cross(along / length[:, None], face_normal)  # in the facet's plane, away from the facet
    half = np.einsum("ni,nj->nij", face_normal, outward)
    edges = np.stack([start[one], end[one]], axis=1)
    return edges, _constants(half[one] + half[two], vertices[start[one]]), length[one]


def _facet_edges(edges: Indices, faces: Indices, vertex_count: int) -> Indices:
    """(F, 3) index of each facet's edges, in the order (v0 v1), (v1 v2), (v2 v0)."""
    sorted_keys = np.minimum(*edges.T) * vertex_count + np.maximum(*edges.T)
    key = _half_edges(faces, vertex_count)[2]
    return np.searchsorted(sorted_keys, key).reshape(-1, 3)
