"""Does a closed grip still carry load? What a limb feels that only spines can give: pull, or shear beyond friction.

Asked before any grip is opened in an emergency. The alarm that says "the anchors are lost" may be wrong, or right of
some of them; a grip that is opened is lost for certain, and on a small body nothing else holds the robot.
"""

from __future__ import annotations

import numpy as np

from stope.control.goal import View
from stope.robot.messages import AnchorPhase

CARRIES_N = 1.5  # five sigma of the limb force sensor with its bias, filtered; the check asks for `DRAW_N`
CARRIES_S = 0.3  # without a break: what a swinging foot feels is shorter
SLID_M = 1.0e-3  # by the gripper's own slip sensor: a grip that moves through the rock is seen anew
DRAW_N = 5.0  # with which opposed feet are drawn toward each other: less than any preload in use
DRAW_S = 0.5


class GripCheck:
    """Watches what each closed grip carries."""

    def __init__(self, limbs: int) -> None:
        self._loaded_s = np.zeros(limbs)
        self._slip_m = np.zeros(limbs)

    def update(self, view: View) -> None:
        """One tick."""
        force, slip, phase = view.estimate.limb_force_n, view.obs.anchor_slip_m, view.obs.anchor_phase
        slid = slip > self._slip_m + SLID_M
        self._slip_m = np.where(slid, slip, np.minimum(self._slip_m, slip))
        rubbed = view.belief.friction * np.maximum(force[:, 2], 0.0)
        borne = np.maximum(-force[:, 2], np.hypot(force[:, 0], force[:, 1]) - rubbed)
        closed = (phase == AnchorPhase.ENGAGED) | (phase == AnchorPhase.SLIPPING)
        loaded = closed & ~slid & (borne > CARRIES_N)  # NaN carries nothing
        self._loaded_s = np.where(loaded, self._loaded_s + view.dt_s, 0.0)

    @property
    def carries(self) -> np.ndarray:
        """(L,) bool, grips that have carried load for `CARRIES_S` up to now."""
        return np.asarray(self._loaded_s >= CARRIES_S - 1e-9)
