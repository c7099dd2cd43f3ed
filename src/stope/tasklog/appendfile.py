"""AppendFile: the file under a writer. New, unbuffered, append-only, and its failure is remembered, not raised."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from stope.tasklog.errors import TaskLogError


def hold(descriptor: int) -> None:
    """Mark a file as being written until it is closed or we are killed; nothing where the file system has no locks."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class AppendFile:
    """A new file that only grows, so that a kill leaves a clean prefix.

    A failing write is kept in `failure` and everything after it is swallowed: the MCAP writers sit between us and this
    file, and one of them prints to stderr for every message that it cannot write.

    Raises:
        TaskLogError: the file exists, or cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.failure: OSError | None = None
        try:
            self._fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o644)
        except FileExistsError:
            raise TaskLogError(f"{path}: exists; a log is never overwritten, choose another name") from None
        except OSError as error:
            raise TaskLogError(f"{path}: cannot be created: {error.strerror}") from error
        self._sync_directory()

    def hold(self) -> None:
        """See `hold`."""
        hold(self._fd)

    def write(self, data: bytes | bytearray) -> int:
        """Append all of `data`; the raw call may take less, so repeat it."""
        view = memoryview(data)
        while view and self.failure is None:
            try:
                done = os.write(self._fd, view)
            except OSError as error:
                self.failure = error
                break
            self.size += done
            view = view[done:]
        return len(data)

    def tell(self) -> int:
        """Bytes written."""
        return self.size

    def seek(self, offset: int, whence: int = 0) -> int:
        """Only to where the file ends already; foxglove-sdk asks for the position this way.

        Raises:
            OSError: anywhere else.
        """
        if (whence, offset) in ((os.SEEK_CUR, 0), (os.SEEK_SET, self.size), (os.SEEK_END, 0)) or self.failure:
            return self.size
        raise OSError(f"append-only file asked to seek to {offset} from {whence}")

    def flush(self) -> None:
        """Nothing is buffered here."""

    def sync(self) -> None:
        """Wait until the disk has it."""
        if self.failure is None:
            try:
                os.fsync(self._fd)
            except OSError as error:
                self.failure = error

    def close(self) -> None:
        """Close the descriptor. Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _sync_directory(self) -> None:
        """The name must survive a power cut too; not every system lets a directory be opened."""
        try:
            directory = os.open(self.path.parent, os.O_RDONLY)
        except OSError:
            return
        try:
            os.fsync(directory)
        except OSError:
            pass
        finally:
            os.close(directory)
