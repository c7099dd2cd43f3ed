"""Unstress: takes self-stress out of closed feet and leaves what carries weight."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scripted import robot

from stope.control.stance import Stance

MINER = robot()


@given(st.integers(0, 2**32 - 1), st.lists(st.booleans(), min_size=4, max_size=4))
def test_closed_feet_lose_what_sets_them_apart_and_keep_what_they_share(seed: int, closed: list[bool]) -> None:
    stance, which = Stance(MINER), np.array(closed)
    asked = stance.feet_m.copy()
    felt = asked + 0.005 * np.random.default_rng(seed).standard_normal((4, 3))
    for _ in range(400):
        stance.unstress(felt, which, 0.01)
    assert np.array_equal(stance.feet_m[~which], asked[~which])
    if which.any():
        left = (felt - stance.feet_m)[which]
        assert np.allclose(left, left.mean(axis=0), atol=1e-6)
        assert np.allclose(left.mean(axis=0), (felt - asked)[which].mean(axis=0), atol=1e-9)
