"""What anybody can work out by hand, and the inputs that anybody tries: the library answers them or says why not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from stope.physics import (
    anchoring,
    cohesion,
    drilling,
    ejecta,
    environment,
    excavation,
    flight,
    frames,
    granular,
    gravity,
    normal,
    restitution,
    sampling,
)
from stope.physics.constants import G

SIDE, DENSITY = 100.0, 2000.0
#: U / (G rho a^2) at a cube's centre, and at a corner: eight half-sized cubes meet at the centre, each a quarter of it.
CENTRE = 3.0 * math.log((math.sqrt(3.0) + 1.0) / (math.sqrt(3.0) - 1.0)) - math.pi / 2.0
CORNER = CENTRE / 2.0

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) * SIDE - SIDE / 2
_SQUARES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACETS = [f for a, b, c, d in _SQUARES for f in ((a, b, c), (a, c, d))]


@pytest.fixture(scope="module")
def cube() -> gravity.Polyhedron:
    return gravity.Polyhedron(CORNERS, FACETS, DENSITY)


def test_a_cube_at_its_centre_and_on_a_corner(cube: gravity.Polyhedron) -> None:
    unit = G * DENSITY * SIDE**2
    assert cube.potential([0, 0, 0]) == pytest.approx(CENTRE * unit, rel=1e-9)
    assert cube.potential([50, 50, 50]) == pytest.approx(CORNER * unit, rel=1e-9)
    np.testing.assert_allclose(cube.acceleration([0, 0, 0]), 0.0, atol=1e-18)


@pytest.mark.parametrize(
    "point", [(50, 0, 0), (50, 20, 20), (50, 50, 0), (50, 50, 50), (50, 7, -3)], ids=str
)  # the middle of a face lies on the diagonal that cuts it into facets
def test_potential_and_acceleration_are_continuous_through_faces_edges_and_corners(
    cube: gravity.Polyhedron, point: tuple[float, float, float]
) -> None:
    at = np.array(point, float)
    around = at + 1e-3 * np.array([[1, 1, 1], [-1, -1, -1], [1, -1, 0.5], [-0.5, 1, -1]])
    size = np.linalg.norm(cube.acceleration(at))
    np.testing.assert_allclose(np.broadcast_to(cube.potential(at), 4), cube.potential(around), rtol=1e-4)
    np.testing.assert_allclose(np.tile(cube.acceleration(at), (4, 1)), cube.acceleration(around), atol=2e-3 * size)


def test_the_gradient_of_an_edge_is_refused(cube: gravity.Polyhedron) -> None:
    for ask in (cube.gradient, cube.laplacian, cube.contains, cube.evaluate):
        with pytest.raises(ValueError, match=r"field point 1 .* edge or vertex"):
            ask([[0.0, 0.0, 70.0], [50.0, 50.0, 10.0]])


@pytest.mark.parametrize("times", [1e2, 1e4, 1e6, 1e10])
def test_far_away_any_body_is_a_point(cube: gravity.Polyhedron, times: float) -> None:
    away = np.array([0.6, 0.0, 0.8]) * times * SIDE
    potential, pull, gradient = cube.evaluate(away)
    assert potential == pytest.approx(cube.gm / (times * SIDE), rel=1e-7)
    np.testing.assert_allclose(
        pull, gravity.point_mass_acceleration(away, cube.gm), rtol=2e-7, atol=1e-14 * np.linalg.norm(pull)
    )
    np.testing.assert_allclose(
        gradient, gravity.point_mass_gradient(away, cube.gm), rtol=1e-6, atol=1e-7 * np.abs(gradient).max()
    )


def test_meshes_that_are_none() -> None:
    corners = np.eye(3)
    for faces in ([[0, 1, 5]], [[0, 1, -1]], [[0.0, 1.0, 2.0]], [0, 1, 2]):
        with pytest.raises(ValueError, match="faces"):
            gravity.Polyhedron(corners, faces, 1000.0)
    with pytest.raises(ValueError, match="finite"):
        gravity.Polyhedron(corners * np.nan, [[0, 1, 2]], 1000.0)


def test_no_points_give_no_answers_and_a_point_has_no_centre(cube: gravity.Polyhedron) -> None:
    nothing = np.empty((0, 3))
    assert cube.acceleration(nothing).shape == (0, 3)
    assert gravity.Ellipsoid([3, 2, 1], 1000).acceleration(nothing).shape == (0, 3)
    for ask in (gravity.point_mass_potential, gravity.point_mass_acceleration, gravity.point_mass_gradient):
        assert ask([[3, 0, 0], [0, 4, 0]], [5, 6]).shape[0] == 2
        with pytest.raises(ValueError, match="centre"):
            ask([[3.0, 0.0, 0.0], [0.0, 0.0, 0.0]], 5.0)


def test_the_spin_limit_and_slopes_take_arrays_and_refuse_what_has_no_direction() -> None:
    np.testing.assert_allclose(frames.spin_limit_period_s([2000, 8000]), [8402.7, 4201.3], rtol=1e-4)
    with pytest.raises(ValueError, match="effective"):
        frames.effective_slope_deg([0, 0, 0], [0, 0, 1])
    with pytest.raises(ValueError, match="finite"):
        frames.local_escape_speed([1, 0, 0], [np.nan, 0, 0], 0.0, 5.0, [0, 0, 0])


@pytest.mark.parametrize(("low", "high"), [(0.0, 2.0), (1.0, 2.0), (1.9, 2.0)])
@pytest.mark.parametrize("spines", [1, 2, 7, 16])
def test_small_bundles_are_exact(low: float, high: float, spines: int) -> None:
    drawn = anchoring.bundle_peak_n(np.random.default_rng(spines).uniform(low, high, (20_000, spines)))
    bundle = anchoring.bundle_strength_uniform(spines, low, high)
    assert bundle.mean_n == pytest.approx(drawn.mean(), abs=4.0 * drawn.std() / math.sqrt(20_000))
    assert bundle.sd_n == pytest.approx(drawn.std(), rel=0.03)


def test_one_spine_is_itself_and_identical_spines_add_up() -> None:
    one = anchoring.bundle_strength_uniform(1, 0.0, 2.0)
    assert (one.mean_n, one.sd_n) == pytest.approx((1.0, math.sqrt(1 / 3)), rel=1e-6)
    assert anchoring.bundle_strength_weibull(1, 0.5, 1.0).mean_n == pytest.approx(2.0, rel=1e-3)  # Gamma(1 + 1/k)
    for spines in (1, 5, 40):
        for same in (
            anchoring.bundle_strength(spines, [2.0, 2.0, 2.0]),
            anchoring.bundle_strength_uniform(spines, 2, 2),
        ):
            assert (same.mean_n, same.sd_n, same.spine_load_n) == (2.0 * spines, 0.0, 2.0)
    assert anchoring.bundle_peak_n([2.0] * 5) == 10.0
    for capacity in ([1.0, np.nan], [-1.0, 2.0], []):
        with pytest.raises(ValueError, match="capacit"):
            anchoring.bundle_strength(4, capacity)
        with pytest.raises(ValueError, match="capacit"):
            anchoring.bundle_peak_n(capacity)


def test_no_bundle_is_stronger_than_its_spines() -> None:
    assert anchoring.bundle_strength_uniform(50, 1.9, 2.0).mean_n <= 50 * 1.95 * (1 + 1e-9)


def test_the_published_plates_need_no_factor() -> None:
    uplift = anchoring.plate_uplift_n([0.1, 0.2, 0.3, 0.4], 0.1, 17_000)
    np.testing.assert_allclose(uplift, [63, 279, 738, 1531], rtol=0.01)


def test_an_unknown_load_is_not_held() -> None:
    used = anchoring.utilisation([np.nan, 0.0, 0.0], [0.0, np.nan, 0.0], 100.0, 100.0, 0.5)
    assert np.isnan(used[:2]).all()
    assert used[2] == 0.0
    with pytest.raises(ValueError, match="zero or more"):
        anchoring.utilisation(10.0, 0.0, -100.0, 100.0, 0.5)


NAN = float("nan")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: anchoring.engagement_probability(0.2, NAN, 0.5),
        lambda: anchoring.grasp_success(NAN, 1.0, 1.0),
        lambda: anchoring.allowable_load_n(10.0, 1.0, NAN),
        lambda: anchoring.directional_strength_n(2.0, 10.0, 10.0),
        lambda: anchoring.helix_strength_n(0.4, 0.1, 1600, 9.81, 0.6, plates=1.5),
        lambda: cohesion.mohr_coulomb_ucs_pa(1000.0, 35.0),
        lambda: drilling.specific_energy(100.0, 1e-3, NAN, 1.0, 1e-4),
        lambda: drilling.specific_energy(100.0, 1e-3, 1.0, 1.0, 1e-4, 2.0, 30.0, 1.5),
        lambda: drilling.penetration_rate(50.0, 1e-3, 1e7, weight_on_bit_n=NAN),
        lambda: drilling.drag_bit(NAN, 1e-5, 1e7, 0.03),
        lambda: drilling.choke_ratio(5e-4, 1e-3, NAN, 2e-4, 0.02),
        lambda: drilling.choke_ratio(-5e-4, 1e-3, 2.0, 2e-4, 0.02),
        lambda: drilling.threshold_thrust_n([1e6, -1.0], drilling.CoreBit(0.027, 0.013)),
        lambda: ejecta.escapes(NAN, 0.2),
        lambda: ejecta.flat_time_s(1.0, -0.5, 1.0),
        lambda: ejecta.spherical_range_m(0.1, 45.0, 250.0, 5.0),
        lambda: ejecta.launch_speed(0.5, 0.03, 0.01, NAN),
        lambda: environment.hover_windows(1e4, 250.0, 100.0, 0.0),
        lambda: environment.hover_windows(1e4, 250.0, 500.0, 45.0),
        lambda: environment.hover_windows(1e4, 250.0, 500.0, 0.0, days=1e9),
        lambda: environment.in_shadow([0, 0, -500], [0, 0, 0], 250.0),
        lambda: excavation.drum_cut(0.02, 0.2, 0.0, 0.6, 0.0, 1600, 100, 0.6, 0),
        lambda: excavation.drum_cut(NAN, 0.2, 0.15, 0.6, 0.0, 1600, 100, 0.6, 0),
        lambda: flight.sphere_height(-1.0),
        lambda: normal.normal_quantile(NAN),
        lambda: sampling.recoil_m_s(NAN, 600.0),
    ],
)
def test_what_no_model_covers_is_refused_and_never_a_number(ask: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ask()


def test_the_centre_of_an_ellipsoid_is_deepest() -> None:
    height = flight.ellipsoid_height([3.0, 2.0, 1.0])
    np.testing.assert_allclose(height(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]])), [-1.0, 1.0])


def test_ground_that_only_resists_like_a_spring() -> None:
    """No drag: v sqrt(m/k) after a quarter period; set down from rest, 2 m g / k after half a period."""
    spring = (1.0, 9.81, 1000.0, 1e12)
    assert granular.stopping_depth(2.0, 1.0, 0.0, 1000.0, 1e12) == pytest.approx(2.0 * math.sqrt(1e-3), rel=1e-6)
    assert granular.stopping_time(2.0, 1.0, 0.0, 1000.0, 1e12) == pytest.approx(
        0.5 * math.pi * math.sqrt(1e-3), rel=1e-6
    )
    assert granular.stopping_depth(0.0, *spring) == pytest.approx(2.0 * 9.81 / 1000.0, rel=1e-6)
    assert granular.stopping_time(0.0, *spring) == pytest.approx(math.pi * math.sqrt(1e-3), rel=1e-6)
    assert granular.stopping_depth([0.0, 1.0], 1.0, 0.0, 0.0, 1.0).tolist() == [0.0, math.inf]
    assert granular.stopping_depth([[1.0], [2.0]], 1.0, [0.0, 1.0, 9.81], 1000.0, 0.1).shape == (2, 3)


def test_a_slope_without_friction_stands_as_high_as_its_cohesion() -> None:
    assert granular.critical_height_m(math.pi / 2, 0.0, 1000.0, 2000.0, 9.81) == pytest.approx(4e3 / (2000.0 * 9.81))
    assert granular.repose_angle_rad([0.5, 0.6], 0.0, 1500.0, [9.81, 1e-5], 1.0) == pytest.approx([0.5, 0.6])


def test_a_vertical_smooth_blade_in_saturated_clay() -> None:
    """Rankine at phi = 0: passive pressure rho g z + 2 c."""
    n = excavation.mckyes_coefficients(math.pi / 2, 0.0, [0.0, math.radians(30.0)])
    np.testing.assert_allclose(n.gravity, [0.5, 1.5], rtol=1e-5)
    np.testing.assert_allclose(n.cohesion, [2.0, 2.0 * math.sqrt(3.0)], rtol=1e-5)
    np.testing.assert_allclose(n.surcharge, [1.0, 3.0], rtol=1e-5)
    push = excavation.mckyes_force(0.1, 0.2, 1600.0, 1000.0, 0.0, 9.81, math.pi / 2)
    assert push == pytest.approx(0.2 * 0.1 * (1600.0 * 9.81 * 0.1 / 2.0 + 2.0 * 1000.0), rel=1e-5)
    with pytest.raises(ValueError, match="wedge"):
        excavation.mckyes_force(0.1, 0.2, 1600.0, 1000.0, 0.0, 9.81, math.pi / 2, 0.2)


def test_daniels_asymptotes() -> None:
    """n max x (1 - F(x)): Weibull n (1/k)^(1/k) e^(-1/k), exponential n/e."""
    weibull = anchoring.bundle_strength_weibull(1000, 2.0, 1.0)
    assert weibull.asymptote_n == pytest.approx(1000.0 * math.sqrt(0.5) * math.exp(-0.5), rel=1e-5)
    exponential = anchoring.bundle_strength(1000, lambda x: 1.0 - np.exp(-x), 40.0)
    assert exponential.asymptote_n == pytest.approx(1000.0 / math.e, rel=1e-6)
    assert exponential.mean_n > exponential.asymptote_n


def test_spines_without_friction_need_an_overhang() -> None:
    assert anchoring.engagement_angle_rad([0.0, 1.0], 0.0) == pytest.approx([math.pi / 2, math.pi / 4])
    assert anchoring.engagement_probability(0.0, 0.0, 0.5) == 0.0


def test_bounces() -> None:
    assert restitution.restitution([0.0, 1.0, 2.0]).tolist() == [1.0, 0.0, 0.0]
    assert restitution.restitution(restitution.damping_ratio([0.3, 1.0])) == pytest.approx([0.3, 1.0])
    assert restitution.bouncing_time_s([0.5, 1.0], 0.5, 10.0) == pytest.approx([0.1, 0.2])  # 2 v e / (g (1 - e))
    assert restitution.bouncing_time_s(1.0, 1.0, 10.0) == math.inf
    assert restitution.contact_time_s(1.0, 1e4, 1.0) == pytest.approx(math.pi / 100.0)


def test_energy_to_drill_is_infinite_where_nothing_is_drilled() -> None:
    assert drilling.specific_energy(100.0, 5e-4, 2.0, 1.0, [0.0, 1e-4])[0] == math.inf
    assert drilling.specific_energy([100.0, 200.0], 5e-4, 2.0, [[1.0], [2.0]], 1e-4).shape == (2, 2)
    assert drilling.specific_energy(100.0, 5e-4, 0.0, 0.0, 1e-4) == pytest.approx(2e5)  # the thrust's share alone: F/A


def test_craters_of_strength_need_no_gravity() -> None:
    shot = (0.005, 300.0, 2700.0, 1190.0)
    still = sampling.crater_volume_m3(*shot, 0.0, sampling.COHESIVE_SOIL)
    assert still == pytest.approx(sampling.crater_volume_m3(*shot, 1e-9, sampling.COHESIVE_SOIL), rel=1e-6)
    assert np.isfinite(still)
    with pytest.raises(ValueError, match="gravity"):
        sampling.crater_volume_m3(*shot, 0.0)


def test_the_earth() -> None:
    mass, radius = 5.9722e24, 6.371e6
    assert gravity.escape_speed(mass, radius) == pytest.approx(11_186.0, rel=1e-4)
    assert gravity.surface_gravity(mass, radius) == pytest.approx(9.820, rel=1e-4)
    assert gravity.synchronous_radius_m(mass, 86_164.1) == pytest.approx(42.164e6, rel=1e-4)
    assert environment.light_time_s(1.495978707e11) == pytest.approx(499.005, rel=1e-6)
    assert environment.subsolar_temperature_k(1361.0, 0.0, 1.0) == pytest.approx(393.6, rel=1e-4)
    assert environment.daylight_fraction([math.pi / 2, 0.0, -math.pi / 2], 0.4).tolist() == [1.0, 0.5, 0.0]
    assert environment.mean_insolation_w_m2(1361.0, [0.0, math.pi / 2], [0.0, 0.4]) == pytest.approx(
        [1361.0 / math.pi, 1361.0 * math.sin(0.4)]
    )
    assert sampling.choked_flow_kg_s(1e-4, 1e6, 300.0, 0.02897, 1.4) == pytest.approx(0.2333, rel=1e-3)


def test_a_sphere_by_the_ellipsoid_inside_and_out() -> None:
    ball, unit = gravity.Ellipsoid((1.0, 1.0, 1.0), 1000.0), 4.0 / 3.0 * math.pi * G * 1000.0
    assert ball.acceleration([2.0, 0.0, 0.0])[0] == pytest.approx(-unit / 4.0, rel=1e-9)
    assert ball.acceleration([0.0, 0.5, 0.0])[1] == pytest.approx(-unit / 2.0, rel=1e-9)
    assert ball.potential([0.0, 0.0, 0.0]) == pytest.approx(1.5 * unit, rel=1e-9)
    assert np.trace(ball.gradient([0.5, 0.0, 0.0])) == pytest.approx(-3.0 * unit, rel=1e-6)


def test_a_mesh_from_a_file_by_its_names(tmp_path: Path, cube: gravity.Polyhedron) -> None:
    lines = [f"v {x} {y} {z}" for x, y, z in CORNERS.tolist()]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in FACETS]
    (tmp_path / "cube.obj").write_text("\n".join(lines))
    read = gravity.Polyhedron.from_obj(tmp_path / "cube.obj", DENSITY)
    at = np.array([[70.0, 20.0, 10.0], [0.0, 0.0, 200.0]])
    assert np.array_equal(read.potential(at), cube.potential(at))
    assert np.array_equal(read.acceleration(at[0]), cube.acceleration(at)[0])
    assert read.gradient(at).shape == (2, 3, 3)


def test_bearing_is_prandtls_for_clay_and_terzaghis_for_sand() -> None:
    """N_c of the textbooks: 5.14 at 0, 14.83 at 20, 30.14 at 30, 46.12 at 35 degrees; 1.3 for a circle."""
    angles = np.radians([0.0, 20.0, 30.0, 35.0])
    assert cohesion.bearing_capacity_pa(10.0, angles) == pytest.approx(
        13.0 * np.array([5.14, 14.83, 30.14, 46.12]), rel=1e-3
    )
    assert cohesion.bearing_capacity_pa(10.0, 1e-5) == pytest.approx(cohesion.bearing_capacity_pa(10.0, 0.0), rel=1e-4)
    with pytest.raises(ValueError, match="friction_rad"):
        cohesion.bearing_capacity_pa(1.0, 1.6)


def test_grains_leave_with_what_parts_and_lifts_them() -> None:
    assert sampling.loft_speed_m_s(9.81, 0.1) == pytest.approx(math.sqrt(2 * 9.81 * 0.1))
    assert sampling.loft_speed_m_s(0.0, 0.1, 1.0, 600.0) == pytest.approx(math.sqrt(2.0 / 600.0))
    assert sampling.loft_speed_m_s(5.5e-5, 0.1, 1.0, 600.0) == pytest.approx(0.0578, abs=1e-4)
    with pytest.raises(ValueError, match="density_kg_m3"):
        sampling.loft_speed_m_s(1.0, 0.1, 1.0, 0.0)
