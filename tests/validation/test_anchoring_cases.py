"""Published and analytic anchoring cases A01-A12 (research/physics.md, section 9)."""

from __future__ import annotations

import numpy as np
import pytest

from stope.physics import anchoring


def test_a01_spine_engagement_threshold():
    """Asbeck 2006: theta_load + arccot(mu)."""
    assert np.degrees(anchoring.engagement_angle_rad([0.15, 0.25], 0.0)) == pytest.approx([81.5, 76.0], abs=0.1)


def test_a02_bundle_of_256_uniform_spines():
    """Daniels 1945, finite n: 132 N mean, 8 N s.d., asymptote 128 N; also by Monte Carlo in this run."""
    bundle = anchoring.bundle_strength_uniform(256, 0.0, 2.0)
    assert bundle.mean_n == pytest.approx(132.0, rel=0.03)
    assert bundle.sd_n == pytest.approx(8.0, rel=0.03)
    assert bundle.asymptote_n == pytest.approx(128.0, rel=1e-3)
    peaks = anchoring.bundle_peak_n(np.random.default_rng(2).uniform(0.0, 2.0, (4000, 256)))
    assert (peaks.mean(), peaks.std()) == (pytest.approx(132.0, rel=0.03), pytest.approx(8.0, rel=0.05))


def test_a07_grasp_success_of_one_and_of_four():
    """ReachBot (Newdick 2022): Phi((30 - 22) / 5), and its fourth power."""
    assert anchoring.grasp_success(30.0, 5.0, 22.0) == pytest.approx(0.945, abs=1e-3)
    assert anchoring.stance_success(30.0, 5.0, [22.0] * 4) == pytest.approx(0.798, abs=1e-3)


def test_a11_an_unanchored_robot_reaches_escape_speed():
    """50 kg, 20 N, Bennu's 0.20 m/s."""
    assert anchoring.free_motion_time_to_speed(50.0, 20.0, 0.20) == pytest.approx(0.50, rel=0.02)


def test_a12_drill_feed_through_the_gripper_stays_attached():
    """Parness 2013: 60 N feed against a normal limit of more than 130 N: margin above 2."""
    used = anchoring.utilisation(
        60.0, 0.0, anchoring.GRIPPER_NORMAL_BOUND_N, anchoring.GRIPPER_TANGENTIAL_BOUND_N, friction=0.0
    )
    assert used <= 1.0
    assert 1.0 / used > 2.0
