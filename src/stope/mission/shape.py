"""Shape models: a closed triangle mesh of the body, read from a Wavefront OBJ file and checked before anyone trusts it.

Gravity of a polyhedron is silently wrong on a mesh that is open, turned inside out, counted from 0 or given in
kilometres, so each of these is repaired and reported, or refused. Self-intersection is not tested.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from stope.mission.errors import InputError
from stope.mission.objfile import Array, Indices, read_obj

Unit = Literal["m", "km"]

MIN_RADIUS_M, MAX_RADIUS_M = 1.0, 1e6
VOLUME_TOLERANCE = 0.10
_UNIT_M: dict[Unit, float] = {"m": 1.0, "km": 1000.0}
_FLAT = 1e-12  # twice the area over the longest edge squared: below this a facet has no usable normal


@dataclass(frozen=True, eq=False)
class Mesh:
    """A closed surface, outward winding.

    Attributes:
        vertices: (V, 3) m, body-fixed frame.
        faces: (F, 3) vertex indices from 0, counter-clockwise seen from outside.
    """

    vertices: Array
    faces: Indices

    def __post_init__(self) -> None:
        for name, kind in (("vertices", np.float64), ("faces", np.int64)):
            array = np.array(getattr(self, name), dtype=kind)
            if array.ndim != 2 or array.shape[1] != 3:
                raise ValueError(f"mesh {name} have shape {array.shape}, expected (n, 3)")
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @cached_property
    def _moments(self) -> tuple[float, Array]:
        return _volume_and_centroid(self.vertices, self.faces)

    @property
    def volume_m3(self) -> float:
        """Enclosed volume, by the divergence theorem; negative if the winding is inward."""
        return self._moments[0]

    @property
    def centroid_m(self) -> Array:
        """(3,) centre of mass of the uniformly filled body."""
        return self._moments[1]

    @property
    def mean_radius_m(self) -> float:
        """Radius of the sphere of equal volume."""
        return float(np.cbrt(3.0 * abs(self.volume_m3) / (4.0 * np.pi)))

    @cached_property
    def facet_normals(self) -> Array:
        """(F, 3) outward unit normals."""
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class ShapeReport:
    """What loading found and what it had to repair.

    Attributes:
        offset_m: (3,) centre of mass in the file's own coordinates; it was subtracted.
        zero_based: the file counts vertices from 0.
        stripped_vertices: vertices that no face used.
        welded_vertices: vertices that repeated the position of another.
        flipped_faces: faces whose winding was turned outward.
    """

    file: str
    unit: Unit
    vertices: int
    faces: int
    volume_m3: float
    mean_radius_m: float
    offset_m: tuple[float, float, float]
    zero_based: bool = False
    stripped_vertices: int = 0
    welded_vertices: int = 0
    flipped_faces: int = 0

    def repairs(self) -> tuple[str, ...]:
        """One phrase per repair, empty when the file was right as it was."""
        said = (
            (self.zero_based, "face indices count from 0: shifted by one"),
            (self.stripped_vertices, f"{self.stripped_vertices} unreferenced vertices stripped"),
            (self.welded_vertices, f"{self.welded_vertices} repeated vertices welded"),
            (self.flipped_faces, f"{self.flipped_faces} faces turned outward"),
        )
        return tuple(phrase for happened, phrase in said if happened)


def read_shape(path: Path, unit: Unit) -> tuple[Mesh, ShapeReport]:
    """Read a shape model in this process and say what was repaired; `shapefile` is for whoever did not make the file.

    Args:
        path: Wavefront OBJ; only `v` and `f` lines are used, polygons are cut into fans.
        unit: unit of the file's coordinates.

    Raises:
        InputError: the file cannot be read, or is not one closed, orientable surface of a plausible size.
    """
    file = str(path)
    parsed = read_obj(path)
    vertices, faces, stripped, welded = _strip_and_weld(parsed.vertices, parsed.faces)
    spans = (float(axis.max()) - float(axis.min()) for axis in vertices.T)
    _check_size(file, unit, math.hypot(*spans) * _UNIT_M[unit] / 2.0, "half-diagonal")  # before a product overflows
    vertices = vertices * _UNIT_M[unit]
    _check_facets(file, vertices, faces, parsed.face_lines)
    flip = _outward_flips(file, faces, len(vertices), zero_based=parsed.zero_based)
    faces = np.where(flip[:, None], faces[:, ::-1], faces)
    volume, offset = _volume_and_centroid(vertices, faces)
    if volume < 0.0:
        flip, faces, volume = ~flip, faces[:, ::-1], -volume
    mesh = Mesh(vertices - offset, faces)
    _check_size(file, unit, mesh.mean_radius_m, "mean radius")
    report = ShapeReport(
        file=file, unit=unit, vertices=len(mesh.vertices), faces=len(mesh.faces), volume_m3=volume,
        mean_radius_m=mesh.mean_radius_m, offset_m=(float(offset[0]), float(offset[1]), float(offset[2])),
        zero_based=parsed.zero_based, stripped_vertices=stripped, welded_vertices=welded, flipped_faces=int(flip.sum()),
    )  # fmt: skip
    return mesh, report


def _strip_and_weld(vertices: Array, faces: Indices) -> tuple[Array, Indices, int, int]:
    """Keep the vertices that faces use, once per position, in the file's order."""
    used, flat = np.unique(faces, return_inverse=True)
    first, welded = np.unique(vertices[used], axis=0, return_index=True, return_inverse=True)[1:]
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    joined = rank[welded.reshape(-1)][flat.reshape(-1)].reshape(-1, 3)
    return vertices[used][first[order]], joined, len(vertices) - len(used), len(used) - len(first)


