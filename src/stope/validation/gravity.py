"""G: gravity and the rotating frame."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from stope.mission.procedural import icosphere
from stope.mission.shape import Mesh
from stope.mission.shapefile import load_obj, load_obj_with_report
from stope.mission.shipped import data_root
from stope.physics import flight, frames
from stope.physics.constants import Array
from stope.physics.gravity import G, Polyhedron, point_mass_acceleration
from stope.physics.site_field import surface_point
from stope.validation.case import Absent

Values = dict[str, float | bool | Absent]

BENNU_GM, BENNU_RADIUS_M, BENNU_PERIOD_S, BENNU_DENSITY = 4.8916, 245.0, 4.296 * 3600.0, 1190.0
_CUBE = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
_CUBE_FACES = [
    [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
    [1, 5, 7], [1, 7, 3],
]  # fmt: skip


def measured_shape(name: str) -> Path:
    """File of a measured shape model, from the folder STOPE_SHAPES or `shared/shapes` beside the checkout.

    Raises:
        Absent: it is not there; measured shapes are not ours to ship.
    """
    folder = Path(os.environ.get("STOPE_SHAPES", data_root().parents[1] / "shared" / "shapes"))
    path = folder / f"{name}.obj"
    if not path.is_file():
        raise Absent(f"the measured shape {name}.obj is not here; set STOPE_SHAPES to the folder that holds it")
    return path


@cache
def bennu() -> tuple[Mesh, Polyhedron]:
    """Bennu's shape of 1474 faces at uniform density."""
    mesh = load_obj(measured_shape("bennu_1474"))
    return mesh, Polyhedron.from_mesh(mesh, BENNU_DENSITY)


def _cube() -> Values:
    return {"potential": float(Polyhedron(_CUBE, _CUBE_FACES, 1000.0).potential([0.7, 0.31, 0.93]))}


def _excess(faces: int, ideal: bool) -> float:
    """Field of a unit icosphere over GM/r2 at 1.245 R, less 1, mean over directions."""
    vertices, triangles = icosphere({320: 2, 1280: 3, 5120: 4, 20480: 5}[faces])
    body = Polyhedron(vertices, triangles, 2000.0)
    gm = G * 2000.0 * 4.0 / 3.0 * np.pi if ideal else body.gm
    ray = np.random.default_rng(0).normal(size=(40, 3))
    points = 1.245 * ray / np.linalg.norm(ray, axis=1, keepdims=True)
    pull = np.linalg.norm(body.acceleration(points), axis=1) / np.linalg.norm(
        point_mass_acceleration(points, gm), axis=1
    )
    return float(pull.mean() - 1.0)


def _own_mass() -> Values:
    return {"excess": _excess(5120, ideal=False)}


def _ideal_mass() -> Values:
    return {f"{faces} faces": _excess(faces, ideal=True) for faces in (320, 1280, 5120, 20480)}


def _laplacian() -> Values:
    """The worst of 40 points of a sphere and of a cube."""
    inside, outside = [], []
    ray = np.random.default_rng(1).normal(size=(20, 3))
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    for vertices, faces in (icosphere(3), (_CUBE, _CUBE_FACES)):
        body = Polyhedron(vertices, faces, 2000.0)
        size = 0.4 if len(vertices) == 8 else 0.9
        full = 4.0 * np.pi * G * 2000.0
        inside.append(body.laplacian(size * ray) / full)
        outside.append(body.laplacian(1.1 * ray) / full)
    within, without = np.concatenate(inside), np.concatenate(outside)
    return {
        "inside": float(within[np.argmax(np.abs(within + 1.0))]),
        "outside": float(without[np.argmax(np.abs(without))]),
    }


def _volumes() -> Values:
    found: Values = {}
    for body, name in (("Bennu", "bennu_14744"), ("Ryugu", "ryugu_5932"), ("Eros", "eros_7790"), ("67P", "67p")):
        try:
            found[body] = load_obj(measured_shape(name)).volume_m3 * 1e-9
        except Absent as absent:
            found[body] = absent
    return found


def _escape() -> Values:
    speed = frames.local_escape_speed([1, 0, 0], [BENNU_RADIUS_M, 0, 0], 0.0, BENNU_GM, np.zeros(3))
    return {"speed": float(speed)}


def _bands() -> Values:
    """Mean over facets of a band, as the trial sampled them; each facet counts once."""
    mesh, body = bennu()
    centres = mesh.vertices[mesh.faces].mean(axis=1)
    latitude = np.abs(frames.latitude_longitude_deg(centres)[0])
    spin = frames.spin_vector(BENNU_PERIOD_S)

    def mean(low: float, high: float) -> float:
        band = (latitude >= low) & (latitude < high)
        points = centres[band] + 1e-6 * mesh.mean_radius_m * mesh.facet_normals[band]
        pull = frames.effective_acceleration(body.acceleration(points), points, spin)
        return float(np.linalg.norm(pull, axis=1).mean())

    return {"equator 0-5 deg": mean(0.0, 5.0), "poles 80-90 deg": mean(80.0, 90.0)}


