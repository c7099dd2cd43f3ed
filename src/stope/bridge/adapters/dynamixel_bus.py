"""A bus of Dynamixel-style servos: read, write and the two synchronous instructions, with retries and typed errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stope.bridge.adapters.dynamixel_wire import (
    BROADCAST,
    ERRORS,
    PING,
    READ,
    STATUS,
    SYNC_READ,
    SYNC_WRITE,
    WRITE,
    Packet,
    PacketReader,
    packed,
)
from stope.bridge.errors import DeniedError, NoAnswerError
from stope.bridge.transport import Clock, Transport

ANSWER_S = 0.03  #: a status comes within 0.5 ms and the line's time; USB adapters hold it for up to 16 ms
TRIES = 3  #: no retry at all made arms unusable for some (research/firmware.md, section 7)


class Bus:
    """One half-duplex bus; one question at a time.

    Attributes:
        retries: questions that had to be asked again.
    """

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self._transport, self._clock = transport, clock
        self._reader = PacketReader()
        self.retries = 0

    @property
    def bad(self) -> int:
        """Packets with a wrong checksum or length."""
        return self._reader.bad

    def ping(self, servo: int) -> tuple[int, int]:
        """Model number and firmware version.

        Raises:
            NoAnswerError: no servo of this id.
        """
        data = self._ask(servo, PING, b"", 3)
        return int.from_bytes(data[:2], "little"), data[2]

    def read(self, servo: int, address: int, size: int) -> bytes:
        """`size` bytes of the control table.

        Raises:
            NoAnswerError: no answer. DeniedError: the servo refused.
        """
        return self._ask(servo, READ, _words(address, size), size)

    def write(self, servo: int, address: int, data: bytes) -> None:
        """Set bytes of the control table, acknowledged.

        Raises:
            NoAnswerError: no answer. DeniedError: the servo refused.
        """
        self._ask(servo, WRITE, _words(address) + data, 0)

    def sync_write(self, address: int, size: int, values: Mapping[int, bytes]) -> None:
        """Set the same bytes of many servos at once; nobody acknowledges that."""
        assert all(len(value) == size for value in values.values())
        body = b"".join(bytes((servo,)) + value for servo, value in values.items())
        self._transport.send(packed(BROADCAST, SYNC_WRITE, _words(address, size) + body))

    def sync_read(self, servos: Sequence[int], address: int, size: int) -> dict[int, bytes]:
        """The same bytes of many servos, from one question.

        Raises:
            NoAnswerError: servos that did not answer in three tries, by id. DeniedError: one refused.
        """
        found: dict[int, bytes] = {}
        for attempt in range(TRIES):
            missing = [servo for servo in servos if servo not in found]
            if not missing:
                return found
            self.retries += attempt > 0
            self._say(packed(BROADCAST, SYNC_READ, _words(address, size) + bytes(missing)))
            for packet in self._hear(set(missing), size):
                found[packet.id] = packet.parameters
        missing = [servo for servo in servos if servo not in found]
        if missing:
            raise NoAnswerError(f"servos {missing} do not answer: check their power, wiring, id and baud rate")
        return found

    def _ask(self, servo: int, instruction: int, parameters: bytes, size: int) -> bytes:
        for attempt in range(TRIES):
            self.retries += attempt > 0
            self._say(packed(servo, instruction, parameters))
            for packet in self._hear({servo}, size):
                return packet.parameters
        raise NoAnswerError(f"servo {servo} does not answer: check its power, wiring, id and baud rate")

    def _say(self, data: bytes) -> None:
        self._transport.receive()  # late answers to older questions are not answers to this one
        self._reader.clear()
        self._transport.send(data)

    def _hear(self, wanted: set[int], size: int) -> list[Packet]:
        """Statuses of `wanted` with `size` bytes; returns when all came or the time is over."""
        until_s = self._clock.now_s() + ANSWER_S + 0.001 * len(wanted)
        heard: list[Packet] = []
        while wanted and (left_s := until_s - self._clock.now_s()) > 0:
            self._transport.wait(left_s)
            for packet in self._reader.feed(self._transport.receive()):
                if packet.instruction != STATUS or packet.id not in wanted:
                    continue  # the echo of our own question, on an adapter that echoes
                if packet.error:
                    what = ERRORS.get(packet.error, str(packet.error))
                    raise DeniedError(f"servo {packet.id} refused: {what}; see its control table", what, "")
                if len(packet.parameters) == size:
                    wanted.discard(packet.id)
                    heard.append(packet)
        return heard


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "little") for value in values)
