"""A pull under test that falls off is an anchor that yields; one that is lowered, or a noisy one, is none."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stope.control.yielding import FALL, YIELDED_TICKS, YieldWatch

ALL = np.ones(4, dtype=bool)


def pulls(*values: float) -> np.ndarray:
    """(4, 3) forces of the ground on the feet that pull at them with so many newtons."""
    force = np.zeros((4, 3))
    force[:, 2] = -np.array(values)
    return force


def test_the_limb_whose_pull_falls_most_is_named_although_another_is_under_test() -> None:
    watch, planned = YieldWatch(4), pulls(22.0, -22.0, 22.0, -22.0)
    assert watch.look(pulls(22.0, -22.0, 22.0, -22.0), planned, ALL, 0) is None
    found = [watch.look(pulls(20.4, -20.2, 19.0, -20.1), planned, ALL, 0) for _ in range(YIELDED_TICKS)]
    assert found[:-1] == [None] * (YIELDED_TICKS - 1)
    assert found[-1] is not None
    alarm, limb = found[-1]
    assert (alarm.fault, alarm.blocking, limb) == ("anchor.let_go", False, 2)
    assert alarm.value > alarm.limit == FALL


def test_a_pull_that_is_lowered_falls_because_nobody_asks_for_it() -> None:
    watch = YieldWatch(4)
    for asked in np.linspace(25.0, 0.0, 80):
        felt = asked + 1.5  # a filtered force lags behind
        assert watch.look(pulls(felt, -felt, felt, -felt), pulls(asked, -asked, asked, -asked), ALL, 0) is None


def test_outside_a_test_and_of_an_anchor_that_is_not_relied_on_nothing_is_concluded() -> None:
    gone = np.array([True, True, False, True])
    for relied_on, proof in ((ALL, -1), (gone, 0)):
        watch, planned = YieldWatch(4), pulls(22.0, 0.0, 22.0, 0.0)
        for felt in (22.0, 15.0, 10.0, 5.0):
            assert watch.look(pulls(22.0, 0.0, felt, 0.0), planned, relied_on, proof) is None


@given(st.lists(st.floats(-0.6, 0.6), min_size=10, max_size=60), st.floats(0.0, 7.0) | st.floats(12.0, 40.0))
def test_noise_on_a_pull_that_lasts_is_no_fall(noise_n: list[float], pull_n: float) -> None:
    watch = YieldWatch(4)
    for error in noise_n:
        assert watch.look(pulls(pull_n + error, 0.0, 0.0, 0.0), pulls(pull_n, 0.0, 0.0, 0.0), ALL, 0) is None


def test_a_fall_of_a_single_tick_is_a_wild_reading() -> None:
    watch, planned = YieldWatch(4), pulls(22.0, 0.0, 0.0, 0.0)
    for felt in (22.0, 15.0, 22.0, 15.0, 22.0):
        assert watch.look(pulls(felt, 0.0, 0.0, 0.0), planned, ALL, 0) is None