def _hop(headings: Array, spin: Array) -> flight.Flight:
    start = np.tile([BENNU_RADIUS_M, 0.0, 0.0], (len(headings), 1))
    speed = np.sqrt(0.5) * 0.05 * (np.array([1.0, 0.0, 0.0]) + headings)
    return flight.fly(
        start, speed, lambda r: point_mass_acceleration(r, BENNU_GM), spin, flight.sphere_height(BENNU_RADIUS_M),
        step_s=4.0, longest_s=8000.0,
    )  # fmt: skip


def _hop_rotating() -> Values:
    headings = np.array([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    landed = _hop(headings, frames.spin_vector(BENNU_PERIOD_S))
    latitude, longitude = (
        np.radians(angle) * BENNU_RADIUS_M for angle in frames.latitude_longitude_deg(landed.point_m)
    )
    return {
        "east, time": float(landed.time_s[0]), "east, range": float(longitude[0]),
        "west, time": float(landed.time_s[1]), "west, range": float(-longitude[1]),
        "north, time": float(landed.time_s[2]), "north, range": float(latitude[2]),
        "north, drift west": float(-longitude[2]),
    }  # fmt: skip


def _hop_still() -> Values:
    azimuth = np.array([0.0, 1.0, 2.5])
    headings = np.stack([np.zeros(3), np.cos(azimuth), np.sin(azimuth)], axis=1)
    landed = _hop(headings, np.zeros(3))
    reach = BENNU_RADIUS_M * np.arccos(landed.point_m[:, 0] / np.linalg.norm(landed.point_m, axis=1))
    return {
        "time": float(landed.time_s.mean()),
        "range": float(reach.mean()),
        "spread over directions": float(np.ptp(reach)),
    }


def _jacobi() -> Values:
    """Worst of 360 samples, Runge-Kutta in steps of 10 s."""
    mesh, body = bennu()
    spin = frames.spin_vector(BENNU_PERIOD_S)
    point, normal = surface_point(mesh, frames.direction(30.0, 50.0))
    r, v = point + 30.0 * normal, 0.08 * normal + np.array([0.0, 0.02, 0.0])
    start = float(frames.jacobi_integral(r, v, body.potential(r), spin))
    worst = 0.0
    for _ in range(360):
        flown = flight.fly(r, v, body.acceleration, spin, lambda p: np.ones(len(p)), step_s=10.0, longest_s=10.0)
        r, v = flown.point_m[0], flown.velocity_m_s[0]
        worst = max(worst, abs(float(frames.jacobi_integral(r, v, body.potential(r), spin)) / start - 1.0))
    if body.contains(r):
        raise ValueError("the flight of case G11 went underground")
    return {"relative drift": worst}


def _spin_limit() -> Values:
    return {f"{rho:g} kg/m3": float(frames.spin_limit_period_s(rho)) / 3600.0 for rho in (2060.0, 1189.0)}


def _unreferenced() -> Values:
    vertices, faces = icosphere(2)
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in (vertices * 300.0).tolist()]
    points = np.array([[610.0, 0.0, 0.0], [0.0, 1800.0, 0.0]])

    def field(folder: Path, name: str, head: list[str], first: int) -> tuple[Array, int]:
        text = [*head, *lines, *(f"f {a} {b} {c}" for a, b, c in (faces + first).tolist())]
        (folder / name).write_text("\n".join(text))
        mesh, report = load_obj_with_report(folder / name)
        return Polyhedron.from_mesh(mesh, 1190.0).acceleration(points), report.stripped_vertices

    with tempfile.TemporaryDirectory() as folder:
        clean, _ = field(Path(folder), "clean.obj", [], 1)
        trapped, stripped = field(Path(folder), "trap.obj", ["v 9e3 9e3 9e3"], 2)
    difference = np.linalg.norm(trapped - clean, axis=1) / np.linalg.norm(clean, axis=1)
    return {"relative difference": float(difference.max()), "vertices stripped": stripped}


CASES: dict[str, Callable[[], Values]] = {
    "G01": _cube, "G02": _own_mass, "G03": _ideal_mass, "G04": _laplacian, "G05": _volumes, "G06": _escape,
    "G08": _bands, "G09": _hop_rotating, "G10": _hop_still, "G11": _jacobi, "G12": _spin_limit, "G14": _unreferenced,
}  # fmt: skip
