"""The hazards of an anchor: each by hand, together, and refused where they make no sense."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stope.belief.hazards import Exposure, Hazards
from stope.physics.normal import normal_cdf

SURPLUS = np.linspace(-2.0, 2.0, 81)


def test_one_ramp_has_the_hazard_of_direction_alone():
    assert Hazards().failure(SURPLUS, Exposure()) == pytest.approx(normal_cdf(-SURPLUS / 0.12))


def test_static_fatigue_by_hand():
    """At four fifths of the strength for an hour: (3600 / 10) 0.8^40 = 0.0479 of hazard."""
    hazards = Hazards(direction_log_sd=1e-6)
    failed = hazards.failure(math.log(1 / 0.8), Exposure(3600.0))
    assert failed == pytest.approx(1.0 - math.exp(-360.0 * 0.8**40), rel=1e-9)
    assert failed == pytest.approx(0.0467, abs=2e-4)


def test_cycles_by_hand():
    """A thousand cycles at 0.7 of the strength: 1000 0.7^30 = 0.0225."""
    assert Hazards(direction_log_sd=1e-6).failure(-math.log(0.7), Exposure(0.0, 1000.0)) == pytest.approx(
        -math.expm1(-1000.0 * 0.7**30), rel=1e-9
    )


@given(st.floats(0.0, 1e7), st.floats(0.0, 1e6))
def test_failure_is_a_probability_that_falls_with_strength_and_rises_with_exposure(duration_s, cycles):
    failed = Hazards().failure(SURPLUS, Exposure(duration_s, cycles))
    assert ((failed >= 0.0) & (failed <= 1.0)).all()
    assert (np.diff(failed) <= 1e-15).all()
    assert (failed >= Hazards().failure(SURPLUS, Exposure()) - 1e-15).all()


@pytest.mark.parametrize("wrong", [{"time_s": 0.0}, {"time_exponent": -1.0}, {"cycle_exponent": math.nan}])
def test_senseless_hazards_are_refused(wrong):
    with pytest.raises(ValueError, match="hazards must be finite"):
        Hazards(**wrong)
    with pytest.raises(ValueError, match="duration"):
        Exposure(duration_s=-1.0)
