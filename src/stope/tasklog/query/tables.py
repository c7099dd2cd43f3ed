"""A folder of Parquet tables: one folder a topic, one file a log, so that adding a log touches no other."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stope.tasklog.appendfile import hold
from stope.tasklog.errors import TaskLogError
from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.newfile import draft_of
from stope.tasklog.query.arrow import Rows
from stope.tasklog.reader import LogMessage, read

_BATCH = 4096
_ROW_GROUP = 65_536
MAX_TOPICS = 500
_DONE = "logs"
_OF_A_LOG = re.compile(r"([0-9a-f]{64})(-\d+)?\.parquet")


def table_name(topic: str) -> str:
    """A topic as a name in SQL: /robot/observation is robot_observation. Never a path."""
    text = re.sub(r"[^A-Za-z0-9]+", "_", topic).strip("_").lower()[:100] or "topic"
    return f"t_{text}" if text[0].isdigit() else text


def add_log(log: Path, folder: Path, topics: Collection[str] | None = None) -> str:
    """Add a log's topics to the tables and return its SHA-256, which is in column `log`. Once is enough.

    A truncated log is added as far as it can be read.

    Raises:
        TaskLogError: the log cannot be read, or the tables cannot be written.
    """
    digest = file_sha256(log)
    done = folder / _DONE / f"{digest}.txt"
    if done.exists():
        return digest
    try:
        with _drafting(folder, digest) as draft:
            for table, file in _written(log, draft, digest, topics):
                (folder / table).mkdir(exist_ok=True)
                os.replace(draft / table / file, folder / table / file)
        done.parent.mkdir(parents=True, exist_ok=True)
        done.write_text(f"{log.name}\n")
    except OSError as error:
        raise TaskLogError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    return digest


@contextmanager
def _drafting(folder: Path, digest: str) -> Iterator[Path]:
    """A folder for what is not whole yet, held by a lock as long as we live."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = draft_of(folder / digest)
    draft.mkdir()
    held = os.open(draft, os.O_RDONLY)
    try:
        hold(held)
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(held)


def _written(log: Path, folder: Path, digest: str, topics: Collection[str] | None) -> list[tuple[str, str]]:
    """Write the log's tables into `folder`; (table, file) of each."""
    writers: dict[tuple[str, int], _Writer] = {}
    numbers: dict[tuple[str, Any], int] = {}
    try:
        for found in read(log, topics, allow_truncated=True):
            if found.message is None:
                continue
            if found.log_time_ns >= 2**63:
                raise TaskLogError(f"{log}: {found.log_time_ns} ns since 1970 is no time that tables can hold")
            kind = (found.topic, found.message.DESCRIPTOR)
            number = numbers.setdefault(kind, sum(topic == found.topic for topic, _ in numbers))
            key = (table_name(found.topic), number)
            if key not in writers:
                if len(writers) >= MAX_TOPICS:
                    raise TaskLogError(f"{log}: more than {MAX_TOPICS} topics, too many for tables")
                writers[key] = _Writer(folder, key, digest, found)
            writers[key].add(found)
    finally:
        for writer in writers.values():
            writer.close()
    return [(table, writer.path.name) for (table, _), writer in writers.items()]


def datasets(folder: Path) -> dict[str, ds.Dataset]:
    """A dataset by table name; a column that some logs lack is null there.

    A log whose adding was cut short is not among them, so nobody counts a half of it.
    """
    found, done = {}, {path.stem for path in (folder / _DONE).glob("*.txt")}
    for topic in sorted(
        path for path in folder.iterdir() if path.is_dir() and path.name != _DONE and path.name[0] != "."
    ):
        files = sorted(str(file) for file in topic.glob("*.parquet") if not _cut_short(file, done))
        if files:
            schemas = (pq.read_schema(file) for file in files)
            found[topic.name] = ds.dataset(files, schema=_unified(schemas, topic.name), format="parquet")
    return found


def _cut_short(file: Path, done: set[str]) -> bool:
    log = _OF_A_LOG.match(file.name)
    return log is not None and log[1] not in done


def compact(folder: Path) -> dict[str, int]:
    """Merge each topic's files into one; how many there were. Rows stay sorted by log, and so by time."""
    merged = {}
    for name, table in datasets(folder).items():
        files = [Path(file) for file in table.files]
        merged[name] = len(files)
        if len(files) > 1:
            draft = folder / name / ".compact.part"
            with pq.ParquetWriter(draft, table.schema, compression="zstd") as writer:
                for rows in _gathered(table):
                    writer.write_table(rows, row_group_size=_ROW_GROUP)
            target = folder / name / f"compact-{len(list((folder / name).glob('compact-*'))):04d}-{len(files)}.parquet"
            os.replace(draft, target)
            for file in files:
                if file != target:
                    file.unlink()
    return merged


def _gathered(table: ds.Dataset) -> Iterator[pa.Table]:
    """The rows in row groups: as they come, a file's rows at a time, a thousand files would make as many groups."""
    waiting: list[pa.RecordBatch] = []
    for batch in table.to_batches(batch_size=_ROW_GROUP):
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= _ROW_GROUP:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


class _Writer:
    """One topic of one log."""

    def __init__(self, folder: Path, key: tuple[str, int], digest: str, sample: LogMessage) -> None:
        self._rows = Rows(sample.message.DESCRIPTOR, sample.channel.metadata)
        self._digest = digest
        self._waiting: list[list[Any]] = []
        suffix = f"-{key[1]}" if key[1] else ""
        self.path = folder / key[0] / f"{digest}{suffix}.parquet"
        self.path.parent.mkdir(exist_ok=True)
        self._writer = pq.ParquetWriter(self.path, self._rows.schema, compression="zstd")

    def add(self, found: LogMessage) -> None:
        fixed = [self._digest, found.sequence, found.time_us * 1e-6, found.log_time_ns, found.log_time_ns]
        self._waiting.append(fixed + self._rows.values(found.message))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            columns = zip(*self._waiting, strict=True)
            schema = self._rows.schema
            arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            self._waiting = []


def _unified(schemas: Iterable[pa.Schema], name: str) -> pa.Schema:
    try:
        return pa.unify_schemas([schema.remove_metadata() for schema in schemas], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise TaskLogError(f"table {name}: logs disagree about its columns: {error}") from error
