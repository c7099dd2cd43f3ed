"""Hold a log against its seal: every part is verified, withheld, or failed. Absent is never "good"."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from stope.tasklog.errors import DamagedLogError, TruncatedLogError
from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.records import MetadataRecord
from stope.tasklog.scan import Limits, scan
from stope.tasklog.seal.checkpoints import CheckpointReader, Checkpoints
from stope.tasklog.seal.dsse import Envelope
from stope.tasklog.seal.policy import Policy, Vouching
from stope.tasklog.seal.statement import Statement, read_statement
from stope.tasklog.seal.subjects import REDACTED, Subject, SubjectHasher

State = Literal["verified", "withheld", "failed"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One subject of the seal, or of the log, and what is true of it."""

    name: str
    state: State
    why: str = ""
    count: int = 0


@dataclass(slots=True)
class Verification:
    """The outcome.

    Attributes:
        problem: why the log could not be read to its end; empty when it could.
        vouched: organisations whose signature counts.
        file_identical: these are the very bytes that were sealed.
        counter, previous: number in the sealer's chain, and SHA-256 of the seal before: a missing log is visible.
    """

    path: str
    subjects: list[Judged] = field(default_factory=list)
    signatures: list[Vouching] = field(default_factory=list)
    vouched: tuple[str, ...] = ()
    threshold: int = 1
    problem: str = ""
    file_identical: bool = False
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    counter: int = 0
    previous: str = ""

    @property
    def trusted(self) -> bool:
        """Enough organisations vouch for the seal."""
        return len(self.vouched) >= self.threshold

    @property
    def good(self) -> bool:
        """Nothing failed, and enough organisations vouch."""
        failed = any(judged.state == "failed" for judged in self.subjects)
        return self.trusted and not failed and not self.problem and not self.checkpoints.problem

    def having(self, state: State) -> list[Judged]:
        """The subjects in one state."""
        return [judged for judged in self.subjects if judged.state == state]

    def __str__(self) -> str:
        verified, withheld, failed = (self.having(s) for s in ("verified", "withheld", "failed"))
        lines = [f"{self.path}: {'GOOD' if self.good else 'NOT GOOD'}"]
        lines.append(f"  signed by {', '.join(self.vouched) or 'nobody who counts'}; {self.threshold} needed")
        lines.append(f"  number {self.counter} of its chain, after {self.previous[:16] or 'none'}")
        lines += [f"    {row.keyid[:16]} {row.organisation}: {row.refusal}" for row in self.signatures if row.refusal]
        lines += [f"  {self.problem}"] if self.problem else []
        messages = sum(judged.count for judged in verified)
        same = "; the very bytes that were sealed" if self.file_identical else ""
        lines.append(f"  verified  {len(verified)} parts, {messages} messages{same}")
        lines.append(f"  withheld  {len(withheld)} parts{_topics(withheld)}")
        lines.append(f"  failed    {len(failed)} parts")
        lines += [f"    {judged.name}: {judged.why}" for judged in failed[:20]]
        lines += [f"    and {len(failed) - 20} more"] if len(failed) > 20 else []
        lines += [f"  {self.checkpoints}"] if self.checkpoints.count or self.checkpoints.problem else []
        return "\n".join(lines)

    def to_json(self) -> str:
        """The same for a machine."""
        return json.dumps({"good": self.good, "trusted": self.trusted, **asdict(self)}, indent=2)


def verify(
    log: Path, envelope: Envelope, policy: Policy, *, where: str = "seal", limits: Limits | None = None
) -> Verification:
    """Check signatures by the policy, and every part of the log by its digest.

    Raises:
        NotALogError: the log is none, or not within limits.
        SealError: the seal cannot be read.
    """
    statement = read_statement(envelope, where)
    found = Verification(str(log), threshold=policy.rules.threshold)
    counter, previous = statement.predicate.get("counter"), statement.predicate.get("previous")
    found.counter = counter if isinstance(counter, int) else 0
    found.previous = previous if isinstance(previous, str) else ""
    found.signatures = policy.vouching(envelope, ("seal", "witness"), statement.sealed_at)
    found.vouched = tuple(sorted({row.organisation for row in found.signatures if not row.refusal}))
    hasher, chain = SubjectHasher(), CheckpointReader(policy)
    withheld: set[str] = set()
    try:
        for record in scan(log, limits=limits):
            hasher.add(record)
            chain.add(record)
            if isinstance(record, MetadataRecord) and record.name == REDACTED:
                withheld = set(record.values.get("topics", "").split("\n"))
    except (TruncatedLogError, DamagedLogError) as error:
        found.problem = str(error)
    found.subjects = list(_judged(statement, hasher.subjects(), withheld, policy))
    found.file_identical = file_sha256(log) == statement.file_sha256
    found.checkpoints = chain.outcome(withheld)
    return found


def _judged(statement: Statement, present: dict[str, Subject], withheld: set[str], policy: Policy) -> Iterable[Judged]:
    there = {subject.topic for subject in present.values()}
    for name, sealed in statement.subjects.items():
        found = present.pop(name, None)
        if found is not None and found.sha256 == sealed.sha256:
            yield Judged(name, "verified", count=found.count)
        elif found is not None:
            yield Judged(name, "failed", _difference(sealed, found))
        elif sealed.topic and sealed.topic in withheld and sealed.topic not in there:
            if policy.may_withhold(sealed.topic):
                yield Judged(name, "withheld", "declared as withheld", sealed.count)
            else:
                yield Judged(name, "failed", "withheld, which the policy does not allow for this topic")
        else:
            yield Judged(name, "failed", "it is missing and was not declared as withheld")
    for name, extra in present.items():
        yield Judged(name, "failed", "it is in the log and not in the seal", extra.count)


def _difference(sealed: Subject, found: Subject) -> str:
    if sealed.count != found.count:
        return f"read {found.count} messages, sealed were {sealed.count}"
    return "its content or its salt is not what was sealed"


def _topics(judged: list[Judged]) -> str:
    topics = sorted({row.name.removeprefix("topic:").rpartition("#")[0] for row in judged})
    return f": {', '.join(topics)}" if topics else ""
