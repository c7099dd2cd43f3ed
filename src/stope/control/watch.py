"""Evidence about anchors: loads survived, slips, and the moment when the whole robot moves although its feet do not.

Loss of all anchors at once is the case that joint encoders cannot see (Philae's SD2: "the lander moves, depth does not
grow"). Two independent signals are watched: the IMU velocity disagrees with anchored kinematics, and the limbs do not
answer the weight on the bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numba import njit

from stope.belief.anchors import AnchorBelief, AnchorState
from stope.control.estimator import BaseEstimate
from stope.control.loads import pull_and_shear
from stope.robot.messages import AnchorPhase, Codes, Observation, Vector

# Page's cumulative sum (1954) of what the innovation exceeds its noise by: a light push moves the robot slowly, and a
# slow drift shows in many ticks together before it shows in one. A whole mission's noise sums up to 2.6 mm/s at most.
DRIFT_M_S = 0.004  # two sigma of the innovation, 2.1 mm/s
MOVING_M_S = 0.010  # no tick counts for more than this, so that one wild reading is no alarm
DRIFT_SUM_M_S = 0.012  # two ticks at `MOVING_M_S`, six at 6 mm/s
# When an anchor is given up its load goes over to the others: their spines stretch, the base moves by some 2 mm/s, and
# the fit of three feet makes up to 8 mm/s of innovation of it. For that long, only what exceeds that is counted.
REBALANCING_M_S = 0.009
REBALANCING_TICKS = 50
UNANSWERED_SHARE = 0.5  # of the weight on bit
UNANSWERED_FLOOR_N = 4.0
UNANSWERED_TICKS = 5
UNLOADED_N = 1.0  # below this weight on bit the limb forces are tared: what they carry then is the robot's own weight
TARE_SHARE = 0.02  # per tick: half a second
SLIP_STEP_M = 0.3e-3  # new slip that counts as evidence
LOST_SLIP_M = 5.0e-3  # of the 6 mm that a spine's suspension can travel (assumed): the array has left its asperities
# as plain integers: comparing an array with an enum member costs ten times the comparison
OPEN, ENGAGED, SLIPPING = int(AnchorPhase.OPEN), int(AnchorPhase.ENGAGED), int(AnchorPhase.SLIPPING)
RELEASING = int(AnchorPhase.RELEASING)
NONE, ENGAGED_BELIEF = int(AnchorState.NONE), int(AnchorState.ENGAGED)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A detected fault: row id of the fault table, the measured value, its limit and unit.

    Attributes:
        blocking: whether the anchors are not to be relied on any more; otherwise the stack has dealt with it.
    """

    fault: str
    value: float
    limit: float
    unit: str
    blocking: bool = True


