"""Gravity of a uniform triaxial ellipsoid in closed form: the body to use where no shape model exists.

With l the confocal coordinate of the field point (0 inside, else the largest root of sum x_i^2 / (a_i^2 + l) = 1) and
Carlson's symmetric integrals R_F, R_D of the squared axes p_i = a_i^2 + l:

    I_i = integral_l^inf ds / ((a_i^2 + s) Delta(s)) = (2/3) R_D(p_j, p_k, p_i)
    I_0 = integral_l^inf ds / Delta(s) = 2 R_F(p_1, p_2, p_3),   Delta(s) = sqrt(prod (a_i^2 + s))
    U   = pi G rho a b c (I_0 - sum_i I_i x_i^2)
    g_i = -2 pi G rho a b c I_i x_i

Sources: Chandrasekhar 1969, Ellipsoidal Figures of Equilibrium, chapter 3 (equations A); Carlson 1995, Numerical
Algorithms 10 (duplication theorem for R_F and R_D). Valid everywhere, inside too; the tests compare with a fine mesh.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, G, finite, positive

_DUPLICATIONS = 40  # each divides the spread of the arguments by 4; 40 leave nothing of any ratio a double can hold


class Ellipsoid:
    """A uniform ellipsoid with semi-axes along x, y, z.

    Args:
        semi_axes_m: (3,) a, b, c, m; any order, equal ones allowed.
        density_kg_m3: uniform density.

    Raises:
        ValueError: an axis or the density is not a positive number.
    """

    def __init__(self, semi_axes_m: npt.ArrayLike, density_kg_m3: float) -> None:
        axes = positive("semi_axes_m", semi_axes_m)
        if axes.shape != (3,):
            raise ValueError(f"semi_axes_m has shape {axes.shape}, expected (3,)")
        self.semi_axes_m = axes
        self.density_kg_m3 = float(positive("density_kg_m3", density_kg_m3))
        self.volume_m3 = float(4.0 / 3.0 * np.pi * np.prod(axes))
        self.mass_kg = self.density_kg_m3 * self.volume_m3
        self.gm = G * self.mass_kg

    def potential(self, points: npt.ArrayLike) -> Array:
        """() or (N,) m2/s2, positive."""
        return self.evaluate(points)[0]

    def acceleration(self, points: npt.ArrayLike) -> Array:
        """(3,) or (N, 3) m/s2."""
        return self.evaluate(points)[1]

    def gradient(self, points: npt.ArrayLike) -> Array:
        """(3, 3) or (N, 3, 3) 1/s2, derivative of the acceleration; symmetric, traceless outside."""
        return self.evaluate(points)[2]

    def contains(self, points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """() or (N,) whether a point is inside the body."""
        return np.asarray(np.sum((np.asarray(points, np.float64) / self.semi_axes_m) ** 2, axis=-1) < 1.0)

    def evaluate(self, points: npt.ArrayLike) -> tuple[Array, Array, Array]:
        """Potential, acceleration and gradient in one pass; shapes as the three methods say."""
        x = finite("points", points)
        if x.shape[-1:] != (3,):
            raise ValueError(f"points have shape {x.shape}, expected (..., 3)")
        coordinate = self._confocal(x)
        squares = self.semi_axes_m**2 + coordinate[..., None]
        p, q, r = np.moveaxis(squares, -1, 0)
        integrals = np.stack([_carlson_rd(q, r, p), _carlson_rd(r, p, q), _carlson_rd(p, q, r)], axis=-1) * (2.0 / 3.0)
        scale = np.pi * G * self.density_kg_m3 * float(np.prod(self.semi_axes_m))
        potential = scale * (2.0 * _carlson_rf(p, q, r) - np.sum(integrals * x * x, axis=-1))
        acceleration = -2.0 * scale * integrals * x
        gradient = -2.0 * scale * integrals[..., None] * np.eye(3)
        # outside, I_i varies with l: dI_i/dl = -1/((a_i^2+l) Delta), grad l = 2 (x_i/(a_i^2+l)) / sum x_j^2/(a_j^2+l)^2
        slope = x / squares
        steep = np.sum(slope * slope, axis=-1)[..., None, None]
        outside = (coordinate > 0.0)[..., None, None]
        outer = slope[..., :, None] * slope[..., None, :]
        delta = np.sqrt(np.prod(squares, axis=-1))[..., None, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            gradient = gradient + np.where(outside, 4.0 * scale * outer / (delta * steep), 0.0)
        return np.asarray(potential), np.asarray(acceleration), np.asarray(gradient)

    def _confocal(self, x: Array) -> Array:
        """l >= 0 of each point; 0 inside and on the surface.

        The sum is convex and falls with l, so Newton's method from below its root climbs to it without overshooting.
        """
        axes2, x2 = self.semi_axes_m**2, x * x
        inside = np.sum(x2 / axes2, axis=-1) <= 1.0
        coordinate = np.maximum(0.0, np.max(x2 - axes2, axis=-1))  # there one term alone is 1
        for _ in range(60):
            shifted = axes2 + coordinate[..., None]
            miss = np.sum(x2 / shifted, axis=-1) - 1.0
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.where(inside, 0.0, miss / np.sum(x2 / shifted**2, axis=-1))
            coordinate = coordinate + step
            if np.all(np.abs(step) <= 1e-15 * coordinate):
                break
        return np.where(inside, 0.0, np.maximum(coordinate, 0.0))


def _carlson_rf(x: Array, y: Array, z: Array) -> Array:
    """R_F = 1/2 integral_0^inf ds / sqrt((s+x)(s+y)(s+z)), by duplication."""
    for _ in range(_DUPLICATIONS):
        rx, ry, rz = np.sqrt(x), np.sqrt(y), np.sqrt(z)
        shift = rx * ry + ry * rz + rz * rx
        x, y, z = 0.25 * (x + shift), 0.25 * (y + shift), 0.25 * (z + shift)
        if max(float(np.max(np.abs(part - x) / x, initial=0.0)) for part in (y, z)) < 1e-3:
            break
    mean = (x + y + z) / 3.0
    dx, dy = 1.0 - x / mean, 1.0 - y / mean
    dz = -dx - dy
    e2, e3 = dx * dy - dz * dz, dx * dy * dz
    return np.asarray((1.0 - e2 / 10.0 + e3 / 14.0 + e2 * e2 / 24.0 - 3.0 * e2 * e3 / 44.0) / np.sqrt(mean))


def _carlson_rd(x: Array, y: Array, z: Array) -> Array:
    """R_D = 3/2 integral_0^inf ds / (sqrt((s+x)(s+y)) (s+z)^(3/2)), by duplication."""
    total, power = np.zeros_like(x), 1.0
    for _ in range(_DUPLICATIONS):
        rx, ry, rz = np.sqrt(x), np.sqrt(y), np.sqrt(z)
        shift = rx * ry + ry * rz + rz * rx
        total = total + power / (rz * (z + shift))
        power *= 0.25
        x, y, z = 0.25 * (x + shift), 0.25 * (y + shift), 0.25 * (z + shift)
        if max(float(np.max(np.abs(part - x) / x, initial=0.0)) for part in (y, z)) < 1e-3:
            break
    mean = (x + y + 3.0 * z) / 5.0
    dx, dy = 1.0 - x / mean, 1.0 - y / mean
    dz = -(dx + dy) / 3.0
    ea, eb = dx * dy, dz * dz
    ec = ea - eb
    ed = ea - 6.0 * eb
    ee = ed + 2.0 * ec
    series = 1.0 + ed * (-3.0 / 14.0 + 9.0 * ed / 88.0 - 9.0 * dz * ee / 52.0)
    series = series + dz * (ee / 6.0 + dz * (-9.0 * ec / 22.0 + dz * 3.0 * ea / 26.0))
    return np.asarray(3.0 * total + power * series / (mean * np.sqrt(mean)))
