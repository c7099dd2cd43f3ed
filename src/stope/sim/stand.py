"""A drill on a stand that does not move: feed, spindle and bit of one robot, without PyBullet.

For roll-outs of drilling by the thousand. Carriage and spindle are integrated with the servo's own law, the bit is
`sim.bit` itself, with the plant's step. What is left out is the compliance of the anchors and everything around it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from stope.robot.messages import Vector
from stope.robot.model import RobotModel
from stope.sim.bit import WEIGHT as PRESSED
from stope.sim.bit import BitInGround, BitState, Layers, bit_reacts
from stope.sim.truth import TrueGround

STEP_S = 0.002
CARRIAGE_KG = 4.2  # carriage and bit of the shipped drills' URDF
SPINDLE_KG_M2 = 0.005
GROUND_M = 0.02  # feed at which the bit meets the ground
POSITION, RATE, SPIN, WEIGHT, TORQUE = range(5)


@dataclass(frozen=True, slots=True)
class Drive:
    """What the feed and spindle servos are asked for: velocity, feed-forward, effort limit; and the hammer's level."""

    feed_m_s: float
    feed_push_n: float
    feed_limit_n: float
    spindle_rad_s: float
    spindle_limit_nm: float
    hammer: float


class DrillStand:
    """One drill over one column of ground.

    Attributes:
        bit: the simulated bit; its truth is for the caller that judges, not for a controller.
        feed_fault_n: effort that the feed's drive adds by itself; a closed brake holds against it.
        feed_m, feed_m_s, spindle_rad_s, weight_on_bit_n, spindle_nm: what exact sensors would read.
    """

    def __init__(self, model: RobotModel, ground: TrueGround, layers: Layers | None = None) -> None:
        drill = model.drill
        if drill is None:
            raise ValueError(f"robot {model.name} has no drill")
        self.bit = BitInGround(drill, ground, layers)
        self.bit.open_hole((0.0, 0.0, -GROUND_M), (0.0, 0.0, -1.0), 0.0)
        self._now = np.zeros(5)
        self._point, self._wrench = np.zeros(18), np.zeros(6)
        self._point[3:12] = np.eye(3).ravel()
        feed, spindle = model.joints[drill.feed], model.joints[drill.spindle]
        self.feed_fault_n = 0.0
        self._servo = np.array((feed.kd, feed.effort_max, spindle.kd, spindle.effort_max))

    @property
    def feed_m(self) -> float:
        """Feed position."""
        return float(self._now[POSITION])

    @property
    def feed_m_s(self) -> float:
        """Feed velocity."""
        return float(self._now[RATE])

    @property
    def spindle_rad_s(self) -> float:
        """Spindle speed."""
        return float(self._now[SPIN])

    @property
    def weight_on_bit_n(self) -> float:
        """Load cell."""
        return float(self._now[WEIGHT])

    @property
    def spindle_nm(self) -> float:
        """Motor torque of the spindle."""
        return float(self._now[TORQUE])

    def run(self, drive: Drive, seconds: float) -> None:
        """Advance with these set-points held."""
        self.bit.hammer = drive.hammer
        asked = np.array(
            (
                drive.feed_m_s,
                drive.feed_push_n,
                drive.feed_limit_n,
                drive.spindle_rad_s,
                drive.spindle_limit_nm,
                self.feed_fault_n,
            )
        )
        steps = round(seconds / STEP_S)
        _run(self._now, self._point, self._wrench, asked, self._servo, steps, self.bit.packed)


@njit(cache=True)
def _run(
    now: Vector, point: Vector, wrench: Vector, asked: Vector, servo: Vector, steps: int,
    bit: BitState,
) -> None:  # fmt: skip
    feed_most, spin_most = min(asked[2], servo[1]), min(asked[4], servo[3])
    for _ in range(steps):
        push = min(max(servo[0] * (asked[0] - now[RATE]) + asked[1], -feed_most), feed_most)
        turn = min(max(servo[2] * (asked[3] - now[SPIN]), -spin_most), spin_most)
        point[2], point[14] = -now[POSITION], -now[RATE]
        bit_reacts(point, now[SPIN], STEP_S, bit, wrench)
        if feed_most > 0.0:
            now[RATE] += (push + asked[5] - wrench[2]) / CARRIAGE_KG * STEP_S
        else:  # nobody asks for the feed: its brake holds it
            now[RATE] = 0.0
        now[POSITION] += now[RATE] * STEP_S
        if now[POSITION] < 0.0:
            now[POSITION] = now[RATE] = 0.0
        now[SPIN] += (turn + wrench[5]) / SPINDLE_KG_M2 * STEP_S
        now[WEIGHT], now[TORQUE] = bit[0][PRESSED], turn
    if not math.isfinite(now[POSITION] + now[SPIN]):
        raise ValueError("the stand diverged")
