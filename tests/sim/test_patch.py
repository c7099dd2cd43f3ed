"""The terrain patch: the mesh where it is measured, seeded relief where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from stope.mission.procedural import ellipsoid_mesh
from stope.mission.shape import Mesh
from stope.physics.gravity import Polyhedron
from stope.physics.site_field import SiteError, SiteField, site_field, surface_point
from stope.sim.patch import _draw_boulders, build_patch, sample_surface, triangles

MESH = ellipsoid_mesh((282.0, 268.0, 249.0), roughness=0.05, seed=11, faces=5120)
FIELD = site_field(Polyhedron.from_mesh(MESH, 1190.0), MESH, 15466.0, 25.0, 40.0)
BENCH = SiteField.uniform(9.81)
SMOOTH = {
    "size_m": 8.0, "cell_m": 0.1, "roughness_m": 0.0, "cover_m": 0.0, "pond_radius_m": 0.5, "boulders": 0,
    "boulder_max_m": 0.5, "clear_radius_m": 1.5,
}  # fmt: skip


def build(field=BENCH, mesh=None, seed=1, **changes):
    return build_patch(field, mesh, **{**SMOOTH, **changes}, rng=np.random.default_rng(seed))


def test_bare_patch_is_the_mesh():
    ground = build(FIELD, MESH, size_m=30.0)
    rng = np.random.default_rng(0)
    for x, y in ground.centres(rng.integers(0, ground.n**2, size=25)):
        point = FIELD.to_body([x, y, float(ground.height([x, y]))])
        on_mesh, _ = surface_point(MESH, point / np.linalg.norm(point))
        np.testing.assert_allclose(point, on_mesh, atol=1e-9)


def test_patch_tilts_as_the_facet_does():
    ground = build(FIELD, MESH, size_m=1.0, cell_m=0.05)
    np.testing.assert_allclose(ground.normal([0.02, 0.01]), FIELD.surface_normal, atol=1e-9)
    assert FIELD.slope_deg > 1.0


@pytest.mark.parametrize(("field", "mesh"), [(BENCH, None), (FIELD, MESH)])
def test_the_site_centre_is_at_height_zero(field, mesh):
    ground = build(field, mesh, roughness_m=0.02, cover_m=0.05, boulders=10)
    assert ground.height([0.0, 0.0]) == 0.0
    assert ground.n % 2 == 1
    assert ground.axis_m[ground.n // 2] == pytest.approx(0.0, abs=1e-12)


def test_the_same_seed_is_the_same_ground():
    options = {"roughness_m": 0.02, "cover_m": 0.05, "boulders": 10}
    one, same, other = (build(FIELD, MESH, seed=s, **options).surface_m for s in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01


def test_roughness_has_its_size_and_is_gentle_near_the_site():
    surface = build(size_m=20.0, roughness_m=0.02).surface_m
    axis = build(size_m=20.0).axis_m
    radius = np.hypot(axis[None, :], axis[:, None])
    assert surface[radius > 2.5].std() == pytest.approx(0.02, rel=0.1)
    assert surface[radius < 1.5].std() < 0.35 * 0.02


def test_roughness_is_correlated_over_a_third_of_a_metre():
    ground = build(size_m=40.0, roughness_m=0.02, clear_radius_m=0.0)
    surface = ground.surface_m - ground.surface_m.mean()
    correlation = [float((surface[:, : -k or None] * surface[:, k:]).mean() / surface.var()) for k in (1, 3, 10)]
    np.testing.assert_allclose(correlation, np.exp(-((np.array([0.1, 0.3, 1.0]) / 0.3) ** 2)), atol=0.08)


def test_pond_and_dusting():
    ground = build(cover_m=0.06, pond_radius_m=0.8)
    assert ground.cover_at([0.0, 0.7]) == pytest.approx(0.06)
    assert ground.cover_at([3.0, 0.0]) == pytest.approx(0.002)
    assert 0.002 < ground.cover_at([1.0, 0.0]) < 0.06
    assert (build(cover_m=0.0).cover_m == 0.0).all()
    assert build(cover_m=0.001).cover_m.max() == pytest.approx(0.001)
    assert build(cover_m=0.06, pond_radius_m=0.0).cover_m.max() == pytest.approx(0.002)


def test_cover_does_not_raise_the_measured_surface():
    bare, covered = build(FIELD, MESH), build(FIELD, MESH, cover_m=0.06)
    np.testing.assert_allclose(bare.surface_m, covered.surface_m, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_boulders_stand_outside_the_clear_radius_and_are_bare(seed):
    ground = build(seed=seed, boulders=25, boulder_max_m=0.8, cover_m=0.05, cell_m=0.05)
    axis = ground.axis_m
    radius = np.hypot(axis[None, :], axis[:, None])
    raised = ground.surface_m > 1e-9
    assert raised.any()
    assert radius[raised].min() > 1.5
    assert (ground.cover_m[raised] == 0.0).all()
    assert ground.surface_m.max() <= 0.8 * 0.4 + 1e-9  # sunk by a fifth of the radius at least
    assert ground.surface_m.max() > 0.05


def test_boulder_sizes_fall_steeply():
    drawn = np.array(_draw_boulders(50.0, 4000, 1.0, 1.5, np.random.default_rng(0)))
    assert drawn[:, 2].min() >= 0.2
    assert drawn[:, 2].max() <= 1.0
    above = [(drawn[:, 2] > d).mean() for d in (0.3, 0.6)]
    law = [(d**-2.5 - 1.0) / (0.2**-2.5 - 1.0) for d in (0.3, 0.6)]
    np.testing.assert_allclose(above, law, atol=0.02)


def test_no_room_for_boulders():
    with pytest.raises(ValueError, match="no room for a boulder"):
        build(boulders=1, clear_radius_m=9.0)


def test_a_patch_wider_than_the_body_is_refused():
    with pytest.raises(SiteError, match="beyond the ground"):
        build(FIELD, MESH, size_m=600.0, cell_m=5.0)


def test_far_side_is_never_taken_for_the_ground():
    height = sample_surface(FIELD, MESH, np.linspace(-10.0, 10.0, 41))
    assert np.abs(height).max() < 10.0


def test_vertical_walls_cast_no_shadow():
    cube = np.array([[x, y, z] for x in (-10.0, 10.0) for y in (-10.0, 10.0) for z in (-20.0, 0.0)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    box = Mesh(cube, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]))
    np.testing.assert_allclose(sample_surface(BENCH, box, np.linspace(-10.0, 10.0, 21)), 0.0, atol=1e-12)
    with pytest.raises(SiteError, match="88 of 529 cells"):
        sample_surface(BENCH, box, np.linspace(-11.0, 11.0, 23))


def test_triangles_are_the_surface():
    ground = build(roughness_m=0.02)
    vertices, faces = triangles(ground)
    assert faces.shape == (2 * (ground.n - 1) ** 2, 3)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    up = np.cross(b - a, c - a)
    assert (up[:, 2] > 0.0).all()
    assert up[:, 2].sum() / 2.0 == pytest.approx((2 * ground.half_m) ** 2)
    np.testing.assert_allclose(ground.height(vertices[:, :2]), vertices[:, 2], atol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size_m": 0.0}, {"cell_m": 0.0}, {"cell_m": float("nan")}, {"roughness_m": -0.1}, {"cover_m": float("inf")},
        {"boulders": -1}, {"cell_m": 0.001}, {"cell_m": 7.0},
    ],
)  # fmt: skip
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match="patch"):
        build(**wrong)
