"""The serial transport: pyserial with a thread per direction, so that the control loop never waits for the line.

Facts behind it are measured (research/firmware.md, section 6): xonxoff breaks binary data; opening flushes the input;
a pulled cable shows as SerialException, OSError or termios.error, depending on the call; adapters refuse modem lines.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Any

import serial  # type: ignore[import-untyped]

from stope.bridge.errors import LinkLostError, PortError

try:
    from termios import error as _termios_error
except ImportError:  # not a POSIX system
    _termios_error = OSError  # type: ignore[assignment, misc]

GONE = (OSError, _termios_error, serial.SerialException, TypeError, ValueError)  # the last two: closed meanwhile
READ_S = 0.05  #: how long the reader sleeps in the driver at most; closing waits for it
WRITE_S = 0.25  #: a line that takes nothing for so long is gone
QUEUED = 4096  #: bytes that wait for a slow line; older set-points are dropped first, for they are stale anyway
KEPT = 65_536  #: bytes that wait to be read, about a second's worth
DEFAULT_BAUD = 921_600


class SerialPort:
    """Implements `Transport` over one serial port, locked against other processes that ask for the lock.

    Args:
        baud: line rate.

    Attributes:
        dropped: bytes that a slow line made us drop.

    Raises:
        PortError: no such port, no permission, or taken; says what to do.
    """

    def __init__(self, name: str, baud: int = DEFAULT_BAUD) -> None:
        self.name = name
        self._port = _open(name, baud)
        self._arrived = bytearray()
        self._urgent: deque[bytes] = deque()
        self._to_send: deque[bytes] = deque()
        self._queued = 0
        self._lost = ""
        self._closed = False
        self._in, self._out = threading.Condition(), threading.Condition()
        self.dropped = 0
        self._threads = [
            threading.Thread(target=work, name=f"{name} {what}", daemon=True)
            for work, what in ((self._read, "reader"), (self._write, "writer"))
        ]
        for thread in self._threads:
            thread.start()

    def send(self, data: bytes, urgent: bool = False) -> None:
        """Queue bytes for the writer; when the line is too slow, the oldest that are not urgent are dropped."""
        if not data:
            return
        with self._out:
            self._check()
            if urgent:
                self._urgent.append(data)
            else:
                self._to_send.append(data)
                self._queued += len(data)
            while self._queued > QUEUED and len(self._to_send) > 1:
                oldest = self._to_send.popleft()
                self._queued -= len(oldest)
                self.dropped += len(oldest)
            self._out.notify()

    def receive(self) -> bytes:
        """What the reader collected."""
        with self._in:
            if not self._arrived:
                self._check()
            data, self._arrived = bytes(self._arrived), bytearray()
        return data

    def wait(self, timeout_s: float) -> None:
        """Sleep until bytes are there."""
        with self._in:
            if not self._arrived and not self._lost and not self._closed:
                self._in.wait(timeout_s)

    def close(self) -> None:
        """Send what is queued, stop the threads, close the port."""
        if self._closed:
            return
        with self._out:
            self._closed = True
            self._out.notify_all()
        try:
            self._port.cancel_read()
        except (*GONE, AttributeError):  # gone already, or a platform that cannot: then the reader's time-out ends it
            self._lost = self._lost or "closed"
        for thread in self._threads:
            thread.join(timeout=2 * (READ_S + WRITE_S))
        try:
            self._port.close()
        except GONE:
            self._lost = self._lost or "closed"

    def _check(self) -> None:
        if self._closed:
            raise LinkLostError(f"{self.name} was closed: connect again")
        if self._lost:
            raise LinkLostError(
                f"{self.name} is gone ({self._lost}): check cable and power, then connect again; the device makes "
                "itself safe by itself"
            )

    def _read(self) -> None:
        while not self._closed:
            try:
                data = self._port.read(self._port.in_waiting or 1)
            except GONE as error:
                self._lose(error)
                return
            if data:
                with self._in:
                    self._arrived += data
                    del self._arrived[:-KEPT]  # nobody asks (a person thinks): what is newest counts
                    self._in.notify_all()

    def _write(self) -> None:
        while (data := self._next_to_send()) is not None:
            try:
                self._port.write(data)
            except GONE as error:
                self._lose(error)
                return

    def _next_to_send(self) -> bytes | None:
        """Waits for bytes; None when the port is lost, or closed with nothing left to send."""
        with self._out:
            while not (self._urgent or self._to_send or self._closed or self._lost):
                self._out.wait()
            if self._lost or not (self._urgent or self._to_send):
                return None
            if self._urgent:
                return self._urgent.popleft()
            data = self._to_send.popleft()
            self._queued -= len(data)
            return data

    def _lose(self, error: BaseException) -> None:
        if self._closed:
            return
        self._lost = str(error) or type(error).__name__
        for condition in (self._in, self._out):
            with condition:
                condition.notify_all()


def open_descriptor(name: str, baud: int = DEFAULT_BAUD) -> int:
    """A port's own raw descriptor, for who moves bytes by himself (the fault pump); the lock stays with it.

    Raises:
        PortError: as `SerialPort`.
    """
    port = _open(name, baud)
    try:
        return os.dup(port.fileno())
    finally:
        port.close()


def _open(name: str, baud: int) -> Any:
    try:
        port = serial.Serial(
            name, baud, timeout=READ_S, write_timeout=WRITE_S, exclusive=True, xonxoff=False, rtscts=False, dsrdtr=False
        )
    except GONE as error:
        text = str(error)
        if "exclusively lock" in text:
            raise PortError(f"{name} is in use by another process: end that one first") from error
        if "Permission" in text:
            raise PortError(f"{name} may not be opened by this user: add the user to the group 'dialout'") from error
        if "Inappropriate ioctl" in text:
            raise PortError(f"{name} is no serial port: run `stope bridge list` to see what is there") from error
        number = getattr(error, "errno", None)
        why = os.strerror(number) if isinstance(number, int) else text
        raise PortError(f"{name} cannot be opened ({why}): run `stope bridge list` to see what is there") from error
    try:
        port.set_low_latency_mode(True)  # FTDI adapters hold bytes back for 16 ms otherwise
    except (*GONE, AttributeError, NotImplementedError):
        return port  # most adapters have no such mode
    return port
