"""What each anchor carries against what it may and should, compiled: asked for at every tick."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.physics.anchoring.surface import used_share
from stope.robot.messages import Vector

Bools = npt.NDArray[np.bool_]


@njit(cache=True)
def pull_and_shear(force_n: Vector) -> Vector:
    """(L, 2) pull along the normal and shear of each anchor, N, from the ground's forces (L, 3) on the feet."""
    out = np.empty((force_n.shape[0], 2))
    for i in range(force_n.shape[0]):
        out[i, 0], out[i, 1] = -force_n[i, 2], np.hypot(force_n[i, 0], force_n[i, 1])
    return out


@njit(cache=True)
def margins(
    force_n: Vector, normal_n: Vector, shear_n: Vector, friction: float, allowed: Vector, engaged: Bools
) -> Vector:
    """(L,) 1 - used over allowed utilisation of each engaged anchor, at least -1; 1 where nothing is engaged.

    A load that is not known counts as too much.
    """
    out = np.ones(force_n.shape[0])
    for i in range(force_n.shape[0]):
        if not engaged[i]:
            continue
        shear = np.hypot(force_n[i, 0], force_n[i, 1])
        used = used_share(-force_n[i, 2], shear, normal_n[i], shear_n[i], friction)
        if used != 0.0:
            margin = 1.0 - used / allowed[i] if allowed[i] > 0.0 else -1.0
            out[i] = margin if margin > -1.0 else -1.0
    return out
