"""Closed-form gravity of an ellipsoid against the sphere, a fine mesh and its own derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.mission.procedural import icosphere
from stope.physics.gravity import (
    Ellipsoid,
    G,
    Polyhedron,
    escape_speed,
    point_mass_acceleration,
    point_mass_gradient,
    point_mass_potential,
    surface_gravity,
    synchronous_radius_m,
)

AXES = (280.0, 250.0, 180.0)
ROCK = Ellipsoid(AXES, 1190.0)
OUTSIDE = np.array([[300.0, 20.0, 10.0], [0.0, 0.0, 190.0], [100.0, 260.0, -150.0], [900.0, -800.0, 700.0]])
INSIDE = np.array([[0.0, 0.0, 0.0], [100.0, 50.0, -20.0], [270.0, 0.0, 0.0]])


def test_a_fine_mesh_agrees():
    vertices, faces = icosphere(5)
    # the mesh lies inside the ellipsoid: give it the missing volume, so that shape is compared, not size
    mesh = Polyhedron(vertices * AXES, faces, 1190.0)
    grown = Polyhedron(vertices * AXES * np.cbrt(ROCK.volume_m3 / mesh.volume_m3), faces, 1190.0)
    for exact, close in zip(ROCK.evaluate(OUTSIDE), grown.evaluate(OUTSIDE), strict=True):
        scale = np.abs(exact.reshape(len(OUTSIDE), -1)).max(axis=1)
        assert (np.abs((exact - close).reshape(len(OUTSIDE), -1)).max(axis=1) / scale).max() < 3e-3
    np.testing.assert_allclose(ROCK.potential(OUTSIDE), grown.potential(OUTSIDE), rtol=2e-5)


def test_a_sphere_is_a_point_mass_outside_and_linear_inside():
    ball = Ellipsoid((250.0, 250.0, 250.0), 1190.0)
    np.testing.assert_allclose(ball.potential(OUTSIDE[3]), point_mass_potential(OUTSIDE[3], ball.gm), rtol=1e-13)
    np.testing.assert_allclose(ball.acceleration(OUTSIDE[3]), point_mass_acceleration(OUTSIDE[3], ball.gm), rtol=1e-12)
    np.testing.assert_allclose(ball.gradient(OUTSIDE[3]), point_mass_gradient(OUTSIDE[3], ball.gm), atol=1e-18)
    np.testing.assert_allclose(
        ball.acceleration(INSIDE[1]), -4.0 / 3.0 * np.pi * G * 1190.0 * INSIDE[1], rtol=1e-13, atol=0.0
    )


@pytest.mark.parametrize("points", [OUTSIDE, INSIDE])
def test_field_and_gradient_are_derivatives(points):
    h = 0.05
    for axis in range(3):
        step = h * np.eye(3)[axis]
        slope = (ROCK.potential(points + step) - ROCK.potential(points - step)) / (2 * h)
        np.testing.assert_allclose(ROCK.acceleration(points)[:, axis], slope, rtol=1e-6, atol=1e-11)
        bend = (ROCK.acceleration(points + step) - ROCK.acceleration(points - step)) / (2 * h)
        np.testing.assert_allclose(ROCK.gradient(points)[:, :, axis], bend, rtol=1e-4, atol=1e-13)


def test_the_trace_says_inside_or_outside():
    np.testing.assert_allclose(np.trace(ROCK.gradient(OUTSIDE), axis1=1, axis2=2), 0.0, atol=1e-18)
    np.testing.assert_allclose(np.trace(ROCK.gradient(INSIDE), axis1=1, axis2=2), -4 * np.pi * G * 1190.0, rtol=1e-12)
    assert ROCK.contains(INSIDE).all()
    assert not ROCK.contains(OUTSIDE).any()


@settings(max_examples=20)
@given(st.floats(0.5, 3.0), st.floats(0.1, 10.0))
def test_scales_as_gravity_must(size, density):
    """U ~ rho L^2, g ~ rho L, gradient ~ rho."""
    other = Ellipsoid(np.array(AXES) * size, 1190.0 * density)
    for power, one, two in zip((2, 1, 0), ROCK.evaluate(OUTSIDE), other.evaluate(OUTSIDE * size), strict=True):
        np.testing.assert_allclose(two, one * density * size**power, rtol=1e-10, atol=1e-12 * np.abs(two).max())


def test_far_away_it_is_a_point_mass():
    far = np.array([3e6, -2e6, 1e6])
    np.testing.assert_allclose(ROCK.acceleration(far), point_mass_acceleration(far, ROCK.gm), rtol=1e-7)


def test_needle_and_disc_stay_finite_and_right():
    for axes in ((1000.0, 1.0, 1.0), (1000.0, 1000.0, 1.0)):
        body = Ellipsoid(axes, 1000.0)
        assert np.trace(body.gradient([0.0, 0.0, 0.5])) == pytest.approx(-4 * np.pi * G * 1000.0, rel=1e-11)


@pytest.mark.parametrize(
    ("axes", "density"), [((1.0, 2.0, 0.0), 1e3), ((1.0, 2.0), 1e3), ((1.0, 1.0, 1.0), -1.0), ((np.nan, 1, 1), 1e3)]
)
def test_refuses_what_is_no_ellipsoid(axes, density):
    with pytest.raises(ValueError, match=r"semi_axes_m|density_kg_m3"):
        Ellipsoid(axes, density)


def test_sphere_numbers_of_bennu():
    assert escape_speed(7.329e10, 245.03) == pytest.approx(0.200, rel=0.01)
    assert surface_gravity(7.329e10, 245.03) == pytest.approx(8.15e-5, rel=0.01)
    axis = np.cbrt(G * 7.329e10 * 15465.8**2 / (4 * np.pi**2))
    assert synchronous_radius_m(7.329e10, 15465.8) == pytest.approx(axis, rel=1e-12)
    np.testing.assert_allclose(escape_speed([7.329e10, 4.5e11], [245.03, 448.0]), [0.1998, 0.3661], rtol=1e-3)
    with pytest.raises(ValueError, match="radius_m"):
        escape_speed(1e10, 0.0)
