"""Procedural bodies are closed, outward, reproducible and of the volume that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.mission.procedural import ellipsoid_mesh, icosphere
from stope.mission.shape import Mesh
from stope.mission.shapefile import load_obj_with_report

AXES = (88.5, 87.0, 58.0)  # Dimorphos


@pytest.mark.parametrize("subdivisions", [0, 1, 3])
def test_icosphere_is_a_closed_sphere(subdivisions):
    vertices, faces = icosphere(subdivisions)
    assert len(faces) == 20 * 4**subdivisions
    assert len(vertices) - len(faces) // 2 == 2  # Euler: V - E + F = 2 with E = 3F/2
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 1.0, rtol=1e-14)
    assert (np.einsum("ij,ij->i", Mesh(vertices, faces).facet_normals, vertices[faces[:, 0]]) > 0).all()


@settings(max_examples=12, deadline=None)
@given(
    axes=st.tuples(*[st.floats(5.0, 1000.0)] * 3), roughness=st.floats(0.0, 0.3), seed=st.integers(0, 2**32 - 1)
)  # fmt: skip
def test_volume_and_centroid_are_those_of_the_smooth_ellipsoid(axes, roughness, seed):
    mesh = ellipsoid_mesh(axes, roughness=roughness, seed=seed, faces=320)
    assert mesh.volume_m3 == pytest.approx(4 / 3 * np.pi * np.prod(axes), rel=1e-12)
    np.testing.assert_allclose(mesh.centroid_m, 0.0, atol=1e-10 * max(axes))


def test_seed_decides():
    one, same, other = (ellipsoid_mesh(AXES, roughness=0.05, seed=s).vertices for s in (7, 7, 8))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1.0


def test_roughness_is_the_largest_departure():
    vertices, _ = icosphere(3)
    rough = ellipsoid_mesh((100.0, 100.0, 100.0), roughness=0.1, seed=1)
    radius = np.linalg.norm(rough.vertices, axis=1)
    assert 0.06 < np.abs(radius / radius.mean() - 1.0).max() < 0.16
    smooth = ellipsoid_mesh((100.0, 100.0, 100.0), roughness=0.0, seed=1)
    np.testing.assert_allclose(np.linalg.norm(smooth.vertices, axis=1), 100.0, rtol=0.01)
    assert len(vertices) == len(rough.vertices)


def test_relief_is_smooth():
    """Band-limited: neighbours differ by far less than the relief itself."""
    mesh = ellipsoid_mesh((100.0, 100.0, 100.0), roughness=0.1, seed=4, faces=5120)
    radius = np.linalg.norm(mesh.vertices, axis=1)
    steps = np.abs(radius[mesh.faces] - radius[np.roll(mesh.faces, 1, axis=1)])
    assert steps.max() < 0.4 * np.ptp(radius)
    assert np.sqrt((steps**2).mean()) < 0.4 * radius.std()


def test_a_procedural_body_passes_the_checks_of_a_file(tmp_path):
    mesh = ellipsoid_mesh(AXES, roughness=0.15, seed=2)
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in mesh.vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (mesh.faces + 1).tolist()]
    (tmp_path / "body.obj").write_text("\n".join(lines))
    again, report = load_obj_with_report(tmp_path / "body.obj", expected_volume_m3=mesh.volume_m3)
    assert report.repairs() == ()
    np.testing.assert_array_equal(again.faces, mesh.faces)


@pytest.mark.parametrize(("asked", "built"), [(1, None), (20, 20), (21, 80), (1280, 1280), (10**7, None)])
def test_face_count_is_rounded_up(asked, built):
    if built is None:
        with pytest.raises(ValueError, match="faces"):
            ellipsoid_mesh(AXES, roughness=0.0, seed=0, faces=asked)
    else:
        assert len(ellipsoid_mesh(AXES, roughness=0.0, seed=0, faces=asked).faces) == built


@pytest.mark.parametrize("axes", [(0.0, 1.0, 1.0), (1.0, float("nan"), 1.0), (1.0, 1.0)])
def test_bad_axes(axes):
    with pytest.raises(ValueError, match="semi_axes_m"):
        ellipsoid_mesh(axes, roughness=0.0, seed=0)


@pytest.mark.parametrize("roughness", [-0.1, 0.6, float("nan")])
def test_bad_roughness(roughness):
    with pytest.raises(ValueError, match="roughness"):
        ellipsoid_mesh(AXES, roughness=roughness, seed=0)
