"""Weighing drums where nothing has weight: by their inertia, as astronauts are weighed (Thornton & Ord 1977, Skylab).

Clear of the ground, the drums' speed is ramped up and down again at the same rate. Friction and drag ask for the same
torque at the same speed either way, so half the difference of the motor torques over the acceleration is the moment of
inertia; what a drum holds is what that grew by since it was last weighed empty.
"""

from __future__ import annotations

import math

import numpy as np

from stope.control.goal import View
from stope.physics.excavation import LOAD_GYRATION
from stope.robot.messages import Vector
from stope.robot.model import Drums

FAST_SHARE, SLOW_SHARE = 0.95, 0.2  # of the rated speed, and of that: always the digging way, so that nothing pours out
ACCELERATION_RAD_S2 = 3.0
LEAST_RAMP_S = 0.5
SETTLE_S = 0.15  # the velocity servo lags, and the ends of the ramps are left out of the mean
CYCLES = 3
SPUN_UP_S = 0.5
DOUBT_KG, DOUBT_SHARE = 0.06, 0.2  # three deviations of the scale; how unevenly a load may lie in a drum


class DrumScale:
    """One weighing of all drums: call `update` each tick until `done`.

    Args:
        most_rad_s: speed that the drums must not pass.

    Attributes:
        inertia_kg_m2: (drums,) about their axles, with rotor; NaN until done, or where a reading was missing.
    """

    def __init__(self, drums: Drums, most_rad_s: float = math.inf) -> None:
        self._drums, self._sign = drums, np.array(drums.dig_sign, dtype=np.float64)
        self._fast = min(FAST_SHARE * drums.rated_rad_s, most_rad_s)
        self._slow = SLOW_SHARE * self._fast
        self._ramp_rad_s2 = min(ACCELERATION_RAD_S2, (self._fast - self._slow) / LEAST_RAMP_S)
        self._half_s = (self._fast - self._slow) / self._ramp_rad_s2
        self._time_s = -SPUN_UP_S
        self._torque = np.zeros((2, len(drums.joints)))
        self._count = np.zeros(2)
        self.inertia_kg_m2: Vector = np.full(len(drums.joints), np.nan)

    @property
    def done(self) -> bool:
        """All ramps are through."""
        return self._time_s >= 2.0 * CYCLES * self._half_s

    def update(self, view: View) -> Vector:
        """(drums,) rad/s to turn at in this tick, signed by the URDF."""
        if self._time_s >= 0.0 and not self.done:
            self._listen(view)
        self._time_s += view.dt_s
        if self.done:
            self.inertia_kg_m2 = self._result()
        return np.asarray(self._asked() * self._sign)

    def _asked(self) -> float:
        if self._time_s < 0.0 or self.done:
            return self._slow
        half, within = divmod(self._time_s, self._half_s)
        way = self._ramp_rad_s2 * within
        return self._slow + way if half % 2 == 0 else self._fast - way

    def _listen(self, view: View) -> None:
        half, within = divmod(self._time_s, self._half_s)
        if not SETTLE_S < within < self._half_s - view.dt_s:
            return
        joints, down = list(self._drums.joints), int(half) % 2
        self._torque[down] += view.obs.joint_effort[joints] * self._sign
        self._count[down] += 1.0

    def _result(self) -> Vector:
        if not self._count.all():
            return np.full(len(self._sign), np.nan)
        up, down = self._torque / self._count[:, None]
        return np.asarray((up - down) / (2.0 * self._ramp_rad_s2))


def load_kg(grown_kg_m2: Vector, drums: Drums) -> float:
    """Mass in all drums whose inertia grew by this (drums,), kg; NaN where one is not known."""
    return float(grown_kg_m2.sum()) / (LOAD_GYRATION * drums.radius_m) ** 2


def believed_kg(level_kg: float, weighed_kg: float) -> float:
    """What the drums hold: the level sensors' figure, which is the finer, unless the scale contradicts it."""
    if not math.isfinite(weighed_kg):
        return level_kg
    doubt = max(DOUBT_KG, DOUBT_SHARE * weighed_kg)
    agree = math.isfinite(level_kg) and abs(level_kg - weighed_kg) <= doubt
    return level_kg if agree else weighed_kg
