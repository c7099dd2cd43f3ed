"""The fault pump: a pseudo-terminal that looks like the device, with a bad line behind it (`stope bridge pump`).

One thread, no busy waiting. Between the PTY that a host opens and the device's own descriptor, two `BadLine`s. While a
line is busy the pump stops reading on that side, so that a slow line pushes back instead of growing late without bound.
`BadTransport` is the same in the host's own process and in whatever time its clock has.
"""

from __future__ import annotations

import os
import select
import threading
import tty

from stope.bridge.errors import LinkLostError
from stope.bridge.impair import BadLine, Faults
from stope.bridge.transport import Clock, Transport
from stope.clock import HostClock

CHUNK = 4096
IDLE_S = 0.5
BUSY_S = 0.005


class Pump:
    """A bad line between a device and a fresh PTY.

    Args:
        device_fd: the device's end, a socket or a port in raw mode; closed with the pump.
        up, down: from and to the device.

    Attributes:
        name: path that the host opens; lines: "up" and "down", whose `muted` and `stalled` may be set at any time.
    """

    def __init__(self, device_fd: int, up: Faults, down: Faults, seed: int = 0) -> None:
        self._device = device_fd
        self._clock = HostClock()
        self.lines = {"up": BadLine(up, seed, "pump.up"), "down": BadLine(down, seed, "pump.down")}
        self._wake_r, self._wake_w = os.pipe()
        self._stop = threading.Event()
        os.set_blocking(device_fd, False)
        self._lock = threading.Lock()
        self._master, self._slave, self.name = _open_pty()
        self._thread = threading.Thread(target=self._run, name="fault pump", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether the device's end is gone."""
        return self._device < 0

    def disconnect(self) -> None:
        """Pull the cable: the host's port goes away; the device hears nothing more and keeps running."""
        with self._lock:
            _close(self._slave, self._master)
            self._master = self._slave = -1
        self._wake()

    def reconnect(self) -> str:
        """Plug it in again, under another name, as a re-enumerated adapter has; returns the name."""
        self.disconnect()
        with self._lock:
            self._master, self._slave, self.name = _open_pty()
        self._wake()
        return self.name

    def close(self) -> None:
        """Stop and let go of both ends."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._wake()
        self._thread.join()
        self.disconnect()
        _close(self._device, self._wake_r, self._wake_w)

    def __enter__(self) -> Pump:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wake(self) -> None:
        try:
            os.write(self._wake_w, b"!")
        except OSError:  # closed already
            return

    def _now_ns(self) -> int:
        return round(self._clock.now_s() * 1e9)

    def _run(self) -> None:
        while not self._stop.is_set():
            now_ns = self._now_ns()
            with self._lock:
                self._deliver(now_ns)
                readable = self._readable(now_ns)
            ready, _, _ = select.select([*readable, self._wake_r], [], [], self._timeout_s(now_ns))
            with self._lock:
                for fd in ready:
                    self._read(fd)

    def _readable(self, now_ns: int) -> list[int]:
        sides = ((self._device, "up"), (self._master, "down"))
        return [fd for fd, line in sides if fd >= 0 and not self.lines[line].busy(now_ns)]

    def _timeout_s(self, now_ns: int) -> float:
        due = [at for line in self.lines.values() if (at := line.next_ns()) is not None]
        busy = any(line.busy(now_ns) for line in self.lines.values())
        wait_s = max(min(due) - now_ns, 0) * 1e-9 if due else IDLE_S
        return min(wait_s, BUSY_S) if busy else wait_s

    def _read(self, fd: int) -> None:
        if fd == self._wake_r:
            os.read(fd, CHUNK)
            return
        if fd not in (self._device, self._master):
            return  # disconnected between select and here
        try:
            data = os.read(fd, CHUNK)
        except OSError:
            data = b""
        if not data and fd == self._device:
            self._device_ended()
            return
        self.lines["up" if fd == self._device else "down"].take(data, self._now_ns())

    def _device_ended(self) -> None:
        """The device's process ended: to the host it is a pulled cable."""
        _close(self._slave, self._master, self._device)
        self._device = self._master = self._slave = -1

    def _deliver(self, now_ns: int) -> None:
        for line, fd in (("up", self._master), ("down", self._device)):
            data = self.lines[line].give(now_ns)
            if data and fd >= 0:
                try:
                    os.write(fd, data)
                except OSError:  # nobody reads, or the end is gone: a line does not care
                    continue


class BadTransport:
    """Implements `Transport` over another one, with a bad line between, in the time of `clock`."""

    def __init__(self, inner: Transport, clock: Clock, up: Faults, down: Faults, seed: int = 0) -> None:
        self._inner, self._clock = inner, clock
        self.lines = {"up": BadLine(up, seed, "pump.up"), "down": BadLine(down, seed, "pump.down")}
        self.cut = False

    def send(self, data: bytes, urgent: bool = False) -> None:
        """Into the line; a real one has no fast lane."""
        del urgent
        self._check()
        self.lines["down"].take(data, self._now_ns())
        self._deliver()

    def receive(self) -> bytes:
        """What has left the line."""
        self._check()
        self._deliver()
        return self.lines["up"].give(self._now_ns())

    def wait(self, timeout_s: float) -> None:
        """Until something may have left the line."""
        now_ns = self._now_ns()
        due = [at for line in self.lines.values() if (at := line.next_ns()) is not None]
        next_s = max(min(due) - now_ns, 0) * 1e-9 if due else timeout_s
        self._inner.wait(min(timeout_s, next_s))

    def close(self) -> None:
        """Close the inner one."""
        self._inner.close()

    def _deliver(self) -> None:
        now_ns = self._now_ns()
        data = self.lines["down"].give(now_ns)
        if data:
            self._inner.send(data)
        self.lines["up"].take(self._inner.receive(), now_ns)

    def _now_ns(self) -> int:
        return round(self._clock.now_s() * 1e9)

    def _check(self) -> None:
        if self.cut:
            raise LinkLostError("the cable was pulled by a test: plug it in again")


def _open_pty() -> tuple[int, int, str]:
    """Master, slave and the slave's path; the slave stays open here, or the master would spin on hang-ups."""
    master, slave = os.openpty()
    tty.setraw(slave)  # a fresh PTY echoes and rewrites line ends
    os.set_blocking(master, False)
    return master, slave, os.ttyname(slave)


def _close(*descriptors: int) -> None:
    for fd in descriptors:
        if fd >= 0:
            os.close(fd)
