"""Gripped feet give way to shear that they should not carry, and the body stays where it is."""

from __future__ import annotations

import numpy as np
import pytest
from scripted import robot

from stope.control.stance import RELAX_MOST_M, Stance

ALL = np.ones(4, dtype=bool)


def test_feet_on_limbs_like_springs_end_with_the_shear_that_is_wanted() -> None:
    stance, stiffness, bent = Stance(robot()), 1.0e4, 0.6e-3
    wanted = 6.0 * stance.outward
    felt = wanted
    for _ in range(400):
        felt = wanted + stiffness * (bent * stance.outward - stance.given_m)
        stance.relax(felt, wanted, ALL, 0.01)
    assert np.abs(felt - wanted).max() < 0.1
    assert np.abs(stance.given_m.mean(axis=0)).max() < 1e-9


@pytest.mark.parametrize(("stiffness", "far_m"), [(1.0e4, 1.0e-4), (0.0, RELAX_MOST_M)])
def test_offsets_of_the_force_sensors_move_the_body_nowhere_and_the_feet_not_far(stiffness, far_m) -> None:
    stance = Stance(robot())
    offset = np.random.default_rng(1).normal(0.0, 0.3, (4, 3))
    for _ in range(20_000):
        stance.relax(offset - stiffness * stance.given_m, np.zeros((4, 3)), ALL, 0.01)
    assert np.abs(stance.given_m.mean(axis=0)).max() < 1e-9
    assert np.linalg.norm(stance.given_m, axis=1).max() <= far_m + 1e-9


def test_a_foot_that_does_not_hold_or_whose_sensor_is_silent_stays() -> None:
    stance = Stance(robot())
    held = np.array((True, True, False, True))
    felt = 10.0 * stance.outward
    felt[1] = np.nan
    stance.relax(felt, np.zeros((4, 3)), held, 0.01)
    assert not stance.given_m[2].any()
    assert np.isfinite(stance.given_m).all()
