"""What carries the bytes: a serial port, or a firmware in the same process. The robot above cannot tell which."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """A pipe of bytes to one device, and the only thing in this room that waits."""

    def send(self, data: bytes, urgent: bool = False) -> None:
        """Hand over bytes without waiting for the line; urgent ones leave before what was handed over already.

        Raises:
            LinkLostError: the device's end is gone.
        """

    def receive(self) -> bytes:
        """All bytes that arrived since the last call, perhaps none.

        Raises:
            LinkLostError: the device's end is gone and everything that had arrived was taken.
        """

    def wait(self, timeout_s: float) -> None:
        """Return when bytes arrived, the device's end went, or `timeout_s` passed."""

    def close(self) -> None:
        """Let go of the device. Safe to call twice."""


class Clock(Protocol):
    """Host time: `stope.clock.HostClock`, or a lock step's virtual one."""

    def now_s(self) -> float:
        """Seconds; only differences mean anything."""
