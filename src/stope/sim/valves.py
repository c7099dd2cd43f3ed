"""The cold-gas valves: what open nozzles do to the base, and what gas they take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stope.robot.messages import Vector
from stope.robot.model import Thruster
from stope.sim.fast_step import open_valves


class Valves:
    """The nozzles of a robot.

    Args:
        gas: (6,) what all of them do to the base at its origin, base axes; kept up to date in place.
        jet: number of the nozzle that is a gas sampler's jet, -1 for none.

    Attributes:
        thrust_n: (k,) now; flows: whether gas flows.
    """

    def __init__(self, thrusters: Sequence[Thruster], gas: Vector, jet: int = -1) -> None:
        self._gas, self._jet = gas, jet
        self._nozzles = np.array([_nozzle_wrench(each) for each in thrusters]).reshape(-1, 6)
        self._jet_wrench = self._nozzles[jet].copy() if jet >= 0 else np.zeros(6)
        self._kg_per_ns = np.array([1.0 / each.exhaust_m_s for each in thrusters])
        self._asked = self.thrust_n = np.zeros(len(thrusters))
        self._stuck_n = -1.0
        self._burnt_kg = self._blown_kg = 0.0
        self.flows = False

    def ask(self, thrust_n: Vector, any_gas: bool) -> None:
        """Open as asked, (k,) N; a valve that sticks stays as far open as it was ever opened."""
        if thrust_n is self._asked:
            return
        self._asked = self.thrust_n = thrust_n
        if self._stuck_n >= 0.0:
            self._stuck_n = max(self._stuck_n, float(thrust_n[self._jet]))
            self.thrust_n = thrust_n.copy()
            self.thrust_n[self._jet] = self._stuck_n
        self.open(any_gas)

    def open(self, any_gas: bool) -> None:
        """Work out what the nozzles do with the tank as it is."""
        self.flows = open_valves(self._nozzles, self.thrust_n, any_gas, self._gas)

    def stick_jet(self) -> None:
        """Let the jet's valve open and no longer shut (fault injection)."""
        self._stuck_n = max(self._stuck_n, 0.0)

    def face(self, thrust_factor: float, any_gas: bool) -> float:
        """Let the jet blow against ground that turns part of it back; the thrust that comes of it, N."""
        self._nozzles[self._jet] = thrust_factor * self._jet_wrench
        if not self.flows:
            return 0.0
        self.open(any_gas)
        return float(self.thrust_n[self._jet]) * thrust_factor if self.flows else 0.0

    def burn(self, period_s: float) -> None:
        """Count the gas of a period in which they were as they are."""
        if not self.flows:
            return
        self._burnt_kg += float(self._kg_per_ns @ self.thrust_n) * period_s
        if self._jet >= 0:
            self._blown_kg += float(self._kg_per_ns[self._jet] * self.thrust_n[self._jet]) * period_s

    def taken_kg(self) -> tuple[float, float]:
        """Gas that all nozzles, and of that the jet, have taken since the last call."""
        taken = self._burnt_kg, self._blown_kg
        self._burnt_kg = self._blown_kg = 0.0
        return taken


def _nozzle_wrench(thruster: Thruster) -> Vector:
    """Force and torque about the base origin of one newton of thrust, base frame, (6,)."""
    direction = np.array(thruster.direction)
    return np.concatenate((direction, np.cross(thruster.position_m, direction)))
