"""Contact speed: the rebound stays a stated share of the escape speed, and the descent keeps to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import free_miner

from stope.control.contact import REBOUND_SHARE, RESTITUTION, contact_speed_m_s
from stope.control.descending import DescendController
from stope.control.stance import Stance
from stope.mission.missionfile import Descend


@given(st.floats(1e-3, 1e3), st.floats(0.05, 1.0))
def test_the_rebound_is_the_stated_share_of_the_escape_speed(escape_m_s: float, restitution: float) -> None:
    assert restitution * contact_speed_m_s(escape_m_s, restitution) == pytest.approx(REBOUND_SHARE * escape_m_s)


def test_a_bench_has_no_limit_and_nonsense_is_refused() -> None:
    assert contact_speed_m_s(math.inf) == math.inf
    for wrong in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="escape speed"):
            contact_speed_m_s(wrong)


def test_on_a_small_body_the_descent_is_slower_than_asked() -> None:
    """On Dimorphos, with 5 cm/s of escape speed, thrust stops below 1.7 cm/s instead of the 5 cm/s of the task."""
    scene = free_miner()
    task, stance = Descend(task="descend", hold_down_n=8.0, contact_speed_m_s=0.05), Stance(scene.model)
    slow = 0.05 * REBOUND_SHARE / RESTITUTION
    for escape_m_s, speed, pushes in ((0.05, 0.9 * slow, True), (0.05, 1.1 * slow, False), (0.2, 1.1 * slow, True)):
        scene.est["velocity_m_s"] = np.array((0.0, 0.0, -speed))
        goal = DescendController(task, stance, escape_m_s).update(scene.view())
        assert (goal.hold_down_n > 0.0) is pushes
