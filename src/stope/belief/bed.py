"""What is believed of loose cover before a jet first blows at it: how fast its grains must be to come loose and rise.

Cohesion is known to a factor at best, so the answer is a quantile. The first pulse rests on it; from then on what each
pulse has brought is known better than any belief.
"""

from __future__ import annotations

from dataclasses import dataclass

from stope.mission.material import Distribution
from stope.physics.sampling import loft_speed_m_s

RISE_M = 0.1  # from the bed to the bin's inlet
WEAK, STRONG = -1.645, 1.645  # 5 and 95 % of a normal distribution


@dataclass(frozen=True, slots=True)
class LooseBed:
    """Loose cover as it is believed to be.

    Attributes:
        gravity_m_s2: magnitude of the effective gravity here.
    """

    cohesion_pa: Distribution
    density_kg_m3: float
    gravity_m_s2: float

    def loft_m_s(self, z: float) -> float:
        """Speed at which grains leave ground whose cohesion is `z` standard deviations above its median.

        Source: `physics.sampling.loft_speed_m_s`.
        """
        return float(loft_speed_m_s(self.gravity_m_s2, RISE_M, self.cohesion_pa.at(z), self.density_kg_m3))
