"""Shape models from files: one that came with Stope is read here, any other in a child with a ceiling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from stope.confined import Ceiling
from stope.mission.outside import asked, broken_answer, is_ours, refuse_as_told
from stope.mission.shape import MAX_RADIUS_M, Mesh, ShapeReport, Unit, check_volume, read_shape
from stope.mission.yamlwire import plain_json

#: Half a million faces in 22 MB of text, the slowest that we know, take 11 s and 370 MB.
CEILING = Ceiling(memory_mb=1500, cpu_s=60, wall_s=240.0)
_REPORT = TypeAdapter(ShapeReport)


def load_obj(path: Path, *, unit: Unit = "m", expected_volume_m3: float | None = None) -> Mesh:
    """Read a shape model, recentred at its centre of mass; see `load_obj_with_report`."""
    return load_obj_with_report(path, unit=unit, expected_volume_m3=expected_volume_m3)[0]


def load_obj_with_report(
    path: Path, *, unit: Unit = "m", expected_volume_m3: float | None = None
) -> tuple[Mesh, ShapeReport]:
    """Read a shape model and say what was repaired.

    Args:
        path, unit: as `shape.read_shape` takes them.
        expected_volume_m3: published volume; a difference above 10 % is refused.

    Raises:
        InputError: the file cannot be read within limits, or is not one closed surface of a plausible size.
    """
    path = Path(path)
    mesh, report = read_shape(path, unit) if is_ours(path) else _from_outside(path, unit)
    if expected_volume_m3 is not None:
        check_volume(str(path), unit, report.volume_m3, expected_volume_m3)
    return mesh, report


def _from_outside(path: Path, unit: Unit) -> tuple[Mesh, ShapeReport]:
    answer = asked(path, "mesh_parsed", unit, ceiling=CEILING)
    head, _, numbers = answer.partition(b"\n")
    try:
        said = plain_json(head)
        refuse_as_told(said)
        return _mesh(said, numbers), _REPORT.validate_json(json.dumps(said["report"]))
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise broken_answer(path) from error


def _mesh(said: dict[str, Any], numbers: bytes) -> Mesh:
    """The arrays behind the answer's first line.

    Raises:
        ValueError: they are not a mesh's.
    """
    split = 24 * int(said["vertices"])
    vertices = np.frombuffer(numbers[:split], dtype="<f8").reshape(-1, 3)
    faces = np.frombuffer(numbers[split:], dtype="<i8").reshape(-1, 3)
    if len(vertices) != said["vertices"] or len(faces) != said["faces"] or not len(faces):
        raise ValueError("not as many numbers as it says")
    if not np.abs(vertices).max() <= 2.0 * MAX_RADIUS_M or faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError("numbers that no mesh has")
    return Mesh(vertices, faces)
