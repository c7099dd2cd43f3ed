"""A socket as a transport: the host's end of a firmware process or an emulated board, whose UART is the other end."""

from __future__ import annotations

import socket

from stope.bridge.descriptor_port import DescriptorPort


class SocketPort(DescriptorPort):
    """Implements `Transport` over a connected stream socket, which it closes.

    Args:
        name: how messages call the device.
    """

    def __init__(self, sock: socket.socket, name: str) -> None:
        sock.setblocking(False)
        self._sock = sock
        super().__init__(sock.fileno(), name, "its process has ended; start the run again")

    def close(self) -> None:
        """Send what is queued, close the socket."""
        super().close()
        self._sock.close()
