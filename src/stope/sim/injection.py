"""Faults that can be caused in the simulated world, by the names of the fault table."""

from __future__ import annotations

from collections.abc import Callable

from stope.sim.plant import AsteroidPlant

WEAK_SHARE = 0.02


def _lose_anchors(plant: AsteroidPlant) -> None:
    for foot in range(len(plant.model.limbs)):
        plant.footing.tear_off(foot)


def _weaken_grippers(plant: AsteroidPlant) -> None:
    plant.grip_quality = WEAK_SHARE


INJECTIONS: dict[str, Callable[[AsteroidPlant], None]] = {
    "anchors.lost": _lose_anchors,  # all spines leave the rock at once; what the grippers' sensors say does not change
    "grippers.weak": _weaken_grippers,  # grips made from now on have 2 % of their strength
}
