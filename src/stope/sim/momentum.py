"""The impulse book: change of robot momentum against the sum of booked impulses, and the projection of the drift.

PyBullet's floating multibody gains or loses momentum, first order in the step, when limbs move (research/physics.md
8.2: 4 mm in 20 s at 240 Hz). At every settlement the base twist is corrected so that total momentum equals what the
booked impulses allow; the raw residual is kept and logged, so the correction is visible.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from stope.robot.messages import Vector
from stope.robot.solve3 import solve3

SOURCES = ("anchors", "contacts", "tools", "thrusters", "outside", "gravity", "offload", "mass", "ejecta")
ROW = {source: row for row, source in enumerate(SOURCES)}


class Book(NamedTuple):
    """Arrays of `ImpulseBook` that `settle` changes in place: table, sums of magnitudes, raw drift; and the start."""

    table: Vector
    scale: Vector
    raw_drift: Vector
    start: Vector


class ImpulseBook:
    """Running sums of what was exchanged; a book per run.

    Args:
        momentum: (6,) linear and angular momentum about the world origin at the start.

    Attributes:
        table: (9, 6) impulse (N s) and angular impulse about the world origin (N m s) per source.
        raw_drift: (6,) vector sum of what the projection had to correct.
    """

    def __init__(self, momentum: Vector) -> None:
        self._start = momentum.copy()
        self.table = np.zeros((len(SOURCES), 6))
        self.raw_drift = np.zeros(6)
        self._scale = np.zeros(4)

    @property
    def exchanged_ns(self) -> float:
        """Sum of the magnitudes of linear impulses: the scale of the relative error."""
        return float(self._scale[0])

    @property
    def raw_drift_ns(self) -> float:
        """Sum of the magnitudes of linear momentum that the projection had to correct."""
        return float(self._scale[2])

    def expected(self) -> Vector:
        """(6,) momentum that the bookings allow."""
        return np.asarray(self._start + self.table.sum(axis=0))

    def book(self, source: str, impulse: Vector) -> None:
        """Book an impulse (6,): N s, and N m s about the world origin."""
        self.table[ROW[source]] += impulse
        self._scale[0] += float(np.linalg.norm(impulse[:3]))
        self._scale[1] += float(np.linalg.norm(impulse[3:]))

    def rename(self, source: str, target: str, impulse: Vector) -> None:
        """Move an impulse (6,) that `settle` booked under one source to the one that it really came from."""
        self.table[ROW[source]] -= impulse
        self.table[ROW[target]] += impulse

    @property
    def packed(self) -> Book:
        """The arrays, for the kernel."""
        return Book(self.table, self._scale, self.raw_drift, self._start)

    def relative_error(self, momentum: Vector) -> float:
        """Worst of linear and angular residual of `momentum` (>= 6,) against what was exchanged, 1.

        Angular impulses of a symmetric push cancel to rounding noise, so they are measured against at least the linear
        ones at one metre; before anything was exchanged the residual itself is returned.
        """
        residual = momentum[:6] - self.expected()
        scale = self.exchanged_ns or 1.0
        return max(
            float(np.linalg.norm(residual[:3])) / scale,
            float(np.linalg.norm(residual[3:])) / max(float(self._scale[1]), scale),
        )


@njit(cache=True)
def _book(table: Vector, scale: Vector, row: int, impulse: Vector) -> None:
    for j in range(6):
        table[row, j] += impulse[j]
    scale[0] += np.sqrt(impulse[0] ** 2 + impulse[1] ** 2 + impulse[2] ** 2)
    scale[1] += np.sqrt(impulse[3] ** 2 + impulse[4] ** 2 + impulse[5] ** 2)


@njit(cache=True)
def settle(
    book: Book, wrenches: Vector, grips: Vector, step_s: float, gravity: Vector, period_s: float, offload: float,
    before: Vector, momentum: Vector, mass: float, base: Vector, twist: Vector,
) -> None:  # fmt: skip
    """Book a period's wrenches and weight, and project the drift out.

    Args:
        wrenches: (5, 6) sums over the period's steps for anchors, contacts, tools, thrusters, outside; set to zero.
        grips: (2, 6) the feet's own sums of contact and grip, added to the above; set to zero.
        gravity: (3,) m/s2 at the centre of mass; offload: share of the weight that a hoist lifts at the base.
        before: (3,) centre of mass at the last settlement.
        momentum: (21,) of the whole robot, as `tree.sum_up` leaves it.
        base: (13,) base state.
        twist: (6,) receives the corrected base velocity and spin. Its momentum is what the book allows.
    """
    table, scale, raw_drift, start = book
    inertia = momentum[12:].reshape(3, 3)
    for j in range(6):
        wrenches[1, j] += grips[0, j]
        wrenches[0, j] += grips[1, j]
        grips[0, j] = 0.0
        grips[1, j] = 0.0
    impulse = np.empty(6)
    for row in range(5):
        for j in range(6):
            impulse[j] = wrenches[row, j] * step_s
            wrenches[row, j] = 0.0
        _book(table, scale, row, impulse)
    for part in range(2):  # gravity at the mean centre of mass, hoist at the base
        share = period_s if part == 0 else -offload * period_s
        at = 0.5 * (before + momentum[6:9]) if part == 0 else base[0:3]
        if share == 0.0:
            continue
        for j in range(3):
            impulse[j] = share * mass * gravity[j]
        impulse[3] = at[1] * impulse[2] - at[2] * impulse[1]
        impulse[4] = at[2] * impulse[0] - at[0] * impulse[2]
        impulse[5] = at[0] * impulse[1] - at[1] * impulse[0]
        _book(table, scale, 5 + part, impulse)
    drift = np.empty(6)
    for j in range(6):
        drift[j] = start[j] - momentum[j]
        for row in range(table.shape[0]):
            drift[j] += table[row, j]
        raw_drift[j] += drift[j]
    scale[2] += np.sqrt(drift[0] ** 2 + drift[1] ** 2 + drift[2] ** 2)
    scale[3] += np.sqrt(drift[3] ** 2 + drift[4] ** 2 + drift[5] ** 2)
    # A rigid correction of the whole robot: dv at the centre of mass, dw about it.
    c = momentum[6:9]
    about = np.empty(3)
    about[0] = drift[3] - (c[1] * drift[2] - c[2] * drift[1])
    about[1] = drift[4] - (c[2] * drift[0] - c[0] * drift[2])
    about[2] = drift[5] - (c[0] * drift[1] - c[1] * drift[0])
    turn = solve3(inertia, about)
    r = base[0:3] - c
    twist[0] = base[7] + drift[0] / mass + turn[1] * r[2] - turn[2] * r[1]
    twist[1] = base[8] + drift[1] / mass + turn[2] * r[0] - turn[0] * r[2]
    twist[2] = base[9] + drift[2] / mass + turn[0] * r[1] - turn[1] * r[0]
    for j in range(3):
        twist[3 + j] = base[10 + j] + turn[j]
