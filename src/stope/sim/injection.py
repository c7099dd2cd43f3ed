"""Faults that can be caused in the simulated world, by the names of the fault table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stope.sim.plant import AsteroidPlant

WEAK_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Injection:
    """One cause of trouble.

    Attributes:
        cause: changes the world; no sensor is told.
        at_start: caused as its task starts, because it acts on what the task is about to do. Otherwise it is caused
            while the task is at work: `@drill` once the bit bears weight, another task after five seconds.
    """

    cause: Callable[[AsteroidPlant], None]
    at_start: bool = False


def _lose_anchors(plant: AsteroidPlant) -> None:
    for foot in range(len(plant.model.limbs)):
        plant.footing.tear_off(foot)


def _weaken_grippers(plant: AsteroidPlant) -> None:
    plant.grippers.quality = WEAK_SHARE


INJECTIONS: dict[str, Injection] = {
    # All spines leave the rock at once; what the grippers' own sensors say does not change.
    "anchors.lost": Injection(_lose_anchors),
    # Grips made from now on have 2 % of their strength.
    "grippers.weak": Injection(_weaken_grippers, at_start=True),
}
