"""Keeps a device in virtual time at the wall's: it never runs ahead, and what a busy machine makes it late by is told.

A period whose work is done early waits for its end. One that is late is followed by others without a wait until the
wall is caught up with; a stall that would take too long for that (a machine asleep, code being compiled) is given up.
The device's own clock stands still meanwhile: late is late for who watches, and never a missed deadline in the device.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stope.bridge.transport import Clock

LATE_S = 1e-3  #: a period that ends so much after its time is called late
BEHIND_S = 0.25  #: a stall longer than this is not caught up with


@dataclass(frozen=True, slots=True)
class Punctuality:
    """How a run in real time was: of `periods` control periods `late` ended more than 1 ms after their time.

    Attributes:
        p50_ms, p99_ms, worst_ms: how long after their time all of them ended, stalls apart.
        stalls, stalled_s: how often, and how long in all, the wall went on without the device.
    """

    periods: int
    late: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    stalls: int
    stalled_s: float

    def line(self) -> str:
        """For people."""
        after = f"{self.p50_ms:.1f}, {self.p99_ms:.1f}, {self.worst_ms:.0f} ms after their time (p50, p99, worst)"
        told = f"{self.late} of {self.periods} control periods late; {after}"
        if not self.stalls:
            return told
        return f"{told}; {self.stalls} stalls, {self.stalled_s:.1f} s, in which the device's clock stood"


def _sleep(for_s: float) -> None:
    select.select([], [], [], for_s)


class Pace:
    """Call `keep` at the end of each period.

    Args:
        clock: the wall; sleep: waits for so many seconds of it.
    """

    def __init__(self, clock: Clock, sleep: Callable[[float], None] = _sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._zero_s: float | None = None
        self._after_s: list[float] = []
        self._stalls: list[float] = []

    def keep(self, now_us: int) -> None:
        """Wait until the wall has come to `now_us` of the device's time; the first call says where it begins."""
        wall_s, now_s = self._clock.now_s(), now_us * 1e-6
        if self._zero_s is None:
            self._zero_s = wall_s - now_s
            return
        after_s = wall_s - self._zero_s - now_s
        if after_s > BEHIND_S:
            self._stalls.append(after_s)
            self._zero_s = wall_s - now_s
            return
        if after_s < 0.0:
            self._sleep(-after_s)
            after_s = self._clock.now_s() - self._zero_s - now_s
        self._after_s.append(max(after_s, 0.0))

    def punctuality(self) -> Punctuality:
        """What came of it so far."""
        after_ms = 1e3 * np.array(self._after_s or [0.0])
        p50, p99 = np.percentile(after_ms, [50, 99]).tolist()
        return Punctuality(
            periods=len(self._after_s) + len(self._stalls),
            late=int(np.count_nonzero(after_ms > 1e3 * LATE_S)) + len(self._stalls),
            p50_ms=p50,
            p99_ms=p99,
            worst_ms=float(after_ms.max()),
            stalls=len(self._stalls),
            stalled_s=sum(self._stalls),
        )
