"""The true ground of one run: numbers drawn once from the site's material distributions. Never leaves `sim/`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stope.mission.material import Material
from stope.mission.streams import random_stream

COVER_DEFEATS_SPINES_M = 5.0e-3  # more loose cover than a spine is long keeps it from the rock
FRIABLE_STRENGTH_N = (0.2, 3.1)  # what 256 spines hold in loose material (Parness 2013, research/physics.md 2.2)

# Chips in the flights of a small dry auger: no figure is published for vacuum and microgravity; all ASSUMED.
CHIP_FILL = (0.2, 0.45)
CHIP_COHESION_PA, CHIP_LOG_SD = 1.0e3, 0.5
CHIP_FRICTION = (0.4, 0.6)


@dataclass(frozen=True)
class TrueGround:
    """Rock below, loose cover above, and how strong each grip will turn out to be.

    Attributes:
        rock_ucs_pa, cover_ucs_pa: what the bit has to break; loose cover counts with its cohesion.
        rock_energy_ratio, cover_energy_ratio: specific energy over strength (Teale's k).
        chip_fill: share of the drill's flights that chips fill while they climb; chip_cohesion_pa, chip_friction: of
            chips packed against the wall.
    """

    rock: Material
    cover: Material
    rock_ucs_pa: float
    rock_energy_ratio: float
    cover_cohesion_pa: float
    cover_energy_ratio: float
    chip_fill: float
    chip_cohesion_pa: float
    chip_friction: float
    _grips: np.random.Generator
    _release: np.random.Generator

    @classmethod
    def draw(cls, rock: Material, cover: Material, seed: int) -> TrueGround:
        """Draw one ground from the materials' distributions (streams `truth.*`)."""
        stream, chips = random_stream(seed, "truth.rock"), random_stream(seed, "truth.chips")
        return cls(
            rock=rock,
            cover=cover,
            rock_ucs_pa=_sample(stream, rock.ucs_pa.median, rock.ucs_pa.log_sd),
            rock_energy_ratio=_sample(stream, rock.specific_energy_ratio.median, rock.specific_energy_ratio.log_sd),
            cover_cohesion_pa=_sample(stream, cover.cohesion_pa.median, cover.cohesion_pa.log_sd),
            cover_energy_ratio=cover.specific_energy_ratio.median,
            chip_fill=float(chips.uniform(*CHIP_FILL)),
            chip_cohesion_pa=_sample(chips, CHIP_COHESION_PA, CHIP_LOG_SD),
            chip_friction=float(chips.uniform(*CHIP_FRICTION)),
            _grips=random_stream(seed, "truth.grips"),
            _release=random_stream(seed, "truth.release"),
        )

    def drawn(self) -> dict[str, float]:
        """The drawn numbers by name, for the outcome of a run and for campaigns."""
        names = ("rock_ucs_pa", "rock_energy_ratio", "cover_cohesion_pa")
        return {name: float(getattr(self, name)) for name in names}

    def grip_strength(self, spines: int, cover_m: float) -> tuple[float, float]:
        """True normal and shear strength (N) of a microspine gripper that bites where the cover is `cover_m` thick."""
        size = spines / 256.0  # the materials state the strength of the 256-spine reference gripper
        scatter = float(np.exp(self.rock.spine_log_sd * self._grips.standard_normal()))
        friable = float(self._grips.uniform(*FRIABLE_STRENGTH_N))
        if cover_m > COVER_DEFEATS_SPINES_M:
            return friable * size, friable * size
        return self.rock.spine_normal_n * scatter * size, self.rock.spine_shear_n * scatter * size

    def release_sticks(self, probability: float) -> bool:
        """Whether the spines stick on this release attempt."""
        return bool(self._release.random() < probability)


def _sample(stream: np.random.Generator, median: float, log_sd: float) -> float:
    return float(median * np.exp(log_sd * stream.standard_normal()))
