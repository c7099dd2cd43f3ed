"""What logs show of a contribution, held against what its entry says.

Only what our own topics can show: energy of `/robot/observation`, mass of `/mass/parcel` and `/mass/balance`, hours
between the first and the last message of the topic, and the size of the files. A partner's own topic is for people.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stope.ledger.collected import BALANCES, PARCELS, mass_moved
from stope.ledger.entry import SERVICES, Entry
from stope.ledger.journal import Journal
from stope.mission.errors import InputError
from stope.tasklog.confined import confined
from stope.tasklog.errors import TaskLogError
from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.parts import parts_of
from stope.tasklog.reader import read
from stope.tasklog.topics import TOPICS

OBSERVATION = "/robot/observation"
#: Accounts of a robot's log in which mass is kept.
_KEPT = ("tool", "bin")
_NS_PER_H, _UG_PER_G = 3.6e12, 1e6
#: Whole units are stated, and a meter of its own may differ so much from the robot's.
_ALLOWED, _UNIT = 1.02, 1.0

#: By SHA-256 of a log's file and topic: what it shows, by kind of contribution, in the units of SERVICES.
Shown = Mapping[tuple[str, str], Mapping[str, float]]


def shown_by(logs: Sequence[Path], journal: Journal) -> dict[tuple[str, str], dict[str, float]]:
    """What these logs show on the topics that contributions cite; each is read in a child with limits.

    Raises:
        TaskLogError: one cannot be read.
    """
    topics = sorted({row.topic for entry in _contributions(journal) for row in entry.evidence})
    found: dict[tuple[str, str], dict[str, float]] = {}
    for log in logs if topics else ():
        for said in confined("stope.ledger.claims:shown_plain", str(log), json.dumps(topics)):
            found |= {(said["sha256"], topic): row for topic, row in said["topics"].items()}
    return found


def shown_plain(log: str, topics: str) -> list[dict[str, Any]]:
    """The child's part of `shown_by`: a row for each file that the log is in."""
    asked = json.loads(topics)
    try:
        return [
            {"sha256": file_sha256(part), "topics": {topic: _shown(part, topic) for topic in asked}}
            for part in parts_of(Path(log))
        ]
    except InputError as error:
        raise TaskLogError(str(error)) from error


def exceeded(entries: Iterable[Entry], shown: Shown) -> dict[int, str]:
    """What entries claim beyond their logs, a sentence by number; those whose logs are not all here are left out.

    What one entry has claimed of a log the next cannot claim again.
    """
    left = {(*key, kind): amount for key, row in shown.items() for kind, amount in row.items()}
    found: dict[int, str] = {}
    for entry in entries:
        for posting in entry.postings if entry.kind == "contribute" else ():
            kind, amount = posting.commodity, float(posting.amount_mg)
            keys = [(row.log_sha256, row.topic, kind) for row in entry.evidence]
            if amount <= 0 or not keys or not all(key in left for key in keys):
                continue
            rest = sum(left[key] for key in keys)
            if amount > rest * _ALLOWED + _UNIT:
                shows = f"the logs that it cites show {rest:.4g} {SERVICES[kind]} that nobody has claimed before"
                claimed = f"{posting.amount_mg} {SERVICES[kind]} of {kind} by {entry.organisation}"
                found[entry.number] = f"{claimed}; {shows}"
            for key in keys:
                taken = min(amount, left[key])
                left[key], amount = left[key] - taken, amount - taken
    return found


def _contributions(journal: Journal) -> list[Entry]:
    return [line.entry for line in journal.lines if line.entry.kind == "contribute"]


def _shown(log: Path, topic: str) -> dict[str, float]:
    span, energies = _Span(), _Span()
    for found in read(log, [topic]):
        span.add(found.log_time_ns)
        ours = found.message is not None and found.message.DESCRIPTOR.full_name == TOPICS[OBSERVATION].schema
        if topic == OBSERVATION and ours:
            energies.add(found.message.energy_used_j)
    shown = {"hardware": span.length / _NS_PER_H, "data": log.stat().st_size / 1000}
    if energies.seen:
        shown["energy"] = energies.length / 1000
    if topic in (PARCELS, BALANCES):
        rows = mass_moved(log, topic)
        shown["mass"] = sum(amount for _, account, amount in rows if account in _KEPT) / _UG_PER_G
    return shown


class _Span:
    """From the least to the largest value; one that is not finite shows nothing."""

    def __init__(self) -> None:
        self.seen = False
        self._least, self._largest = math.inf, -math.inf

    @property
    def length(self) -> float:
        return max(self._largest - self._least, 0.0)

    def add(self, value: float) -> None:
        self.seen = True
        if math.isfinite(value):
            self._least, self._largest = min(self._least, value), max(self._largest, value)
