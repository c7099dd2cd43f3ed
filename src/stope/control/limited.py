"""What a tool's work is limited by, said steadily: a limit that is met for a moment is not news."""

from __future__ import annotations

STANDS_S = 1.0


class LimitedBy:
    """Attributes:
    said: ", limited by ..." for the progress line; empty while nothing limits.
    """

    def __init__(self) -> None:
        self.said, self._coming, self._since_s = "", "", 0.0

    def update(self, limit: str, dt_s: float) -> None:
        """One tick with this limit, or none; said once it has stood for a second."""
        if limit != self._coming:
            self._coming, self._since_s = limit, 0.0
        self._since_s += dt_s
        if self._since_s >= STANDS_S:
            self.said = f", limited by {limit}" if limit else ""
