"""The link: bytes to messages and back, with counters. Knows frames and senders, nothing of robots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stope.bridge.codec import DEVICE_SYSTEM, Codec, Packed, Received
from stope.bridge.fieldcheck import Value
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
        self._out: list[Packed] = []
        self._urgent: list[Packed] = []
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
        types = self._codec.types
        self.send_packed([(types[name], types[name].packed(fields)) for name, fields in messages], urgent)

    def send_packed(self, messages: Sequence[Packed], urgent: bool = False) -> None:
        """Queue messages that were checked and packed."""
        self.counters.sent += len(messages)
        (self._urgent if urgent else self._out).extend(messages)

    def take_urgent(self) -> bytes:
        """Urgent bytes, once."""
        return self._framed(self._urgent)

    def take(self) -> bytes:
        """Bytes to send, once."""
        return self._framed(self._out)

    def _framed(self, queue: list[Packed]) -> bytes:
        """Frames get their sequence when they leave: what overtakes must not look like a gap to the device."""
        data = b""
        for kind, payload in queue:
            data += kind.framing()(payload, self._tx_seq)
            self._tx_seq = (self._tx_seq + 1) & 0xFF
        queue.clear()
        return data

    def receive(self, data: bytes, now_ns: int) -> list[Received]:
        """The device's messages that are complete with `data`."""
        messages = []
        counters, decode = self.counters, self._codec.decode
        for frame in self._framer.feed(data, now_ns):
            if frame.system != DEVICE_SYSTEM:
                counters.foreign += 1
                continue
            last, self._rx_seq = self._rx_seq, frame.link_seq
            if frame.link_seq == last:
                counters.repeated += 1
                continue
            counters.received += 1
            if last is not None:
                counters.lost += (frame.link_seq - last - 1) & 0xFF
            messages.append(decode(frame))
        return messages
