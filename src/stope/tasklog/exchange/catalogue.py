"""The catalogue: what a commit says of each log, so that one can search without fetching."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.info import describe

_FROM_HEADER = ("mission", "body", "robot", "team", "licence", "stope_version")


def describe_log(log: Path) -> dict[str, Any]:
    """One row: name, digest, size, run header, and a row per topic.

    Raises:
        NotALogError: it is none.
    """
    info = describe(log)
    return {
        "name": log.name[:200],
        "sha256": file_sha256(log),
        "size": info.size_bytes,
        "complete": info.complete,
        "start_utc": info.start_utc,
        "duration_s": info.duration_s,
        "messages": info.messages,
        "seed": info.header.seed if info.header else 0,
        **{key: getattr(info.header, key)[:500] if info.header else "" for key in _FROM_HEADER},
        "topics": [
            {"topic": t.topic, "schema": t.schema, "count": t.count, "first_s": t.first_s, "last_s": t.last_s}
            for t in info.topics[:1000]
        ],
    }
