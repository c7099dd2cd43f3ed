"""Plan: what was planned, as a JSON file that people can read, change and hand on; typed, with a digest.

JSON is YAML 1.2, so a plan is read with the same reader as every other file: what is wrong is said with its line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from stope.mission.expedition import Margins, Word
from stope.mission.resolve import digest
from stope.mission.source import FileModel, Mismatch, checked_mapping, read_tree, validate
from stope.mission.yamltree import Tree

TaskName = Literal[
    "approach", "survey", "anchor", "pull_test", "drill", "sample", "collect", "stow", "release", "charge", "downlink",
    "unload",
]  # fmt: skip
DEPOT = "depot"


class Activity(FileModel):
    """One thing that one robot does, from `start_min` to `end_min` (minutes since the expedition's start).

    Attributes:
        site: where; for an approach where to. "depot" is the depot.
        energy_wh: what it is expected to take (charging: to give); the validator works it out itself.
    """

    robot: int = Field(ge=0, le=7)
    task: TaskName
    site: Word
    start_min: int = Field(ge=0, le=40_000)
    end_min: int = Field(ge=0, le=40_000)
    energy_wh: float = 0.0

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end_min < self.start_min:
            raise Mismatch(f"{self.end_min}", f"at least start_min, {self.start_min}", at=("end_min",))
        return self


class Plan(FileModel):
    """A plan for one expedition.

    Attributes:
        expedition, expedition_sha256: what it plans, and the digest of that document with every default filled in.
        seed, iterations: of the search; with the same expedition they give the same plan again.
        value: expected, in the expedition's units of value; what the plan's maker claims.
        unfair_kg: how far the planned shares lie outside the agreement's band; more than 0 only when no plan is fair.
        edited: a person changed it after the search.
        sha256: digest of all the rest.
    """

    schema_: Literal["stope.plan/1"] = Field(alias="schema")
    expedition: Word
    expedition_sha256: str = Field(min_length=64, max_length=64)
    seed: int = Field(ge=0, lt=2**63)
    iterations: int = Field(ge=0)
    margins: Margins
    value: float = Field(ge=-1e12, le=1e12)
    unfair_kg: float = Field(ge=0, le=1e6)
    edited: bool = False
    activities: tuple[Activity, ...] = Field(max_length=20_000)
    sha256: str = ""

    def document(self) -> dict[str, object]:
        """As it is written, with the digest worked out anew."""
        found = self.model_dump(mode="json", by_alias=True)
        return found | {"sha256": digest(found)}

    @property
    def intact(self) -> bool:
        """Whether nobody changed it since its digest was written."""
        return self.sha256 == digest(self.model_dump(mode="json", by_alias=True))


def write_plan(plan: Plan, file: Path) -> None:
    """Write the plan, one line an activity, so that a person finds his way and a diff stays small."""
    document = plan.document()
    lines = [json.dumps(each) for each in document.pop("activities")]  # type: ignore[attr-defined]
    head = json.dumps(document, indent=1)[:-2]
    body = ",\n  ".join(lines)
    file.write_text(f'{head},\n "activities": [\n  {body}\n ]\n}}\n', encoding="utf-8")


def read_plan(file: Path) -> tuple[Plan, Tree]:
    """A plan file with the tree that places what a later check finds wrong.

    Raises:
        InputError: missing, not JSON, or not a plan.
    """
    tree = checked_mapping(read_tree(file))
    return validate(tree, Plan), tree
