"""Both drums equally deep: their forces cancel only while both cut as much, and the ground is not parallel to the body.

Cutting forces of millinewtons are far below the friction of the drums' motors. But each drum's level sensor tells how
fast it gains, to a per cent within seconds, and what it gains goes with its depth: the body is pitched until both gain
as fast.
"""

from __future__ import annotations

import numpy as np

from stope.robot.messages import Vector

RATE_S = 0.7  # filter of the gains: level noise of 0.3 g then is 4 % of 10 g/s, and evens out
PITCH_RAD_S = 0.012  # while one drum alone gains; with drums 0.3 m apart and 3 mm deep the loop settles in 2 s
PITCH_MOST_RAD = 0.012
HOME_RAD_S = 0.01
LEAST_GAIN_1_S = 1e-3  # of both drums' capacity: below it, noise


class DrumLevel:
    """Pitch of the body for two drums, fore first.

    Attributes:
        pitch_rad: asked for, about +y: positive lowers the fore drum.
    """

    def __init__(self, fill: Vector) -> None:
        self.pitch_rad = 0.0
        self._past = fill.copy()

    def update(self, fill: Vector, dt_s: float) -> None:
        """One tick of digging, with the level (drums,) of each."""
        if len(fill) != 2 or not np.isfinite(fill).all():
            return
        gain = (fill - self._past) / RATE_S
        self._past += gain * dt_s
        fore, aft = gain.tolist()
        if fore + aft > LEAST_GAIN_1_S:
            uneven = min(1.0, max(-1.0, (fore - aft) / (fore + aft)))
            pitch = self.pitch_rad - PITCH_RAD_S * uneven * dt_s
            self.pitch_rad = min(PITCH_MOST_RAD, max(-PITCH_MOST_RAD, pitch))

    def home(self, dt_s: float) -> bool:
        """Back to level; whether it is."""
        step = HOME_RAD_S * dt_s
        self.pitch_rad -= min(step, max(-step, self.pitch_rad))
        return self.pitch_rad == 0.0

    def pitched(self, feet_m: Vector) -> Vector:
        """Foot targets (L, 3) in the base frame of a body that is pitched so over the same ground."""
        return feet_m + np.outer(self.pitch_rad * feet_m[:, 0], (0.0, 0.0, 1.0))
