"""The site frame and the linear field in it, on procedural bodies of known answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.mission.procedural import ellipsoid_mesh, icosphere
from stope.mission.shape import Mesh
from stope.physics import frames
from stope.physics.gravity import Polyhedron
from stope.physics.site_field import SiteError, SiteField, _working_gradient, site_field, surface_point

PERIOD_S = 15466.0
MESH = ellipsoid_mesh((282.0, 268.0, 249.0), roughness=0.05, seed=11, faces=1280)
BODY = Polyhedron.from_mesh(MESH, 1190.0)
anywhere = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@settings(max_examples=25, deadline=None)
@given(anywhere)
def test_frame_is_right_handed_level_and_on_the_surface(at):
    field = site_field(BODY, MESH, PERIOD_S, *at)
    np.testing.assert_allclose(field.rotation @ field.rotation.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(field.rotation) == pytest.approx(1.0)
    np.testing.assert_allclose(field.acceleration_m_s2[:2], 0.0, atol=1e-18)
    assert field.acceleration_m_s2[2] < 0.0
    np.testing.assert_allclose(field.origin_m / np.linalg.norm(field.origin_m), frames.direction(*at), atol=1e-12)
    assert field.slope_deg == pytest.approx(np.degrees(np.arccos(field.surface_normal[2])), abs=1e-5)
    # the origin lies on the surface: outside a little up, inside a little down
    assert BODY.laplacian(field.to_body([0, 0, 1e-3])) == pytest.approx(0.0, abs=1e-12)
    assert BODY.laplacian(field.to_body([0, 0, -1e-3])) < -1e-7


def test_east_and_north_point_as_on_a_map():
    field = site_field(BODY, MESH, PERIOD_S, 20.0, 30.0)
    east, north, _ = field.rotation
    meridian = np.array([-np.sin(np.radians(30)), np.cos(np.radians(30)), 0.0])
    assert east @ meridian > 0.9
    assert north[2] > 0.7
    assert (field.spin_rad_s[1:] > 0.0).all()  # it leans north and up
    assert np.linalg.norm(field.spin_rad_s) == pytest.approx(2 * np.pi / PERIOD_S)


def test_origin_acceleration_is_that_of_the_polyhedron():
    field = site_field(BODY, MESH, PERIOD_S, -35.0, 100.0)
    spin = frames.spin_vector(PERIOD_S)
    at = field.to_body([0, 0, 1e-3])
    full = frames.effective_acceleration(BODY.acceleration(at), at, spin)
    np.testing.assert_allclose(field.rotation @ full, field.acceleration_m_s2, atol=1e-5 * np.linalg.norm(full))


@settings(max_examples=10, deadline=None)
@given(anywhere, st.integers(0, 1000))
def test_linear_field_follows_the_polyhedron(at, seed):
    field = site_field(BODY, MESH, PERIOD_S, *at)
    rng = np.random.default_rng(seed)
    r = rng.uniform([-2, -2, 0.5], [2, 2, 2], size=(8, 3)) + field.surface_normal
    v = rng.normal(size=(8, 3)) * 0.05
    r, v = r[np.abs(BODY.laplacian(field.to_body(r))) < 1e-9], v[: len(r)]
    v = v[: len(r)]
    spin = frames.spin_vector(PERIOD_S)
    body = field.to_body(r)
    full = frames.effective_acceleration(BODY.acceleration(body), body, spin, v @ field.rotation) @ field.rotation.T
    np.testing.assert_allclose(field.acceleration(r, v), full, atol=0.02 * abs(field.acceleration_m_s2[2]))


def test_still_sphere_has_the_textbook_gradient():
    vertices, faces = icosphere(4)
    mesh = Mesh(vertices * 200.0, faces)
    body = Polyhedron.from_mesh(mesh, 2000.0)
    field = site_field(body, mesh, float("inf"), 13.0, 57.0)
    radius = np.linalg.norm(field.origin_m)
    assert field.acceleration_m_s2[2] == pytest.approx(-body.gm / radius**2, rel=2e-3)
    expected = body.gm / radius**3 * np.diag([-1.0, -1.0, 2.0])
    np.testing.assert_allclose(field.tensor_1_s2, expected, atol=0.1 * expected[2, 2])
    assert field.escape_speed_m_s == pytest.approx(np.sqrt(2 * body.gm / radius), rel=2e-3)
    np.testing.assert_array_equal(field.spin_rad_s, 0.0)


def test_tensor_trace_is_that_of_the_centrifugal_part():
    field = site_field(BODY, MESH, PERIOD_S, 5.0, -70.0)
    assert np.trace(field.tensor_1_s2) == pytest.approx(2 * (2 * np.pi / PERIOD_S) ** 2, rel=1e-6)


def test_uniform_bench():
    bench = SiteField.uniform(9.81)
    np.testing.assert_array_equal(bench.acceleration(np.ones((5, 3)), np.ones((5, 3))), np.tile([0, 0, -9.81], (5, 1)))
    assert bench.escape_speed_m_s == float("inf")
    assert bench.slope_deg == 0.0
    assert SiteField.uniform(1e-4, 0.2).escape_speed_m_s == 0.2


def test_shapes_of_acceleration():
    field = site_field(BODY, MESH, PERIOD_S, 5.0, -70.0)
    one = field.acceleration([1.0, 2.0, 3.0], [0.1, 0.0, 0.0])
    many = field.acceleration([[1.0, 2.0, 3.0]], [[0.1, 0.0, 0.0]])
    assert one.shape == (3,)
    np.testing.assert_allclose(many, one[None])


def test_frames_are_each_other_s_inverse():
    field = site_field(BODY, MESH, PERIOD_S, 5.0, -70.0)
    points = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(field.to_site(field.to_body(points)), points, atol=1e-12)


def test_poles_vertices_and_edges_are_hit():
    vertices, faces = icosphere(2)
    mesh = Mesh(vertices * 100.0, faces)
    body = Polyhedron.from_mesh(mesh, 2000.0)
    targets = np.concatenate([vertices, 0.5 * (vertices[faces[:, 0]] + vertices[faces[:, 1]])])
    for ray in targets / np.linalg.norm(targets, axis=1, keepdims=True):
        point, normal = surface_point(mesh, ray)
        assert 95.0 < np.linalg.norm(point) <= 100.0 + 1e-9
        assert normal @ ray > 0.9
    for latitude in (90.0, -90.0):
        assert site_field(body, mesh, PERIOD_S, latitude, 0.0).escape_speed_m_s > 0.0


def test_on_a_concave_body_the_outermost_surface_counts():
    """A banana: a ray from its middle leaves it, crosses open space and meets an arm."""
    vertices, faces = icosphere(3)
    straight = vertices * [15.0, 15.0, 100.0]
    bent = straight + np.outer(straight[:, 2] ** 2 / 60.0, [0.0, 1.0, 0.0])
    mesh, body = Mesh(bent, faces), Polyhedron(bent, faces, 1000.0)
    crossings = 0
    for angle in np.radians(np.arange(20.0, 90.0, 3.7)):
        ray = np.array([0.0, np.cos(angle), np.sin(angle)])
        point, _ = surface_point(mesh, ray)
        reach = float(np.linalg.norm(point))
        assert np.abs(body.laplacian(np.outer(np.linspace(reach + 0.01, 400.0, 40), ray))).max() < 1e-9
        assert body.laplacian((reach - 0.01) * ray) < -1e-9
        crossings += bool((np.abs(body.laplacian(np.outer(np.linspace(0.0, reach - 0.01, 200), ray))) < 1e-9).any())
    assert crossings >= 3  # the shape is what the test is about


def test_close_to_an_edge_the_mean_gradient_fits_the_next_metre_better():
    vertices, faces = icosphere(0)
    body = Polyhedron(vertices * 245.0, faces, 1190.0)
    mesh = Mesh(vertices * 245.0, faces)
    middle = vertices[faces[0, 0]] + vertices[faces[0, 1]]
    latitude, longitude = frames.latitude_longitude_deg(middle)
    field = site_field(body, mesh, float("inf"), float(latitude), float(longitude))
    off = field.origin_m + 1e-6 * 245.0 * (field.surface_normal @ field.rotation)
    at_surface = replace(field, tensor_1_s2=field.rotation @ body.gradient(off) @ field.rotation.T)
    above = field.to_body(np.random.default_rng(0).uniform([-1, -1, 0.8], [1, 1, 1.5], size=(50, 3)))
    full = body.acceleration(above) @ field.rotation.T
    worst, naive = (
        np.linalg.norm(f.acceleration(field.to_site(above)) - full, axis=1).max() for f in (field, at_surface)
    )
    assert worst < 0.5 * naive


def test_gradient_is_a_mean_over_seven_points_less_those_underground():
    """Beside a wall the middle and half of the ring may be inside the body, where the gradient is another."""
    vertices, faces = icosphere(2)
    mesh = Mesh(vertices * 245.0, faces)
    body = Polyhedron.from_mesh(mesh, 1190.0)
    point, normal = surface_point(mesh, frames.direction(12.0, 34.0))
    level = np.cross(normal, [0.0, 0.0, 1.0])
    beside = _working_gradient(body, mesh, point - 0.1 * normal, level / np.linalg.norm(level))
    assert np.trace(beside) == pytest.approx(0.0, abs=1e-12)
    above = _working_gradient(body, mesh, point, normal)
    ring = np.random.default_rng(0).normal(size=(4000, 3))
    ring -= np.outer(ring @ normal, normal)
    ring *= 0.5 / np.linalg.norm(ring, axis=1, keepdims=True)
    around = body.gradient(point + 0.5 * normal + ring[:400]).mean(axis=0)
    expected = (6.0 * around + body.gradient(point + 0.5 * normal)) / 7.0
    np.testing.assert_allclose(above, expected, atol=2e-3 * np.abs(expected).max())


def test_no_surface_and_bad_latitude():
    vertices, faces = icosphere(1)
    with pytest.raises(SiteError, match="outside the mesh"):
        surface_point(Mesh(vertices + np.array([10.0, 0, 0]), faces), [0.0, 0.0, 1.0])
    for latitude in (91.0, float("nan")):
        with pytest.raises(SiteError, match="latitude"):
            site_field(BODY, MESH, PERIOD_S, latitude, 0.0)
    with pytest.raises(SiteError, match="longitude"):
        site_field(BODY, MESH, PERIOD_S, 0.0, float("inf"))


def test_a_body_that_spins_too_fast_has_no_site_on_its_equator():
    limit = frames.spin_limit_period_s(1190.0)
    with pytest.raises(SiteError, match="loose material leaves"):
        site_field(BODY, MESH, 0.7 * limit, 0.0, 0.0)
    assert site_field(BODY, MESH, 0.7 * limit, 90.0, 0.0).acceleration_m_s2[2] < 0.0


def test_a_field_of_nonsense_is_refused():
    bench = SiteField.uniform(1.0)
    parts = {name: getattr(bench, name) for name in bench.__dataclass_fields__}
    with pytest.raises(ValueError, match="tensor_1_s2"):
        SiteField(**{**parts, "tensor_1_s2": np.full((3, 3), np.nan)})
    with pytest.raises(ValueError, match="origin_m"):
        SiteField(**{**parts, "origin_m": np.zeros(2)})
