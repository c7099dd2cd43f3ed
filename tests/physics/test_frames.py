"""Rotating frame: signs and sizes that a textbook states, and properties that must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stope.physics import frames

SPIN = np.array([0.0, 0.0, 4e-4])
vectors = st.tuples(*[st.floats(-1e3, 1e3)] * 3).map(np.array)


def test_centrifugal_points_away_from_the_axis():
    np.testing.assert_allclose(frames.centrifugal([100.0, 0.0, 50.0], SPIN), [1.6e-5, 0.0, 0.0])


def test_coriolis_turns_right_on_the_north_side():
    np.testing.assert_allclose(frames.coriolis([1.0, 0.0, 0.0], SPIN), [0.0, -8e-4, 0.0])


@given(vectors, vectors)
def test_matrices_equal_cross_products(w, r):
    np.testing.assert_allclose(frames.centrifugal(r, w), -np.cross(w, np.cross(w, r)), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(frames.coriolis(r, w), -2.0 * np.cross(w, r), rtol=1e-9, atol=1e-9)


def test_effective_acceleration_adds_what_is_given():
    r, v, g = np.array([[100.0, 0, 0]]), np.array([[0.0, 1.0, 0]]), np.array([[-1e-4, 0, 0]])
    np.testing.assert_allclose(frames.effective_acceleration(g, r, SPIN), [[-1e-4 + 1.6e-5, 0, 0]])
    np.testing.assert_allclose(frames.effective_acceleration(g, r, SPIN, v), [[-1e-4 + 1.6e-5 + 8e-4, 0, 0]])


def test_a_point_at_rest_in_space_has_no_kinetic_part_in_the_inertial_jacobi():
    """At rest in space v = -W x r: the energy is -U, and C = E - W.L with L = 0."""
    r = np.array([200.0, 30.0, 10.0])
    v = -np.cross(SPIN, r)
    assert frames.jacobi_integral(r, v, 0.02, SPIN) == pytest.approx(-0.02, rel=1e-12)


def test_escape_speed_without_spin_is_the_sphere_s():
    speed = frames.local_escape_speed([1.0, 0, 0], [245.0, 0, 0], 0.0, 4.892, np.zeros(3))
    assert speed == pytest.approx(np.sqrt(2 * 4.892 / 245.0))


def test_rotation_lends_escape_speed():
    still = frames.local_escape_speed([1.0, 0, 0], [245.0, 0, 0], 0.0, 4.892, np.zeros(3))
    turning = frames.local_escape_speed([1.0, 0, 0], [245.0, 0, 0], 0.0, 4.892, SPIN)
    assert turning == pytest.approx(np.sqrt(still**2 - (245 * 4e-4) ** 2))
    eastward = frames.local_escape_speed([0, 1.0, 0], [245.0, 0, 0], 0.0, 4.892, SPIN)
    assert eastward == pytest.approx(still - 245 * 4e-4)


def test_deeper_potential_counts_and_fast_surfaces_need_nothing():
    deep = frames.local_escape_speed([1.0, 0, 0], [245.0, 0, 0], 0.03, 4.892, np.zeros(3))
    assert deep == pytest.approx(np.sqrt(0.06))
    assert frames.local_escape_speed([1.0, 0, 0], [245.0, 0, 0], 0.0, 4.892, SPIN * 10) == 0.0


@pytest.mark.parametrize(
    ("normal", "slope"), [([0, 0, 1], 0.0), ([0, 1, 1], 45.0), ([1, 0, 0], 90.0), ([0, 0, -1], 180.0)]
)
def test_slope(normal, slope):
    assert frames.effective_slope_deg([0, 0, -5e-5], normal) == pytest.approx(slope)


def test_small_slopes_keep_their_digits():
    assert frames.effective_slope_deg([0, 0, -5e-5], [1e-9, 0, 1.0]) == pytest.approx(np.degrees(1e-9), rel=1e-9)


@given(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9))
def test_latitude_and_longitude_come_back(latitude, longitude):
    back = frames.latitude_longitude_deg(3.0 * frames.direction(latitude, longitude))
    assert back == (pytest.approx(latitude, abs=1e-9), pytest.approx(longitude, abs=1e-9))


def test_direction_broadcasts():
    assert frames.direction(0.0, np.arange(4)).shape == (4, 3)
    np.testing.assert_allclose(frames.direction(90.0, 12.0), [0, 0, 1], atol=1e-15)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_ellipsoid_point_is_on_the_ellipsoid_and_its_normal_is_the_gradient(latitude, longitude):
    axes = (88.5, 87.0, 58.0)
    point, normal = frames.ellipsoid_point(axes, latitude, longitude)
    assert np.sum((point / axes) ** 2) == pytest.approx(1.0)
    gradient = point / np.square(axes)
    np.testing.assert_allclose(np.cross(normal, gradient), 0.0, atol=1e-15)
    assert normal @ point > 0


def test_spin_vector():
    np.testing.assert_allclose(frames.spin_vector(15466.0), [0, 0, 2 * np.pi / 15466.0])
    np.testing.assert_array_equal(frames.spin_vector(float("inf")), 0.0)
    assert frames.spin_vector(-100.0)[2] < 0
    for bad in (0.0, float("nan")):
        with pytest.raises(ValueError, match="spin period"):
            frames.spin_vector(bad)


@pytest.mark.parametrize("density", [0.0, -1.0, float("nan")])
def test_spin_limit_needs_a_density(density):
    with pytest.raises(ValueError, match="density"):
        frames.spin_limit_period_s(density)
