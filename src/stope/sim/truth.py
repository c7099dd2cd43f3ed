"""The true ground of one run: numbers drawn from the site's material distributions. Never leaves `sim/`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stope.mission.material import Material
from stope.mission.streams import random_stream
from stope.robot.messages import Vector
from stope.sim.strata import PlaceField, Strata, Stratum

COVER_DEFEATS_SPINES_M = 5.0e-3  # more loose cover than a spine is long keeps it from the rock
FRIABLE_STRENGTH_N = (0.2, 3.1)  # what 256 spines hold in loose material (Parness 2013, research/physics.md 2.2)
GRIP_PLACE_M = 0.1  # over which the roughness that spines find changes: a pad's width
GRIP_PLACE_SHARE = 0.5  # of the scatter's variance that is the place's, assumed; the rest is new with each grip

# Chips in the flights of a small dry auger: no figure is published for vacuum and microgravity; all ASSUMED.
CHIP_FILL = (0.2, 0.45)
CHIP_COHESION_PA, CHIP_LOG_SD = 1.0e3, 0.5
CHIP_FRICTION = (0.4, 0.6)


@dataclass(frozen=True)
class TrueGround:
    """Layers of rock below, loose cover above, and how strong each grip will turn out to be.

    Attributes:
        rock: the uppermost layer, which spines grip and feet stand on.
        cover_cohesion_pa: what the bit has to break in the cover; energy ratios are specific energy over strength
            (Teale's k).
        chip_fill: share of the drill's flights that chips fill while they climb; chip_cohesion_pa, chip_friction: of
            chips packed against the wall.
    """

    rock: Material
    cover: Material
    strata: Strata
    cover_cohesion_pa: float
    cover_energy_ratio: float
    chip_fill: float
    chip_cohesion_pa: float
    chip_friction: float
    _places: PlaceField
    _grips: np.random.Generator
    _release: np.random.Generator

    @classmethod
    def draw(
        cls, rock: Material, cover: Material, seed: int, below: Sequence[tuple[Material, float, float]] = ()
    ) -> TrueGround:
        """Draw one ground from the materials' distributions (streams `truth.*`).

        Args:
            below: layers under the rock's first one: material, depth of the top below the rock's surface, and its
                standard deviation, m.
        """
        chips = random_stream(seed, "truth.chips")
        return cls(
            rock=rock,
            cover=cover,
            strata=Strata([(rock, 0.0, 0.0), *below], seed),
            cover_cohesion_pa=cover.cohesion_pa.at(random_stream(seed, "truth.cover").standard_normal()),
            cover_energy_ratio=cover.specific_energy_ratio.median,
            chip_fill=float(chips.uniform(*CHIP_FILL)),
            chip_cohesion_pa=CHIP_COHESION_PA * math.exp(CHIP_LOG_SD * chips.standard_normal()),
            chip_friction=float(chips.uniform(*CHIP_FRICTION)),
            _places=PlaceField(random_stream(seed, "truth.grips.place"), GRIP_PLACE_M),
            _grips=random_stream(seed, "truth.grips"),
            _release=random_stream(seed, "truth.release"),
        )

    def drawn(self) -> dict[str, float]:
        """The drawn numbers by name, for the outcome of a run and for campaigns."""
        return {**self.strata.drawn(), "cover_cohesion_pa": self.cover_cohesion_pa}

    def column(self, xy: Vector) -> list[Stratum]:
        """The layers of rock under (2,)."""
        return self.strata.column(xy)

    def grip_strength(self, spines: int, cover_m: float, xy: Vector) -> tuple[float, float]:
        """True normal and shear strength (N) of a microspine gripper that bites at (2,) through `cover_m` of cover."""
        size = spines / 256.0  # the materials state the strength of the 256-spine reference gripper
        place = math.sqrt(GRIP_PLACE_SHARE) * self._places.at(xy)
        chance = math.sqrt(1.0 - GRIP_PLACE_SHARE) * self._grips.standard_normal()
        scatter = math.exp(self.rock.spine_log_sd * (place + chance))
        friable = float(self._grips.uniform(*FRIABLE_STRENGTH_N))
        if cover_m > COVER_DEFEATS_SPINES_M:
            return friable * size, friable * size
        return self.rock.spine_normal_n * scatter * size, self.rock.spine_shear_n * scatter * size

    def release_sticks(self, probability: float) -> bool:
        """Whether the spines stick on this release attempt."""
        return bool(self._release.random() < probability)
