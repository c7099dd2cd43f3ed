"""The e-stop message, sent three times 5 ms apart: it needs no session, and one lost frame must not be its end."""

from __future__ import annotations

from stope.bridge.link import Link

TIMES, SPACING_NS = 3, 5_000_000
MAGIC = 0x504F5453


class EstopBurst:
    """Sends what is due of a burst, ahead of everything that is queued."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._due: list[int] = []
        self._reason = self._seq = 0

    def start(self, reason: int, seq: int, now_ns: int) -> None:
        """The first one at once; `seq` is for the device's answer, and no other command's."""
        self._reason, self._seq = reason, seq
        self._due = [now_ns + i * SPACING_NS for i in range(TIMES)]
        self.step(now_ns)

    def step(self, now_ns: int) -> None:
        """What is due by now."""
        while self._due and now_ns >= self._due[0]:
            self._due.pop(0)
            self._link.send("ESTOP", {"magic": MAGIC, "seq": self._seq, "reason": self._reason}, urgent=True)
