"""How the inner loop is compiled: cached on disk, no reference counts, division as NumPy's.

After changing a compiled file, remove `__pycache__`: numba notices changes of a file, not of what that file calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

Ints = npt.NDArray[np.int64]

F = TypeVar("F", bound=Callable[..., Any])

# For functions that make no array of their own: counting references to the tables would cost more than a step.
_COMPILE = cast(Any, njit)(cache=True, error_model="numpy", _nrt=False)


def compiled(function: F) -> F:
    """The compiled `function`; it may make no array of its own."""
    return cast(F, _COMPILE(function))


@compiled
def put(target: Ints, source: Ints) -> None:
    """Copy `source` (n,) over the start of `target`: a slice assignment would allocate in case they overlap."""
    for i in range(len(source)):
        target[i] = source[i]
