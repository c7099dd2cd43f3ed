"""Checkpoint: what a host that starts again must know of the mission that it had begun; written at transitions.

A file of JSON beside the log, replaced whole (write, then rename), with a digest: a checkpoint is the old one or the
new one and never half of both. It survives the death of the process; against a power cut it is as safe as the file
system.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from stope.executive.activity import Activity, Transition
from stope.executive.operator import Order
from stope.mission.errors import InputError
from stope.mission.resolve import digest
from stope.mission.source import FileModel

FILE = "checkpoint.json"
MAX_BYTES = 20_000_000


class Facts(FileModel):
    """What was believed of robot and anchors; measured things are measured anew.

    Attributes:
        position_m, rotation: of the base, site frame, row by row.
        anchored: anchors that were believed to hold. evidence: what the belief had learned of them.
    """

    position_m: tuple[float, float, float]
    rotation: tuple[float, ...] = Field(min_length=9, max_length=9)
    anchored: tuple[bool, ...] = Field(max_length=16)
    evidence: dict[str, Any]


class Checkpoint(FileModel):
    """The state of a mission.

    Attributes:
        request: what the run was asked for; mission_sha256: digest of the resolved mission.
        time_us: run time of the newest transition or look.
        transitions: all so far. orders: all orders that were heard, with the time at which they were.
        orders_read: bytes of the orders' file that were read.
        activities: each as it stood.
        sha256: digest of all the rest.
    """

    schema_: Literal["stope.checkpoint/1"] = Field(alias="schema")
    request: dict[str, Any]
    mission_sha256: str = Field(min_length=64, max_length=64)
    time_us: int = Field(ge=0)
    transitions: tuple[Transition, ...] = Field(max_length=100_000)
    orders: tuple[Order, ...] = Field(max_length=100_000)
    orders_read: int = Field(ge=0)
    activities: tuple[Activity, ...] = Field(max_length=1_000)
    facts: Facts
    sha256: str = ""

    def document(self) -> dict[str, Any]:
        """As it is written, with the digest worked out anew."""
        found = self.model_dump(mode="json", by_alias=True)
        return found | {"sha256": digest(found)}


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Replace the folder's checkpoint.

    Raises:
        InputError: it cannot be written; the one before is still there.
    """
    part = folder / f"{FILE}.part"
    try:
        part.write_text(json.dumps(checkpoint.document(), indent=1), encoding="utf-8")
        os.replace(part, folder / FILE)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(
            str(folder / FILE), read=f"an error ({error.strerror})", expected="room for the checkpoint"
        ) from error


def read_checkpoint(folder: Path) -> Checkpoint:
    """The folder's checkpoint.

    Raises:
        InputError: there is none, or it was cut off or changed.
    """
    file = folder / FILE
    if not file.is_file():
        raise InputError(str(folder), read="no checkpoint.json", expected="the folder of a run that was broken off")
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InputError(str(file), read=f"{file.stat().st_size} bytes", expected=f"at most {MAX_BYTES}")
        text = file.read_bytes()
        found = Checkpoint.model_validate_json(text, strict=True)
    except (OSError, ValidationError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error.strerror)
        raise InputError(str(file), read=f"something else ({what})", expected="a whole checkpoint") from None
    if found.sha256 != digest(found.model_dump(mode="json", by_alias=True)):
        raise InputError(
            str(file), read="contents that its digest does not fit", expected="a whole checkpoint",
            remedy="it was damaged or changed: begin the mission anew, after a look at the robot",
        )  # fmt: skip
    return found
