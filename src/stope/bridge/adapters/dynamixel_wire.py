"""Dynamixel protocol 2.0 as bytes: packets with byte stuffing and CRC-16, and a reader that finds them in noise.

From the vendor's published description of the protocol; nothing here knows a robot or a port.
"""

from __future__ import annotations

from dataclasses import dataclass

import fastcrc

HEADER = b"\xff\xff\xfd\x00"
STUFFED, PLAIN = b"\xff\xff\xfd\xfd", b"\xff\xff\xfd"
PING, READ, WRITE, REBOOT, STATUS, SYNC_READ, SYNC_WRITE = 0x01, 0x02, 0x03, 0x08, 0x55, 0x82, 0x83
BROADCAST = 0xFE
LONGEST = 1024  #: a length beyond this is noise

ERRORS = {
    1: "result failed",
    2: "unknown instruction",
    3: "checksum",
    4: "value out of range",
    5: "data length",
    6: "data limit",
    7: "access (torque must be off)",
}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet.

    Attributes:
        parameters: without stuffing; of a status, what comes after the error byte.
        error: of a status; alert: the servo's hardware error bit; 0 and False of anything else.
    """

    id: int
    instruction: int
    parameters: bytes
    error: int = 0
    alert: bool = False


def crc(data: bytes) -> int:
    """CRC-16 with polynomial 0x8005, not reflected, starting from 0."""
    return int(fastcrc.crc16.umts(data))


def packed(identity: int, instruction: int, parameters: bytes = b"") -> bytes:
    """The bytes of an instruction, or of a status whose parameters begin with its error."""
    body = bytes((instruction,)) + parameters
    stuffed = body.replace(PLAIN, STUFFED)
    head = HEADER + bytes((identity,)) + (len(stuffed) + 2).to_bytes(2, "little")
    return head + stuffed + crc(head + stuffed).to_bytes(2, "little")


class PacketReader:
    """Bytes in, packets out; a failing packet costs one byte, never its claimed length.

    Attributes:
        bad: candidates given up.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self.bad = 0

    def feed(self, data: bytes) -> list[Packet]:
        """Packets that are complete with `data`."""
        self._pending += data
        found: list[Packet] = []
        while True:
            at = self._pending.find(HEADER)
            if at < 0:
                del self._pending[: -len(HEADER) + 1]  # the beginning of a header may be there
                return found
            del self._pending[:at]
            if len(self._pending) < 7:
                return found
            length = int.from_bytes(self._pending[5:7], "little")
            if not 3 <= length <= LONGEST:
                self._give_up()
                continue
            if len(self._pending) < 7 + length:
                return found
            packet = _parsed(bytes(self._pending[: 7 + length]))
            if packet is None:
                self._give_up()
                continue
            found.append(packet)
            del self._pending[: 7 + length]

    def clear(self) -> None:
        """Forget what is pending: the time for its rest is over."""
        self._pending.clear()

    def _give_up(self) -> None:
        self.bad += 1
        del self._pending[:1]


def _parsed(whole: bytes) -> Packet | None:
    if crc(whole[:-2]) != int.from_bytes(whole[-2:], "little"):
        return None
    body = whole[7:-2].replace(STUFFED, PLAIN)
    if body[0] != STATUS:
        return Packet(whole[4], body[0], body[1:])
    if len(body) < 2:
        return None
    return Packet(whole[4], STATUS, body[2:], error=body[1] & 0x7F, alert=bool(body[1] & 0x80))
