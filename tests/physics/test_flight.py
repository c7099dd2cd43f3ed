"""Flights against closed forms: the sphere's ballistics, energy in a spinning frame, escape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics import ejecta, flight, frames
from stope.physics.gravity import Ellipsoid, point_mass_acceleration, point_mass_potential

GM, RADIUS = 4.8916, 245.0
BENNU_SPIN = frames.spin_vector(15466.0)


def bennu(points):
    return point_mass_acceleration(points, GM)


def launch(speed: float, elevation: float, spin=None, **more):
    velocity = speed * np.array([np.sin(elevation), np.cos(elevation), 0.0])
    options = {"step_s": 5.0, "longest_s": 20_000.0} | more
    still = np.zeros(3) if spin is None else spin
    return flight.fly([RADIUS, 0, 0], velocity, bennu, still, flight.sphere_height(RADIUS), **options)


@settings(max_examples=8)
@given(st.floats(0.01, 0.12), st.floats(0.3, 1.3))
def test_hops_over_a_still_sphere_are_keplers(speed, elevation):
    landed = launch(speed, elevation)
    assert landed.state.tolist() == [flight.LANDED]
    assert landed.time_s[0] == pytest.approx(ejecta.spherical_time_s(speed, elevation, RADIUS, GM), rel=2e-3)
    swept = RADIUS * np.arctan2(landed.point_m[0, 1], landed.point_m[0, 0])
    assert swept == pytest.approx(ejecta.spherical_range_m(speed, elevation, RADIUS, GM), rel=2e-3, abs=0.02)
    assert np.linalg.norm(landed.velocity_m_s[0]) == pytest.approx(speed, rel=2e-2)


def test_who_is_faster_than_escape_leaves():
    escape = float(np.sqrt(2 * GM / RADIUS))
    slow, fast = (
        launch(share * escape, 1.5, longest_s=1e6, step_s=20.0, escape_radius_m=20 * RADIUS) for share in (0.8, 1.1)
    )
    assert slow.state.tolist() == [flight.LANDED]
    assert fast.state.tolist() == [flight.ESCAPED]
    assert launch(0.9 * escape, 1.5, longest_s=10.0).state.tolist() == [flight.FLYING]


def test_the_jacobi_integral_is_kept_over_a_spinning_ellipsoid():
    body = Ellipsoid((280.0, 250.0, 200.0), 1190.0)
    r, v = np.array([300.0, 0.0, 50.0]), np.array([0.03, 0.05, 0.01])
    flown = flight.fly(r, v, body.acceleration, BENNU_SPIN, lambda p: np.ones(len(p)), step_s=10.0, longest_s=1000.0)
    before = frames.jacobi_integral(r, v, body.potential(r), BENNU_SPIN)
    after = frames.jacobi_integral(
        flown.point_m[0], flown.velocity_m_s[0], body.potential(flown.point_m[0]), BENNU_SPIN
    )
    assert after == pytest.approx(float(before), rel=1e-9)


def test_the_step_converges_with_its_fourth_power():
    def end(step):
        return launch(0.05, 0.8, BENNU_SPIN, step_s=step, longest_s=800.0).point_m[0]

    exact = end(0.5)
    coarse, fine = (np.linalg.norm(end(step) - exact) for step in (40.0, 20.0))
    assert coarse / fine == pytest.approx(16.0, rel=0.3)


def test_many_particles_fly_as_each_would_alone():
    speeds = np.array([[0.03, 0.02, 0.0], [0.05, 0.0, 0.04], [0.01, 0.01, 0.01]])
    start = np.tile([RADIUS, 0.0, 0.0], (3, 1))
    height = flight.sphere_height(RADIUS)
    together = flight.fly(start, speeds, bennu, BENNU_SPIN, height, step_s=5.0, longest_s=5000.0)
    for k in range(3):
        alone = flight.fly(start[k], speeds[k], bennu, BENNU_SPIN, height, step_s=5.0, longest_s=5000.0)
        np.testing.assert_allclose(together.point_m[k], alone.point_m[0], rtol=1e-12)
        assert together.time_s[k] == alone.time_s[0]


def test_height_over_an_ellipsoid():
    height = flight.ellipsoid_height((3.0, 2.0, 1.0))
    assert height(np.array([[3.0, 0, 0], [0, 4.0, 0], [0, 0, 0.5]])) == pytest.approx([0.0, 2.0, -0.5])


def test_what_cannot_fly_is_refused():
    height = flight.sphere_height(RADIUS)
    for points, velocity, step in (
        ([1, 2], [1, 2], 1.0),
        ([[1, 2, 3]], [[1, 2, 3]] * 2, 1.0),
        ([np.nan, 0, 0], [0, 0, 0], 1.0),
    ):
        with pytest.raises(ValueError, match="expected"):
            flight.fly(points, velocity, bennu, np.zeros(3), height, step_s=step, longest_s=1.0)
    with pytest.raises(ValueError, match="step_s"):
        flight.fly([1.0, 0, 0], [0, 0, 0], bennu, np.zeros(3), height, step_s=0.0, longest_s=1.0)


def test_a_point_mass_potential_pulls_along_its_slope():
    at = np.array([300.0, 40.0, -20.0])
    h = 1e-2 * np.eye(3)
    slope = [(point_mass_potential(at + d, GM) - point_mass_potential(at - d, GM)) / 2e-2 for d in h]
    np.testing.assert_allclose(point_mass_acceleration(at, GM), slope, rtol=1e-6)
