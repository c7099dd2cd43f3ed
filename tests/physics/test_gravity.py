"""Polyhedral gravity against closed forms, its own derivatives and symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.mission.procedural import ellipsoid_mesh, icosphere
from stope.mission.shape import Mesh
from stope.physics.gravity import G, Polyhedron, point_mass_acceleration

BODY = ellipsoid_mesh((280.0, 250.0, 200.0), roughness=0.1, seed=5, faces=320)
ROCK = Polyhedron.from_mesh(BODY, 1190.0)


def outside(count: int, low: float, high: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ray = rng.normal(size=(count, 3))
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    return ray * rng.uniform(low, high, size=(count, 1))


def test_mass_and_gm():
    assert ROCK.mass_kg == pytest.approx(1190.0 * 4 / 3 * np.pi * 280 * 250 * 200, rel=1e-12)
    assert ROCK.gm == pytest.approx(G * ROCK.mass_kg)


def test_acceleration_is_the_derivative_of_the_potential():
    points, h = outside(5, 300.0, 500.0), 1e-2
    for axis in range(3):
        step = h * np.eye(3)[axis]
        slope = (ROCK.potential(points + step) - ROCK.potential(points - step)) / (2 * h)
        np.testing.assert_allclose(ROCK.acceleration(points)[:, axis], slope, rtol=1e-6, atol=1e-12)


def test_gradient_is_the_derivative_of_the_acceleration():
    points, h = outside(5, 300.0, 500.0), 1e-2
    for axis in range(3):
        step = h * np.eye(3)[axis]
        slope = (ROCK.acceleration(points + step) - ROCK.acceleration(points - step)) / (2 * h)
        np.testing.assert_allclose(ROCK.gradient(points)[:, :, axis], slope, rtol=1e-5, atol=1e-15)


def test_gradient_is_symmetric_and_traceless_outside():
    gradient = ROCK.gradient(outside(20, 300.0, 900.0))
    scale = np.abs(gradient).max()
    np.testing.assert_allclose(gradient, gradient.transpose(0, 2, 1), atol=1e-12 * scale)
    np.testing.assert_allclose(np.trace(gradient, axis1=1, axis2=2), 0.0, atol=1e-12 * scale)


def test_inside_the_trace_is_the_laplacian():
    points = outside(20, 0.0, 120.0)
    full = 4.0 * np.pi * G * 1190.0
    np.testing.assert_allclose(np.trace(ROCK.gradient(points), axis1=1, axis2=2), -full, rtol=1e-10)
    np.testing.assert_allclose(ROCK.laplacian(points), -full, rtol=1e-10)


def test_far_away_it_is_a_point_mass():
    points = outside(10, 1e6, 2e6)
    np.testing.assert_allclose(ROCK.acceleration(points), point_mass_acceleration(points, ROCK.gm), rtol=1e-6)
    np.testing.assert_allclose(ROCK.potential(points), ROCK.gm / np.linalg.norm(points, axis=1), rtol=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.tuples(*[st.floats(-3000, 3000)] * 3))
def test_field_moves_and_turns_with_the_body(seed, shift):
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    moved = Polyhedron(BODY.vertices @ turn.T + shift, BODY.faces, 1190.0)
    points = outside(3, 300.0, 600.0, seed)
    np.testing.assert_allclose(moved.acceleration(points @ turn.T + shift) @ turn, ROCK.acceleration(points), rtol=1e-9)


def test_superposition_of_two_halves():
    """A body cut by a plane pulls as its two parts do: faces on the cut cancel."""
    vertices = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, -1]])
    whole = [[0, 1, 2], [1, 3, 2], [3, 0, 2], [1, 0, 4], [3, 1, 4], [0, 3, 4]]
    top, bottom = [[0, 1, 2], [1, 3, 2], [3, 0, 2], [1, 0, 3]], [[1, 0, 4], [3, 1, 4], [0, 3, 4], [0, 1, 3]]
    point = np.array([0.9, 0.8, 0.3])
    parts = [Polyhedron(vertices, part, 2000.0).evaluate(point) for part in (top, bottom)]
    for together, one, two in zip(Polyhedron(vertices, whole, 2000.0).evaluate(point), *parts, strict=True):
        np.testing.assert_allclose(one + two, together, rtol=1e-12)


def test_shapes_follow_the_question():
    potential, acceleration, gradient = ROCK.evaluate([300.0, 10.0, 20.0])
    assert (potential.shape, acceleration.shape, gradient.shape) == ((), (3,), (3, 3))
    potential, acceleration, gradient = ROCK.evaluate(np.empty((0, 3)))
    assert (potential.shape, acceleration.shape, gradient.shape) == ((0,), (0, 3), (0, 3, 3))
    assert ROCK.laplacian([[300.0, 10.0, 20.0]]).shape == (1,)
    with pytest.raises(ValueError, match="shape"):
        ROCK.potential(np.zeros((2, 2)))


def test_one_point_and_a_block_agree():
    """One point is summed by a loop of its own width; a short last block is filled up."""
    points = outside(13, 300.0, 500.0)
    whole = ROCK.evaluate(points)
    for k in (0, 7, 8, 12):
        for part, single in zip(whole, ROCK.evaluate(points[k]), strict=True):
            np.testing.assert_allclose(single, part[k], rtol=1e-13, atol=1e-13 * np.abs(part[k]).max())


def test_extended_precision_agrees_near_and_far():
    """Werner & Scheeres' sums in 80-bit floats: the compiled series may not cost a digit (1e-12 was asked)."""
    points = np.concatenate([outside(6, 290.0, 320.0, 3), outside(4, 500.0, 5000.0, 4), outside(2, 10.0, 100.0, 5)])
    for ours, exact in zip(ROCK.evaluate(points), extended_precision(BODY, 1190.0, points), strict=True):
        scale = np.abs(exact.reshape(len(points), -1)).max(axis=1)
        error = np.abs((ours - exact).reshape(len(points), -1)).max(axis=1) / scale
        assert error.max() < 1e-12


