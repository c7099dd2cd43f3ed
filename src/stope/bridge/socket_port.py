"""A socket as a transport: the host's end of a firmware process or an emulated board, whose UART is the other end."""

from __future__ import annotations

import select
import socket

from stope.bridge.errors import LinkLostError

KEPT = 65_536  #: bytes that may wait for a device that does not read; then the oldest set-points go


class SocketPort:
    """Implements `Transport` over a connected stream socket. No thread: the kernel buffers both ways.

    Args:
        name: how messages call the device.
    """

    def __init__(self, sock: socket.socket, name: str) -> None:
        self.name, self._sock = name, sock
        sock.setblocking(False)
        self._urgent, self._queue = bytearray(), bytearray()
        self._lost = self._closed = False

    def send(self, data: bytes, urgent: bool = False) -> None:
        """Hand over what the socket takes now; the rest waits for the next call."""
        self._check()
        (self._urgent if urgent else self._queue).extend(data)
        if len(self._queue) > KEPT:
            del self._queue[:-KEPT]  # cut frames are skipped by the device's framer and counted
        self._push()

    def receive(self) -> bytes:
        """What has arrived."""
        if not self._lost:
            self._push()
        arrived = bytearray()
        while not self._lost:
            try:
                data = self._sock.recv(65_536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._lost = True
            arrived += data
        if not arrived:
            self._check()
        return bytes(arrived)

    def wait(self, timeout_s: float) -> None:
        """Sleep until bytes are there."""
        if not self._lost and not self._closed:
            select.select([self._sock], [], [], max(timeout_s, 0.0))

    def close(self) -> None:
        """Close the socket."""
        self._closed = True
        self._sock.close()

    def _push(self) -> None:
        for queue in (self._urgent, self._queue):
            while queue:
                try:
                    sent = self._sock.send(queue)
                except BlockingIOError:
                    return
                except OSError:
                    self._lost = True
                    return
                del queue[:sent]

    def _check(self) -> None:
        if self._closed:
            raise LinkLostError(f"{self.name} was closed: connect again")
        if self._lost:
            raise LinkLostError(f"{self.name} is gone: its process has ended; start the run again")
