"""A seal: an in-toto Statement about every part of a log, in a DSSE envelope beside the log."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.header import RECORD
from stope.tasklog.records import MetadataRecord
from stope.tasklog.recover import RECOVERED
from stope.tasklog.scan import scan
from stope.tasklog.seal.dsse import Envelope
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.keys import PrivateKey
from stope.tasklog.seal.subjects import MAX_SUBJECTS, REDACTED, SEGMENT_S, Subject, SubjectHasher

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:stope:log-seal:1"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FROM_HEADER = ("mission", "body", "robot", "team", "licence", "stope_version", "clock_scale", "start_utc")


@dataclass(frozen=True, slots=True)
class Claims:
    """What the sealer says beyond the digests.

    Attributes:
        sealed_at: ISO 8601, UTC, by the sealer's clock: a claim, not a proof.
        previous: SHA-256 of the payload of the robot's seal before; empty for its first.
        counter: of the robot's logs, so that a missing file is visible.
        agreement: SHA-256 of the agreement under which the log was made; may be empty.
    """

    sealed_at: str
    previous: str = ""
    counter: int = 0
    agreement: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A seal's content, read back."""

    file_sha256: str
    subjects: Mapping[str, Subject]
    predicate: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sealed_at(self) -> str:
        """When the sealer says that it sealed."""
        return str(self.predicate.get("sealed_at", ""))


def seal_path(log: Path) -> Path:
    """Where the seal of a log lies unless somebody says otherwise."""
    return log.with_name(log.name + ".seal.json")


def seal(log: Path, key: PrivateKey, claims: Claims) -> Envelope:
    """Seal a whole log that one trusts to read here; `statement_of` says what is raised."""
    return Envelope(statement_of(log, claims).encode(), PAYLOAD_TYPE).signed(key)


def statement_of(log: Path, claims: Claims) -> str:
    """What is to be signed of a whole log: the payload of its seal. Needs no key, so a process with limits can make it.

    Raises:
        NotALogError, TruncatedLogError, DamagedLogError: only a whole log is sealed; `recover` a broken one first.
        SealError: topics were withheld from it, or it has too many parts.
    """
    hasher = SubjectHasher()
    run: dict[str, str] = {}
    recovered: dict[str, str] = {}
    for record in scan(log):
        hasher.add(record)
        if isinstance(record, MetadataRecord):
            if record.name == REDACTED:
                raise SealError(f"{log}: topics are withheld from it; seal the log that holds all of them")
            run = dict(record.values) if record.name == RECORD else run
            recovered = dict(record.values) if record.name == RECOVERED else recovered
    predicate: dict[str, Any] = {
        "format": "stope.seal/1",
        "segment_s": SEGMENT_S,
        "sealed_at": claims.sealed_at,
        "previous": claims.previous,
        "counter": claims.counter,
        "agreement": claims.agreement,
        "run": {name: run.get(name, "") for name in _FROM_HEADER},
        **({"recovered": recovered} if recovered else {}),
    }
    subjects = [{"name": "file", "digest": {"sha256": file_sha256(log)}}]
    subjects += [_row(subject) for subject in hasher.subjects().values()]
    plain = {
        "_type": STATEMENT_TYPE,
        "subject": subjects,
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }
    return json.dumps(plain, sort_keys=True)


def read_statement(envelope: Envelope, where: str) -> Statement:
    """The content of a seal. Its signatures are the caller's business.

    Raises:
        SealError: it is no seal of a log.
    """
    plain = envelope.content(PAYLOAD_TYPE, where)
    rows, predicate = plain.get("subject"), plain.get("predicate")
    if plain.get("_type") != STATEMENT_TYPE or plain.get("predicateType") != PREDICATE_TYPE:
        raise SealError(f"{where}: read {plain.get('predicateType')!r}, expected a statement of {PREDICATE_TYPE}")
    if not isinstance(rows, list) or not isinstance(predicate, dict) or len(rows) > MAX_SUBJECTS + 1:
        raise SealError(f"{where}: expected subjects (at most {MAX_SUBJECTS}) and a predicate")
    subjects: dict[str, Subject] = {}
    file_digest = ""
    for row in rows:
        subject = _subject(row, where)
        if subject.name in subjects or (subject.name == "file" and file_digest):
            raise SealError(f"{where}: subject {subject.name[:80]!r} stands twice")
        if subject.name == "file":
            file_digest = subject.sha256
        else:
            subjects[subject.name] = subject
    if predicate.get("segment_s") != SEGMENT_S:
        raise SealError(f"{where}: read segments of {predicate.get('segment_s')!r} s, expected {SEGMENT_S}")
    return Statement(file_digest, subjects, predicate)


def _row(subject: Subject) -> dict[str, Any]:
    row: dict[str, Any] = {"name": subject.name, "digest": {"sha256": subject.sha256}}
    if subject.topic:
        row["annotations"] = {  # nanoseconds are text: JSON readers round numbers beyond 2^53
            "topic": subject.topic,
            "count": subject.count,
            "first_sequence": subject.first_sequence,
            "last_sequence": subject.last_sequence,
            "first_log_time_ns": str(subject.first_ns),
            "last_log_time_ns": str(subject.last_ns),
        }
    return row


def _subject(row: Any, where: str) -> Subject:
    try:
        notes = row.get("annotations", {})
        digest = row["digest"]["sha256"]
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ValueError("a digest that is no SHA-256")
        name, topic = str(row["name"]), str(notes.get("topic", ""))
        # A topic that may be withheld must not lend its name to one that may not.
        if topic != (name.removeprefix("topic:").rpartition("#")[0] if name.startswith("topic:") else ""):
            raise ValueError(f"{name[:80]!r} is not of topic {topic[:80]!r}")
        return Subject(
            name,
            topic,
            digest,
            int(notes.get("count", 0)),
            int(notes.get("first_sequence", 0)),
            int(notes.get("last_sequence", 0)),
            int(notes.get("first_log_time_ns", 0)),
            int(notes.get("last_log_time_ns", 0)),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise SealError(f"{where}: a subject that cannot be read: {error!r}") from error
