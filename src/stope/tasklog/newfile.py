"""A file that appears whole under its name, or not at all, and never in the place of another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stope.tasklog.appendfile import AppendFile
from stope.tasklog.errors import TaskLogError


@contextmanager
def new_file(path: Path) -> Iterator[AppendFile]:
    """A draft beside `path` that takes its name when the block ends well, after the disk has it.

    Raises:
        TaskLogError: `path` exists, or cannot be written.
    """
    path = Path(path)
    if path.exists():
        raise TaskLogError(f"{path}: exists; nothing is overwritten, choose another name")
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    draft.unlink(missing_ok=True)  # of a process with our number, so it is gone
    file = AppendFile(draft)
    try:
        yield file
        file.sync()
        if file.failure is not None:
            raise TaskLogError(f"{path}: cannot be written: {file.failure.strerror}")
        file.close()
        _publish(draft, path)
    finally:
        file.close()
        draft.unlink(missing_ok=True)


def write_new(path: Path, data: bytes) -> None:
    """Write `data` to a new file.

    Raises:
        TaskLogError: `path` exists, or cannot be written.
    """
    with new_file(path) as file:
        file.write(data)


def _publish(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)  # a rename would replace what another process has put there meanwhile
    except FileExistsError:
        raise TaskLogError(f"{path}: exists; nothing is overwritten, choose another name") from None
    except OSError:  # a file system without hard links
        os.replace(draft, path)
