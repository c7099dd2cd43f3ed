"""SHA-256 of a file's bytes: how a log is named when it is handed on."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stope.tasklog.errors import TaskLogError


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes.

    Raises:
        TaskLogError: it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TaskLogError(f"{path}: cannot be read: {error.strerror}") from error