def _check_facets(file: str, vertices: Array, faces: Indices, lines: Indices) -> None:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    longest = np.max([np.sum((p - q) ** 2, axis=1) for p, q in ((a, b), (b, c), (c, a))], axis=0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    flat = np.flatnonzero(area <= _FLAT * longest)
    if flat.size:
        line = int(lines[flat[0]])
        raise InputError(file, line=line, read="a degenerate face", expected="three vertices that span an area")
    seen, first, counts = np.unique(np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True)
    if len(seen) < len(faces):
        twice = np.flatnonzero(counts[first.reshape(-1)] > 1)
        line, other = int(lines[twice[1]]), int(lines[twice[0]])
        read = f"{len(faces) - len(seen)} duplicated faces (one is near line {other})"
        raise InputError(file, line=line, read=read, expected="each face once")


def _outward_flips(file: str, faces: Indices, vertex_count: int, *, zero_based: bool) -> npt.NDArray[np.bool_]:
    """Which faces to turn so that all agree with the first one; spreads face to face across the shared edges."""
    start, end = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    edge = np.minimum(start, end) * vertex_count + np.maximum(start, end)
    order = np.argsort(edge, kind="stable")
    shared = np.unique(edge, return_counts=True)[1]
    if (shared != 2).any():
        once, more = int((shared == 1).sum()), int((shared > 2).sum())
        read = f"{once} open edges and {more} edges shared by more than two faces"
        read += " (vertex numbers counted from 0)" if zero_based else ""
        raise InputError(file, read=read, expected="a closed mesh", remedy="repair the holes in a mesh editor")
    one, two = order[0::2], order[1::2]
    neighbour, against = np.empty(edge.size, dtype=np.int64), np.empty(edge.size, dtype=np.bool_)
    neighbour[one], neighbour[two] = two // 3, one // 3
    against[one] = against[two] = start[one] == start[two]  # outward neighbours run along an edge in opposite ways
    across, turn = neighbour.reshape(-1, 3), against.reshape(-1, 3)
    flip, seen = np.zeros(len(faces), dtype=np.bool_), np.zeros(len(faces), dtype=np.bool_)
    front = np.array([0], dtype=np.int64)
    seen[0] = True
    while front.size:
        to, turned = across[front].reshape(-1), (flip[front, None] ^ turn[front]).reshape(-1)
        fresh = ~seen[to]
        flip[to[fresh]] = turned[fresh]
        front = np.unique(to[fresh])
        seen[front] = True
    if not seen.all():
        read = f"more than one body ({int((~seen).sum())} of {len(faces)} faces do not touch the rest)"
        raise InputError(file, read=read, expected="one connected surface", remedy="keep the largest component")
    if (flip[:, None] ^ turn ^ flip[across]).any():
        raise InputError(file, read="a surface with one side (winding cannot be made consistent)", expected="a body")
    return flip


def _volume_and_centroid(vertices: Array, faces: Indices) -> tuple[float, Array]:
    """Volume and centroid from tetrahedra to the mean vertex, which keeps the sums well conditioned."""
    middle = vertices.mean(axis=0)
    a, b, c = (vertices[faces[:, k]] - middle for k in range(3))
    six = np.einsum("ij,ij->i", a, np.cross(b, c))
    total = float(six.sum())
    if total == 0.0:
        return 0.0, middle
    return total / 6.0, middle + six @ (a + b + c) / (4.0 * total)


def _say(unit: Unit) -> str:
    return f"say --body-unit {unit}, or 'unit: {unit}' in the body file"


def _check_size(file: str, unit: Unit, size_m: float, what: str) -> None:
    if MIN_RADIUS_M <= size_m <= MAX_RADIUS_M:
        return
    small = size_m < MIN_RADIUS_M
    looks: Unit = "km" if small else "m"
    remedy = f"the numbers look like {looks}: {_say(looks)}" if looks != unit else "check the file"
    read = f"a body with {what} {size_m:.3g} m when read in {unit}"
    raise InputError(file, read=read, expected=f"{MIN_RADIUS_M:g} m to {MAX_RADIUS_M / 1e3:g} km", remedy=remedy)


def check_volume(file: str, unit: Unit, volume: float, expected: float) -> None:
    """Compare with a published volume, m3.

    Raises:
        InputError: the difference is above 10 %, mostly because of the unit.
    """
    if not 0.0 < expected < np.inf:
        raise ValueError(f"expected_volume_m3 is {expected}, expected a positive number")
    ratio = volume / expected
    if abs(ratio - 1.0) <= VOLUME_TOLERANCE:
        return
    remedy = "check the shape model and the published volume"
    if unit == "m" and 0.5e-9 < ratio < 2e-9:
        remedy = f"it looks like kilometres: {_say('km')}"
    if unit == "km" and 0.5e9 < ratio < 2e9:
        remedy = f"it looks like metres: {_say('m')}"
    read, wanted = f"a volume of {volume:.4g} m3", f"{expected:.4g} m3 within 10 %"
    raise InputError(file, read=read, expected=wanted, remedy=remedy)
