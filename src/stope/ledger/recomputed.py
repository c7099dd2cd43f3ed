"""What entries of kind collect and weigh say, worked out again from the logs that they cite, where these are at hand.

A signature says who claims; the log shows what was. Its file is known by its digest; of it are taken the digest of the
cited minutes, the mass that its messages moved, and what the balance last read. A log that is not here, or an account
that the poster mapped by hand, is "not checked", which is not "agrees".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from stope.ledger.collected import ACCOUNTS, PARCELS, content_sha256, net_moved, rounded
from stope.ledger.entry import Entry, Evidence, Posting
from stope.ledger.journal import Journal
from stope.mission.errors import InputError
from stope.tasklog.confined import confined
from stope.tasklog.errors import TaskLogError

AGREES = "agrees with its logs"


class Held(BaseModel):
    """What a file holds on a topic: digest and count of each minute, net mass moved (ug), last readings (mg)."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    segments: dict[int, tuple[str, int]]
    moved: list[tuple[str, str, int]]
    weighed: list[tuple[int, str, float]]


class File(BaseModel):
    """One file of a log; `seal` says why it does not verify, "" when it does, None where no seal lies beside it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    sha256: str
    seal: str | None
    topics: dict[str, Held]


_FILES = TypeAdapter(list[File])
Files = Mapping[str, File]  #: by SHA-256


@dataclass(slots=True)
class Recomputed:
    """By entry: in a few words what came of working it out again; and what is wrong, as (entry, sentence)."""

    outcome: dict[int, str] = field(default_factory=dict)
    wrong: list[tuple[int, str]] = field(default_factory=list)


def files_of(logs: Sequence[Path], journal: Journal, policy: Path) -> dict[str, File]:
    """What these logs hold on the topics that entries of kind collect and weigh cite; each is read in a child.

    Raises:
        TaskLogError: one cannot be read.
    """
    topics = sorted({row.topic for entry in _checkable(journal) for row in entry.evidence})
    found: dict[str, File] = {}
    for log in logs if topics else ():
        said = confined("stope.ledger.measured:measured_plain", str(log), str(policy), json.dumps(topics))
        try:
            found |= {file.sha256: file for file in _FILES.validate_json(json.dumps(said))}
        except ValidationError as error:
            raise TaskLogError(f"{log}: its reader answered what it never does") from error
    return found


def recompute(journal: Journal, files: Files, k_sigma: float) -> Recomputed:
    """Hold every entry of kind collect and weigh against the logs that it cites."""
    found = Recomputed()
    for entry in _checkable(journal):
        absent = [row for row in entry.evidence if row.log_sha256 not in files]
        wrong = [text for row in entry.evidence if row not in absent for text in _evidence(row, files[row.log_sha256])]
        outcome = absent_text(absent[0]) if absent else AGREES
        if not absent:
            more, why = (_collected if entry.kind == "collect" else _weighed)(entry, files, k_sigma)
            wrong += more
            outcome = f"not checked: {why}" if why else outcome
        found.wrong += [(entry.number, text) for text in wrong]
        found.outcome[entry.number] = "DIFFERS" if wrong else outcome
    return found


def absent_text(row: Evidence) -> str:
    """What is said of an entry whose log is not at hand."""
    return f"not checked: log {row.log_sha256[:12]} absent" if row.log_sha256 else "not checked: log absent"


def _checkable(journal: Journal) -> list[Entry]:
    return [line.entry for line in journal.lines if line.entry.kind in ("collect", "weigh") and line.entry.evidence]


def _evidence(row: Evidence, file: File) -> Iterable[str]:
    """Whether the cited minutes are the log's, and whether its seal holds."""
    named, held = f"log {row.log_sha256[:12]}", file.topics[row.topic]
    if file.seal:
        yield f"{named} does not verify by the seal beside it: {file.seal}"
    missing = next((number for number in row.segments if number not in held.segments), None)
    if missing is not None:
        yield f"cites minute {missing} of {row.topic}, which {named} has not"
        return
    digests = {f"topic:{row.topic}#{number}": held.segments[number][0] for number in row.segments}
    if row.content_sha256 and row.content_sha256 != content_sha256(digests):
        yield f"cites other content of {row.topic} than {named} has"
    count = sum(held.segments[number][1] for number in row.segments)
    if row.messages != count:
        yield f"cites {row.messages} messages on {row.topic}, {named} has {count}"


def _collected(entry: Entry, files: Files, _k_sigma: float) -> tuple[list[str], str]:
    """What differs between an entry's postings and what its logs moved; or why nobody can tell."""
    moved: list[tuple[str, str, int]] = []
    for row in sorted(entry.evidence, key=lambda row: row.segments[-1:]):  # the last balance is that of the last part
        held = files[row.log_sha256].topics[row.topic].moved
        moved = moved + held if row.topic == PARCELS else held or moved
    mapped = sorted({account for _, account, _ in moved} - ACCOUNTS.keys())
    if mapped:
        return [], f"the poster mapped the log's account {mapped[0]!r}"
    where = f"log {entry.evidence[0].log_sha256[:12]}"
    try:
        expected = rounded(net_moved(Path(where), moved, ACCOUNTS, *_site_and_robot(entry)))
    except InputError as error:
        return [str(error)], ""
    says, shows = _amounts(entry.postings), _amounts(expected)
    return [
        f"books {says.get(key, 0):+d} mg of {key[1]} to {key[0]}; the logs that it cites show {shows.get(key, 0):+d} mg"
        for key in sorted(says.keys() | shows.keys())
        if says.get(key, 0) != shows.get(key, 0)
    ], ""


def _weighed(entry: Entry, files: Files, k_sigma: float) -> tuple[list[str], str]:
    """Whether the last reading of a field in a unit of mass, in the cited minutes, is what the entry says."""
    assert entry.weighing is not None  # an entry of kind weigh has one
    last: dict[tuple[str, str], tuple[int, float]] = {}
    for row in entry.evidence:
        for minute, name, amount in files[row.log_sha256].topics[row.topic].weighed:
            if minute in row.segments:
                last[row.topic, name] = max(last.get((row.topic, name), (minute, amount)), (minute, amount))
    if not last:
        return [], f"{entry.evidence[0].topic} has no field in a unit of mass"
    measured = entry.weighing.measured_mg
    (topic, name), (_, nearest) = min(last.items(), key=lambda item: abs(item[1][1] - measured))
    if abs(nearest - measured) <= k_sigma * entry.weighing.std_mg + 1.0:
        return [], ""
    shows = f"the logs that it cites show {nearest:.0f} mg ({topic} {name}, last reading)"
    return [f"weighs {measured} mg of {entry.weighing.commodity}; {shows}"], ""


def _site_and_robot(entry: Entry) -> tuple[str, str]:
    """As the postings name them: `post` takes one of each."""
    site = robot = "unnamed"
    for posting in entry.postings:
        root, _, name = posting.account.partition(":")
        if root == "site" or name.startswith("ejecta."):
            site = name.removeprefix("ejecta.")
        elif root in ("hopper", "tank", "opening"):
            robot = name
    return site, robot


def _amounts(postings: Iterable[Posting]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in postings:
        found[row.account, row.commodity] = found.get((row.account, row.commodity), 0) + row.amount_mg
    return found
