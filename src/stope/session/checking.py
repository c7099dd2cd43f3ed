"""Checking files without running anything, and the schemas that editors check them with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from stope.ledger.agreement import Agreement
from stope.mission.body import Body, ObjShape, load_body
from stope.mission.expedition import Expedition
from stope.mission.material import Material, load_material
from stope.mission.missionfile import Mission, read_mission
from stope.mission.resolve import digest, resolved_mission
from stope.mission.scenario import Scenario
from stope.mission.shapefile import load_obj
from stope.mission.shipped import find_data
from stope.planning.spreadfile import SpreadFile
from stope.robot.modelfile import RobotFile, load_robot
from stope.session.fit import check_fit

SCHEMAS: dict[str, type[BaseModel]] = {
    "mission": Mission, "body": Body, "material": Material, "robot": RobotFile, "scenario": Scenario,
    "expedition": Expedition, "agreement": Agreement, "spread": SpreadFile,
}  # fmt: skip


def check_mission(mission: str, body: str | None, body_unit: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Load a mission, all that it names, and compare it with its robot: the resolved document.

    Raises:
        InputError: whatever is wrong, with its place; a shape model is read whole.
    """
    asked, tree = read_mission(mission, overrides)
    robot = load_robot(find_data("robot", asked.robot))
    check_fit(asked, tree, robot)
    ground = load_body(body if body is not None else asked.body, body_unit)
    if isinstance(ground.shape, ObjShape):
        mesh = load_obj(Path(ground.shape.path), unit=ground.shape.unit)
        ground.density_for(mesh.volume_m3)
    names = dict.fromkeys(asked.materials)
    document = resolved_mission(asked, ground, *(load_material(name) for name in names))
    document["robot"] = {"name": robot.name, "limits_sha256": robot.limits_hash}
    return document | {"sha256": digest(document)}


def file_schema(kind: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a kind of file, one of `SCHEMAS`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | SCHEMAS[kind].model_json_schema()


__all__ = ["SCHEMAS", "check_mission", "file_schema"]
