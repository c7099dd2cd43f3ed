"""Gravity once more, against formulas that share nothing with ours, and an oracle when it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from stope.mission.procedural import ellipsoid_mesh
from stope.mission.shapefile import load_obj
from stope.physics.gravity import G, Polyhedron
from stope.validation.case import Absent
from stope.validation.gravity import measured_shape

UNIT_CUBE = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
CUBE_FACES = [
    [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
    [1, 5, 7], [1, 7, 3],
]  # fmt: skip


def prism_potential(point: np.ndarray) -> float:
    """Closed form of a unit cube's potential per G rho (Nagy 1966; MacMillan 1930)."""
    total = 0.0
    for i in (0, 1):
        for j in (0, 1):
            for k in (0, 1):
                x, y, z = np.array([i, j, k]) - point
                r = np.sqrt(x * x + y * y + z * z)
                term = x * y * np.log(z + r) + y * z * np.log(x + r) + z * x * np.log(y + r)
                term -= 0.5 * (
                    x * x * np.arctan(y * z / (x * r))
                    + y * y * np.arctan(z * x / (y * r))
                    + z * z * np.arctan(x * y / (z * r))
                )
                total += (-1) ** (i + j + k + 1) * term
    return float(total)


@pytest.mark.parametrize("centred", [True, False])
def test_g01_cube_potential(centred):
    """The table's point, read from the cube's centre, and the prism formula at the same point."""
    point = np.array([0.7, 0.31, 0.93])
    shift = np.full(3, 0.5) if centred else np.zeros(3)
    potential = float(Polyhedron(UNIT_CUBE - shift, CUBE_FACES, 1000.0).potential(point))
    assert potential == pytest.approx(G * 1000.0 * prism_potential(point + shift), rel=1e-12)
    if centred:
        assert potential == pytest.approx(5.552205963400e-8, rel=1e-12)


def test_g05_itokawa_loads():
    try:
        path = measured_shape("itokawa_1622")
    except Absent as absent:
        pytest.skip(str(absent))
    assert load_obj(path).volume_m3 == pytest.approx(1.7706e7, rel=1e-4)


def test_polyhedral_gravity_agrees():
    """polyhedral-gravity (GPL-3.0) is a test-only oracle: `pip install polyhedral-gravity` to run this.

    Its own rounding is 1e-12 of the field and 1e-9 of the gradient (against 80-bit sums, tests/physics), hence ours.
    """
    package = pytest.importorskip("polyhedral_gravity")
    mesh = ellipsoid_mesh((280.0, 250.0, 200.0), roughness=0.1, seed=5, faces=1280)
    body = Polyhedron.from_mesh(mesh, 1190.0)
    solid = package.Polyhedron(
        polyhedral_source=(mesh.vertices, mesh.faces),
        density=1190.0,
        normal_orientation=package.NormalOrientation.OUTWARDS,
        integrity_check=package.PolyhedronIntegrity.DISABLE,
    )
    points = np.array([[320.0, 10.0, 5.0], [0.0, -300.0, 50.0], [900.0, 900.0, 900.0]])
    theirs = package.GravityEvaluable(polyhedron=solid)(points, parallel=False)
    potential, field, tensor = body.evaluate(points)
    six = tensor[:, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    for k, (u, g, t) in enumerate(theirs):
        assert potential[k] == pytest.approx(u, rel=1e-11)
        turn = np.sign(np.dot(g, field[k]))  # its sign of derivatives has changed between versions
        np.testing.assert_allclose(field[k], turn * np.array(g), rtol=1e-10, atol=1e-10 * np.abs(g).max())
        np.testing.assert_allclose(six[k], turn * np.array(t), atol=1e-7 * np.abs(t).max())
