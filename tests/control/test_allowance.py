"""The felt margin: what it leaves a tool, and how it paces what loads the anchors."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scripted import anchored_miner

from stope.control.allowance import KEEP, Allowance


def settled(margin: float) -> Allowance:
    made, scene = Allowance(), anchored_miner(margin=margin)
    for _ in range(200):
        made.update(scene.view())
    return made


@settings(max_examples=40)
@example(44.0, 5.0, 0.0)  # a ramp that still overshoots when it arrives
@given(st.floats(1.0, 50.0), st.floats(5.0, 50.0), st.floats(0.0, 0.9))
def test_the_load_it_names_keeps_the_margin(strength_n: float, load_n: float, preload: float) -> None:
    """A tool that follows it ends with at least `KEEP`, whatever else the anchor carries."""
    scene, made = anchored_miner(), Allowance()
    for _ in range(700):  # the slowest ramp takes 450
        scene.margin = max(-1.0, 1.0 - preload * (1.0 - KEEP) - load_n / strength_n)
        made.update(scene.view())
        load_n += min(max(made.most_n(load_n, 0.1) - load_n, -0.5), 0.1)
    assert load_n <= max(strength_n * (1.0 - KEEP) * (1.0 - preload), 0.1) + 0.35


def test_pace_is_full_at_ease_nothing_at_the_last_and_backwards_beyond() -> None:
    assert settled(1.0).pace == 1.0
    assert settled(KEEP).pace == pytest.approx(0.0, abs=1e-6)
    assert settled(0.0).pace < 0.0
    assert settled(-1.0).pace == -1.0


def test_a_margin_that_is_not_known_counts_as_none() -> None:
    assert settled(math.nan).pace == -1.0
