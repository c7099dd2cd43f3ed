"""Which ports there are, and who is behind them: by what answers, never by the port's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serial.tools import list_ports  # type: ignore[import-untyped]

from stope.bridge.codec import Codec
from stope.bridge.commands import command_fields
from stope.bridge.errors import LinkError
from stope.bridge.handshake import Caps
from stope.bridge.link import Link
from stope.bridge.serial_port import DEFAULT_BAUD, SerialPort
from stope.bridge.transport import Clock, Transport

IDENTIFY_S = 2.5  #: a device tells CAPS once a second when nobody is there, and an emulator's port wakes up slowly
ASK_S = 0.25
PAUSE_S = 0.01

Opener = Callable[[str], Transport]


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port of this computer.

    Attributes:
        hardware: what the system says of the adapter; empty when it says nothing.
    """

    name: str
    hardware: str


@dataclass(frozen=True, slots=True)
class Found:
    """What is behind a port: CAPS, or why there are none."""

    port: str
    caps: Caps | None
    why: str = ""


def ports() -> list[Port]:
    """Serial ports that the system knows, sorted by name; motherboard ports without hardware are left out."""
    known = sorted(list_ports.comports(), key=lambda port: str(port.device))
    return [Port(port.device, port.description) for port in known if port.hwid not in ("", "n/a")]


def open_serial(name: str) -> Transport:
    """The default opener."""
    return SerialPort(name, DEFAULT_BAUD)


def identify(transport: Transport, codec: Codec, clock: Clock, for_s: float = IDENTIFY_S) -> Caps | None:
    """Ask who is there; None when nothing that speaks this protocol answers in time.

    Raises:
        LinkLostError: the port went away meanwhile.
    """
    link, state_seq = Link(codec), 0
    began_s = clock.now_s()
    ask_s = began_s + ASK_S / 2  # telemetry first: the number must lie above what the device has answered
    while (now_s := clock.now_s()) < began_s + for_s:
        for message in link.receive(transport.receive(), round(now_s * 1e9)):
            if message.name == "CAPS":
                return Caps.of(message)
            if message.name == "STATE":
                state_seq = max(state_seq, message.integer("command_seq"))
        if now_s >= ask_s:
            ask_s = now_s + ASK_S
            state_seq += 1
            link.send("COMMAND", {**command_fields(codec.dialect, "REQUEST_CAPS", 0), "seq": state_seq})
            transport.send(link.take())
        transport.wait(PAUSE_S)
    return None


def find(names: Sequence[str], codec: Codec, clock: Clock, opener: Opener = open_serial) -> list[Found]:
    """Who is behind each port."""
    return [_look(name, codec, clock, opener) for name in names]


def find_uid(uid: int, names: Sequence[str], codec: Codec, clock: Clock, opener: Opener = open_serial) -> str | None:
    """The port behind which the board `uid` answers, wherever it is plugged in now; None if it does not."""
    for name in names:
        found = _look(name, codec, clock, opener)
        if found.caps is not None and found.caps.uid == uid:
            return name
    return None


def _look(name: str, codec: Codec, clock: Clock, opener: Opener) -> Found:
    try:
        transport = opener(name)
    except LinkError as error:
        return Found(name, None, str(error))
    try:
        caps = identify(transport, codec, clock)
    except LinkError as error:
        return Found(name, None, str(error))
    finally:
        transport.close()
    return Found(name, caps, "" if caps else "nothing there speaks this protocol")
