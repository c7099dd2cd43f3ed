"""Export to CSV: one table per topic, units in the head, arrays spread over named columns."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from stope.tasklog.errors import TaskLogError
from stope.tasklog.header import RECORD, RunHeader, utc_text
from stope.tasklog.reader import read
from stope.tasklog.records import AttachmentRecord, MessageRecord, MetadataRecord
from stope.tasklog.scan import scan
from stope.tasklog.table import Column, Table, cell


def export_csv(path: Path, out_dir: Path, topics: Collection[str] | None = None) -> list[Path]:
    """Write `<topic>.csv` into `out_dir` for each of `topics` (all by default) and return what was written.

    Columns: `time_s [s]` (run time), `utc`, then the fields, `name [unit]`. Enumerations are written as names, raw
    bytes as their length. A truncated log is exported as far as it goes. Existing tables are replaced.

    Raises:
        TaskLogError: the log cannot be read, a topic is not in it, or a table cannot be written.
    """
    columns = _columns(path, topics)
    missing = sorted(set(topics or ()) - set(columns))
    if missing:
        there = ", ".join(sorted(topic_names(path))) or "no topic at all"
        raise TaskLogError(f"{path}: no messages on {', '.join(missing)}; there is {there}")
    targets = file_names(columns)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        return _write_tables(path, out_dir, columns, targets)
    except OSError as error:
        raise TaskLogError(f"{error.filename or out_dir}: cannot be written: {error.strerror}") from error


def topic_names(path: Path) -> set[str]:
    """Topics with messages in a log, as far as it can be read."""
    return {found.topic for found in read(path, allow_truncated=True)}


def file_names(topics: Collection[str]) -> dict[str, str]:
    """A file name per topic; a partner's topic can neither leave the folder nor take another's file."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for topic in sorted(topics):
        stem = re.sub(r"[^A-Za-z0-9-]+", "_", topic).strip("_")[:100] or "topic"
        while stem.lower() in taken:  # some file systems ignore case
            stem += "_"
        taken.add(stem.lower())
        names[topic] = f"{stem}.csv"
    return names


def _columns(path: Path, topics: Collection[str] | None) -> dict[str, list[Column]]:
    """First pass: the columns of each topic, whose number depends on the longest arrays."""
    header = _header(path)
    tables: dict[str, Table] = {}
    descriptors: dict[str, Any] = {}
    for found in read(path, topics, allow_truncated=True):
        if found.message is not None:
            if found.topic not in tables:
                tables[found.topic] = Table(header, found)
            seen, new = descriptors.get(found.topic), found.message.DESCRIPTOR
            descriptors[found.topic] = new if seen is None or len(new.fields) > len(seen.fields) else seen
            tables[found.topic].widen(found.message)
    return {topic: table.columns(descriptors[topic]) for topic, table in tables.items()}


def _write_tables(
    path: Path, out_dir: Path, columns: Mapping[str, list[Column]], targets: Mapping[str, str]
) -> list[Path]:
    """Second pass, into drafts that take their final names when all are whole."""
    drafts = {topic: out_dir / f"{name}.part" for topic, name in targets.items()}
    try:
        with ExitStack() as stack:
            writers = {}
            for topic, draft in drafts.items():
                writers[topic] = csv.writer(stack.enter_context(draft.open("w", newline="", encoding="utf-8")))
                writers[topic].writerow(["time_s [s]", "utc", *(column.head for column in columns[topic])])
            for found in read(path, columns.keys(), allow_truncated=True):
                if found.message is not None:
                    cells = [cell(column, found.message) for column in columns[found.topic]]
                    writers[found.topic].writerow([_seconds(found.time_us), utc_text(found.log_time_ns), *cells])
        for topic, draft in drafts.items():
            os.replace(draft, out_dir / targets[topic])
    except BaseException:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        raise
    return [out_dir / name for name in targets.values()]


def _header(path: Path) -> RunHeader | None:
    """The run header; it stands before the first message. None, so indices for names, where it cannot be used."""
    run: Mapping[str, str] = {}
    attachments: dict[str, bytes] = {}
    for record in scan(path):
        if isinstance(record, MetadataRecord) and record.name == RECORD:
            run = record.values
        elif isinstance(record, AttachmentRecord) and record.data is not None:
            attachments[record.name] = record.data
        elif isinstance(record, MessageRecord):
            break
    try:
        return RunHeader.from_log(run, attachments) if run else None
    except TaskLogError:
        return None


def _seconds(time_us: int) -> str:
    sign, magnitude = ("-" if time_us < 0 else ""), abs(time_us)
    return f"{sign}{magnitude // 1_000_000}.{magnitude % 1_000_000:06d}"
