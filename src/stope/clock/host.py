"""HostClock: the wall, for the few host matters that are not logic.

Allowed users (checked by the lint's banned-api rule): recorder flush, link time-outs, progress lines, benchmarks.
"""

from __future__ import annotations

import time


class HostClock:
    """Monotonic host time in seconds. Injectable, so that tests of its users need no sleep."""

    __slots__ = ()

    def now_s(self) -> float:
        """Seconds on the host's monotonic clock; only differences mean anything."""
        return time.perf_counter()
