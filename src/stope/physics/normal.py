"""The standard normal distribution, for the few models that need it (SciPy is not a dependency)."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = [
    "normal_cdf",
    "normal_quantile",
]

_STANDARD = NormalDist()
_ERFC = np.frompyfunc(math.erfc, 1, 1)


def normal_cdf(z: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Phi(z), any shape, accurate in both tails (through erfc; about 0.2 us per element)."""
    scaled = np.asarray(z, dtype=np.float64) * (-math.sqrt(0.5))
    return 0.5 * np.asarray(_ERFC(scaled), dtype=np.float64)


def normal_quantile(probability: float) -> float:
    """z such that Phi(z) = `probability`.

    Raises:
        ValueError: `probability` is not inside (0, 1).
    """
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability is {probability:g}, expected between 0 and 1")
    return _STANDARD.inv_cdf(probability)
