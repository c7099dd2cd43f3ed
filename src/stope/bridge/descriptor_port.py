"""A descriptor as a transport: bytes of a serial line or a socket, moved by the caller's own thread, which never waits.

No thread of our own: the kernel buffers both ways, and a second Python thread would wait for the interpreter for up to
5 ms at a time, which at 1000 samples a second is a backlog (measured: echo p99 260 ms with threads, benchmarks/).
"""

from __future__ import annotations

import os
import select
from collections import deque

from stope.bridge.errors import LinkLostError
from stope.clock import HostClock

WRITE_S = 0.25  #: a line that takes nothing for so long is gone
QUEUED = 4096  #: bytes that wait for a slow line; older set-points are dropped first, for they are stale anyway
CHUNK = 65_536
MOST = 1 << 20  #: bytes that one call takes: a device that never stops talking must not keep the caller


class DescriptorPort:
    """Implements `Transport` over a non-blocking descriptor that it does not own.

    Args:
        name: how messages call the device; remedy: what to do when it is gone.

    Attributes:
        dropped: bytes that a slow line made us drop; whole messages, so that no frame is torn.
    """

    def __init__(self, fd: int, name: str, remedy: str) -> None:
        self.name, self._fd, self._remedy = name, fd, remedy
        self._clock = HostClock()
        self._arrives, self._leaves = select.poll(), select.poll()
        self._arrives.register(fd, select.POLLIN)
        self._leaves.register(fd, select.POLLIN | select.POLLOUT)
        self._begun = b""  # what is left of a message that the line has begun to take
        self._urgent: deque[bytes] = deque()
        self._to_send: deque[bytes] = deque()
        self._queued = 0
        self._stuck_s: float | None = None
        self._lost = ""
        self._closed = False
        self.dropped = 0

    def send(self, data: bytes, urgent: bool = False) -> None:
        """Hand over what the line takes now; the rest waits for the next call. Of a slow line the oldest is dropped."""
        if self._closed or self._lost:
            raise self._gone()
        if not data:
            return
        if urgent:
            self._urgent.append(data)
        else:
            self._to_send.append(data)
            self._queued += len(data)
        self._push()
        while self._queued > QUEUED and len(self._to_send) > 1:
            oldest = self._to_send.popleft()
            self._queued -= len(oldest)
            self.dropped += len(oldest)

    def receive(self) -> bytes:
        """Everything that has arrived: until the line has nothing more, for a terminal gives 4 kB at once at most."""
        if self._closed:
            raise self._gone()
        if self._begun or self._to_send or self._urgent:
            self._push()
        arrived = b""
        while not self._lost and len(arrived) < MOST:
            try:
                data = os.read(self._fd, CHUNK)
            except BlockingIOError:
                break
            except OSError as error:
                self._lost = str(error)
                break
            if not data:
                self._lost = "hung up"
                break
            arrived += data
        if self._lost and not arrived:
            raise self._gone()
        return arrived

    def wait(self, timeout_s: float) -> None:
        """Sleep until bytes are there, or the line takes more of what waits."""
        if self._lost or self._closed:
            return
        waiting = self._begun or self._to_send or self._urgent
        (self._leaves if waiting else self._arrives).poll(max(timeout_s, 0.0) * 1e3)
        if waiting:
            self._push()

    def close(self) -> None:
        """Send what is queued, as far as the line takes it. The descriptor stays open: it is its owner's to close."""
        if self._closed:
            return
        until_s = self._clock.now_s() + WRITE_S
        while not self._lost and (self._begun or self._to_send or self._urgent):
            left_s = until_s - self._clock.now_s()
            if left_s <= 0.0:
                break
            self.wait(left_s)
        self._closed = True

    def _push(self) -> None:
        """Write until nothing is left or the line takes no more: first what was begun, then what is urgent."""
        while not self._lost and (data := self._next()):
            try:
                sent = os.write(self._fd, data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self._lost = str(error)
                return
            self._begun = data[sent:]
            if sent:
                self._stuck_s = None
            if self._begun:
                self._note_stuck()
                return

    def _next(self) -> bytes:
        if self._begun:
            return self._begun
        if self._urgent:
            return self._urgent.popleft()
        if not self._to_send:
            return b""
        data = self._to_send.popleft()
        self._queued -= len(data)
        return data

    def _note_stuck(self) -> None:
        now_s = self._clock.now_s()
        if self._stuck_s is None:
            self._stuck_s = now_s
        elif now_s - self._stuck_s > WRITE_S:
            self._lost = f"it has taken no byte for {WRITE_S:g} s"

    def _gone(self) -> LinkLostError:
        if self._closed:
            return LinkLostError(f"{self.name} was closed: connect again")
        return LinkLostError(f"{self.name} is gone ({self._lost}): {self._remedy}")
