"""Read a file that is meant to be small."""

from __future__ import annotations

from pathlib import Path

from stope.tasklog.seal.errors import SealError


def read_small(path: Path, limit: int) -> bytes:
    """All of a file of at most `limit` bytes.

    Raises:
        SealError: it cannot be read, or is larger.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise SealError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise SealError(f"{path}: larger than {limit} bytes, the limit for such a file")
    return data
