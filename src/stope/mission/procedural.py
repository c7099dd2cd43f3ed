"""Procedural bodies: a triaxial ellipsoid with seeded, smooth relief; needs no measured shape."""

from __future__ import annotations

import numpy as np

from stope.mission.objfile import Array, Indices
from stope.mission.shape import Mesh

WAVES = 48  #: plane waves in the relief
BAND_RAD = (3.0, 12.0)  #: wavenumber band on the unit sphere: features from about a radius down to half a radius
MAX_ROUGHNESS = 0.5  #: above this, relief would fold the surface
MAX_SUBDIVISIONS = 7


def icosphere(subdivisions: int) -> tuple[Array, Indices]:
    """A unit sphere of 20 * 4**subdivisions faces: vertices (V, 3) on the sphere, faces (F, 3) outward.

    Raises:
        ValueError: subdivisions outside 0 to 7 (327,680 faces).
    """
    if not 0 <= subdivisions <= MAX_SUBDIVISIONS:
        raise ValueError(f"subdivisions is {subdivisions}, expected 0 to {MAX_SUBDIVISIONS}")
    vertices, faces = _icosahedron()
    for _ in range(subdivisions):
        vertices, faces = _split(vertices, faces)
    return vertices, faces


def ellipsoid_mesh(semi_axes_m: tuple[float, float, float], *, roughness: float, seed: int, faces: int = 1280) -> Mesh:
    """A closed ellipsoid with band-limited relief, centred at its centre of mass.

    The mesh has exactly the volume of the smooth ellipsoid, so that mass = density * 4/3 pi a b c whatever the relief.

    Args:
        semi_axes_m: along body x, y, z.
        roughness: largest departure of the local radius, relative to it; 0 for a smooth body.
        seed: of the relief; the same seed gives the same body.
        faces: at least so many; rounded up to the next 20 * 4**n.

    Raises:
        ValueError: an axis is not positive, roughness is outside 0 to 0.5, or too many faces are asked for.
    """
    axes = np.array(semi_axes_m, dtype=np.float64)
    if axes.shape != (3,) or not (np.isfinite(axes).all() and (axes > 0.0).all()):
        raise ValueError(f"semi_axes_m is {semi_axes_m}, expected three positive lengths")
    if not 0.0 <= roughness <= MAX_ROUGHNESS:
        raise ValueError(f"roughness is {roughness}, expected 0 to {MAX_ROUGHNESS}")
    if not 4 <= faces <= 20 * 4**MAX_SUBDIVISIONS:
        raise ValueError(f"faces is {faces}, expected 4 to {20 * 4**MAX_SUBDIVISIONS}")
    subdivisions = next(n for n in range(MAX_SUBDIVISIONS + 1) if 20 * 4**n >= faces)
    sphere, triangles = icosphere(subdivisions)
    relief = 1.0 + roughness * _relief(sphere, np.random.default_rng(seed))
    rough = Mesh(sphere * relief[:, None] * axes, triangles)
    scale = np.cbrt(4.0 / 3.0 * np.pi * axes.prod() / rough.volume_m3)
    return Mesh((rough.vertices - rough.centroid_m) * scale, triangles)


def _relief(directions: Array, rng: np.random.Generator) -> Array:
    """Sum of plane waves over the unit sphere, (V,), largest magnitude 1; amplitudes fall with wavenumber."""
    wavenumber = rng.uniform(*BAND_RAD, size=WAVES)
    heading = rng.normal(size=(WAVES, 3))
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    phase = rng.uniform(0.0, 2.0 * np.pi, size=WAVES)
    waves = np.cos(directions @ (heading * wavenumber[:, None]).T + phase)
    relief = waves @ (1.0 / wavenumber)
    return np.asarray(relief / np.abs(relief).max())


def _icosahedron() -> tuple[Array, Indices]:
    golden = (1.0 + np.sqrt(5.0)) / 2.0
    corners = [(s, t * golden, 0.0) for t in (1.0, -1.0) for s in (-1.0, 1.0)]
    vertices = np.array(
        corners + [(0.0, x, y) for x, y, _ in corners] + [(y, 0.0, x) for x, y, _ in corners], dtype=np.float64
    )
    vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
    # Faces are the triples of mutual neighbours, turned outward.
    near = vertices @ vertices.T > 0.4
    np.fill_diagonal(near, False)
    triples = [
        (i, j, k)
        for i in range(12)
        for j in range(i + 1, 12)
        for k in range(j + 1, 12)
        if near[i, j] and near[j, k] and near[i, k]
    ]
    faces = np.array(triples, dtype=np.int64)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    inward = np.einsum("ij,ij->i", a, np.cross(b, c)) < 0.0
    return vertices, np.where(inward[:, None], faces[:, ::-1], faces)


def _split(vertices: Array, faces: Indices) -> tuple[Array, Indices]:
    """Cut each triangle into four at its edge midpoints, pushed out to the sphere."""
    edges = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    middle = vertices[unique].sum(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    ab, bc, ca = (inverse.reshape(-1, 3)[:, k] + len(vertices) for k in range(3))
    a, b, c = (faces[:, k] for k in range(3))
    quarters = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.concatenate([vertices, middle]), np.concatenate([np.stack(q, axis=1) for q in quarters])
