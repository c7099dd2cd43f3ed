"""The framer: a stream of bytes to whole frames; after a failure it re-scans from the next byte.

MAVLink stuffs no bytes, so a stock parser that meets a false length swallows good frames (measured: up to 2.4 a hit).
This one checks id and length at the tenth byte and gives up exactly one byte on any failure: lost frames = hit frames.
10 ms without a byte give up the first pending byte, so that a false length never holds back the frames behind it.
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
        self._table = table
        self._pending = bytearray()
        self._last_ns: int | None = None
        self.counters = FramerCounters()

    @property
    def pending(self) -> int:
        """Bytes that may still become a frame."""
        return len(self._pending)

    def feed(self, data: bytes, now_ns: int) -> list[Frame]:
        """Frames that are complete with `data`, which arrived at `now_ns`; call it without data to let time pass."""
        frames = self._after_silence(now_ns)
        if data:
            self._last_ns = now_ns
            self._pending += data
            frames += self._scan(0)
        return frames

    def _after_silence(self, now_ns: int) -> list[Frame]:
        frames: list[Frame] = []
        while self._pending and self._last_ns is not None and now_ns - self._last_ns >= SILENCE_NS:
            self.counters.timeouts += 1
            self.counters.skipped += 1
            frames += self._scan(1)
        return frames

    def _scan(self, start: int) -> list[Frame]:
        """All frames from `start` on; what cannot be decided yet stays pending."""
        data, counters = self._pending, self.counters
        frames: list[Frame] = []
        end, at = len(data), start
        while True:
            found = data.find(MAGIC, at)
            if found < 0:
                counters.skipped += end - at
                at = end
                break
            counters.skipped += found - at
            at = found
            length = self._length(at)
            if length == 0:
                break
            if length < 0:
                counters.bad_header += 1
            elif self._checksum_is_right(at, length):
                frames.append(_frame(data, at, length))
                at += length
                continue
            else:
                counters.bad_crc += 1
            counters.skipped += 1
            at += 1
        counters.frames += len(frames)
        del data[:at]
        return frames

    def _length(self, at: int) -> int:
        """Bytes of the candidate at `at`; 0 if more bytes are needed to tell, -1 if it is no frame."""
        data = self._pending
        have = len(data) - at
        if have > 2 and data[at + 2]:
            return -1  # signed, or flags of a version that we do not know
        if have < HEADER:
            return 0
        known = self._table.get(data[at + 7] | data[at + 8] << 8 | data[at + 9] << 16)
        payload = data[at + 1]
        if known is None or not 1 <= payload <= known[1]:
            return -1
        return payload + OVERHEAD if have >= payload + OVERHEAD else 0

    def _checksum_is_right(self, at: int, length: int) -> bool:
        data, end = self._pending, at + length
        seed = self._table[data[at + 7] | data[at + 8] << 8 | data[at + 9] << 16][0]
        return _crc(bytes(data[at + 1 : end - 2]) + seed) == data[end - 2] | data[end - 1] << 8


def _frame(data: bytearray, at: int, length: int) -> Frame:
    number = data[at + 7] | data[at + 8] << 8 | data[at + 9] << 16
    return Frame(number, data[at + 4], data[at + 5], data[at + 6], bytes(data[at + HEADER : at + length - 2]))
