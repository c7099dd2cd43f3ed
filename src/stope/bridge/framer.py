"""The framer: a stream of bytes to whole frames; after a failure it re-scans from the next byte.

MAVLink stuffs no bytes, so a stock parser that meets a false length swallows good frames (measured: up to 2.4 a hit).
This one checks id and length at the tenth byte and gives up exactly one byte on any failure: lost frames = hit frames.
10 ms without a byte (looked for, and not there) give up the first pending byte, so that a false length never holds
back the frames behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import fastcrc

from stope.bridge.codec import HEADER, MAGIC, OVERHEAD, Frame

SILENCE_NS = 10_000_000

_crc = fastcrc.crc16.mcrf4xx


@dataclass(slots=True)
class FramerCounters:
    """What went by.

    Attributes:
        frames: whole ones; bad_crc, bad_header: candidates given up; skipped: bytes that belong to no frame.
        timeouts: pending first bytes given up after silence.
    """

    frames: int = 0
    bad_crc: int = 0
    bad_header: int = 0
    skipped: int = 0
    timeouts: int = 0


class Framer:
    """Bytes in, frames out.

    Args:
        table: id -> (seed of the checksum, longest payload); any other id is no frame.
    """

    def __init__(self, table: Mapping[int, tuple[bytes, int]]) -> None:
        self._table = {number.to_bytes(3, "little"): (number, seed, size) for number, (seed, size) in table.items()}
        self._pending = b""
        self._last_ns: int | None = None
        self.counters = FramerCounters()

    @property
    def pending(self) -> int:
        """Bytes that may still become a frame."""
        return len(self._pending)

    def feed(self, data: bytes, now_ns: int) -> list[Frame]:
        """Frames that are complete with `data`, which arrived at `now_ns`; call it without data to let time pass."""
        if not data:
            return self._after_silence(now_ns)
        self._last_ns = now_ns  # whatever the clock says: bytes that waited while this host did were no silence
        self._pending = self._pending + data if self._pending else data
        return self._scan(0)

    def _after_silence(self, now_ns: int) -> list[Frame]:
        frames: list[Frame] = []
        while self._pending and self._last_ns is not None and now_ns - self._last_ns >= SILENCE_NS:
            self.counters.timeouts += 1
            self.counters.skipped += 1
            frames += self._scan(1)
        return frames

    def _scan(self, at: int) -> list[Frame]:
        """All frames from index `at` on; what cannot be decided yet stays pending."""
        data, table, frames, bad_crc, bad_header = self._pending, self._table, [], 0, 0
        end, start, good = len(data), at, 0
        while (at := data.find(MAGIC, at)) >= 0:
            have = end - at
            if have > 2 and data[at + 2]:  # signed, or flags of a version that we do not know
                bad_header += 1
                at += 1
                continue
            if have < HEADER:
                break
            length = data[at + 1]
            known = table.get(data[at + 7 : at + HEADER])
            if known is None or not 1 <= length <= known[2]:
                bad_header += 1
                at += 1
                continue
            if have < length + OVERHEAD:
                break
            last = at + HEADER + length
            number, seed, _ = known
            if _crc(data[at + 1 : last] + seed) != data[last] | data[last + 1] << 8:
                bad_crc += 1
                at += 1
                continue
            frames.append(Frame(number, data[at + 4], data[at + 5], data[at + 6], data[at + HEADER : last]))
            at = last + 2
            good += length + OVERHEAD
        if at < 0:
            at = end
        self._pending = data[at:]
        self._count(len(frames), bad_crc, bad_header, at - start - good)
        return frames

    def _count(self, frames: int, bad_crc: int, bad_header: int, skipped: int) -> None:
        counters = self.counters
        counters.frames += frames
        counters.bad_crc += bad_crc
        counters.bad_header += bad_header
        counters.skipped += skipped
