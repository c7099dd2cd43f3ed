"""The compiled core in real time behind a socket, as a device behind a UART: a thread ticks it as its clock says."""

from __future__ import annotations

import select
import socket
import threading
from pathlib import Path

from still_world import StillWorld

from stope.bridge.shared_core import Boot, SharedCore
from stope.clock import HostClock
from stope.robot.model import RobotModel

MOST_BEHIND_US = 20_000  #: a machine that lets this thread wait for longer stops the device's clock, not the host


class RealTimeCore:
    """Attributes: core, to look at; device_fd, the UART's end that the pump takes over."""

    def __init__(self, library: Path, model: RobotModel, boot: Boot) -> None:
        self.core = SharedCore(library, StillWorld(model), boot)
        self._mine, theirs = socket.socketpair()
        self._mine.setblocking(False)
        self.device_fd = theirs.detach()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        clock = HostClock()
        began_s = clock.now_s()
        while not self._stop.is_set():
            ready, _, _ = select.select([self._mine], [], [], 0.001)
            try:
                if ready:
                    self.core.take(self._mine.recv(4096))
                now_us = int((clock.now_s() - began_s) * 1e6)
                lost_us = now_us - self.core.now_us - MOST_BEHIND_US
                if lost_us > 0:  # ticked in one go they would be a silence that no host has kept
                    began_s += lost_us * 1e-6
                    now_us -= lost_us
                while self.core.now_us + 1000 <= now_us:
                    self.core.step()
                self._mine.send(self.core.give() or b"")
            except BlockingIOError:
                continue  # the host does not read: bytes are lost, as on a wire
            except OSError:
                return

    def __enter__(self) -> RealTimeCore:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._mine.close()
