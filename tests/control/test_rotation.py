"""Rotations: the properties that make them rotations, and the fit that finds one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.control.rotation import exponential, fit, quaternion, rotation_vector

angles = st.floats(-1.5, 1.5)
vectors = st.tuples(angles, angles, angles).map(np.array)
points = st.lists(st.tuples(*[st.floats(-1, 1)] * 3), min_size=4, max_size=8).map(np.array)


@settings(max_examples=50, deadline=None)
@given(vectors)
def test_exponential_is_a_rotation_and_its_vector_comes_back(vector: np.ndarray) -> None:
    matrix = exponential(vector)
    assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    assert np.allclose(rotation_vector(matrix), vector, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(vectors)
def test_quaternion_turns_vectors_as_the_matrix_does(vector: np.ndarray) -> None:
    matrix = exponential(vector)
    x, y, z, w = quaternion(matrix)
    axis = np.array((x, y, z))
    probe = np.array((0.3, -0.7, 0.2))
    turned = probe + 2.0 * w * np.cross(axis, probe) + 2.0 * np.cross(axis, np.cross(axis, probe))
    assert w >= 0.0
    assert np.allclose(turned, matrix @ probe, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.tuples(*[st.floats(-1, 1)] * 3), st.floats(0.0, np.pi))
def test_quaternion_holds_up_to_half_a_turn(axis: tuple[float, ...], angle: float) -> None:
    length = float(np.linalg.norm(axis))
    unit = np.array(axis) / length if length > 1e-3 else np.array((0.0, 0.0, 1.0))
    turn = quaternion(exponential(unit * angle))
    expected = np.append(unit * np.sin(0.5 * angle), np.cos(0.5 * angle))
    assert np.linalg.norm(turn) == pytest.approx(1.0, abs=1e-15)
    assert min(np.abs(turn - expected).max(), np.abs(turn + expected).max()) < 1e-9


def test_a_quarter_turn_about_z_takes_east_to_north() -> None:
    assert np.allclose(exponential(np.array((0.0, 0.0, np.pi / 2))) @ (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(vectors, points)
def test_fit_finds_the_motion_that_made_the_points(vector: np.ndarray, body: np.ndarray) -> None:
    spread = np.linalg.svd(body - body.mean(axis=0), compute_uv=False)
    if spread[1] < 1e-2:  # points on a line do not fix a rotation
        return
    rotation, position = exponential(vector), np.array((2.0, -1.0, 0.5))
    found, shift, residual = fit(body, body @ rotation.T + position)
    assert np.allclose(found, rotation, atol=1e-6)
    assert np.allclose(shift, position, atol=1e-6)
    assert residual < 1e-8


def test_fit_reports_the_misfit_of_points_that_no_motion_joins() -> None:
    square = np.array([[1, 1, 0], [1, -1, 0], [-1, -1, 0], [-1, 1, 0]], dtype=float)
    bent = square + np.array([[0, 0, 0.1], [0, 0, -0.1], [0, 0, 0.1], [0, 0, -0.1]])
    assert fit(square, bent)[2] == pytest.approx(0.1)
