"""RunClock: the one time that logic may read."""

from __future__ import annotations


class RunClock:
    """Time of the run in integer microseconds, moved only by the robot that owns it.

    Use it wherever a duration or a deadline matters. In simulation it follows the plant, on hardware it follows
    the device's synchronised time; either way it never goes backwards.
    """

    __slots__ = ("_now_us",)

    def __init__(self, start_us: int = 0) -> None:
        self._now_us = start_us

    @property
    def now_us(self) -> int:
        """Microseconds since the start of the run."""
        return self._now_us

    @property
    def now_s(self) -> float:
        """Seconds since the start of the run, for display and slow laws; compare `now_us` for deadlines."""
        return self._now_us * 1e-6

    def advance_to(self, time_us: int) -> None:
        """Move to `time_us`.

        Raises:
            ValueError: if that would move time backwards.
        """
        if time_us < self._now_us:
            raise ValueError(f"run clock asked to go back from {self._now_us} us to {time_us} us")
        self._now_us = time_us
