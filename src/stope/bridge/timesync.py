"""Time sync: which device time it is, how sure that is, from four stamps an exchange.

A burst of 20 exchanges at the start, then one a second. The sample in force is the one with the least uncertainty: half
its round trip (a delay that is all on one side shifts the offset by that much and no more) plus what two crystals may
have drifted apart since. Host times are nanoseconds of any monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

BURST = 20
BURST_SPACING_NS = 5_000_000
TRACK_NS = 1_000_000_000
ANSWER_NS = 500_000_000  #: a later answer belongs to nobody
DRIFT = 100e-6  #: two crystals of 50 ppm each, the usual worst part
KEPT = 32


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answered exchange: device time less host time, its round trip, and when it was made (host)."""

    offset_ns: int
    round_trip_ns: int
    at_ns: int

    def uncertainty_ns(self, now_ns: int) -> int:
        """Largest error of the offset at `now_ns`."""
        return self.round_trip_ns // 2 + int(DRIFT * max(now_ns - self.at_ns, 0))


class TimeSync:
    """Estimates device time. Sans-I/O: `due` says when to ask, `answered` takes the stamps."""

    def __init__(self) -> None:
        self._kept: deque[Exchange] = deque(maxlen=KEPT)
        self._asked: dict[int, None] = {}
        self._next_ns: int | None = None
        self._answers = 0
        self._best: Exchange | None = None

    @property
    def settled(self) -> bool:
        """Whether the burst is complete."""
        return self._answers >= BURST

    def due(self, now_ns: int) -> bool:
        """Whether a request shall be sent now; the caller sends it with `now_ns` as its first stamp."""
        if self._next_ns is not None and now_ns < self._next_ns:
            return False
        self._next_ns = now_ns + (TRACK_NS if self.settled else BURST_SPACING_NS)
        self._asked = {t: None for t in self._asked if now_ns - t < ANSWER_NS}
        self._asked[now_ns] = None
        return True

    def answered(self, host_tx_ns: int, device_rx_ns: int, device_tx_ns: int, now_ns: int) -> bool:
        """Take an answer; False for one that was never asked for, came twice, or cannot be true."""
        if host_tx_ns not in self._asked:
            return False
        del self._asked[host_tx_ns]
        held_ns = device_tx_ns - device_rx_ns
        round_trip_ns = now_ns - host_tx_ns - held_ns
        if held_ns < 0 or round_trip_ns < 0:
            return False
        offset_ns = (device_rx_ns + device_tx_ns) // 2 - (host_tx_ns + now_ns) // 2
        self._kept.append(Exchange(offset_ns, round_trip_ns, now_ns))
        self._answers += 1
        self._best = min(self._kept, key=lambda exchange: exchange.uncertainty_ns(now_ns))
        return True

    def uncertainty_us(self, now_ns: int) -> float:
        """Largest error of `device_us` in microseconds; infinite before the first answer."""
        return self._best.uncertainty_ns(now_ns) * 1e-3 if self._best else float("inf")

    def device_us(self, host_ns: int) -> int:
        """Device time at `host_ns`, microseconds.

        Raises:
            ValueError: nothing was answered yet.
        """
        if self._best is None:
            raise ValueError("device time is unknown before the first time-sync answer")
        return (host_ns + self._best.offset_ns) // 1000

    def host_ns(self, device_us: int) -> int:
        """Host time at which the device's clock shows `device_us`.

        Raises:
            ValueError: nothing was answered yet.
        """
        if self._best is None:
            raise ValueError("device time is unknown before the first time-sync answer")
        return device_us * 1000 - self._best.offset_ns
