"""The resolved mission: everything that was asked, every default filled in, as one document that travels in the log."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from stope.mission.body import Body, ObjShape
from stope.mission.errors import InputError
from stope.mission.material import Material
from stope.mission.missionfile import Mission
from stope.mission.objfile import MAX_FILE_BYTES
from stope.mission.shipped import is_path


def resolved_mission(mission: Mission, body: Body, *materials: Material) -> dict[str, Any]:
    """Mission, body and materials as one JSON-serialisable document.

    It holds no path of this machine: files are named without their folder, a shape model by the digest of its bytes.
    `sha256` is the digest of the rest in canonical form, so it is the same wherever the same mission is resolved.

    Raises:
        FileNotFoundError: the body's shape model has gone.
        InputError: it is larger than any that is read.
    """
    document: dict[str, Any] = {
        "mission": _without_folders(mission.model_dump(mode="json")),
        "body": body.model_dump(mode="json"),
        "materials": {material.name: material.model_dump(mode="json") for material in materials},
    }
    if isinstance(body.shape, ObjShape):
        shape = Path(body.shape.path)
        document["body"]["shape"] |= {"path": shape.name, "sha256": _sha256(shape)}
    return document | {"sha256": digest(document)}


def digest(document: dict[str, Any]) -> str:
    """SHA-256 over canonical JSON (keys sorted, no spaces, shortest round-trip floats) without the entry `sha256`."""
    rest = {key: value for key, value in document.items() if key != "sha256"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        data = handle.read(MAX_FILE_BYTES + 1)  # nobody has looked at its size yet
    if len(data) > MAX_FILE_BYTES:
        raise InputError(str(file), read="more than 64 MB", expected="at most 64 MB", remedy="reduce the mesh")
    return hashlib.sha256(data).hexdigest()


def _without_folders(value: Any) -> Any:
    for holder, keys in (
        (value, ("robot", "body")),
        (value["site"], ("rock", "cover")),
        (value["believed"], ("rock", "cover")),
        *((layer, ("material",)) for layer in value["site"]["layers"]),
    ):
        for key in keys:
            if is_path(holder[key]):
                holder[key] = Path(holder[key]).name
    return value
