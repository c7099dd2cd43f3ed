"""Where logs are kept: a folder, an S3 bucket, or a static web server (to read). All through obstore.

One verb writes, "create if it is not there": it is the only one that a folder and a bucket both do in one step, so
there is no file anywhere that changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import HTTPStore, LocalStore, S3Store

from stope.tasklog.errors import TaskLogError

_CHUNK = 4 * 1024 * 1024


class Store:
    """A place for immutable objects.

    Args:
        where: a folder, `file://`, `s3://bucket/prefix` (credentials and endpoint from the AWS_ variables), or
            `http(s)://` of a server with the same files, to read.
        create: make the folder.

    Raises:
        TaskLogError: another scheme, or no such folder.
    """

    def __init__(self, where: str, *, create: bool = False) -> None:
        self.where = where
        scheme = where.partition("://")[0].lower() if "://" in where else "file"
        self.writable = scheme in ("file", "s3")
        try:
            if scheme == "file":
                folder = Path(where.removeprefix("file://"))
                if not create and not folder.is_dir():
                    raise TaskLogError(f"{where}: no such folder; stope share push makes it")
                self._store: Any = LocalStore(folder, mkdir=create)
            elif scheme == "s3":
                self._store = S3Store.from_url(where, client_options={"allow_http": True})
            elif scheme in ("http", "https"):
                self._store = HTTPStore.from_url(where, client_options={"allow_http": True})
            else:
                raise TaskLogError(f"{where}: read {scheme}://, expected a folder, s3:// or http(s)://")
        except (BaseError, ValueError, OSError) as error:
            raise TaskLogError(f"{where}: cannot be opened: {_sentence(error)}") from error

    def create(self, path: str, data: bytes | Path) -> bool:
        """Write an object unless it is there; True when it was written.

        Raises:
            TaskLogError: the store cannot be written.
        """
        if not self.writable:
            raise TaskLogError(f"{self.where}: a web server can only be read")
        try:
            obstore.put(self._store, path, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise TaskLogError(f"{self.where}/{path}: cannot be written: {_sentence(error)}") from error
        return True

    def read(self, path: str, limit: int) -> bytes | None:
        """An object of at most `limit` bytes; None when it is not there.

        Raises:
            TaskLogError: larger, or the store cannot be read.
        """
        found = bytearray()
        for part in self.parts(path):
            found += part
            if len(found) > limit:
                raise TaskLogError(f"{self.where}/{path}: larger than {limit} bytes")
        return bytes(found) if found else None

    def parts(self, path: str) -> Iterator[bytes]:
        """An object piece by piece; nothing when it is not there (no object here is empty).

        Raises:
            TaskLogError: the store cannot be read.
        """
        try:
            for part in obstore.get(self._store, path).stream(min_chunk_size=_CHUNK):
                yield bytes(part)
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise TaskLogError(f"{self.where}/{path}: cannot be read: {_sentence(error)}") from error

    def names(self, prefix: str) -> list[str]:
        """Objects below `prefix`; a web server cannot list, so the caller must know what to ask for.

        Raises:
            TaskLogError: the store cannot be listed.
        """
        try:
            return sorted(str(row["path"]) for batch in obstore.list(self._store, prefix) for row in batch)
        except (BaseError, OSError) as error:
            raise TaskLogError(f"{self.where}: cannot be listed: {_sentence(error)}") from error


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
