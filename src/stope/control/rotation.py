"""Rotations as 3 x 3 matrices, body to site; quaternions (x, y, z, w) at the borders."""

from __future__ import annotations

import math

import numpy as np

from stope.robot.messages import Vector


def exponential(rotation_vector: Vector) -> Vector:
    """Rotation matrix (3, 3) of a rotation vector (3,) rad (Rodrigues)."""
    x, y, z = rotation_vector.tolist()
    angle = math.sqrt(x * x + y * y + z * z)
    skew = np.array(((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0)))
    if angle < 1e-9:
        return np.asarray(np.eye(3) + skew)
    return np.asarray(np.eye(3) + math.sin(angle) / angle * skew + (1.0 - math.cos(angle)) / angle**2 * (skew @ skew))


def rotation_vector(matrix: Vector) -> Vector:
    """Rotation vector (3,) rad of a rotation matrix; for angles well below pi."""
    axis = 0.5 * np.array((matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]))
    sine = float(np.linalg.norm(axis))
    angle = math.atan2(sine, 0.5 * (float(np.trace(matrix)) - 1.0))
    return np.asarray(axis if sine < 1e-12 else axis * (angle / sine))


def quaternion(matrix: Vector) -> Vector:
    """Unit quaternion (4,) xyzw with w >= 0 of a rotation matrix, for every angle.

    Shepperd (1978): divides by the largest of the four, so that none is a small difference of large numbers.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = matrix.tolist()
    trace = xx + yy + zz
    largest = max(trace, xx, yy, zz)
    if largest == trace:
        rows = (zy - yz, xz - zx, yx - xy, 1.0 + trace)
    elif largest == xx:
        rows = (1.0 + xx - yy - zz, xy + yx, xz + zx, zy - yz)
    elif largest == yy:
        rows = (xy + yx, 1.0 + yy - xx - zz, yz + zy, xz - zx)
    else:
        rows = (xz + zx, yz + zy, 1.0 + zz - xx - yy, yx - xy)
    x, y, z, w = rows
    scale = math.copysign(1.0 / math.sqrt(x * x + y * y + z * z + w * w), w)
    return np.array((scale * x, scale * y, scale * z, scale * w))


def fit(body_points: Vector, site_points: Vector) -> tuple[Vector, Vector, float]:
    """Rigid motion that best takes body points (k, 3) to site points (k, 3), k >= 3: rotation, position, residual m.

    Kabsch's least squares; the residual is the root mean square misfit.
    """
    body_centre, site_centre = body_points.mean(axis=0), site_points.mean(axis=0)
    covariance = (site_points - site_centre).T @ (body_points - body_centre)
    u, _, vt = np.linalg.svd(covariance)
    mirror = 1.0 if np.linalg.det(u) * np.linalg.det(vt) > 0.0 else -1.0
    rotation = u @ np.diag((1.0, 1.0, mirror)) @ vt
    position = site_centre - rotation @ body_centre
    misfit = body_points @ rotation.T + position - site_points
    return rotation, position, float(math.sqrt(float((misfit * misfit).sum()) / len(misfit)))
