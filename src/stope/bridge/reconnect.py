"""Reconnecting: to the same board wherever it is plugged in now, with back-off, and never armed.

An adapter that is pulled and plugged in again often comes back under another name, and another board may have taken the
old one. So the board is looked for by its uid, behind every port there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stope.bridge.codec import Codec
from stope.bridge.discovery import Opener, find_uid, open_serial, ports
from stope.bridge.transport import Clock, Transport

FIRST_S, FACTOR, LONGEST_S = 0.25, 2.0, 5.0


def _port_names() -> Sequence[str]:
    return [port.name for port in ports()]


@dataclass(slots=True)
class BackOff:
    """When to try again: 0.25 s, then twice as long each time, 5 s at most. `now_s` is any monotonic time."""

    due_s: float = 0.0
    pause_s: float = FIRST_S
    tries: int = 0

    def failed(self, now_s: float) -> None:
        """A try at `now_s` failed."""
        self.tries += 1
        self.due_s = now_s + self.pause_s
        self.pause_s = min(self.pause_s * FACTOR, LONGEST_S)

    def is_due(self, now_s: float) -> bool:
        """Whether to try."""
        return now_s >= self.due_s


class Reconnector:
    """Finds one board again. Call `attempt` as often as you like; it looks only when it is due.

    Args:
        uid: the board; names: what ports there are now.
    """

    def __init__(
        self,
        uid: int,
        codec: Codec,
        clock: Clock,
        names: Callable[[], Sequence[str]] = _port_names,
        opener: Opener = open_serial,
    ) -> None:
        self._uid, self._codec, self._clock = uid, codec, clock
        self._names, self._opener = names, opener
        self.back_off = BackOff()

    def attempt(self) -> Transport | None:
        """The board's port, opened; None while it is not there or not due.

        The caller makes a new session of it (`SerialRobot.connect`): handshake and arming start over.
        """
        if not self.back_off.is_due(self._clock.now_s()):
            return None
        name = find_uid(self._uid, self._names(), self._codec, self._clock, self._opener)
        if name is not None:
            try:
                transport = self._opener(name)
            except ConnectionError:
                name = None
            else:
                self.back_off = BackOff()
                return transport
        self.back_off.failed(self._clock.now_s())
        return None
