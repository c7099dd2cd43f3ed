"""EjectaCloud: what tools throw, as ballistic particles that each stand for a whole number of micrograms.

Particles meet the ground or leave the patch; they do not meet each other or the robot. Semi-implicit Euler in the
site's linear field with Coriolis: first order, and the field is so weak that a flight of minutes errs by millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from numba import njit

Vector = npt.NDArray[np.float64]
Micrograms = npt.NDArray[np.int64]

KG_PER_UG = 1e-9
#: In units of the patch's half-width: above this an escaping particle is written off although it is over the patch.
CEILING = 4.0

Account = Literal["fallen_back", "escaped", "beyond_patch"]
_FLIES, _LANDED, _ESCAPED, _BEYOND = range(4)
_ACCOUNTS: dict[int, Account] = {_LANDED: "fallen_back", _ESCAPED: "escaped", _BEYOND: "beyond_patch"}


class Surface(Protocol):
    """The ground under the cloud."""

    @property
    def half_m(self) -> float:
        """Half the width of the square patch; outside it nothing is re-deposited."""

    def height(self, xy: npt.ArrayLike, /) -> Vector:
        """(N,) height at (N, 2)."""


class Field(Protocol):
    """Effective gravity around the site."""

    def acceleration(self, r_site_m: Vector, v_site_m_s: Vector, /) -> Vector:
        """(N, 3) or (3,) m/s2, with Coriolis."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A parcel that left the cloud, and the account that it goes to.

    Attributes:
        velocity_m_s: (3,) at that moment; what it hands to the ground or takes away.
    """

    material: str
    account: Account
    mass_ug: int
    xy_m: Vector
    velocity_m_s: Vector


class EjectaCloud:
    """All particles in flight, site frame.

    Args:
        capacity: most particles at a time; beyond it neighbours are merged, keeping mass and momentum.
        surface: the height map.
        field: effective gravity; anything with `acceleration(r, v)`.
        escape_speed_m_s: local escape speed at the site; infinity on a bench.

    Raises:
        ValueError: no room, or an escape speed that is not positive.
    """

    def __init__(self, capacity: int, surface: Surface, field: Field, escape_speed_m_s: float) -> None:
        if capacity < 2 or not escape_speed_m_s > 0.0:
            raise ValueError(f"a cloud needs room and a positive escape speed, got {capacity} and {escape_speed_m_s}")
        self._surface, self._field = surface, field
        self._escape_squared = escape_speed_m_s**2
        self._gravity = float(np.linalg.norm(field.acceleration(np.zeros(3), np.zeros(3))))
        self._names: list[str] = []
        self._count = 0
        self._position = np.empty((capacity, 3))
        self._velocity = np.empty((capacity, 3))
        self._mass = np.empty(capacity, dtype=np.int64)
        self._material = np.empty(capacity, dtype=np.int16)
        self._fate = np.zeros(capacity, dtype=np.int8)

    def __len__(self) -> int:
        return self._count

    def launch(
        self, positions_m: npt.ArrayLike, velocities_m_s: npt.ArrayLike, masses_ug: npt.ArrayLike, material: str
    ) -> None:
        """Add parcels of one material.

        Args:
            positions_m, velocities_m_s: (k, 3) site frame.
            masses_ug: (k,) whole micrograms, >= 0; parcels of nothing are dropped.

        Raises:
            ValueError: shapes differ, a number is not finite, masses are not whole, or k exceeds what merging can free.
        """
        position, velocity, mass = _parcels(positions_m, velocities_m_s, masses_ug)
        keep = mass > 0
        position, velocity, mass = position[keep], velocity[keep], mass[keep]
        if material not in self._names:
            self._names.append(material)
        while self._count + len(mass) > len(self._mass):
            self._merge(len(mass))
        new = slice(self._count, self._count + len(mass))
        self._position[new], self._velocity[new], self._mass[new] = position, velocity, mass
        self._material[new] = self._names.index(material)
        self._count += len(mass)

    def step(self, dt_s: float) -> tuple[Settled, ...]:
        """Advance by `dt_s`; the parcels that fell back, escaped or came down beyond the patch, in launch order."""
        if not self._count:
            return ()
        n = self._count
        position, velocity, fate = self._position[:n], self._velocity[:n], self._fate[:n]
        _move(position, velocity, self._field.acceleration(position, velocity), dt_s)
        height, half = self._surface.height(position[:, :2]), self._surface.half_m
        if not _judge(position, velocity, height, half, 2.0 * self._gravity, self._escape_squared, fate):
            return ()
        return self._settle(fate)

    def masses_ug(self) -> Micrograms:
        """(len,) int64 micrograms of each parcel in flight."""
        return self._mass[: self._count].copy()

    def positions_m(self) -> Vector:
        """(len, 3) where the parcels are (for pictures)."""
        return self._position[: self._count].copy()

    def in_flight_ug(self, material: str | None = None) -> int:
        """Micrograms in flight, of one material or of all."""
        mass = self._mass[: self._count]
        if material is None:
            return int(mass.sum())
        if material not in self._names:
            return 0
        return int(mass[self._material[: self._count] == self._names.index(material)].sum())

    def momentum(self) -> Vector:
        """(3,) kg m/s of everything in flight, site frame."""
        total: Vector = (self._mass[: self._count] * KG_PER_UG) @ self._velocity[: self._count]
        return total

    def _settle(self, fate: npt.NDArray[np.int8]) -> tuple[Settled, ...]:
        settled = tuple(
            Settled(
                self._names[self._material[i]],
                _ACCOUNTS[fate[i]],
                int(self._mass[i]),
                self._position[i, :2].copy(),
                self._velocity[i].copy(),
            )
            for i in np.flatnonzero(fate)
        )
        self._keep(np.flatnonzero(fate == _FLIES))
        return settled

    def _keep(self, index: npt.NDArray[np.intp]) -> None:
        k = len(index)
        for column in (self._position, self._velocity, self._mass, self._material):
            column[:k] = column[index]
        self._count = k

    def _merge(self, wanted: int) -> None:
        """Make room: two parcels of one material that were launched one after the other become one."""
        order = np.argsort(self._material[: self._count], kind="stable")
        self._keep(order)
        before = self._count
        kind = self._material[:before]
        rank = np.arange(before) - np.searchsorted(kind, kind)  # place within its material
        first = np.flatnonzero((rank[:-1] % 2 == 0) & (kind[:-1] == kind[1:]))
        if not len(first) or wanted > len(self._mass) // 2:
            raise ValueError(f"{wanted} parcels do not fit into a cloud of {len(self._mass)}")
        second = first + 1
        mass = self._mass[first] + self._mass[second]
        share = (self._mass[first] / mass)[:, None]
        for column in (self._position, self._velocity):
            column[first] = share * column[first] + (1.0 - share) * column[second]
        self._mass[first] = mass
        self._keep(np.setdiff1d(np.arange(before), second))


@njit(cache=True)
def _move(position: Vector, velocity: Vector, acceleration: Vector, dt_s: float) -> None:
    """Semi-implicit Euler, in place; compiled because a few particles cost as much in NumPy calls as a thousand."""
    for i in range(position.shape[0]):
        for k in range(3):
            velocity[i, k] += dt_s * acceleration[i, k]
            position[i, k] += dt_s * velocity[i, k]


@njit(cache=True)
def _judge(
    position: Vector, velocity: Vector, height: Vector, half_m: float, twice_gravity: float, escape_squared: float,
    fate: npt.NDArray[np.int8],
) -> bool:  # fmt: skip
    """What becomes of each parcel; whether any does not fly on.

    One that leaves the patch escapes if it has the energy that escape speed means: v^2 + 2 g z >= v_esc^2.
    """
    settles = False
    for i in range(position.shape[0]):
        x, y, z = position[i]
        outside, high = abs(x) > half_m or abs(y) > half_m, z > CEILING * half_m
        fate[i] = _FLIES
        if outside or high:
            square = velocity[i, 0] ** 2 + velocity[i, 1] ** 2 + velocity[i, 2] ** 2
            if square + twice_gravity * z >= escape_squared:
                fate[i] = _ESCAPED
            elif outside:
                fate[i] = _BEYOND
        if z <= height[i] and not outside:
            fate[i] = _LANDED
        settles |= fate[i] != _FLIES
    return settles


def _parcels(
    positions_m: npt.ArrayLike, velocities_m_s: npt.ArrayLike, masses_ug: npt.ArrayLike
) -> tuple[Vector, Vector, Micrograms]:
    position, velocity = np.asarray(positions_m, np.float64), np.asarray(velocities_m_s, np.float64)
    mass = np.asarray(masses_ug)
    if mass.ndim != 1 or position.shape != (len(mass), 3) or velocity.shape != position.shape:
        raise ValueError(f"parcels need (k, 3), (k, 3), (k,): got {position.shape}, {velocity.shape}, {mass.shape}")
    if mass.dtype.kind not in "iu" or (mass < 0).any():
        raise ValueError(f"parcels are whole micrograms >= 0, got {mass.dtype} from {mass.min(initial=0)}")
    if not (np.isfinite(position).all() and np.isfinite(velocity).all()):
        raise ValueError("a parcel's position or velocity is not finite")
    return position, velocity, mass.astype(np.int64)
