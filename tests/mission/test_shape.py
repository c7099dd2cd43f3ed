"""Shape models: what is repaired is reported, what cannot be is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stope.mission import objfile
from stope.mission.errors import InputError
from stope.mission.procedural import icosphere
from stope.mission.shape import Mesh
from stope.mission.shapefile import load_obj, load_obj_with_report

CUBE_VERTICES = [(x, y, z) for x in (0.0, 4.0) for y in (0.0, 4.0) for z in (0.0, 4.0)]
CUBE_QUADS = [(1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4)]


def obj_text(vertices, faces, first=1):
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in np.asarray(vertices, dtype=float).tolist()]
    return "\n".join(lines + ["f " + " ".join(str(i + first) for i in face) for face in faces]) + "\n"


CUBE = obj_text(CUBE_VERTICES, CUBE_QUADS, first=0)


@pytest.fixture
def write(tmp_path):
    def to_file(text: str | bytes) -> Path:
        path = tmp_path / "body.obj"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


def refusal(path, **options) -> str:
    with pytest.raises(InputError) as caught:
        load_obj(path, **options)
    assert "\n" not in str(caught.value)
    assert "body" in str(caught.value)
    return str(caught.value)


def test_cube_of_polygons(write):
    mesh, report = load_obj_with_report(write("# a cube\n\no cube\nvn 0 0 1\n" + CUBE.replace("\n", "\r\n")))
    assert mesh.volume_m3 == pytest.approx(64.0, rel=1e-14)
    assert mesh.faces.shape == (12, 3)
    np.testing.assert_allclose(mesh.centroid_m, 0.0, atol=1e-14)
    np.testing.assert_allclose(mesh.vertices.min(axis=0), -2.0)
    assert report.offset_m == pytest.approx((2.0, 2.0, 2.0))
    assert report.repairs() == ()
    assert mesh.mean_radius_m == pytest.approx((64 * 3 / 4 / np.pi) ** (1 / 3))


def test_negative_and_slashed_numbers_mean_the_same(write):
    # -1 is the newest of eight
    relative = "".join(f"f {a - 9}/7 {b}/1/2 {c - 9}//3 {d}\n" for a, b, c, d in CUBE_QUADS)
    vertices = CUBE.split("f ")[0]
    plain, other = load_obj(write(CUBE)), load_obj(write(vertices + relative))
    np.testing.assert_array_equal(plain.faces, other.faces)


def test_a_mesh_is_read_only_and_does_not_freeze_its_source():
    vertices, faces = icosphere(0)
    mesh = Mesh(vertices, faces)
    with pytest.raises(ValueError, match="read-only"):
        mesh.vertices[0, 0] = 1.0
    vertices[0, 0] = 9.0
    assert mesh.vertices[0, 0] != 9.0


def test_zero_based_faces_are_shifted(write):
    mesh, report = load_obj_with_report(write(obj_text(CUBE_VERTICES, CUBE_QUADS, first=-1)))
    assert report.zero_based
    assert mesh.volume_m3 == pytest.approx(64.0)


def test_zero_in_a_one_based_file_is_an_error(write):
    sentence = refusal(write(CUBE.replace("f 1 2 4 3", "f 0 2 4 3")))
    assert "vertex number 8, expected 0 to 7" in sentence


def test_zero_based_but_open_is_an_error(write):
    sentence = refusal(write(obj_text(CUBE_VERTICES, CUBE_QUADS[:5], first=-1)))
    assert "4 open edges" in sentence
    assert "counted from 0" in sentence


def test_unreferenced_and_repeated_vertices(write):
    split = [CUBE_VERTICES[i - 1] for quad in CUBE_QUADS for i in quad]
    faces = np.arange(24).reshape(6, 4)
    mesh, report = load_obj_with_report(write("v 99 99 99\n" + obj_text(split, faces, first=2)))
    assert (report.stripped_vertices, report.welded_vertices, report.vertices) == (1, 16, 8)
    assert mesh.volume_m3 == pytest.approx(64.0)
    assert len(report.repairs()) == 2


@pytest.mark.parametrize("turned", [{0}, {1, 4}, {0, 1, 2, 3, 4, 5}])
def test_winding_is_turned_outward(write, turned):
    quads = [quad[::-1] if i in turned else quad for i, quad in enumerate(CUBE_QUADS)]
    mesh, report = load_obj_with_report(write(obj_text(CUBE_VERTICES, quads, first=0)))
    assert mesh.volume_m3 == pytest.approx(64.0)
    assert report.flipped_faces == 2 * len(turned)
    assert (np.einsum("ij,ij->i", mesh.facet_normals, mesh.vertices[mesh.faces[:, 0]]) > 0).all()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.booleans(), min_size=80, max_size=80), shift=st.integers(-50, 50))
def test_any_scramble_of_a_sphere_is_restored(write, flips, shift):
    vertices, faces = icosphere(1)
    scrambled = np.where(np.array(flips)[:, None], faces[:, ::-1], faces)
    mesh, report = load_obj_with_report(write(obj_text(vertices * 10 + shift, scrambled)))
    assert mesh.volume_m3 == pytest.approx(Mesh(vertices * 10, faces).volume_m3, rel=1e-12)
    assert report.flipped_faces == sum(flips)


def test_open_mesh_says_how_many_edges(write):
    assert "4 open edges" in refusal(write(obj_text(CUBE_VERTICES, CUBE_QUADS[1:], first=0)))


def test_two_bodies_are_refused(write):
    far = np.array(CUBE_VERTICES) + 50.0
    both = [*CUBE_QUADS, *[tuple(i + 8 for i in quad) for quad in CUBE_QUADS]]
    assert "more than one body" in refusal(write(obj_text([*CUBE_VERTICES, *far], both, first=0)))


def test_two_bodies_that_touch_at_a_vertex_are_refused(write):
    touching = np.array(CUBE_VERTICES) + 4.0
    both = [*CUBE_QUADS, *[tuple(i + 8 for i in quad) for quad in CUBE_QUADS]]
    assert "more than one body" in refusal(write(obj_text([*CUBE_VERTICES, *touching], both, first=0)))


def test_a_one_sided_surface_is_refused(write):
    """Projective plane on six vertices: closed, every edge in two faces, no orientation."""
    vertices, faces = icosphere(0)
    antipode = {i: int(np.argmin(vertices @ vertices[i])) for i in range(12)}
    name = {i: min(i, antipode[i]) for i in range(12)}
    half = {tuple(sorted(name[int(i)] for i in face)) for face in faces}
    assert len(half) == 10
    rng = np.random.default_rng(3)
    assert "one side" in refusal(write(obj_text(rng.normal(size=(12, 3)) * 10, sorted(half))))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda t: t.replace("v 0.0 0.0 4.0", "v 0.0 nan 4.0"), ":2: read vertex '0.0 nan 4.0'"),
        (lambda t: t.replace("v 0.0 0.0 4.0", "v 0.0 1e999 4.0"), ":2: "),
        (lambda t: t.replace("v 0.0 0.0 4.0", "v 0.0 4.0"), ":2: read vertex '0.0 4.0'"),
        (lambda t: t.replace("v 0.0 0.0 4.0", "v 0.0 one 4.0"), "three numbers"),
        (lambda t: t.replace("v 0.0 0.0 4.0", "v 0.0 1_0 4.0"), ":2: "),
        (lambda t: t.replace("f 1 2 4 3", "f 1 2 4 9"), ":9: read a face with vertex number 9, expected 1 to 8"),
        (lambda t: t.replace("f 1 2 4 3", f"f 1 2 4 {10**30}"), ":9: read a face with vertex number"),
        (lambda t: t.replace("f 1 2 4 3", "f 1 2 4 -9"), ":9: "),
        (lambda t: t.replace("f 1 2 4 3", "f 0 2 4 -5"), ":9: read vertex number 0 in a file with negative"),
        (lambda t: t.replace("f 1 2 4 3", "f 1 2"), ":9: "),
        (lambda t: t.replace("f 1 2 4 3", "f a b c"), ":9: read face 'a b c'"),
        (lambda t: t.replace("f 1 2 4 3", "f 1 1 4 3"), ":9: read a degenerate face"),
        (lambda t: t + "f 1 2 4 3\n", "2 duplicated faces (one is near line 9)"),
        (lambda t: t + "v " + "1" * 5000 + "\n", ":15: read a line of 5002 characters"),
        (lambda t: t.split("f ")[0], "no faces"),
        (lambda t: "", "no faces"),
        (lambda t: b"\x89PNG\r\n\x1a\n\x00\xff\xfe" * 10, "no faces"),
    ],
)
def test_broken_files_are_refused(write, break_it, says):
    assert says in refusal(write(break_it(CUBE)))


def test_missing_file_and_directory(tmp_path):
    assert "no such file" in refusal(tmp_path / "body.obj")
    (tmp_path / "body.d").mkdir()
    assert "a directory" in refusal(tmp_path / "body.d")
    assert "body" in refusal(Path("body\0.obj"))


def test_caps(write, monkeypatch):
    path = write(CUBE)
    for cap, value in (("MAX_FACES", 11), ("MAX_VERTICES", 7), ("MAX_FILE_BYTES", len(CUBE) - 1)):
        with monkeypatch.context() as patch:
            patch.setattr(objfile, cap, value)
            assert "more than" in refusal(path)
    load_obj(path)


def test_units_are_told_apart(write):
    vertices, faces = icosphere(2)
    small = write(obj_text(vertices * 0.245, faces))
    assert "--body-unit km" in refusal(small)
    assert load_obj(small, unit="km").mean_radius_m == pytest.approx(245, rel=0.03)
    large = write(obj_text(vertices * 2450.0, faces))
    assert "--body-unit m" in refusal(large, unit="km")
    assert load_obj(large).mean_radius_m == pytest.approx(2450, rel=0.03)


def test_a_needle_is_measured_by_its_volume(write):
    vertices, faces = icosphere(1)
    assert "mean radius" in refusal(write(obj_text(vertices * [10.0, 0.1, 0.1], faces)))


def test_numbers_beyond_any_body_do_not_overflow(write):
    vertices, faces = icosphere(0)
    assert "check the file" in refusal(write(obj_text(vertices * 1e200, faces)))
    assert "half-diagonal" in refusal(write(obj_text(vertices * 1e-200, faces)))


def test_expected_volume(write):
    vertices, faces = icosphere(3)
    volume = Mesh(vertices * 20, faces).volume_m3
    path = write(obj_text(vertices * 20, faces))
    load_obj(path, expected_volume_m3=volume * 1.09)
    assert "within 10 %" in refusal(path, expected_volume_m3=volume * 1.2)
    assert "looks like kilometres" in refusal(path, expected_volume_m3=volume * 1e9)
    assert "looks like metres" in refusal(path, unit="km", expected_volume_m3=volume)
    with pytest.raises(ValueError, match="positive"):
        load_obj(path, expected_volume_m3=float("nan"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="vf 0123456789.-/e#\n\r\tnaif", max_size=200))
def test_any_text_is_a_mesh_or_one_sentence(write, text):
    try:
        mesh = load_obj(write(text))
    except InputError:
        return
    assert mesh.volume_m3 > 0.0


def test_the_centroid_is_that_of_the_volume_not_of_the_vertices():
    vertices, faces = icosphere(3)
    mesh = Mesh(np.where(vertices > 0, vertices * [1, 1, 3], vertices) + 5.0, faces)
    rng = np.random.default_rng(0)
    # Monte Carlo over the two half-ellipsoids it is made of, along z
    z = rng.uniform(-1, 3, size=2_000_000)
    weight = 1 - np.where(z > 0, (z / 3) ** 2, z**2)
    assert mesh.centroid_m[2] - 5.0 == pytest.approx((z * weight).sum() / weight.sum(), abs=0.01)
