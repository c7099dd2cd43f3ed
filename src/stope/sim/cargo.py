"""What links carry besides their own mass: regolith in drums and bin, gas in the tank."""

from __future__ import annotations

from collections.abc import Mapping

from stope.robot.messages import Vector
from stope.robot.model import RobotModel
from stope.robot.tree import Tree
from stope.sim.bullet import ArticulatedBody
from stope.sim.momentum import ImpulseBook

LOAD_STEP_KG = 1e-3  # link masses follow the mass flow in steps of a gram


class Cargo:
    """Lets the masses of links follow the mass flow, in Bullet and in the tree; books the momentum that comes along.

    Args:
        gyration_m2: (3,) inertia per mass of what a link holds that turns with it, by the name of the link.
    """

    def __init__(
        self,
        model: RobotModel,
        body: ArticulatedBody,
        tree: Tree,
        impulses: ImpulseBook,
        gyration_m2: Mapping[str, Vector],
    ) -> None:
        self._model, self._body, self._tree, self._impulses = model, body, tree, impulses
        self._gyration_m2 = gyration_m2
        self._carried_kg: dict[str, float] = {}

    def follow(self, loads_kg: Mapping[str, float], base: Vector, q: Vector, dq: Vector) -> None:
        """Take over what each link holds now; base (13,), joint positions and velocities (n,) as they are."""
        for link, load_kg in loads_kg.items():
            change_kg = load_kg - self._carried_kg.get(link, 0.0)
            if abs(change_kg) >= LOAD_STEP_KG:
                self._load(link, change_kg, base, q, dq)
                self._carried_kg[link] = load_kg

    def _load(self, name: str, change_kg: float, base: Vector, q: Vector, dq: Vector) -> None:
        # Mass for the bin arrives at rest. A drum's scoops have given theirs the drum's speed before it is inside: that
        # is the inertia in the force of the cut, so it brings momentum along.
        link = self._body.link(name, self._model.base_link)
        mass, inertia, centre = self._body.link_mass(link)
        spread = self._gyration_m2.get(name)
        self._body.set_link_mass(link, mass + change_kg, inertia if spread is None else inertia + change_kg * spread)
        before = self._tree.momentum[:6].copy()
        self._tree.load_mass(name, change_kg, centre, spread)
        self._tree.sweep(base, q, dq)
        if name == self._model.tank_link or spread is not None:
            # Gas leaves with the tank's velocity; its exhaust momentum is the thrust already booked.
            self._impulses.book("mass", self._tree.momentum[:6] - before)
