"""Drag bits on the diagram of specific energy against drilling strength.

Source: Detournay & Defourny 1992, Int. J. Rock Mech. Min. Sci. 29 (M, checked for consistency, A).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stope.physics.constants import Array, finite, non_negative, positive
from stope.physics.drilling.coring import CUTTING_THRUST_RATIO, FRICTION_SHAPE
from stope.physics.drilling.energy import annulus_area_m2

_TURN = 2.0 * math.pi


class DragBit(NamedTuple):
    """A drag bit's state on the E-S diagram, and the torque that goes with it."""

    specific_energy_pa: Array
    drilling_strength_pa: Array
    torque_nm: Array


def drag_bit(
    weight_on_bit_n: npt.ArrayLike,
    depth_of_cut_m: npt.ArrayLike,
    intrinsic_pa: npt.ArrayLike,
    outer_m: npt.ArrayLike,
    inner_m: npt.ArrayLike = 0.0,
    thrust_ratio: npt.ArrayLike = CUTTING_THRUST_RATIO,
    friction_shape: npt.ArrayLike = FRICTION_SHAPE,
) -> DragBit:
    """A drag bit that cuts `depth_of_cut_m` per revolution under `weight_on_bit_n`.

    Cutting takes W_c = zeta eps w d and 2 pi T_c = eps A d; the rest of the weight rubs, T_f = mu gamma W_f (R + r)/2.
    With E = 2 pi T/(A d) and S = W/(w d), w = R - r, that is the line E = E_0 + mu gamma S,
    E_0 = (1 - mu gamma zeta) eps, from the cutting point S = zeta eps, E = eps on.

    Args:
        intrinsic_pa: eps, energy to cut a unit of rock with a sharp bit.
        outer_m, inner_m: kerf diameters 2R and 2r.
        thrust_ratio: zeta.
        friction_shape: mu gamma.

    Raises:
        ValueError: less weight than cutting that deep takes (below the line there are no states), or a cut, an
            energy or a bit that is not positive.

    Source: Detournay & Defourny 1992 (M); the annulus is ours and reduces to theirs for r = 0.
    """
    depth, eps = positive("depth_of_cut_m", depth_of_cut_m), positive("intrinsic_pa", intrinsic_pa)
    outer, inner = np.asarray(outer_m, np.float64), np.asarray(inner_m, np.float64)
    face, kerf = (outer - inner) / 2.0, annulus_area_m2(outer, inner)
    cutting = positive("thrust_ratio", thrust_ratio) * eps * face * depth
    rubbing = finite("weight_on_bit_n", weight_on_bit_n) - cutting
    if np.any(rubbing < -1e-9 * cutting):
        raise ValueError("weight on bit is less than this depth of cut takes")
    torque = (
        eps * kerf * depth / _TURN + non_negative("friction_shape", friction_shape) * rubbing * (outer + inner) / 4.0
    )
    return DragBit(_TURN * torque / (kerf * depth), (cutting + rubbing) / (face * depth), torque)
