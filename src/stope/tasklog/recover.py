"""`stope log recover`: the verified part of a truncated or damaged log, as a whole log, and what is missing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import cast

from stope.tasklog.errors import TaskLogError
from stope.tasklog.header import RECORD, utc_text
from stope.tasklog.reader import start_time_ns
from stope.tasklog.records import ChannelRecord, MessageRecord, MetadataRecord
from stope.tasklog.rewrite import rewriting
from stope.tasklog.salvage import Loss, salvaging
from stope.tasklog.scan import Limits, opened

#: Metadata record of a recovered log.
RECOVERED = "stope.recovered"


@dataclass(slots=True)
class TopicRecovery:
    """One topic: what was found, and which sequences are missing between (a lost tail is not known)."""

    topic: str
    count: int = 0
    missing: int = 0
    first_gap: str = ""
    last_ns: int = 0


@dataclass(slots=True)
class Recovery:
    """What was restored and what is missing.

    Attributes:
        complete: the source was whole; the copy holds all of it.
        sha256: of the source file.
        verified: bytes up to which the source is whole without a gap.
        losses: bytes that were left out.
        unchecked: messages that no checksum covers.
        last_s: run time of the last message restored; what was logged later is lost.
    """

    source: str
    target: str
    sha256: str
    size: int
    complete: bool = False
    verified: int = 0
    losses: list[Loss] = field(default_factory=list)
    unchecked: int = 0
    took_unchecked: bool = False
    topics: dict[str, TopicRecovery] = field(default_factory=dict)
    last_s: float = 0.0
    last_utc: str = ""
    has_header: bool = False

    @property
    def messages(self) -> int:
        """Messages restored."""
        return sum(row.count for row in self.topics.values())

    @property
    def missing(self) -> int:
        """Messages known to be missing, by gaps in their sequences."""
        return sum(row.missing for row in self.topics.values())

    @property
    def ignored(self) -> int:
        """Bytes left out."""
        return sum(loss.size for loss in self.losses)

    def __str__(self) -> str:
        lines = [f"{self.target}: {self.messages} messages from {self.source}, {self.size} bytes"]
        if self.complete:
            return "\n".join([*lines, "nothing is missing: the source was whole"])
        lines.append(f"whole up to byte {self.verified}; {self.ignored} bytes left out:")
        lines += [f"  at byte {loss.at}, {loss.size} bytes: {loss.why}" for loss in self.losses[:20]]
        lines += [f"  and {len(self.losses) - 20} more places"] if len(self.losses) > 20 else []
        if self.unchecked:
            taken = "taken without proof" if self.took_unchecked else "left out; --unchecked takes them"
            lines.append(f"{self.unchecked} messages are covered by no checksum: {taken}")
        if self.messages:
            lines.append(f"last message at {self.last_s:.6f} s ({self.last_utc}); what was logged later is missing")
        lines += [f"  {row.topic}: {row.missing} missing ({row.first_gap})" for row in _with_gaps(self.topics)]
        if not self.has_header:
            lines.append(f"the run header ({RECORD}) is missing")
        return "\n".join(lines)


def recover(source: Path, target: Path, *, take_unchecked: bool = False, limits: Limits | None = None) -> Recovery:
    """Write what of `source` passes its checksums to the new log `target`; the source is left as it is.

    Raises:
        NotALogError: the source is no log at all, or cannot be read.
        TaskLogError: the target exists or cannot be written.
    """
    size, sha256 = _fingerprint(source)
    found = Recovery(str(source), str(target), sha256, size, took_unchecked=take_unchecked)
    pass_, file = salvaging(source, limits=limits, take_unchecked=take_unchecked)
    gaps = _Gaps(found.topics)
    with file, rewriting(target) as copy:
        for record in pass_.records():
            if isinstance(record, MessageRecord):
                gaps.add(record)
            elif isinstance(record, MetadataRecord) and record.name == RECORD:
                found.has_header, gaps.start_ns = True, start_time_ns(record)
            copy.add(record)
        found.complete, found.verified = pass_.complete, pass_.verified
        found.losses, found.unchecked = pass_.losses, pass_.unchecked
        found.last_s, found.last_utc = gaps.last()
        if not found.complete:
            copy.metadata(RECOVERED, _statement(found))
    return found


def _fingerprint(path: Path) -> tuple[int, str]:
    with opened(path) as file:
        try:
            digest = hashlib.file_digest(cast("BufferedReader", file), "sha256").hexdigest()
        except OSError as error:
            raise TaskLogError(f"{path}: cannot be read: {error.strerror}") from error
        return file.tell(), digest


def _statement(found: Recovery) -> dict[str, str]:
    """What the recovered log says of itself."""
    return {
        "source_sha256": found.sha256,
        "source_bytes": str(found.size),
        "verified_bytes": str(found.verified),
        "ignored_bytes": str(found.ignored),
        "messages": str(found.messages),
        "missing_in_gaps": str(found.missing),
        "unchecked_messages_taken": str(found.unchecked if found.took_unchecked else 0),
        "why": found.losses[0].why if found.losses else "",
    }


def _with_gaps(topics: dict[str, TopicRecovery]) -> list[TopicRecovery]:
    return [row for _, row in sorted(topics.items()) if row.missing]


class _Gaps:
    """Counts messages and the holes in their sequences, per channel."""

    def __init__(self, topics: dict[str, TopicRecovery]) -> None:
        self.start_ns: int | None = None
        self._topics = topics
        self._last: dict[int, tuple[ChannelRecord, int]] = {}
        self._last_ns = 0

    def add(self, record: MessageRecord) -> None:
        topic = record.channel.topic
        row = self._topics.setdefault(topic, TopicRecovery(topic))
        row.count += 1
        row.last_ns = max(row.last_ns, record.log_time_ns)
        self._last_ns = max(self._last_ns, record.log_time_ns)
        if self.start_ns is None:
            self.start_ns = record.log_time_ns
        before = self._last.get(id(record.channel), (record.channel, 0))[1]
        if record.sequence > before + 1:  # a writer that does not count writes 0 throughout
            row.missing += record.sequence - before - 1
            row.first_gap = row.first_gap or f"first {before + 1} to {record.sequence - 1}"
        self._last[id(record.channel)] = (record.channel, record.sequence)

    def last(self) -> tuple[float, str]:
        """Run time and UTC of the last message."""
        return (self._last_ns - (self.start_ns or 0)) * 1e-9, utc_text(self._last_ns)
