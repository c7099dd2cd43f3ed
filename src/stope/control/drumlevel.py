"""Both drums equally deep: their forces cancel only while both cut as much, and the ground is not parallel to the body.

Cutting forces of millinewtons are far below the friction of the drums' motors. But each drum's level sensor tells how
fast it gains, to a per cent within seconds, and what it gains goes with its depth: the body is pitched until both gain
as fast. A milliradian is less than what joints with friction answer to, so the pitch is closed over the attitude that
anchored kinematics measures, not over what was asked of the limbs.
"""

from __future__ import annotations

import math

import numpy as np

from stope.robot.messages import Vector

RATE_S = 0.7  # filter of the gains: level noise of 0.3 g then is 4 % of 10 g/s, and evens out
PITCH_RAD_S = 0.016  # while one drum alone gains; with drums 0.3 m apart and 3 mm deep the loop settles in 1.5 s
PITCH_MOST_RAD = 0.012
FOLLOW_1_S = 8.0  # of what the attitude lacks: faster than the loop around it
TRIM_MOST_RAD = 0.006
HOME_RAD_S = 0.01
LEAST_GAIN_1_S = 1e-3  # of both drums' capacity: below it, noise


class DrumLevel:
    """Pitch of the body for two drums, fore first.

    Args:
        fill: (drums,) their levels now.
        attitude_rad: pitch of the body as it is felt now, about +y.

    Attributes:
        pitch_rad: wanted, about +y, from the attitude at the start: positive lowers the fore drum.
        asked_rad: of the limbs, so that the body gets there.
    """

    def __init__(self, fill: Vector, attitude_rad: float = 0.0) -> None:
        self.pitch_rad = self._trim_rad = 0.0
        self._past, self._start_rad = fill.copy(), attitude_rad

    @property
    def asked_rad(self) -> float:
        """Wanted pitch, and what friction keeps of it."""
        return self.pitch_rad + self._trim_rad

    def update(self, fill: Vector, attitude_rad: float, dt_s: float) -> None:
        """One tick of digging, with the level (drums,) of each and the pitch of the body."""
        if len(fill) != 2 or not np.isfinite(fill).all() or not math.isfinite(attitude_rad):
            return
        gain = (fill - self._past) / RATE_S
        self._past += gain * dt_s
        fore, aft = gain.tolist()
        if fore + aft > LEAST_GAIN_1_S:
            uneven = min(1.0, max(-1.0, (fore - aft) / (fore + aft)))
            pitch = self.pitch_rad - PITCH_RAD_S * uneven * dt_s
            self.pitch_rad = min(PITCH_MOST_RAD, max(-PITCH_MOST_RAD, pitch))
        lacking = self.pitch_rad - (attitude_rad - self._start_rad)
        trim = self._trim_rad + FOLLOW_1_S * lacking * dt_s
        self._trim_rad = min(TRIM_MOST_RAD, max(-TRIM_MOST_RAD, trim))

    def home(self, dt_s: float) -> bool:
        """Back to level; whether it is."""
        self.pitch_rad, self._trim_rad = self.asked_rad, 0.0
        step = HOME_RAD_S * dt_s
        self.pitch_rad -= min(step, max(-step, self.pitch_rad))
        return self.pitch_rad == 0.0

    def pitched(self, feet_m: Vector) -> Vector:
        """Foot targets (L, 3) in the base frame of a body that is pitched so over the same ground."""
        return feet_m + np.outer(self.asked_rad * feet_m[:, 0], (0.0, 0.0, 1.0))
