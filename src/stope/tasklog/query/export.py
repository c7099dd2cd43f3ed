"""One log as Parquet: a file per topic, units in the columns' metadata."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from stope.tasklog.errors import TaskLogError
from stope.tasklog.export import topic_names
from stope.tasklog.query.tables import add_log


def export_parquet(log: Path, folder: Path, topics: Collection[str] | None = None) -> list[Path]:
    """Write `<table>.parquet` into `folder` for each of `topics` (all by default); existing ones are replaced.

    Where a topic has messages of two schemas, the second goes to `<table>-1.parquet`.

    Raises:
        TaskLogError: the log cannot be read, a topic is not in it, or a table cannot be written.
    """
    missing = sorted(set(topics or ()) - topic_names(log)) if topics else []
    if missing:
        raise TaskLogError(f"{log}: no messages on {', '.join(missing)}; stope log info lists the topics")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".parquet-") as scratch:
            digest = add_log(log, Path(scratch), topics)
            written = []
            for file in sorted(Path(scratch).glob("*/*.parquet")):
                target = folder / f"{file.parent.name}{file.stem.removeprefix(digest)}.parquet"
                os.replace(file, target)
                written.append(target)
    except OSError as error:
        raise TaskLogError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    return written