class AnchorWatch:
    """Feeds the belief from each observation; raises an alarm when anchors do not hold."""

    def __init__(self, limbs: int) -> None:
        self._seen_slip = np.zeros(limbs)
        self._unanswered, self._drift_m_s, self._rebalancing = 0, 0.0, 0
        self._marked = np.zeros(limbs, dtype=bool)
        self._phase = np.zeros(0, dtype=np.int8)
        self._tare_n: float | None = None
        self._last: Observation | None = None

    def newly_engaged(self, obs: Observation) -> tuple[int, ...]:
        """Limbs whose grippers have just reported ENGAGED; each is reported once per grip."""
        if obs.anchor_phase is self._phase:  # the grippers said nothing new
            return ()
        self._phase = obs.anchor_phase
        engaged = (obs.anchor_phase == ENGAGED) | (obs.anchor_phase == SLIPPING)
        new = engaged & ~self._marked
        self._marked = engaged
        return tuple(np.flatnonzero(new).tolist())

    def look_again(self, limb: int) -> None:
        """This limb's grip was given up and carries load after all: it is to be reported as newly engaged."""
        self._marked[limb] = False
        self._phase = np.zeros(0, dtype=np.int8)

    def learn(self, obs: Observation, estimate: BaseEstimate, belief: AnchorBelief, held_s: float = 0.0) -> None:
        """Update the belief with what each anchor carried for `held_s`, and with slips and releases."""
        loads = pull_and_shear(estimate.limb_force_n)
        slip = obs.anchor_slip_m
        slipping, opening = _let_go(slip, self._seen_slip, obs.anchor_phase, belief.state)
        if slipping:
            self._learn_slip(slip, loads, belief)
        for limb in opening:
            belief.released(limb)
        belief.survived(loads, held_s)

    def _learn_slip(self, slip: Vector, loads: Vector, belief: AnchorBelief) -> None:
        for limb in np.flatnonzero(slip > self._seen_slip + SLIP_STEP_M):
            belief.slipped(int(limb), float(loads[limb, 0]), float(loads[limb, 1]))
        for limb in np.flatnonzero((slip > LOST_SLIP_M) & (belief.state == ENGAGED_BELIEF)):
            self.give_up(int(limb), belief)
        self._seen_slip = np.where(slip > self._seen_slip + SLIP_STEP_M, slip, np.minimum(self._seen_slip, slip))

    def give_up(self, limb: int, belief: AnchorBelief) -> None:
        """One anchor is gone, the others take its load over."""
        belief.lost(limb)
        self._rebalancing = REBALANCING_TICKS

    def alarm(self, obs: Observation, estimate: BaseEstimate, forgiven: bool = False) -> Alarm | None:
        """The alarm that this tick completes, if any. Call while anchored.

        `forgiven`: what moves is known to be the inertial unit alone.

        A sensor that repeats itself is stuck and no witness: its disagreement neither counts nor clears. Answering it
        would open grips that hold.
        """
        last, self._last = self._last, obs
        if not estimate.anchored:
            self._unanswered, self._drift_m_s, self._rebalancing = 0, 0.0, 0
            self._tare_n = None
            return None
        speed = math.hypot(*estimate.innovation_m_s.tolist())
        usual = REBALANCING_M_S if self._rebalancing else DRIFT_M_S
        self._rebalancing = max(0, self._rebalancing - 1)
        if forgiven:
            self._drift_m_s = 0.0
        elif not (_new(last, obs) and _same(last.imu_accel_m_s2, obs.imu_accel_m_s2)):
            self._drift_m_s = max(0.0, self._drift_m_s + min(speed - usual, MOVING_M_S - DRIFT_M_S))
        unanswered, limit = self._unanswered_n(obs, estimate)
        if unanswered <= limit:
            self._unanswered = 0
        elif not (_new(last, obs) and _stuck_press(last, obs)):
            self._unanswered += 1
        if self._drift_m_s >= DRIFT_SUM_M_S:
            return Alarm("anchors.lost", self._drift_m_s, DRIFT_SUM_M_S, "m/s")
        if self._unanswered >= UNANSWERED_TICKS:
            return Alarm("anchors.unanswered", unanswered, limit, "N")
        return None

    def _unanswered_n(self, obs: Observation, estimate: BaseEstimate) -> tuple[float, float]:
        """Weight on bit that the limbs do not answer, and the most that is taken for noise and acceleration, N.

        Limbs that carry more than the bit presses are no sign of it: when a bit breaks through into a hollow its weight
        is gone in 30 ms, and their filtered forces are not.
        """
        push, carried = obs.weight_on_bit_n, sum(estimate.limb_force_n[:, 2].tolist())
        if self._tare_n is None:
            # A robot that is taken up again may stand with its bit on the ground: what that carries, the limbs do not.
            self._tare_n = carried + (push if push >= UNLOADED_N else 0.0)
        if push < UNLOADED_N:
            self._tare_n += TARE_SHARE * (carried - self._tare_n)
        if push <= UNANSWERED_FLOOR_N:
            return 0.0, UNANSWERED_FLOOR_N
        return carried + push - self._tare_n, max(UNANSWERED_FLOOR_N, UNANSWERED_SHARE * push)


@njit(cache=True)
def _let_go(slip: Vector, seen: Vector, phase: Codes, state: Codes) -> tuple[bool, list[int]]:
    """Whether any slip is or was to be seen, and the limbs whose gripper has begun to open: not relied on any more."""
    slipping, opening = False, [0 for _ in range(0)]
    for i in range(len(phase)):
        slipping |= slip[i] != 0.0 or seen[i] != 0.0
        if (phase[i] == OPEN or phase[i] == RELEASING) and state[i] != NONE:
            opening.append(i)
    return slipping, opening


def _new(last: Observation | None, obs: Observation) -> TypeGuard[Observation]:
    """Whether this is another sample than the last."""
    return last is not None and obs.seq != last.seq


def _same(before: Vector, now: Vector) -> bool:
    """Whether a sensor says exactly what it said before: real ones are noisy."""
    return bool(now.tolist() == before.tolist())


def _stuck_press(last: Observation, obs: Observation) -> bool:
    return last.weight_on_bit_n == obs.weight_on_bit_n or _same(last.limb_force_n, obs.limb_force_n)
