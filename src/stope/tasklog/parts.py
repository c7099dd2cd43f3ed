"""Parts: a log that went on in further files, and how they are one log again.

`run.mcap` goes on in `run.0002.mcap`, `run.0003.mcap`, ... Each is a whole log with the run's header, and says in
metadata record `stope.part` which number it has and the SHA-256 of the file before: a part that is missing or changed
is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stope.tasklog.errors import DamagedLogError, NotALogError, TaskLogError, TruncatedLogError
from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.header import RECORD
from stope.tasklog.records import AttachmentRecord, ChannelRecord, MessageRecord, MetadataRecord, Record
from stope.tasklog.rewrite import rewriting
from stope.tasklog.scan import scan

PART = "stope.part"
CHECKPOINTS = "/audit/checkpoint"
_PART_NAME = re.compile(r"(.+)\.(\d{4,6})\.mcap")


def part_path(first: Path, number: int) -> Path:
    """Where part `number` of the log that begins in `first` lies."""
    return first.with_name(f"{first.name.removesuffix('.mcap')}.{number:04d}.mcap")


def part_record(number: int, before: Path) -> dict[str, str]:
    """What part `number` says of itself; `before` is finished."""
    return {"number": str(number), "previous_sha256": file_sha256(before)}


def parts_of(path: Path) -> list[Path]:
    """The files of the log that begins in `path`, in order, as far as they lie there without a hole.

    A part that is named itself stands alone.
    """
    found = [path]
    if _PART_NAME.fullmatch(path.name):
        return found
    while (following := part_path(path, len(found) + 1)).is_file():
        found.append(following)
    return found


@dataclass(frozen=True, slots=True)
class Joined:
    """What was put together: messages by topic, from so many parts."""

    parts: int
    counts: dict[str, int]


def chain_problems(parts: list[Path]) -> list[str]:
    """Why these files are not the parts of one log, in sentences; empty when they are."""
    if len(parts) == 1:
        return []
    problems = []
    run: dict[str, str] = {}
    for number, path in enumerate(parts, 1):
        head = _head(path)
        said = head.get(PART, {})
        if number == 1:
            run = head.get(RECORD, {})
            if said:
                problems.append(f"{path}: is part {said.get('number', '?')[:20]}; the log begins in another file")
            continue
        if said.get("number") != str(number):
            problems.append(f"{path}: says that it is part {said.get('number', 'none')[:20]}, expected {number}")
        elif said.get("previous_sha256") != file_sha256(parts[number - 2]):
            problems.append(
                f"{path}: does not follow {parts[number - 2].name} as it is now: that was changed or replaced"
            )
        if head.get(RECORD) != run:
            problems.append(f"{path}: is of another run than {parts[0].name}")
    return problems


def join(first: Path, target: Path) -> Joined:
    """Write all parts of the log that begins in `first` as one log, sequences going on: what it would have been in one
    file, with the same payload digest.

    Raises:
        TaskLogError: the parts are not those of one log, one is broken (but the last), or the target cannot be written.
    """
    parts = parts_of(first)
    problems = chain_problems(parts)
    if problems:
        raise TaskLogError(problems[0])
    counts: dict[str, int] = {}
    with rewriting(target) as copy:
        for record in _records(parts):
            if isinstance(record, MessageRecord):
                topic = record.channel.topic
                counts[topic] = counts.get(topic, 0) + 1
                record = replace(record, sequence=counts[topic])
            copy.add(record)
    return Joined(len(parts), counts)


def _records(parts: list[Path]) -> Iterator[Record]:
    """Messages of all parts, on the channels of the first that has them; header and salts of the first part only.

    Checkpoints are left out: each part has a chain of its own, over its own salts.
    """
    channels: dict[tuple[object, ...], ChannelRecord] = {}
    for number, path in enumerate(parts):
        for record in scan(path):
            if isinstance(record, MessageRecord):
                if record.channel.topic != CHECKPOINTS:
                    channel = channels.setdefault(_definition(record.channel), record.channel)
                    yield replace(record, channel=channel)
            elif not number or not isinstance(record, MetadataRecord | AttachmentRecord):
                yield record


def _definition(channel: ChannelRecord) -> tuple[object, ...]:
    """All of a channel but the numbers that a file gives it."""
    schema = channel.schema
    known = (schema.name, schema.encoding, schema.data) if schema else ()
    return (channel.topic, channel.encoding, tuple(sorted(channel.metadata.items())), known)


def _head(path: Path) -> dict[str, dict[str, str]]:
    """Metadata records at the beginning of a file."""
    found: dict[str, dict[str, str]] = {}
    try:
        for record in scan(path):
            if isinstance(record, MetadataRecord):
                found.setdefault(record.name, dict(record.values))
            elif isinstance(record, MessageRecord):
                break
    except (TruncatedLogError, DamagedLogError, NotALogError) as error:
        if not found:
            raise TaskLogError(str(error)) from error
    return found
