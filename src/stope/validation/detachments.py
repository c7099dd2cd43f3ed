"""Do anchors let go as often as was asked for? Belief, distribution and truth by the thousand, without PyBullet.

A stance of four grippers on a square: strengths are drawn from the prior, each grip is pull-tested as the policy says,
broken grips are made again, the belief says what each anchor may be asked for at the requested risk, and the drill then
presses with all of the reserve, for two tasks one after the other. An anchor holds a task iff its own draws of
direction, time and cycles say so. The lift of a central drill is split in closed form: opposite anchors pay the same
(balance of moments), so s = 2 (min(a_1, a_3) + min(a_2, a_4)) and the weaker of each pair binds. `tests/validation`
holds it against the QP.

Breakages in the pull test are counted apart: they are the price of knowing, not a failure of what is relied on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stope.belief.anchors import AnchorBelief
from stope.belief.hazards import Exposure, Hazards
from stope.belief.pulltest import plan_pull_test
from stope.physics.normal import normal_quantile

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEET = 4
TASKS = 2  # one after the other on the same grips: the second knows that the first was survived
TASK = Exposure(1_800.0, 30.0)
TEST_HOLD_S = 2.0
TRIES = 3
BATCH = 4_000  # stances at a time
NEEDS = (0.35, math.inf)  # utilisation that the task is said to need: gentle and hard pull tests in turn
ROCKS = {"c_boulder_strong": (90.0, 105.0, 0.3), "c_boulder_weak": (45.0, 55.0, 0.4), "s_rock": (130.0, 140.0, 0.25)}


@dataclass
class Tally:
    """What was counted at one requested risk.

    Attributes:
        tasks, failed: stances that worked, and those of them that lost an anchor.
        bound, let_go: anchors that were asked for all that is allowed of them, and those of them that let go.
        tests, broken: pull tests, and grips that broke in them; abandoned: stances that never had four grips.
    """

    risk: float
    tasks: int = 0
    failed: int = 0
    bound: int = 0
    let_go: int = 0
    tests: int = 0
    broken: int = 0
    abandoned: int = 0
    reserves_n: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Observed over requested rate of the anchors that bind: each may fail with risk / 4."""
        return self.let_go / max(self.bound, 1) / (self.risk / FEET)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of `ratio` (Wilson)."""
        low, high = wilson(self.let_go, self.bound)
        return low / (self.risk / FEET), high / (self.risk / FEET)

    @property
    def stance_ratio(self) -> float:
        """Observed over requested rate of whole stances; at most one, as half of the anchors bind."""
        return self.failed / max(self.tasks, 1) / self.risk


def wilson(events: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a binomial proportion (Wilson 1927); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    z = normal_quantile(0.5 + level / 2.0)
    share, shrink = events / trials, 1.0 + z * z / trials
    middle = (share + z * z / (2.0 * trials)) / shrink
    half = z / shrink * math.sqrt(share * (1.0 - share) / trials + z * z / (4.0 * trials**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def roll_out(risk: float, tasks: int, seed: int, prior_error: float = 1.0) -> Tally:
    """Work at least `tasks` tasks at the requested risk.

    Args:
        prior_error: the true scatter of strength over the believed one; 1 when the prior is right.
    """
    tally, rng = Tally(risk), np.random.default_rng(seed)
    rocks = list(ROCKS.values())
    turn = 0
    while tally.tasks < tasks:
        stances = min(BATCH, max(64, (tasks - tally.tasks) // TASKS))
        _batch(tally, stances, rng, *rocks[turn % len(rocks)], NEEDS[turn % len(NEEDS)], prior_error)
        turn += 1
    return tally


def _batch(
    tally: Tally,
    stances: int,
    rng: np.random.Generator,
    normal_n: float,
    shear_n: float,
    log_sd: float,
    needed: float,
    error: float,
) -> None:
    anchors = FEET * stances
    belief = AnchorBelief(normal_n, shear_n, 0.6, log_sd=log_sd, anchors=anchors, exposure=TASK)
    engagement = rng.uniform(0.6, 1.0, anchors)
    belief.engage_all(engagement)
    plan = plan_pull_test(belief, 0, tally.risk, FEET, needed * engagement[0], TRIES, TEST_HOLD_S)
    # Posture and noise decide how much of what is asked for reaches the anchor.
    asked = max(plan.utilisation, 0.05) * engagement / engagement[0] * rng.uniform(0.8, 1.05, anchors)
    log_strength, whole = _grip(tally, rng, belief.hazards, asked, np.log(engagement), log_sd * error)
    belief.survived(_pulls(asked, normal_n), TEST_HOLD_S)
    works: Bools = np.asarray(whole.reshape(stances, FEET).all(axis=1))
    tally.abandoned += int((~works).sum())
    for _ in range(TASKS):
        allowed = np.where(np.repeat(works, FEET), belief.allowed_utilisation(tally.risk, FEET), 0.0)
        used, bound, reserve = share_lift(allowed.reshape(stances, FEET))
        tally.reserves_n += (reserve[works][:8] * normal_n).tolist()
        gone = _fails(rng, belief.hazards, log_strength, used.ravel()).reshape(stances, FEET) & works[:, None]
        tally.tasks += int(works.sum())
        tally.failed += int(gone.any(axis=1).sum())
        tally.bound += int((bound & works[:, None]).sum())
        tally.let_go += int((gone & bound).sum())
        works &= ~gone.any(axis=1)
        _survive(belief, _pulls(np.where(np.repeat(works, FEET), used.ravel(), 0.0), normal_n))


def share_lift(allowed: Array) -> tuple[Array, Bools, Array]:
    """Split of the largest central lift over a square, (B, 4) allowed loads in order around it.

    Returns:
        (B, 4) loads, (B, 4) which of them are all that is allowed, (B,) the lift; in the unit of `allowed`.
    """
    weaker = np.minimum(allowed[:, :2], allowed[:, 2:])
    used = np.concatenate((weaker, weaker), axis=1)
    bound: Bools = np.asarray(used >= 0.999 * allowed)
    return used, bound, np.asarray(used.sum(axis=1))


def _grip(
    tally: Tally, rng: np.random.Generator, hazards: Hazards, asked: Array, log_engagement: Array, log_sd: float
) -> tuple[Array, Bools]:
    """Grip and test, up to `TRIES` times; (A,) ln of true strength, (A,) whether the last grip passed."""
    anchors = len(asked)
    log_strength, passed = np.zeros(anchors), np.zeros(anchors, dtype=bool)
    for _ in range(TRIES):
        again = np.flatnonzero(~passed)
        log_strength[again] = log_engagement[again] + log_sd * rng.standard_normal(len(again))
        surplus = log_strength[again] - np.log(asked[again])
        broke = rng.random(len(again)) < hazards.failure(surplus, Exposure(TEST_HOLD_S))
        passed[again] = ~broke
        tally.tests += len(again)
        tally.broken += int(broke.sum())
    return log_strength, passed


def _fails(rng: np.random.Generator, hazards: Hazards, log_strength: Array, used: Array) -> Bools:
    """Whether each anchor lets go in one task: its direction's draw, and one exponential clock for time and cycles."""
    surplus = log_strength - np.log(np.maximum(used, 1e-12))
    direction = hazards.direction_log_sd * rng.standard_normal(len(used)) < -surplus
    clock = rng.exponential(size=len(used)) < hazards.dose(surplus, TASK)
    return np.asarray((direction | clock) & (used > 0.0))


def _survive(belief: AnchorBelief, loads: Array) -> None:
    """The whole task was survived under these loads: its ramp, its time and its cycles."""
    belief.survived(loads, TASK.duration_s)
    for _ in range(int(TASK.cycles)):
        belief.survived(0.0 * loads)
        belief.survived(loads)


def _pulls(utilisation: Array, normal_n: float) -> Array:
    loads = np.zeros((len(utilisation), 2))
    loads[:, 0] = utilisation * normal_n
    return loads
