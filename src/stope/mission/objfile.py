"""Wavefront OBJ: the `v` and `f` lines of one file, with caps, so that no file exhausts the host.

Every refusal names the line. Vertex numbers may be plain, `v/vt/vn`, negative (back from here) or, against the format,
counted from 0, which is what a vertex number 0 gives away.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stope.mission.errors import InputError

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

MAX_FILE_BYTES = 64 * 2**20
MAX_LINE_CHARS = 4096
MAX_VERTICES = 1_000_000
MAX_FACES = 500_000  #: what gravity precomputation still holds in a few hundred megabytes


@dataclass(frozen=True, slots=True)
class ObjMesh:
    """What the file says.

    Attributes:
        vertices: (V, 3) in the file's unit, finite.
        faces: (F, 3) vertex indices from 0, all in range.
        face_lines: (F,) line of each face, from 1.
        zero_based: the file counted from 0 and was shifted.
    """

    vertices: Array
    faces: Indices
    face_lines: Indices
    zero_based: bool


def read_obj(path: Path) -> ObjMesh:
    """Read and check one file.

    Raises:
        InputError: the file cannot be read, is too large, has no faces, or a line is wrong.
    """
    return _ObjReader(path).read()


class _ObjReader:
    """Reads the `v` and `f` lines of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._vertices: list[tuple[float, float, float]] = []
        self._vertex_lines: list[int] = []
        self._faces: list[tuple[int, int, int]] = []  # counted from 1, as the format does
        self._face_lines: list[int] = []
        self._relative = False

    def read(self) -> ObjMesh:
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
            if min(corners) < -len(self._vertices):
                raise self._error(line, f"face '{_short(words)}'", f"at most {len(self._vertices)} vertices back")
            corners = [c + len(self._vertices) + 1 if c < 0 else c for c in corners]
        for second, third in pairwise(corners[1:]):
            self._faces.append((corners[0], second, third))
            self._face_lines.append(line)
        if len(self._faces) > MAX_FACES:
            raise self._error(line, f"more than {MAX_FACES} faces", "fewer", "reduce the mesh")

    def _arrays(self) -> ObjMesh:
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
        return ObjMesh(vertices, faces - first, np.array(self._face_lines, dtype=np.int64), zero_based)

    def _error(self, line: int | None, read: str, expected: str, remedy: str = "") -> InputError:
        return InputError(str(self._path), line=line, read=read, expected=expected, remedy=remedy)


def _short(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= 60 else text[:57] + "..."
