"""Two drums over ground that is not parallel to the body: pitched until both gain as fast."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.control.drumlevel import PITCH_MOST_RAD, DrumLevel

AHEAD_M, DEEP_M, GAIN_KG_S, CAPACITY_KG = 0.16, 3e-3, 0.011, 1.5
STUCK_RAD = 5e-4  # of what is asked, that friction in the joints keeps
ATTITUDE_RAD = 0.3  # on a slope; only changes matter


def dig(slope: float, seconds: float, noise: float = 2e-4, seed: int = 0) -> tuple[DrumLevel, float, float]:
    """Drums 3 mm deep in ground that falls by `slope` toward the front; pitch of the body, last unevenness of gains."""
    rng = np.random.default_rng(seed)
    fill, told = np.zeros(2), np.zeros(2)
    made, uneven, pitch = DrumLevel(told, ATTITUDE_RAD), 0.0, 0.0
    for tick in range(round(seconds / 0.01)):
        deep = DEEP_M + AHEAD_M * (pitch - slope) * np.array((1.0, -1.0))
        gain = GAIN_KG_S * (np.maximum(deep, 0.0) / DEEP_M) ** 1.5
        uneven = float((gain[0] - gain[1]) / gain.sum())
        fill = fill + gain * 0.01 / CAPACITY_KG
        if tick % 5 == 0:  # level sensors are read at 20 Hz
            told = np.round((fill + noise * rng.standard_normal(2)) * 1e4) * 1e-4
        made.update(told, ATTITUDE_RAD + pitch + 5e-5 * float(rng.standard_normal()), 0.01)
        pitch = min(max(pitch, made.asked_rad - STUCK_RAD), made.asked_rad + STUCK_RAD)
    return made, pitch, uneven


@settings(max_examples=20, deadline=None)
@given(slope=st.floats(-8e-3, 8e-3), seed=st.integers(0, 99))
def test_both_gain_as_fast_after_a_few_seconds_though_the_joints_stick(slope: float, seed: int) -> None:
    made, pitch, uneven = dig(slope, 6.0, seed=seed)
    assert abs(uneven) < 0.06
    assert abs(pitch - slope) < 1.5e-3
    assert abs(made.pitch_rad - pitch) < 3e-4


def test_it_stays_within_its_reach_and_goes_home() -> None:
    made, _, _ = dig(0.5, 20.0)
    assert abs(made.pitch_rad) == PITCH_MOST_RAD
    feet = np.array(((0.5, 0.4, -0.3), (-0.5, -0.4, -0.3)))
    assert np.allclose((made.pitched(feet) - feet)[:, 2], made.asked_rad * np.array((0.5, -0.5)))
    ticks = 0
    while not made.home(0.01):
        ticks += 1
    assert ticks < 150
    assert (made.pitched(feet) == feet).all()


def test_levels_that_are_missing_or_do_not_rise_pitch_nothing() -> None:
    made = DrumLevel(np.zeros(2))
    for fill, attitude in ((np.array((np.nan, 0.1)), 0.0), (np.zeros(2), 0.0), (np.array((0.1,)), 0.0)):
        for _ in range(100):
            made.update(fill, attitude, 0.01)
    made.update(np.array((0.1, 0.0)), np.nan, 0.01)
    assert made.asked_rad == 0.0
