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

from stope.mission.shape import Mesh, Unit
from stope.mission.shapefile import load_obj
from stope.physics.constants import Array, G, finite, positive
from stope.physics.gravity.kernel import LANES, SUMS, Indices, distances, edge_terms, facet_terms
from stope.physics.gravity.sphere import point_mass_acceleration, point_mass_gradient, point_mass_potential

_UPPER = ([0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2])  # the six different elements of a symmetric matrix
_FULL = [[0, 1, 2], [1, 3, 4], [2, 4, 5]]  # and where each stands in the whole one

#: Radii of the body from its centre of mass beyond which it is a point: the sums cancel to 1e-8 there and to nothing
#: further out, while what a point leaves out (the quadrupole) is of that order and falls.
FAR = 1e4


class Polyhedron:
    """A closed polyhedron of one density.

    Field points are (3,) or (N, 3) m in the frame of the vertices; one that is not finite raises ValueError. Potential
    and acceleration are continuous, so they have a value everywhere: inside, on facets, edges and vertices. The
    gradient jumps at a facet (what is given on one is that of either side) and is singular on an edge or a vertex,
    where `gradient`, `laplacian`, `contains` and `evaluate` raise ValueError: stay 1e-6 of the body's radius off.

    Args:
        vertices: (V, 3) m.
        faces: (F, 3) indices from 0, outward winding.
        density_kg_m3: uniform density.

    Raises:
        ValueError: the mesh is open, wound inconsistently or inward, a face names a vertex that is not there, a
            coordinate is not finite, or the density is not positive.
    """

    def __init__(self, vertices: npt.ArrayLike, faces: npt.ArrayLike, density_kg_m3: float) -> None:
        self.density_kg_m3 = float(positive("density_kg_m3", density_kg_m3))
        mesh = Mesh(*_checked_mesh(vertices, faces))
        self.volume_m3 = mesh.volume_m3
        if not self.volume_m3 > 0.0:
            raise ValueError(f"polyhedron encloses {self.volume_m3:g} m3: its faces are wound inward")
        self.mass_kg = self.density_kg_m3 * self.volume_m3
        self.gm = G * self.mass_kg
        self._centre = mesh.vertices.mean(axis=0)  # inner sums are taken about it: less cancellation
        self._vertices = mesh.vertices - self._centre
        self._centroid = mesh.centroid_m
        self._radius = float(np.linalg.norm(mesh.vertices - self._centroid, axis=1).max())
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
        return self._evaluate(points, anywhere=True)[0]

    def acceleration(self, points: npt.ArrayLike) -> Array:
        """(3,) or (N, 3) m/s2."""
        return self._evaluate(points, anywhere=True)[1]

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
        return self._evaluate(points, anywhere=False)

    def _evaluate(self, points: npt.ArrayLike, *, anywhere: bool) -> tuple[Array, Array, Array]:
        flat, shape = _as_rows(points)
        sums, touched = np.empty((len(flat), SUMS)), np.zeros(len(flat), dtype=np.bool_)
        lanes = 1 if len(flat) == 1 else LANES
        square = np.empty((len(self._vertices), lanes))
        root = np.empty_like(square)
        for start in range(0, len(flat), lanes):
            block = flat[start : start + lanes] - self._centre
            # the last block is filled up with its last point: all lanes do the same work anyway
            p = np.ascontiguousarray(np.concatenate([block, np.repeat(block[-1:], lanes - len(block), axis=0)]).T)
            found, on_edge = self._sums(p, square, root)
            sums[start : start + lanes], touched[start : start + lanes] = found[: len(block)], on_edge[: len(block)]
        if not anywhere and touched.any():
            bad = int(np.flatnonzero(touched)[0])
            raise ValueError(f"field point {bad} {flat[bad].tolist()} lies on an edge or vertex")
        p = flat - self._centre
        scale = G * self.density_kg_m3
        tensor = sums[:, 4:][:, _FULL]
        along = np.einsum("nij,nj->ni", tensor, p)
        potential = 0.5 * scale * (sums[:, 0] - np.einsum("ni,ni->n", p, 2.0 * sums[:, 1:4] - along))
        acceleration = -scale * (sums[:, 1:4] - along)
        gradient = scale * tensor
        far = np.linalg.norm(flat - self._centroid, axis=1) > FAR * self._radius
        if far.any():
            off = flat[far] - self._centroid
            potential[far], acceleration[far] = (
                point_mass_potential(off, self.gm),
                point_mass_acceleration(off, self.gm),
            )
            gradient[far] = point_mass_gradient(off, self.gm)
        return (
            np.asarray(potential.reshape(shape)),
            np.asarray(acceleration.reshape(*shape, 3)),
            np.asarray(gradient.reshape(*shape, 3, 3)),
        )

    def _sums(self, p: Array, square: Array, root: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        """(lanes, 10) per point: sums of L and w against v.E.v, E.v and E; and (lanes,) whether it is on an edge."""
        total, touched = np.zeros((SUMS, p.shape[1])), np.zeros(p.shape[1], dtype=np.bool_)
        distances(self._vertices, p, square, root)
        edge_terms(root, self._edges, self._lengths, self._edge_constants, total, touched)
        facet_terms(
            square, root, self._faces, self._facet_edge, self._lengths2, self._planes, p, self._facet_constants, total
        )
        return np.asarray(total.T), touched


def _checked_mesh(vertices: npt.ArrayLike, faces: npt.ArrayLike) -> tuple[Array, Indices]:
    corners, found = finite("vertices", vertices), np.asarray(faces)
    if corners.ndim != 2 or corners.shape[1] != 3 or found.ndim != 2 or found.shape[1] != 3:
        raise ValueError(f"vertices {corners.shape} and faces {found.shape}, expected (V, 3) and (F, 3)")
    if not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"faces are {found.dtype}, expected whole numbers")
    if found.size and not 0 <= found.min() <= found.max() < len(corners):
        raise ValueError(f"faces name vertices {found.min()} to {found.max()}, expected 0 to {len(corners) - 1}")
    return corners, found.astype(np.int64)


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
        raise ValueError("polyhedron is open or wound inconsistently: load it with stope.mission.shapefile.load_obj")
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
