"""Gravity of a polyhedron: our evaluations a second on one core against the package polyhedral-gravity, in one run.

Run: python benchmarks/gravity.py [--seconds 2]
Both give potential, acceleration and gradient tensor at the same points outside a bumpy ellipsoid; construction is not
timed, both are warm, both use one thread. The package (GPL-3.0, C++ with SIMD) is an oracle for tests and benchmarks
only: `pip install polyhedral-gravity`; without it only our rates are printed. "single" is one point a call, "batch"
64 points a call. The last columns are the largest relative differences of potential, field and gradient.
"""

from __future__ import annotations

import os

for pool in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{pool}_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from stope.mission.procedural import icosphere
from stope.physics.gravity import Polyhedron

POINTS, DENSITY = 64, 1190.0


def bumpy(faces: int) -> tuple[np.ndarray, np.ndarray]:
    """A latitude-longitude mesh of about so many faces with smooth bumps, 250 m in size."""
    if faces == 5120:
        vertices, triangles = icosphere(4)
    else:
        rings = round(np.sqrt(faces / 4)) + 1
        vertices, triangles = latitude_longitude(rings, 2 * (rings - 1))
    bumps = 1.0 + 0.05 * np.sin(5 * vertices[:, :1]) * np.cos(4 * vertices[:, 1:2]) + 0.03 * np.sin(6 * vertices[:, 2:])
    return vertices * bumps * np.array([280.0, 260.0, 235.0]), triangles


def latitude_longitude(rings: int, slices: int) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere of `rings` bands of `slices` quadrilaterals, triangles at the poles."""
    polar = np.linspace(0.0, np.pi, rings + 1)[1:-1]
    azimuth = np.arange(slices) * 2 * np.pi / slices
    grid = np.stack(
        [np.outer(np.sin(polar), np.cos(azimuth)), np.outer(np.sin(polar), np.sin(azimuth)),
         np.outer(np.cos(polar), np.ones(slices))], axis=-1,
    ).reshape(-1, 3)  # fmt: skip
    vertices = np.concatenate([[[0, 0, 1.0]], grid, [[0, 0, -1.0]]])
    at = 1 + np.arange((rings - 1) * slices).reshape(rings - 1, slices)
    right = np.roll(at, -1, axis=1)
    top = np.stack([np.zeros(slices, int), at[0], right[0]], axis=1)
    foot = np.stack([np.full(slices, len(vertices) - 1), right[-1], at[-1]], axis=1)
    one = np.stack([at[:-1], at[1:], right[1:]], axis=-1).reshape(-1, 3)
    two = np.stack([at[:-1], right[1:], right[:-1]], axis=-1).reshape(-1, 3)
    return vertices, np.concatenate([top, one, two, foot])


def rate(call: Callable[[], Any], points: int, seconds: float) -> float:
    """Evaluations a second, the best of three runs: other work on the machine only ever takes away."""
    call()
    best = 0.0
    for _ in range(3):
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < seconds / 3:
            call()
            calls += 1
        best = max(best, calls * points / (time.perf_counter() - start))
    return best


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference of any element over the size of its vector or tensor."""
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1)
    return float(np.max(np.abs(ours - theirs).max(axis=1) / np.linalg.norm(theirs, axis=1)))


def main() -> None:
    """Print a row a mesh."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    seconds = parser.parse_args().seconds
    try:
        import polyhedral_gravity as package
    except ModuleNotFoundError:
        package = None
    ray = np.random.default_rng(1).normal(size=(POINTS, 3))
    points = ray / np.linalg.norm(ray, axis=1, keepdims=True) * np.linspace(300.0, 900.0, POINTS)[:, None]
    print(f"{'faces':>6} {'ours, batch':>12} {'single':>8} {'package':>15} {'single':>8} {'ratio':>10}  differences")
    for faces in (5120, 15_000, 50_000):
        vertices, triangles = bumpy(faces)
        body = Polyhedron(vertices, triangles, DENSITY)
        batch = rate(lambda body=body: body.evaluate(points), POINTS, seconds)
        single = rate(lambda body=body: body.evaluate(points[0]), 1, seconds)
        row = f"{len(triangles):6d} {batch:10.0f}/s {single:6.0f}/s"
        if package is not None:
            solid = package.Polyhedron(
                polyhedral_source=(vertices, triangles), density=DENSITY,
                normal_orientation=package.NormalOrientation.OUTWARDS,
                integrity_check=package.PolyhedronIntegrity.DISABLE,
            )  # fmt: skip
            evaluator = package.GravityEvaluable(polyhedron=solid)
            theirs = rate(lambda e=evaluator: e(points, parallel=False), POINTS, seconds)
            alone = rate(lambda e=evaluator: e(points[0], parallel=False), 1, seconds)
            potential, field, tensor = (np.array(part) for part in zip(*evaluator(points, parallel=False), strict=True))
            u, g, t = body.evaluate(points)
            # theirs: derivatives of the potential with the sign that the package's version has; ours point to the body
            sign = np.sign(np.sum(field * g))
            six = t[:, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
            turn = np.sign(np.sum(tensor * six))
            off = [difference(u, potential), difference(g, sign * field), difference(six, turn * tensor)]
            row += f" {theirs:13.0f}/s {alone:6.0f}/s {batch / theirs:5.1f} {single / alone:5.1f}x  "
            row += " ".join(f"{value:.0e}" for value in off)
        print(row)


if __name__ == "__main__":
    main()
