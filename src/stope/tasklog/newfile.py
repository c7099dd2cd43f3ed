"""A file that appears whole under its name, or not at all, and never in the place of another."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
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
    if not path.parent.is_dir():
        raise TaskLogError(f"{path}: cannot be created: {path.parent} is no folder")
    draft = draft_of(path)
    file = AppendFile(draft)
    try:
        file.hold()
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


def draft_of(path: Path) -> Path:
    """Where this process drafts `path`; drafts of it whose writers were killed are removed.

    A writer holds a lock on its draft, a file or a folder (`appendfile.hold`), which ends with it, however it ends.
    """
    for other in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        try:
            descriptor = os.open(other, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(other) if other.is_dir() else other.unlink(missing_ok=True)
        except OSError:
            pass  # somebody writes it, or the file system has no locks
        finally:
            os.close(descriptor)
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _publish(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)  # a rename would replace what another process has put there meanwhile
    except FileExistsError:
        raise TaskLogError(f"{path}: exists; nothing is overwritten, choose another name") from None
    except FileNotFoundError:
        raise TaskLogError(
            f"{path}: cannot be written: its draft was removed; does another process write it?"
        ) from None
    except OSError:  # a file system without hard links
        os.replace(draft, path)


def made_folder(path: Path) -> None:
    """Make a folder and those above it where they are not there.

    Raises:
        TaskLogError: it cannot be.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TaskLogError(f"{path}: cannot be a folder: {error.strerror}") from error
