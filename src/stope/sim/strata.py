"""Strata: what lies under the cover at each place of the patch, drawn from the seed.

Each layer has a strength that the seed draws for the site, and on top of that varies from place to place; boundaries
between layers wander. Both are smooth random fields, sums of plane waves, so a place has its value whether anybody
looks there or not, and the same each time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stope.mission.material import Material
from stope.mission.streams import random_stream
from stope.robot.messages import Vector

WAVES = 64
CORRELATION_M = 0.5  # of strength and of boundaries: assumed, a few boulder diameters of the patch
LOCAL_SHARE = (
    0.5  # of the variance of a material's strength that is from place to place, assumed; the rest is the site's
)
THINNEST_M = 1e-3


class PlaceField:
    """A Gaussian random field over the patch: mean 0, variance 1, correlation exp(-(r / length)^2 / 2).

    By 64 random plane waves (Shinozuka 1971): each place is a sum of cosines, near enough to Gaussian.
    """

    def __init__(self, stream: np.random.Generator, length_m: float = CORRELATION_M) -> None:
        self._wave = stream.normal(scale=1.0 / length_m, size=(WAVES, 2))
        self._phase = stream.uniform(0.0, 2.0 * math.pi, WAVES)

    def at(self, xy: Vector) -> float:
        """The value at (2,)."""
        return float(math.sqrt(2.0 / WAVES) * np.cos(self._wave @ xy + self._phase).sum())


@dataclass(frozen=True, slots=True)
class Stratum:
    """One layer of the column under a place.

    Attributes:
        top_m: below the rock's surface there; the last layer goes on for ever.
        ucs_pa, energy_ratio: of this place.
    """

    material: Material
    top_m: float
    ucs_pa: float
    energy_ratio: float


@dataclass(frozen=True)
class _Layer:
    material: Material
    top_m: float
    spread_m: float
    ucs_pa: float
    energy_ratio: float
    boundary: PlaceField
    strength: PlaceField


class Strata:
    """The layers of one site.

    Args:
        layers: from above: material, depth of its top below the rock's surface, and standard deviation of that depth.
            The first begins at 0.
        seed: of the run.
    """

    def __init__(self, layers: Sequence[tuple[Material, float, float]], seed: int) -> None:
        self._layers = [self._draw(number, *layer, seed) for number, layer in enumerate(layers)]

    @staticmethod
    def _draw(number: int, material: Material, top_m: float, spread_m: float, seed: int) -> _Layer:
        name = "truth.rock" if number == 0 else f"truth.layer.{number}"
        stream = random_stream(seed, name)
        site_wide = math.sqrt(1.0 - LOCAL_SHARE)
        return _Layer(
            material,
            top_m,
            spread_m,
            material.ucs_pa.at(site_wide * stream.standard_normal()),
            material.specific_energy_ratio.at(stream.standard_normal()),
            PlaceField(random_stream(seed, f"{name}.boundary")),
            PlaceField(random_stream(seed, f"{name}.place")),
        )

    def column(self, xy: Vector) -> list[Stratum]:
        """The layers under (2,), from above; a layer that a boundary cuts out is at least a millimetre thick."""
        found: list[Stratum] = []
        for layer in self._layers:
            top = layer.top_m + layer.spread_m * layer.boundary.at(xy)
            top = max(top, found[-1].top_m + THINNEST_M) if found else 0.0
            local = math.sqrt(LOCAL_SHARE) * layer.material.ucs_pa.log_sd * layer.strength.at(xy)
            found.append(Stratum(layer.material, top, layer.ucs_pa * math.exp(local), layer.energy_ratio))
        return found

    @property
    def materials(self) -> tuple[Material, ...]:
        """One a layer, from above."""
        return tuple(layer.material for layer in self._layers)

    def drawn(self) -> dict[str, float]:
        """The site's own numbers, by name."""
        top = self._layers[0]
        return {"rock_ucs_pa": top.ucs_pa, "rock_energy_ratio": top.energy_ratio}
