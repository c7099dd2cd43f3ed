"""The link: bytes to messages and back, with counters. Knows frames and senders, nothing of robots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stope.bridge.codec import DEVICE_SYSTEM, Codec, Received, Value
from stope.bridge.framer import Framer, FramerCounters


@dataclass(slots=True)
class LinkCounters:
    """What this end saw.

    Attributes:
        sent, received: frames; lost: gaps of the device's link sequence.
        repeated: frames that came twice in a row; the second is dropped.
        foreign: good frames of another sender than the device.
    """

    sent: int = 0
    received: int = 0
    lost: int = 0
    repeated: int = 0
    foreign: int = 0


class Link:
    """One end of the wire.

    Attributes:
        counters, framing: what went by.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._framer = Framer(codec.table)
        self._tx_seq = 0
        self._rx_seq: int | None = None
        self._out = bytearray()
        self._urgent = bytearray()
        self.counters = LinkCounters()

    @property
    def framing(self) -> FramerCounters:
        """Counters of the framer."""
        return self._framer.counters

    def send(self, name: str, fields: Mapping[str, Value], urgent: bool = False) -> None:
        """Queue a message; an urgent one leaves before everything that was queued.

        Raises:
            CommandRefusedError: a value that no device may ever see. Nothing was queued.
        """
        self.send_all([(name, fields)], urgent)

    def send_all(self, messages: Sequence[tuple[str, Mapping[str, Value]]], urgent: bool = False) -> None:
        """Queue messages, all or none.

        Raises:
            CommandRefusedError: as `send`.
        """
        frames = [
            self._codec.encode(name, fields, (self._tx_seq + i) & 0xFF) for i, (name, fields) in enumerate(messages)
        ]
        self._tx_seq = (self._tx_seq + len(frames)) & 0xFF
        self.counters.sent += len(frames)
        (self._urgent if urgent else self._out).extend(b"".join(frames))

    def take_urgent(self) -> bytes:
        """Urgent bytes, once."""
        data, self._urgent = bytes(self._urgent), bytearray()
        return data

    def take(self) -> bytes:
        """Bytes to send, once."""
        data, self._out = bytes(self._out), bytearray()
        return data

    def receive(self, data: bytes, now_ns: int) -> list[Received]:
        """The device's messages that are complete with `data`."""
        messages = []
        for frame in self._framer.feed(data, now_ns):
            if frame.system != DEVICE_SYSTEM:
                self.counters.foreign += 1
                continue
            if frame.link_seq == self._rx_seq:
                self.counters.repeated += 1
                continue
            self.counters.received += 1
            if self._rx_seq is not None:
                self.counters.lost += (frame.link_seq - self._rx_seq - 1) & 0xFF
            self._rx_seq = frame.link_seq
            messages.append(self._codec.decode(frame))
        return messages
