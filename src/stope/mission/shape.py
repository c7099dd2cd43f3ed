"""Shape models: a closed triangle mesh of the body, read from a Wavefront OBJ file and checked before anyone trusts it.

Gravity of a polyhedron is silently wrong on a mesh that is open, turned inside out, counted from 0 or given in
kilometres, so each of these is repaired and reported, or refused. Self-intersection is not tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from stope.mission.errors import InputError

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Unit = Literal["m", "km"]

MAX_FILE_BYTES = 64 * 2**20
MAX_LINE_CHARS = 4096
MAX_VERTICES = 1_000_000
MAX_FACES = 500_000  #: what gravity precomputation still holds in a few hundred megabytes
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


def load_obj(path: Path, *, unit: Unit = "m", expected_volume_m3: float | None = None) -> Mesh:
    """Read a shape model, recentred at its centre of mass; see `load_obj_with_report`."""
    return load_obj_with_report(path, unit=unit, expected_volume_m3=expected_volume_m3)[0]


def load_obj_with_report(
    path: Path, *, unit: Unit = "m", expected_volume_m3: float | None = None
) -> tuple[Mesh, ShapeReport]:
    """Read a shape model and say what was repaired.

    Args:
        path: Wavefront OBJ; only `v` and `f` lines are used, polygons are cut into fans.
        unit: unit of the file's coordinates.
        expected_volume_m3: published volume; a difference above 10 % is refused.

    Raises:
        InputError: the file cannot be read, or is not one closed, orientable surface of a plausible size.
    """
    if expected_volume_m3 is not None and not 0.0 < expected_volume_m3 < np.inf:
        raise ValueError(f"expected_volume_m3 is {expected_volume_m3}, expected a positive number")
    file = str(path)
    parsed = _ObjReader(path).read()
    vertices = parsed.vertices * _UNIT_M[unit]
    _check_size(file, unit, float(np.linalg.norm(np.ptp(vertices, axis=0))) / 2.0, "half-diagonal")
    vertices, faces, stripped, welded = _strip_and_weld(vertices, parsed.faces)
    _check_facets(file, vertices, faces, parsed.face_lines)
    flip = _outward_flips(file, faces, len(vertices), zero_based=parsed.zero_based)
    faces = np.where(flip[:, None], faces[:, ::-1], faces)
    volume, offset = _volume_and_centroid(vertices, faces)
    if volume < 0.0:
        flip, faces, volume = ~flip, faces[:, ::-1], -volume
    mesh = Mesh(vertices - offset, faces)
    _check_size(file, unit, mesh.mean_radius_m, "mean radius")
    if expected_volume_m3 is not None:
        _check_volume(file, unit, volume, expected_volume_m3)
    report = ShapeReport(
        file=file, unit=unit, vertices=len(mesh.vertices), faces=len(mesh.faces), volume_m3=volume,
        mean_radius_m=mesh.mean_radius_m, offset_m=(float(offset[0]), float(offset[1]), float(offset[2])),
        zero_based=parsed.zero_based, stripped_vertices=stripped, welded_vertices=welded, flipped_faces=int(flip.sum()),
    )  # fmt: skip
    return mesh, report


@dataclass(frozen=True, slots=True)
class _Parsed:
    vertices: Array
    faces: Indices
    face_lines: Indices
    zero_based: bool


class _ObjReader:
    """Reads the `v` and `f` lines of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._vertices: list[tuple[float, float, float]] = []
        self._vertex_lines: list[int] = []
        self._faces: list[tuple[int, int, int]] = []  # counted from 1, as the format does
        self._face_lines: list[int] = []
        self._relative = False

    def read(self) -> _Parsed:
        for number, line in enumerate(self._text().split("\n"), start=1):
            if len(line) > MAX_LINE_CHARS:
                raise self._error(number, f"a line of {len(line)} characters", f"at most {MAX_LINE_CHARS}")
            words = line.partition("#")[0].split()
            if not words:
                continue
            if words[0] == "v":
                self._vertex(words[1:], number)
            elif words[0] == "f":
                self._face(words[1:], number)
        return self._arrays()

    def _text(self) -> str:
        try:
            if not self._path.is_file():
                what = "a directory" if self._path.is_dir() else "no such file"
                raise self._error(None, what, "a Wavefront OBJ shape model")
            with self._path.open("rb") as handle:
                data = handle.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
            raise self._error(None, f"a file that cannot be opened ({error})", "a readable OBJ file") from error
        if len(data) > MAX_FILE_BYTES:
            raise self._error(None, "more than 64 MB", "at most 64 MB", "reduce the mesh")
        return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")

    def _vertex(self, words: list[str], line: int) -> None:
        try:
            if any("_" in word for word in words[:3]):
                raise ValueError
            x, y, z = (float(word) for word in words[:3])
        except ValueError:
            raise self._error(line, f"vertex '{_short(words)}'", "three numbers x y z") from None
        self._vertices.append((x, y, z))
        self._vertex_lines.append(line)
        if len(self._vertices) > MAX_VERTICES:
            raise self._error(line, f"more than {MAX_VERTICES} vertices", "fewer", "reduce the mesh")

    def _face(self, words: list[str], line: int) -> None:
        try:
            corners = [int(word.partition("/")[0]) for word in words]
            if len(corners) < 3 or any("_" in word for word in words):
                raise ValueError
        except ValueError:
            raise self._error(line, f"face '{_short(words)}'", "at least three vertex numbers") from None
        if min(corners) < 0:  # relative: -1 is the newest vertex so far
            self._relative = True
            corners = [c + len(self._vertices) + 1 if c < 0 else c for c in corners]
            if min(corners) < 1:
                raise self._error(line, f"face '{_short(words)}'", f"at most {len(self._vertices)} vertices back")
        for second, third in zip(corners[1:], corners[2:], strict=False):
            self._faces.append((corners[0], second, third))
            self._face_lines.append(line)
        if len(self._faces) > MAX_FACES:
            raise self._error(line, f"more than {MAX_FACES} faces", "fewer", "reduce the mesh")

    def _arrays(self) -> _Parsed:
        if not self._faces:
            raise self._error(None, "no faces", "an OBJ mesh with 'v' and 'f' lines")
        vertices = np.array(self._vertices, dtype=np.float64).reshape(-1, 3)
        bad = np.flatnonzero(~np.isfinite(vertices).all(axis=1))
        if bad.size:
            read = f"vertex '{_short([str(x) for x in self._vertices[bad[0]]])}'"
            raise self._error(self._vertex_lines[bad[0]], read, "finite coordinates")
        limit = np.iinfo(np.int64).max  # a longer number would overflow the array: it is out of range anyway
        faces = np.array([[min(i, limit) for i in face] for face in self._faces], dtype=np.int64)
        zero_based = bool((faces == 0).any())
        if zero_based and self._relative:
            line = self._face_lines[int(np.flatnonzero((faces == 0).any(axis=1))[0])]
            raise self._error(line, "vertex number 0 in a file with negative numbers", "numbers from 1 or -1")
        first = 0 if zero_based else 1
        out = np.flatnonzero((faces > len(vertices) - 1 + first).any(axis=1))
        if out.size:
            expected = f"{first} to {len(vertices) - 1 + first}"
            expected += " (a vertex number 0 elsewhere says that this file counts from 0)" if zero_based else ""
            worst = int(faces[out[0]].max())
            raise self._error(self._face_lines[out[0]], f"a face with vertex number {worst}", expected)
        return _Parsed(vertices, faces - first, np.array(self._face_lines, dtype=np.int64), zero_based)

    def _error(self, line: int | None, read: str, expected: str, remedy: str = "") -> InputError:
        return InputError(str(self._path), line=line, read=read, expected=expected, remedy=remedy)


