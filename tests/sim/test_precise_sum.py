"""The compiled sum against Python's exact one."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.sim.precise_sum import precise_sum


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0.0, 1e12), max_size=60))
def test_masses_sum_as_fsum_does_to_the_last_bit(values: list[float]) -> None:
    exact = math.fsum(values)  # a tie of the last bit may round the other way
    assert abs(precise_sum(np.array(values, np.float64)) - exact) <= math.ulp(exact)


def test_a_plain_sum_would_not_do() -> None:
    heights = np.random.default_rng(7).random(60_000) * 10.0 ** np.random.default_rng(8).integers(-9, 3, 60_000)
    assert precise_sum(heights) == math.fsum(heights)
    assert sum(heights.tolist()) != math.fsum(heights)


def test_what_rounding_took_comes_back() -> None:
    assert precise_sum(np.array((1e16, 1.0, -1e16))) == 1.0
