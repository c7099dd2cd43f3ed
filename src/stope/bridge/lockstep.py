"""In-memory lock step: a firmware in this process, in virtual time. No thread, no wall clock, every run the same."""

from __future__ import annotations

from typing import Protocol

from stope.bridge.errors import LinkLostError


class VirtualDevice(Protocol):
    """A device that exists only while it is stepped: the compiled core, with or without a plant behind it."""

    @property
    def now_us(self) -> int:
        """Virtual time, which is the device's clock too."""

    def step(self) -> None:
        """Advance by one tick of the core."""

    def take(self, data: bytes) -> None:
        """Bytes from the host arrive now."""

    def give(self) -> bytes:
        """Bytes for the host, once."""

    def close(self) -> None:
        """Free it. Safe to call twice."""


class LockStep:
    """Implements `Transport` and `Clock` over a virtual device: waiting is stepping."""

    def __init__(self, device: VirtualDevice) -> None:
        self.device = device
        self._arrived = bytearray()
        self._closed = False

    def now_s(self) -> float:
        """Virtual seconds."""
        return self.device.now_us * 1e-6

    def send(self, data: bytes, urgent: bool = False) -> None:
        """Delivered at once, so an urgent byte has nothing to overtake."""
        del urgent
        self._check()
        self.device.take(data)

    def receive(self) -> bytes:
        """What the device said since the last call."""
        self._check()
        self._arrived += self.device.give()
        data, self._arrived = bytes(self._arrived), bytearray()
        return data

    def wait(self, timeout_s: float) -> None:
        """Step until the device says something or `timeout_s` of virtual time passed, one tick at least."""
        self._check()
        until_us = self.device.now_us + round(timeout_s * 1e6)
        while True:
            self.device.step()
            self._arrived += self.device.give()
            if self._arrived or self.device.now_us >= until_us:
                return

    def close(self) -> None:
        """Free the device."""
        self._closed = True
        self.device.close()

    def _check(self) -> None:
        if self._closed:
            raise LinkLostError("the firmware in this process was closed: build it again to go on")
