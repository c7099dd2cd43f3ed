"""Requested and observed rate of detachment agree where anchors bind: a seeded tenth of `make bench` and less."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stope.control.distribution import Footholds, WrenchDistribution
from stope.mission.shipped import find_data
from stope.robot.modelfile import load_robot
from stope.validation.detachments import roll_out, share_lift, wilson


@pytest.mark.parametrize(("risk", "tasks"), [(1e-2, 10_000), (1e-3, 20_000)])
def test_anchors_let_go_as_often_as_asked_for(risk: float, tasks: int) -> None:
    tally = roll_out(risk, tasks, seed=1)
    assert tally.tasks >= tasks
    assert 0.5 <= tally.ratio <= 1.5
    low, high = tally.interval
    assert low <= 1.0 <= high
    assert tally.stance_ratio <= 1.0
    assert 0 < tally.broken < tally.tests  # tests do break grips, and are not counted as detachments


def test_a_prior_that_is_too_narrow_shows() -> None:
    """The check can fail: strengths that scatter a quarter more than believed let go too often."""
    assert roll_out(1e-2, 10_000, seed=2, prior_error=1.25).interval[0] > 1.5


def test_the_split_in_closed_form_is_that_of_the_qp() -> None:
    model, rng = load_robot(find_data("robot", "miner")), np.random.default_rng(5)
    distribution = WrenchDistribution(model)
    square = 0.5 * np.array([[1, 1, 0], [1, -1, 0], [-1, -1, 0], [-1, 1, 0]], dtype=float)
    for _ in range(20):
        allowed = rng.uniform(0.1, 0.9, 4)
        _, bound, lift = share_lift(allowed[None, :])
        feet = Footholds(square, np.full(4, 90.0), np.full(4, 105.0), allowed, np.ones(4, dtype=bool), 0.6)
        found = distribution.reserve(feet, np.zeros(6), np.array((0.0, 0, 1, 0, 0, 0)))
        assert found == pytest.approx(90.0 * lift[0], rel=5e-3)
        pull = -distribution.reserve_force_n[:, 2] / 90.0
        assert pull[bound[0]] == pytest.approx(allowed[bound[0]], rel=0.02)


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_interval_holds_the_share(events: int, more: int) -> None:
    trials = events + more
    low, high = wilson(events, trials)
    assert 0.0 <= low <= events / trials <= high <= 1.0


def test_wilson_by_the_book() -> None:
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
