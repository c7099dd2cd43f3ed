"""Flight over a spinning body: hops and ejecta from launch to fall-back or escape, many at once.

Integrates a = g(r) - 2 W x v - W x (W x r) in the body frame by the classical Runge-Kutta method (A). Loops over steps,
vectorised over particles, so it suits thousands of grains and any gravity of this library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics import frames
from stope.physics.constants import Array, finite, positive

__all__ = [
    "ESCAPED",
    "FLYING",
    "LANDED",
    "Flight",
    "ellipsoid_height",
    "fly",
    "sphere_height",
]

Gravity = Callable[[Array], Array]
Height = Callable[[Array], Array]

FLYING, LANDED, ESCAPED = 0, 1, 2  #: states of a particle


class Flight(NamedTuple):
    """Where particles ended.

    Attributes:
        state: (N,) FLYING (time ran out), LANDED or ESCAPED.
        time_s: (N,) when; point_m, velocity_m_s: (N, 3) then, body frame.
    """

    state: npt.NDArray[np.int64]
    time_s: Array
    point_m: Array
    velocity_m_s: Array


def fly(
    points: npt.ArrayLike,
    velocities: npt.ArrayLike,
    gravity: Gravity,
    spin_rad_s: npt.ArrayLike,
    height: Height,
    *,
    step_s: float,
    longest_s: float,
    escape_radius_m: float = np.inf,
) -> Flight:
    """Follow particles until they fall back, escape, or time runs out.

    Args:
        points, velocities: (N, 3) m and m/s in the body frame; (3,) is one particle.
        gravity: (N, 3) points -> (N, 3) m/s2, such as `Polyhedron.acceleration`; without rotation terms.
        spin_rad_s: (3,) the body's angular velocity.
        height: (N, 3) points -> (N,) m above the ground, negative below it.
        step_s: Runge-Kutta step; the landing is interpolated inside the last one.
        escape_radius_m: beyond it a particle that recedes counts as escaped.

    Raises:
        ValueError: shapes that differ, values that are not finite, a step or a time that is not positive.

    Error: fourth order in the step; a 16-minute hop over Bennu in 1 s steps lands within 1e-6 of the closed form.
    """
    r, v = np.atleast_2d(finite("points", points)), np.atleast_2d(finite("velocities", velocities))
    if r.shape != v.shape or r.shape[-1] != 3:
        raise ValueError(f"points {r.shape} and velocities {v.shape}, expected (N, 3) both")
    positive("step_s", step_s), positive("longest_s", longest_s)
    r, v, spin = r.copy(), v.copy(), finite("spin_rad_s", spin_rad_s)
    state, time = np.full(len(r), FLYING), np.full(len(r), float(longest_s))
    active, now = np.arange(len(r)), 0.0
    while active.size and now < longest_s:
        step = min(step_s, longest_s - now)
        before_r, before_v = r[active], v[active]
        after_r, after_v = _step(before_r, before_v, gravity, spin, step)
        low, high = height(after_r), height(before_r)
        # a launch starts on the ground: only a particle that comes down has landed
        landed = (low <= 0.0) & (low < high)
        gone = ~landed & (np.linalg.norm(after_r, axis=1) > escape_radius_m)
        gone &= np.einsum("ni,ni->n", after_r, after_v) > 0.0
        share = np.where(landed, np.clip(high / np.where(landed, high - low, 1.0), 0.0, 1.0), 1.0)[:, None]
        r[active] = before_r + share * (after_r - before_r)
        v[active] = before_v + share * (after_v - before_v)
        done = landed | gone
        state[active[landed]], state[active[gone]] = LANDED, ESCAPED
        time[active[done]] = now + step * share[done, 0]
        now, active = now + step, active[~done]
    return Flight(state, time, r, v)


def sphere_height(radius_m: float) -> Height:
    """Height above a sphere, for `fly`. ValueError for a radius that is not positive."""
    positive("radius_m", radius_m)

    def height(points: Array) -> Array:
        return np.asarray(np.linalg.norm(points, axis=-1) - radius_m)

    return height


def ellipsoid_height(semi_axes_m: npt.ArrayLike) -> Height:
    """Height along the radius above an ellipsoid, for `fly`; negative inside."""
    axes = positive("semi_axes_m", semi_axes_m)

    def height(points: Array) -> Array:
        scaled = np.linalg.norm(points / axes, axis=-1)
        along = np.linalg.norm(points, axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            # at the centre no radius says which: the nearest surface
            return np.asarray(np.where(scaled > 0.0, along * (1.0 - 1.0 / scaled), -axes.min()))

    return height


def _step(r: Array, v: Array, gravity: Gravity, spin: Array, step: float) -> tuple[Array, Array]:
    def pull(at: Array, moving: Array) -> Array:
        return frames.effective_acceleration(gravity(at), at, spin, moving)

    a1 = pull(r, v)
    v2 = v + 0.5 * step * a1
    a2 = pull(r + 0.5 * step * v, v2)
    v3 = v + 0.5 * step * a2
    a3 = pull(r + 0.5 * step * v2, v3)
    v4 = v + step * a3
    a4 = pull(r + step * v3, v4)
    return r + step / 6.0 * (v + 2.0 * v2 + 2.0 * v3 + v4), v + step / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
