"""The serial transport: pyserial finds, sets and locks the port; its descriptor is read and written without waiting.

Facts behind it are measured (research/firmware.md, section 6): xonxoff breaks binary data; opening flushes the input;
a pulled cable shows as SerialException, OSError or termios.error, depending on the call; adapters refuse modem lines.
"""

from __future__ import annotations

import os
import termios
from typing import Any

import serial  # type: ignore[import-untyped]

from stope.bridge.descriptor_port import DescriptorPort
from stope.bridge.errors import PortError

GONE = (OSError, termios.error, serial.SerialException, TypeError, ValueError)  # the last two: closed meanwhile
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
