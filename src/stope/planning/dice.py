"""Random numbers for compiled code: splitmix64 (Steele, Lea and Flood 2014) on a state that the caller holds.

NumPy's own generators cannot be passed into a cached compiled function with their state kept by name, and numba's
global generator is shared by everything in the process. The state is seeded from a named stream of the mission's seed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stope.mission.streams import random_stream
from stope.planning.compiled import compiled

Dice = npt.NDArray[np.uint64]


def dice(seed: int, name: str) -> Dice:
    """(1,) state of the stream `name` under `seed`."""
    return random_stream(seed, name).integers(0, 2**64 - 1, size=1, dtype=np.uint64)


@compiled
def uniform(state: Dice) -> float:
    """In [0, 1)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def below(state: Dice, count: int) -> int:
    """A whole number in [0, count)."""
    return int(uniform(state) * count)
