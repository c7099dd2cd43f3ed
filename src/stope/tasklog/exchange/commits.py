"""Numbered commits: each names the logs that one push added, and the digest of the commit before.

A commit is claimed by creating its number. Two pushers who want the same number: one gets it, the other reads that one
and takes the next. There is no pointer to the newest, so nothing can point wrongly after a kill.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stope.tasklog.errors import TaskLogError
from stope.tasklog.exchange.store import Store

FORMAT = "stope.commit/1"
MAX_COMMIT = 16 * 1024 * 1024
MAX_LOG = 64 * 1024**3
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Commit:
    """A push, read back. `logs` are catalogue rows, each with its `seals`."""

    number: int
    sha256: str
    logs: tuple[dict[str, Any], ...]


def commit_path(number: int) -> str:
    """Where a commit lies."""
    return f"commits/{number:012d}.json"


def object_path(sha256: str) -> str:
    """Where an object lies."""
    return f"objects/{sha256[:2]}/{sha256[2:]}"


def commits(store: Store, after: int = 0, previous: str = "") -> Iterator[Commit]:
    """The commits after number `after`, whose digest is `previous`, in order; each is checked against the one before.

    Raises:
        TaskLogError: a commit cannot be read, or history was rewritten.
    """
    number = after
    while True:
        number += 1
        data = store.read(commit_path(number), MAX_COMMIT)
        if data is None:
            return
        found = _parsed(store, number, data, previous if number > 1 else "")
        previous = found.sha256
        yield found


def first_commit(store: Store) -> Commit:
    """What every store has to which somebody has pushed.

    Raises:
        TaskLogError: it is not there, or cannot be read.
    """
    for found in commits(store):
        return found
    raise TaskLogError(f"{store.where}: holds no commit: nothing was pushed there, or it is no store of logs")


def claim(store: Store, logs: list[dict[str, Any]], at: str, newest: Commit | None) -> Commit:
    """Write the next commit.

    Raises:
        TaskLogError: the store cannot be written, or a thousand others were quicker.
    """
    for _ in range(_TRIES):
        for found in commits(store, newest.number if newest else 0, newest.sha256 if newest else ""):
            newest = found
        number, previous = (newest.number + 1, newest.sha256) if newest else (1, "")
        plain = {"format": FORMAT, "number": number, "previous": previous, "at": at, "logs": logs}
        data = json.dumps(plain, sort_keys=True).encode()
        if len(data) > MAX_COMMIT:
            raise TaskLogError(f"{store.where}: a commit of {len(data)} bytes; push fewer logs at a time")
        if store.create(commit_path(number), data):
            return Commit(number, hashlib.sha256(data).hexdigest(), tuple(logs))
    raise TaskLogError(f"{store.where}: {_TRIES} others pushed meanwhile; try again")


def _parsed(store: Store, number: int, data: bytes, previous: str) -> Commit:
    where = f"{store.where}/{commit_path(number)}"
    try:
        plain = json.loads(data)
        if plain["format"] != FORMAT or plain["number"] != number:
            raise ValueError(f"read {plain['format']!r} number {plain['number']!r}, expected {FORMAT} {number}")
        if previous and plain["previous"] != previous:
            raise TaskLogError(
                f"{where}: follows {str(plain['previous'])[:12]}, expected {previous[:12]}: history was rewritten"
            )
        logs = tuple(_row(row) for row in plain["logs"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TaskLogError(f"{where}: is no commit: {error}") from error
    return Commit(number, hashlib.sha256(data).hexdigest(), logs)


def _row(row: Any) -> dict[str, Any]:
    """A catalogue row that may be used: digests are digests, since they become paths."""
    digests = [row["sha256"], *row.get("seals", ()), *([row["first"]] if "first" in row else [])]
    if not all(isinstance(digest, str) and _SHA256.fullmatch(digest) for digest in digests):
        raise ValueError("a digest that is no SHA-256")
    size = row["size"]
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= MAX_LOG:
        raise ValueError(f"a log of {size!r} bytes")
    if (
        type(row.get("part", 2)) is not int
        or not 2 <= row.get("part", 2) < 1_000_000
        or ("part" in row) != ("first" in row)
    ):
        raise ValueError(f"part {row.get('part')!r} of a log")
    if not isinstance(row["name"], str) or not isinstance(row.get("topics", []), list):
        raise ValueError("a log without name, or topics that are no list")
    return dict(row)
