"""The serial transport: pyserial finds, sets and locks the port; its descriptor is read and written without waiting.

Facts behind it are measured (research/firmware.md, section 6): xonxoff breaks binary data; opening flushes the input;
a pulled cable shows as SerialException, OSError or termios.error, depending on the call; adapters refuse modem lines.
"""

from __future__ import annotations

import errno
import os
import termios
from contextlib import suppress
from typing import Any

import serial  # type: ignore[import-untyped]

from stope.bridge.descriptor_port import CHUNK, MOST, DescriptorPort
from stope.bridge.errors import NoPortError, PortError

GONE = (OSError, termios.error, serial.SerialException, TypeError, ValueError)  # the last two: closed meanwhile
NO_PORT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENODEV, errno.ENXIO, errno.ENOTTY, errno.ENAMETOOLONG)
DEFAULT_BAUD = 921_600
REMEDY = "check cable and power, then connect again; the device makes itself safe by itself"
CONTROL_CHARACTERS = 6  #: their place among what `termios.tcgetattr` gives


class SerialPort(DescriptorPort):
    """Implements `Transport` over one serial port, locked against other processes that ask for the lock.

    Args:
        baud: line rate.

    Raises:
        PortError: no such port, no permission, or taken; says what to do.
    """

    def __init__(self, name: str, baud: int = DEFAULT_BAUD) -> None:
        self._port = _open(name, baud)
        try:
            _tell_nothing_from_hung_up(self._port.fileno())
            _drain(self._port.fileno())
        except GONE as error:
            self._port.close()
            raise PortError(f"{name} went away while it was opened ({error}): check cable and power") from error
        super().__init__(self._port.fileno(), name, REMEDY)

    def close(self) -> None:
        """Send what is queued, close the port."""
        super().close()
        try:
            self._port.close()
        except GONE as error:
            self._lost = self._lost or str(error)


def _tell_nothing_from_hung_up(fd: int) -> None:
    """pyserial lets a read of nothing give nothing, as a read of a line that hung up does: let the first one refuse."""
    settings = termios.tcgetattr(fd)
    settings[CONTROL_CHARACTERS][termios.VMIN] = 1
    termios.tcsetattr(fd, termios.TCSANOW, settings)
    os.set_blocking(fd, False)


def _drain(fd: int) -> None:
    """Drop what opening did not: a terminal throws its two buffers away in turn, and bytes pass between them."""
    taken = 0
    with suppress(BlockingIOError):
        while taken < MOST and (data := os.read(fd, CHUNK)):
            taken += len(data)


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
        port = serial.Serial(name, baud, exclusive=True, xonxoff=False, rtscts=False, dsrdtr=False)
    except GONE as error:
        raise _refusal(name, error) from error
    try:
        port.set_low_latency_mode(True)  # FTDI adapters hold bytes back for 16 ms otherwise
    except (*GONE, AttributeError, NotImplementedError):
        return port  # most adapters have no such mode
    return port


def _refusal(name: str, error: BaseException) -> PortError:
    """What the system's refusal to open `name` means, and what to do."""
    shown, text, number = name if name.isprintable() and name else repr(name), str(error), getattr(error, "errno", None)
    why = os.strerror(number) if isinstance(number, int) else text
    if "exclusively lock" in text:
        return PortError(f"{shown} is in use by another process: end that one first")
    if "Permission" in text:
        return PortError(f"{shown} may not be opened by this user: add the user to the group 'dialout'")
    if "Inappropriate ioctl" in text:
        return NoPortError(f"{shown} is no serial port: run `stope bridge list` to see what is there")
    sentence = f"{shown} cannot be opened ({why}): run `stope bridge list` to see what is there"
    return NoPortError(sentence) if number in NO_PORT or isinstance(error, ValueError) else PortError(sentence)
