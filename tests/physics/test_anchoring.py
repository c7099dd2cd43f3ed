"""Microspines, bundles and the limit surface: limits, monotonicity, and agreement with brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics import anchoring
from stope.physics.normal import normal_cdf, normal_quantile

newtons = st.floats(0.0, 500.0)
strengths = st.floats(1e-3, 500.0)


@given(st.floats(-500.0, 500.0), newtons, strengths, strengths, st.floats(0.0, 1.0), st.floats(1.0, 3.0))
@settings(max_examples=100)
def test_utilisation_grows_with_the_load_and_falls_with_strength(pull, shear, normal, tangential, friction, factor):
    once = anchoring.utilisation(pull, shear, normal, tangential, friction)
    assert once >= 0.0
    assert anchoring.utilisation(pull, shear * factor, normal, tangential, friction) >= once * (1 - 1e-12)
    assert anchoring.utilisation(pull, shear, normal * factor, tangential * factor, friction) <= once * (1 + 1e-12)
    if pull > 0:
        doubled = anchoring.utilisation(2 * pull, 2 * shear, normal, tangential, friction)
        assert doubled == pytest.approx(2 * once)


def test_pressing_an_anchor_on_only_helps_and_is_continuous_at_no_pull():
    at_zero = anchoring.utilisation(0.0, 10.0, 20.0, 40.0, 0.5)
    assert at_zero == pytest.approx(0.25)
    assert anchoring.utilisation(1e-9, 10.0, 20.0, 40.0, 0.5) == pytest.approx(at_zero)
    assert anchoring.utilisation(-1e-9, 10.0, 20.0, 40.0, 0.5) == pytest.approx(at_zero)
    assert anchoring.utilisation(-40.0, 10.0, 20.0, 40.0, 0.5) == pytest.approx(10 / 60)
    assert anchoring.utilisation(-1000.0, 0.0, 20.0, 40.0, 0.5) == 0.0


def test_case_h05_an_isotropic_anchor_holds_99_n_and_lets_go_at_101_n_and_at_141_n_at_45_deg():
    diagonal = 141.0 * math.sqrt(0.5)
    used = anchoring.utilisation([99.0, 101.0, diagonal + 1], [0.0, 0.0, diagonal + 1], 100.0, 100.0, 0.0)
    assert (used <= 1.0).tolist() == [True, False, False]


def test_an_anchor_without_strength_holds_nothing_but_nothing():
    used = anchoring.utilisation([0.0, 1.0, 0.0, -10.0], [0.0, 0.0, 1.0, 2.0], 0.0, 0.0, [0.2, 0.2, 0.2, 0.5])
    assert used.tolist() == [0.0, math.inf, math.inf, pytest.approx(0.4)]


@pytest.mark.parametrize("spines", [16, 64, 256])
def test_the_bundle_formula_meets_monte_carlo(spines):
    peaks = anchoring.bundle_peak_n(np.random.default_rng(7).weibull(2.0, (6000, spines)))

    def weibull(load):
        return 1.0 - np.exp(-(load**2))

    predicted = anchoring.bundle_strength(spines, weibull, 5.0)
    assert predicted.mean_n == pytest.approx(peaks.mean(), rel=0.02)
    assert predicted.sd_n == pytest.approx(peaks.std(), rel=0.15)
    assert predicted.mean_n > predicted.asymptote_n


def test_measured_spine_capacities_do_as_well_as_their_distribution():
    samples = np.random.default_rng(3).uniform(0.5, 1.5, 5000)
    measured = anchoring.bundle_strength(100, samples)
    assert measured.mean_n == pytest.approx(anchoring.bundle_strength_uniform(100, 0.5, 1.5).mean_n, rel=0.02)


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=20))
@settings(max_examples=50)
def test_a_bundle_is_at_least_its_weakest_link_and_at_most_its_sum(capacities):
    peak = anchoring.bundle_peak_n(capacities)
    assert len(capacities) * min(capacities) - 1e-9 <= peak <= sum(capacities) + 1e-9
    assert peak >= max(capacities) - 1e-12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, np.ones(3)), "at least one spine"), ((5, lambda x: x), "upper_n"), ((5, []), "no spine")],
)
def test_a_bundle_of_nothing_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        anchoring.bundle_strength(*arguments)


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (-1.0, 1.0), (0.0, 0.0), (0.0, float("inf"))])
def test_a_capacity_range_must_be_a_range(bounds):
    with pytest.raises(ValueError, match="range"):
        anchoring.bundle_strength_uniform(4, *bounds)


def test_grasp_success_is_one_half_at_the_mean_and_a_stance_multiplies():
    assert anchoring.grasp_success(30.0, 5.0, [30.0, 35.0]) == pytest.approx([0.5, normal_cdf(-1.0)])
    assert anchoring.stance_success(30.0, 5.0, [[30.0, 30.0, 30.0]]) == pytest.approx([0.125])


@given(st.floats(1e-9, 1 - 1e-9))
def test_quantile_inverts_the_normal_distribution(probability):
    assert normal_cdf(normal_quantile(probability)) == pytest.approx(probability, rel=1e-9)