def _short(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= 60 else text[:57] + "..."


def _strip_and_weld(vertices: Array, faces: Indices) -> tuple[Array, Indices, int, int]:
    """Keep the vertices that faces use, once per position: readers that index from the first one are misled by others."""
    used, flat = np.unique(faces, return_inverse=True)
    first, welded = np.unique(vertices[used], axis=0, return_index=True, return_inverse=True)[1:]
    order = np.argsort(first)  # keep the file's order
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
    neighbour, against = neighbour.reshape(-1, 3), against.reshape(-1, 3)
    flip, seen = np.zeros(len(faces), dtype=np.bool_), np.zeros(len(faces), dtype=np.bool_)
    front = np.array([0], dtype=np.int64)
    seen[0] = True
    while front.size:
        to, turned = neighbour[front].reshape(-1), (flip[front, None] ^ against[front]).reshape(-1)
        fresh = ~seen[to]
        flip[to[fresh]] = turned[fresh]
        front = np.unique(to[fresh])
        seen[front] = True
    if not seen.all():
        read = f"more than one body ({int((~seen).sum())} of {len(faces)} faces do not touch the rest)"
        raise InputError(file, read=read, expected="one connected surface", remedy="keep the largest component")
    if (flip[:, None] ^ against ^ flip[neighbour]).any():
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


def _check_size(file: str, unit: Unit, size_m: float, what: str) -> None:
    if MIN_RADIUS_M <= size_m <= MAX_RADIUS_M:
        return
    small = size_m < MIN_RADIUS_M
    looks: Unit = "km" if small else "m"
    remedy = f"the numbers look like {looks}: load it with unit='{looks}'" if looks != unit else "check the file"
    read = f"a body with {what} {size_m:.3g} m when read in {unit}"
    raise InputError(file, read=read, expected=f"{MIN_RADIUS_M:g} m to {MAX_RADIUS_M / 1e3:g} km", remedy=remedy)


def _check_volume(file: str, unit: Unit, volume: float, expected: float) -> None:
    ratio = volume / expected
    if abs(ratio - 1.0) <= VOLUME_TOLERANCE:
        return
    remedy = "check the shape model and the published volume"
    if unit == "m" and 0.5e-9 < ratio < 2e-9:
        remedy = "it looks like kilometres: load it with unit='km'"
    if unit == "km" and 0.5e9 < ratio < 2e9:
        remedy = "it looks like metres: load it with unit='m'"
    raise InputError(file, read=f"a volume of {volume:.4g} m3", expected=f"{expected:.4g} m3 within 10 %", remedy=remedy)