def extended_precision(mesh: Mesh, density: float, points: np.ndarray) -> list[np.ndarray]:
    """Potential, acceleration, gradient by the published sums, one half-edge and one facet at a time."""
    v, f = mesh.vertices.astype(np.longdouble), mesh.faces
    n = np.cross(v[f[:, 1]] - v[f[:, 0]], v[f[:, 2]] - v[f[:, 0]])
    n /= np.sqrt((n * n).sum(1))[:, None]
    start, end = f.reshape(-1), np.roll(f, -1, 1).reshape(-1)
    along, face = v[end] - v[start], np.repeat(n, 3, 0)
    length = np.sqrt((along * along).sum(1))
    outward = np.cross(along / length[:, None], face)
    rows = []
    for p in points.astype(np.longdouble):
        r = v - p
        d = np.sqrt((r * r).sum(1))
        log = np.log((d[start] + d[end] + length) / (d[start] + d[end] - length))
        a, b, c = (r[f[:, k]] for k in range(3))
        ra, rb, rc = (d[f[:, k]] for k in range(3))
        bottom = ra * rb * rc + ra * (b * c).sum(1) + rb * (c * a).sum(1) + rc * (a * b).sum(1)
        angle = 2 * np.arctan2((a * np.cross(b, c)).sum(1), bottom)
        off, height = log * (outward * r[start]).sum(1), (n * a).sum(1)
        u = (off * (face * r[start]).sum(1)).sum() - (angle * height * height).sum()
        g = (off[:, None] * face).sum(0) - ((angle * height)[:, None] * n).sum(0)
        t = np.einsum("n,ni,nj->ij", log, face, outward) - np.einsum("n,ni,nj->ij", angle, n, n)
        scale = np.longdouble(G) * density
        rows.append((scale / 2 * u, -scale * g, scale * t))
    return [np.array(part, dtype=np.float64) for part in zip(*rows, strict=True)]


@pytest.mark.parametrize("point", [BODY.vertices[3], [float("nan"), 0.0, 0.0], [float("inf"), 0.0, 0.0]])
def test_singular_points_raise(point):
    with pytest.raises(ValueError, match="field point 1 "):
        ROCK.evaluate([[300.0, 10.0, 20.0], point])


def test_just_off_a_vertex_is_finite_and_close_to_its_surroundings():
    at = BODY.vertices[3]
    near = ROCK.acceleration(at * (1 + 1e-6))
    np.testing.assert_allclose(near, ROCK.acceleration(at * (1 + 1e-3)), rtol=0.02, atol=0.02 * np.linalg.norm(near))


def test_broken_meshes_are_refused():
    vertices, faces = icosphere(1)
    with pytest.raises(ValueError, match="open"):
        Polyhedron(vertices, faces[1:], 1000.0)
    with pytest.raises(ValueError, match="open"):
        Polyhedron(vertices, faces[2:], 1000.0)
    with pytest.raises(ValueError, match="inconsistently"):
        Polyhedron(vertices, np.concatenate([faces[:1, ::-1], faces[1:]]), 1000.0)
    with pytest.raises(ValueError, match="inward"):
        Polyhedron(vertices, faces[:, ::-1], 1000.0)
    with pytest.raises(ValueError, match="density"):
        Polyhedron(vertices, faces, 0.0)
    with pytest.raises(ValueError, match="shape"):
        Mesh(vertices[:, :2], faces)


def test_from_obj(tmp_path):
    vertices, faces = icosphere(1)
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in (vertices * 0.2 + 1.0).tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    (tmp_path / "body.obj").write_text("\n".join(lines))
    body = Polyhedron.from_obj(tmp_path / "body.obj", 1000.0, unit="km")
    ideal = Polyhedron(vertices * 200.0, faces, 1000.0)
    np.testing.assert_allclose(
        body.acceleration([300.0, 0, 0]), ideal.acceleration([300.0, 0, 0]), rtol=1e-9, atol=1e-18
    )
