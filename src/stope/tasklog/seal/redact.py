"""Withhold topics: a log without them, which still verifies against the seal of the whole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from stope.tasklog.records import MessageRecord, MetadataRecord
from stope.tasklog.rewrite import rewriting
from stope.tasklog.scan import scan
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.salts import SALTS
from stope.tasklog.seal.subjects import REDACTED


def redact(source: Path, target: Path, topics: Collection[str]) -> dict[str, int]:
    """Copy the log without `topics` and their salts; how many messages of each were left out.

    Raises:
        NotALogError, TruncatedLogError, DamagedLogError: the source is not a whole log.
        SealError: a topic is not in it.
        TaskLogError: the target exists or cannot be written.
    """
    left_out = dict.fromkeys(topics, 0)
    before: set[str] = set()
    with rewriting(target) as copy:
        for record in scan(source):
            if isinstance(record, MessageRecord) and record.channel.topic in left_out:
                left_out[record.channel.topic] += 1
                continue
            if isinstance(record, MetadataRecord) and record.name == REDACTED:
                before = set(record.values.get("topics", "").split("\n"))
                continue
            if isinstance(record, MetadataRecord) and record.name == SALTS:
                kept = {topic: salt for topic, salt in record.values.items() if topic not in left_out}
                record = replace(record, values=kept)
            copy.add(record)
        absent = sorted(topic for topic, count in left_out.items() if not count)
        if absent:
            raise SealError(f"{source}: no messages on {', '.join(absent)}; stope log info lists the topics")
        copy.metadata(REDACTED, {"topics": "\n".join(sorted(before | left_out.keys()))})
    return left_out
