"""What is done with a stranger's mission, agreement or shape model in a child process; see `outside` for the parent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stope.mission.errors import InputError
from stope.mission.textfile import read_text
from stope.mission.yamltree import grown, planted
from stope.mission.yamlwire import to_wire


def yaml_parsed(path: str) -> dict[str, Any]:
    """The nodes of a YAML file, or what is wrong with it."""
    try:
        root = grown(read_text(Path(path)), path)
        planted(root, path)  # on the wire aliases are written out: first see that they end
    except InputError as error:
        return {"refused": error.parts}
    return {"root": None if root is None else to_wire(root)}


def mesh_parsed(path: str, unit: str) -> bytes:
    """A line of JSON, and behind it the vertices (little-endian float64) and faces (int64); or what is wrong."""
    from dataclasses import asdict

    from stope.mission.shape import read_shape

    try:
        mesh, report = read_shape(Path(path), "km" if unit == "km" else "m")
    except InputError as error:
        return json.dumps({"refused": error.parts}).encode() + b"\n"
    head = {"vertices": len(mesh.vertices), "faces": len(mesh.faces), "report": asdict(report)}
    numbers = mesh.vertices.astype("<f8").tobytes() + mesh.faces.astype("<i8").tobytes()
    return json.dumps(head).encode() + b"\n" + numbers
