"""The child's part of `recomputed`: what a log holds on the topics that entries cite, as JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from stope.ledger.collected import BALANCES, PARCELS, checked_seal, mass_moved
from stope.mission.errors import InputError
from stope.tasklog.errors import TaskLogError
from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.parts import parts_of
from stope.tasklog.reader import read
from stope.tasklog.scan import scan
from stope.tasklog.seal.dsse import load_envelope
from stope.tasklog.seal.policy import load_policy
from stope.tasklog.seal.statement import seal_path
from stope.tasklog.seal.subjects import SEGMENT_S, SubjectHasher

MG = {"t": 1e9, "kg": 1e6, "g": 1e3, "mg": 1.0, "ug": 1e-3}  #: units of mass that are read


def measured_plain(log: str, policy: str, topics: str) -> list[dict[str, Any]]:
    """For each file of a log: its digest, what its seal is worth, and what it holds on each topic."""
    asked: list[str] = json.loads(topics)
    try:
        return [
            {
                "sha256": file_sha256(part),
                "seal": _sealed(part, policy),
                "topics": _held(part, asked),
            }
            for part in parts_of(Path(log))
        ]
    except InputError as error:
        raise TaskLogError(str(error)) from error


def _sealed(log: Path, policy: str) -> str | None:
    """Why the log does not verify by the seal beside it; empty when it does, None where no seal is."""
    seal = seal_path(log)
    if not seal.exists():
        return None
    try:
        checked_seal(log, load_envelope(seal), load_policy(Path(policy)))
    except (InputError, TaskLogError) as error:
        return str(error)
    return ""


def _held(log: Path, topics: list[str]) -> dict[str, dict[str, Any]]:
    hasher = SubjectHasher()
    for record in scan(log):
        hasher.add(record)
    found: dict[str, dict[str, Any]] = {topic: {"segments": {}, "moved": [], "weighed": []} for topic in topics}
    for name, subject in hasher.subjects().items():
        if subject.topic in found:
            number = int(name.rpartition("#")[2])
            found[subject.topic]["segments"][number] = [subject.sha256, subject.count]
    for topic, row in found.items():
        if topic in (PARCELS, BALANCES):
            net: dict[tuple[str, str], int] = {}
            for material, account, amount in mass_moved(log, topic):
                net[material, account] = net.get((material, account), 0) + amount
            row["moved"] = [[*key, amount] for key, amount in net.items()]
        elif row["segments"]:
            row["weighed"] = _weighed(log, topic)
    return found


def _weighed(log: Path, topic: str) -> list[list[Any]]:
    """(minute, field, mg): the last finite reading in each minute of every field that is in a unit of mass."""
    last: dict[tuple[int, str], float] = {}
    for message in read(log, [topic]):
        for key, unit in message.channel.metadata.items() if message.message is not None else ():
            field = key.removeprefix("unit.")
            value = _number(message.message, field) * MG[unit] if unit in MG and field != key else math.nan
            if math.isfinite(value):
                last[message.log_time_ns // (SEGMENT_S * 1_000_000_000), field] = value
    return [[*key, value] for key, value in last.items()]


def _number(message: Any, path: str) -> float:
    """A number in a message; NaN where there is none at this dotted path."""
    for name in path.split("."):
        field = getattr(message, "DESCRIPTOR", None) and message.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            return math.nan
        message = getattr(message, name)
    return float(message) if isinstance(message, int | float) else math.nan
