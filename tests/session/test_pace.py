"""Real time as a device in virtual time has it: never ahead of the wall, and late is told."""

from __future__ import annotations

import pytest

from stope.session.pace import BEHIND_S, Pace


class Wall:
    """A wall clock that only the test and the sleeper move."""

    def __init__(self) -> None:
        self.s = 100.0
        self.slept: list[float] = []

    def now_s(self) -> float:
        return self.s

    def sleep(self, for_s: float) -> None:
        self.slept.append(for_s)
        self.s += for_s


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def pace(wall: Wall) -> Pace:
    return Pace(wall, wall.sleep)


def periods(pace: Pace, wall: Wall, works_s: list[float]) -> None:
    """20 ms each, the first at 1 s of the device's time; their work takes so long of the wall's."""
    pace.keep(1_000_000)
    for count, work_s in enumerate(works_s, 1):
        wall.s += work_s
        pace.keep(1_000_000 + 20_000 * count)


def test_early_waits_until_its_time(pace: Pace, wall: Wall) -> None:
    periods(pace, wall, [0.005, 0.015, 0.020])
    assert wall.slept == pytest.approx([0.015, 0.005])
    assert wall.s == pytest.approx(100.06)
    told = pace.punctuality()
    assert (told.periods, told.late, told.stalls) == (3, 0, 0)
    assert told.worst_ms == pytest.approx(0.0, abs=1e-6)


def test_late_is_caught_up_with_and_counted(pace: Pace, wall: Wall) -> None:
    periods(pace, wall, [0.045, 0.005, 0.005, 0.005])
    assert wall.s == pytest.approx(100.08)  # on time again after 25, 10 ms and none
    told = pace.punctuality()
    assert (told.periods, told.late) == (4, 2)
    assert told.worst_ms == pytest.approx(25.0)
    assert told.p50_ms == pytest.approx(5.0)
    assert "2 of 4 control periods late" in told.line()


def test_a_stall_is_not_caught_up_with(pace: Pace, wall: Wall) -> None:
    periods(pace, wall, [0.010, 3.0, 0.010])
    assert wall.slept == pytest.approx([0.010, 0.010])  # the third period is on time again: the schedule moved
    told = pace.punctuality()
    assert (told.periods, told.late, told.stalls) == (3, 1, 1)
    assert told.stalled_s == pytest.approx(2.98)
    assert told.worst_ms <= 1e3 * BEHIND_S
    assert "1 stalls, 3.0 s, in which the device's clock stood" in told.line()
