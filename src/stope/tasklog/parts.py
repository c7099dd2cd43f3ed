"""Parts: a log that went on in further files, and how they are read as one log again.

`run.mcap` goes on in `run.0002.mcap`, `run.0003.mcap`, ... Each is a whole log with the run's header, and says in
metadata record `stope.part` which number it has and the SHA-256 of the file before: a part that is missing or changed
is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from stope.tasklog.errors import DamagedLogError, NotALogError, TaskLogError, TruncatedLogError
from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.header import RECORD
from stope.tasklog.records import AttachmentRecord, ChannelRecord, HeaderRecord, MessageRecord, MetadataRecord, Record
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


def first_of(path: Path) -> Path:
    """Where the log would begin of which this is a part by its name; the path itself where it is none."""
    found = _PART_NAME.fullmatch(path.name)
    return path.with_name(f"{found[1]}.mcap") if found else path


def parts_of(path: Path) -> list[Path]:
    """The files of the log that begins in `path`, in order, as far as they lie there without a hole.

    A part that is named itself stands alone. A last file without a run header is none of them: `begun_after` has it.
    """
    found = [path]
    if _PART_NAME.fullmatch(path.name):
        return found
    while (following := part_path(path, len(found) + 1)).is_file():
        found.append(following)
    if len(found) > 1 and RECORD not in _head(found[-1]):
        found.pop()
    return found


def begun_after(parts: list[Path]) -> Path | None:
    """The file that was begun after these and holds nothing: the recorder was killed as it went on."""
    following = part_path(parts[0], len(parts) + 1)
    return following if not _PART_NAME.fullmatch(parts[0].name) and following.is_file() else None


def chain_problems(parts: list[Path]) -> list[str]:
    """Why these files are not the parts of one log, in sentences; empty when they are."""
    problems = []
    run: dict[str, str] = {}
    for number, path in enumerate(parts, 1) if len(parts) > 1 else ():
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


def begun_problem(parts: list[Path]) -> str:
    """What is to be said of the file that `begun_after` finds; empty when there is none."""
    begun = begun_after(parts)
    return f"{begun}: was begun and holds nothing: the recorder was killed as it went on there" if begun else ""


def scan_log(first: Path) -> Iterator[Record]:
    """Yield what the log that begins in `first` would hold in one file: see `stope.tasklog.scan.scan`.

    Sequences go on from part to part. Header and salts are those of the first part. Checkpoints of a log in parts are
    left out: each part has a chain of its own, over its own salts.

    Raises:
        TaskLogError: the parts are not those of one log, or one cannot be read; what was yielded before is whole.
    """
    parts = parts_of(first)
    problems = chain_problems(parts)
    if problems:
        raise TaskLogError(problems[0])
    yield from scan(first) if len(parts) == 1 else _joined(parts)
    if problem := begun_problem(parts):
        raise TruncatedLogError(problem)


def _joined(parts: list[Path]) -> Iterator[Record]:
    channels: dict[tuple[object, ...], ChannelRecord] = {}
    counts: dict[str, int] = {}
    for number, path in enumerate(parts):
        for record in scan(path):
            if isinstance(record, MessageRecord):
                topic = record.channel.topic
                if topic != CHECKPOINTS:
                    channel = channels.setdefault(_definition(record.channel), record.channel)
                    counts[topic] = counts.get(topic, 0) + 1
                    yield replace(record, channel=channel, sequence=counts[topic])
            elif not number or not isinstance(record, MetadataRecord | AttachmentRecord | HeaderRecord):
                yield record


def _definition(channel: ChannelRecord) -> tuple[object, ...]:
    """All of a channel but the numbers that a file gives it."""
    schema = channel.schema
    known = (schema.name, schema.encoding, schema.data) if schema else ()
    return (channel.topic, channel.encoding, tuple(sorted(channel.metadata.items())), known)


def _head(path: Path) -> dict[str, dict[str, str]]:
    """Metadata records at the beginning of a file; none where it cannot be read."""
    found: dict[str, dict[str, str]] = {}
    try:
        for record in scan(path):
            if isinstance(record, MetadataRecord):
                found.setdefault(record.name, dict(record.values))
            elif isinstance(record, MessageRecord):
                break
    except (TruncatedLogError, DamagedLogError, NotALogError):
        pass  # who reads all of it says what is wrong
    return found
