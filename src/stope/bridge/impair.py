"""A bad line, as arithmetic: bytes in, the same bytes late, fewer, other or twice out. No port, no clock, no thread.

Every fault draws from its own named stream of the seed, so that adding one fault never moves another.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from stope.mission.streams import random_stream

PIECE = 16  #: bytes that a slow line delivers at a time
BACKLOG_NS = 20_000_000  #: a line that is busy for longer takes nothing more: whoever sends must wait or drop
BITS_PER_BYTE = 10  #: 8N1


@dataclass(frozen=True, slots=True)
class Faults:
    """What one direction of a line does to bytes.

    Attributes:
        baud: line rate, 0 for no limit; latency_s, jitter_s: delay, and what is added to it evenly at random.
        flip, drop, duplicate: chance per byte that a bit flips, that it is lost, that it comes twice.
        repeat: chance that a whole delivery comes twice (a frame, on a quiet line).
    """

    baud: int = 0
    latency_s: float = 0.0
    jitter_s: float = 0.0
    flip: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    repeat: float = 0.0

    def __post_init__(self) -> None:
        chances = (self.flip, self.drop, self.duplicate, self.repeat)
        if not all(0.0 <= chance <= 1.0 for chance in chances):
            raise ValueError(f"a chance lies between 0 and 1, got {chances}")
        if not (self.baud >= 0 and 0.0 <= self.latency_s < 60.0 and 0.0 <= self.jitter_s < 60.0):
            raise ValueError(f"expected a line rate of 0 or more and delays of 0 to 60 s, got {self}")


class BadLine:
    """One direction.

    Args:
        name: of the line's random streams ("pump.up").

    Attributes:
        muted: swallow everything, as a cut wire does; stalled: deliver nothing until it ends, and then all of it.
        counts: bytes in, out, flipped, dropped, duplicated; deliveries repeated.
    """

    def __init__(self, faults: Faults, seed: int, name: str) -> None:
        self.faults = faults
        self.muted = self.stalled = False
        self.counts = dict.fromkeys(("in", "out", "flipped", "dropped", "duplicated", "repeated"), 0)
        self._random = {
            kind: random_stream(seed, f"{name}.{kind}")
            for kind in ("flip", "bit", "drop", "duplicate", "repeat", "jitter")
        }
        self._due: deque[tuple[int, bytes]] = deque()
        self._free_ns = 0
        self._last_ns = 0

    def take(self, data: bytes, now_ns: int) -> None:
        """Bytes enter the line."""
        self.counts["in"] += len(data)
        if self.muted or not data:
            return
        for piece in self._spoilt(data):
            at_ns = now_ns
            if self.faults.baud:
                self._free_ns = max(self._free_ns, now_ns) + len(piece) * BITS_PER_BYTE * 10**9 // self.faults.baud
                at_ns = self._free_ns
            at_ns += round(self.faults.latency_s * 1e9)
            if self.faults.jitter_s:
                at_ns += round(self.faults.jitter_s * 1e9 * self._random["jitter"].random())
            self._last_ns = max(self._last_ns, at_ns)  # a line never reorders
            self._due.append((self._last_ns, piece))

    def give(self, now_ns: int) -> bytes:
        """Bytes that have left the line by `now_ns`, once."""
        out = bytearray()
        while not self.stalled and self._due and self._due[0][0] <= now_ns:
            out += self._due.popleft()[1]
        self.counts["out"] += len(out)
        return bytes(out)

    def next_ns(self) -> int | None:
        """When the next bytes leave; None if none are under way."""
        return self._due[0][0] if self._due and not self.stalled else None

    def busy(self, now_ns: int) -> bool:
        """Whether the line is so far behind that nobody should give it more."""
        return self._free_ns - now_ns > BACKLOG_NS

    def _spoilt(self, data: bytes) -> list[bytes]:
        """What becomes of `data`, in pieces."""
        faults, counts = self.faults, self.counts
        if faults.flip or faults.drop or faults.duplicate:
            values = np.frombuffer(data, np.uint8)
            size = len(values)
            flipped = self._random["flip"].random(size) < faults.flip
            bits = np.left_shift(1, self._random["bit"].integers(0, 8, size)).astype(np.uint8)
            values = np.where(flipped, values ^ bits, values).astype(np.uint8)
            dropped = self._random["drop"].random(size) < faults.drop
            doubled = (self._random["duplicate"].random(size) < faults.duplicate) & ~dropped
            data = np.repeat(values, 1 - dropped.astype(int) + doubled.astype(int)).tobytes()
            counts["flipped"] += int(flipped.sum())
            counts["dropped"] += int(dropped.sum())
            counts["duplicated"] += int(doubled.sum())
        if faults.repeat and self._random["repeat"].random() < faults.repeat:
            counts["repeated"] += 1
            data += data
        if not self.faults.baud:
            return [data] if data else []
        return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
