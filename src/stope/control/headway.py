"""Headway of a hole, by depth: whether it is worth going on, and whether this is still the same rock."""

from __future__ import annotations

STALLED_M = 3.0e-3  # planner.md 5.4: less than 1 mm/min ...
STALLED_S = 180.0  # ... for three minutes
LAYER_RATIO = 2.5  # specific energy against that of some millimetres before, which is another layer
LAYER_M = 4.0e-3
LAYER_SETTLE_M = 5.0e-3  # of the estimate, after a spud-in, a lift or a change


class Headway:
    """Whether the hole gets deeper."""

    def __init__(self) -> None:
        self._mark_m = self._since_s = 0.0

    def update(self, depth_m: float, dt_s: float) -> float | None:
        """One tick; the rate in mm/min once it has been too low for `STALLED_S`."""
        self._since_s += dt_s
        if depth_m >= self._mark_m + STALLED_M:
            self._mark_m, self._since_s = depth_m, 0.0
        return 60e3 * (depth_m - self._mark_m) / self._since_s if self._since_s > STALLED_S else None


class LayerWatch:
    """Whether the specific energy is unlike that of `LAYER_M` before.

    Args:
        from_m: depth at which the bit begins to cut as it should.
    """

    def __init__(self, from_m: float) -> None:
        self._layer: tuple[float, float] | None = None
        self._from_m = from_m + LAYER_SETTLE_M

    def forget(self, depth_m: float) -> None:
        """What was cut down to here says nothing of the rock."""
        self._layer, self._from_m = None, depth_m + LAYER_SETTLE_M

    def update(self, depth_m: float, energy_pa: float | None) -> bool:
        """One tick; whether another layer has just been noticed."""
        if energy_pa is None or depth_m < self._from_m:
            return False
        if self._layer is not None and not 1.0 / LAYER_RATIO < energy_pa / self._layer[1] < LAYER_RATIO:
            self.forget(depth_m)
            return True
        if self._layer is None or depth_m - self._layer[0] > LAYER_M:
            self._layer = depth_m, energy_pa
        return False
