"""What the anchors are felt to pay, beside what they are believed able to: no tool goes past either.

The reserve is what the anchors could pay if they carried the tool alone, each its planned part. What they really carry
has more in it: preload, the limbs' own stiffness and the moment of a gripped foot, a split that is uneven. So a tool's
load is held to that at which the worst anchor, as felt, would still keep `KEEP` of what it is allowed.
"""

from __future__ import annotations

import math

from stope.control.goal import View

KEEP = 0.08  # of the allowed load, kept back: three deviations of a felt load of 10 N, and what a ramp overshoots
EASY = 0.25  # above this margin nothing is slowed down
FILTER_S = 0.15  # of the felt margin: noise of the force sensors
LEAST_USED = 1e-3


class Allowance:
    """Follows the worst anchor's margin.

    Attributes:
        margin: filtered; 1 unloaded, 0 at the bound.
    """

    def __init__(self) -> None:
        self.margin = 1.0
        self._begun = False

    def update(self, view: View) -> None:
        """One tick; a margin that is not known counts as none."""
        felt = view.margin if math.isfinite(view.margin) else -1.0
        share = min(1.0, view.dt_s / FILTER_S) if self._begun else 1.0
        self.margin += share * (felt - self.margin)
        self._begun = True

    @property
    def pace(self) -> float:
        """Speed of a motion that loads the anchors, 1 to -1: slower below `EASY`, still at `KEEP`, then backwards."""
        return min(1.0, max(-1.0, (self.margin - KEEP) / (EASY - KEEP)))

    def most_n(self, present_n: float, least_n: float) -> float:
        """Load of a tool at which the worst anchor would keep `KEEP`, from what it keeps under `present_n`.

        In proportion, as if the tool were all that it carries: too little while it carries more than that, and right
        at the bound. Never less than `least_n`, below which the tool does no work (the executive ends it then).
        """
        used = max(1.0 - self.margin, LEAST_USED)
        return max(least_n, max(present_n, least_n) * (1.0 - KEEP) / used)
