"""When a log goes on in a new file, as a person writes it: "60s", "10min", "64MB"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stope.tasklog.errors import TaskLogError

_SECONDS = {"s": 1, "min": 60, "h": 3600}
_BYTES = {"kB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_WRITTEN = re.compile(r"(\d{1,9})\s*([A-Za-z]+)")
_LEAST_BYTES = 100_000  # every part holds mission, robot and schemas again, about 50 kB


@dataclass(frozen=True, slots=True)
class PartLimits:
    """Run time and size of a part; None for no limit."""

    time_s: int | None = None
    size_bytes: int | None = None


def part_limits(text: str) -> PartLimits:
    """What `text` says; an empty text is no limit.

    Raises:
        TaskLogError: it is no time and no size, or too little for a part.
    """
    if not text:
        return PartLimits()
    found = _WRITTEN.fullmatch(text.strip())
    number, unit = (int(found[1]), found[2]) if found else (0, "")
    if unit in _SECONDS and number >= 1:
        return PartLimits(time_s=number * _SECONDS[unit])
    if unit in _BYTES and number * _BYTES[unit] >= _LEAST_BYTES:
        return PartLimits(size_bytes=number * _BYTES[unit])
    raise TaskLogError(
        f"--rotate-every: read '{text}', expected a time from 1s (60s, 10min, 2h) or a size from 100kB (64MB)"
    )
