"""How hard to pull at an anchor before relying on it, given that pulling may break what it tests.

A pull to utilisation q costs nothing if it holds, and raises what the anchor may then be asked for from u_0 to u(q). If
it breaks, the grip is made again (at a cost, and as uncertain as ever) or what is left of it is kept. With k grips
left, the best worth of an anchor, in utilisation of the median surface, is

    V_k = max over q of  P(q) min(u(q), u_need) + (1 - P(q)) max(min(b(q), u_need), V_{k-1} - c),    V_0 = 0

    P(q)     probability that the grip survives the pull (prior or present posterior, all hazards of the pull itself)
    u(q)     utilisation allowed afterwards at the stated risk; u(0) = u_0 is "do not test"
    b(q)     utilisation allowed of a grip that broke at q and is kept
    u_need   what the task will ask for at most: strength beyond it is worth nothing, and proving it only costs grips
    c        cost of a new grip, in the same unit

For k = 1 a broken grip is the last, so the test is gentler. (Value of information with a destructive test; the equation
is ours, a finite-horizon optimal stopping problem.) All loads are tried at once: a matrix product over the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stope.belief.anchors import AnchorBelief
from stope.belief.hazards import Exposure

Array = npt.NDArray[np.float64]

INDIFFERENT = 1e-3  # of the median strength: a test that gains less is not made
REGRIP_COST = 0.05  # of the median strength: half a minute, some gas, and three anchors that hold alone meanwhile: ours


@dataclass(frozen=True, slots=True)
class PullTestPlan:
    """The best pull, and why.

    Attributes:
        utilisation: q of the median surface to pull to; 0: do not test.
        hold_probability: P(q) that the grip survives it.
        allowed: utilisation allowed after it held; untested: without any test.
        worth: V_k of the best pull; tried, worths: (Q,) the whole curve, for the log and the figure.
    """

    utilisation: float
    hold_probability: float
    allowed: float
    untested: float
    worth: float
    tried: Array
    worths: Array


def plan_pull_test(
    belief: AnchorBelief,
    anchor: int,
    risk: float,
    count: int,
    needed: float = np.inf,
    grips: int = 2,
    hold_s: float = 2.0,
    most: float = np.inf,
    cost: float = REGRIP_COST,
) -> PullTestPlan:
    """The pull that makes an engaged anchor worth most.

    Args:
        risk, count: as in `AnchorBelief.allowed_utilisation`.
        needed: u_need, utilisation beyond which strength is worth nothing.
        grips: k, grips that may still be made here, this one included, >= 1.
        hold_s: how long the pull is held; most: largest utilisation that may be pulled (what the others can pay).
        cost: c.

    Raises:
        ValueError: an argument out of range.
    """
    if not (0.0 < risk < 1.0 and count >= 1 and grips >= 1 and hold_s >= 0.0 and needed > 0.0 and cost >= 0.0):
        raise ValueError(f"no pull test for {risk=}, {count=}, {grips=}, {hold_s=}, {needed=}, {cost=}")
    log_scale, present = belief.posterior(anchor)
    tried = np.exp(log_scale)
    steps = len(log_scale)
    surplus = np.arange(1 - steps, steps) * (log_scale[1] - log_scale[0])
    apart = np.arange(steps)[None, :] - np.arange(steps)[:, None] + steps - 1
    breaks = belief.hazards.failure(surplus, Exposure(hold_s))[apart]  # (Q, G)
    task = belief.hazards.failure(surplus, belief.exposure)[apart]
    share = risk / count
    untested = _allowed(present[None, :], task, log_scale, share)[0]
    if_held, if_broken = present * (1.0 - breaks), present * breaks
    held = if_held.sum(axis=1)
    allowed = np.minimum(_allowed(if_held, task, log_scale, share), needed)
    broken = np.minimum(_allowed(if_broken, task, log_scale, share), needed)
    possible = tried <= most
    worth, worths = 0.0, np.zeros_like(tried)
    best = -1
    for _ in range(grips):
        worths = held * allowed + (1.0 - held) * np.maximum(broken, worth - cost)
        worths[~possible] = -np.inf
        best = int(np.argmax(worths >= worths.max() - 1e-9))  # the gentlest of equals
        worth = float(worths[best])
    if min(untested, needed) >= worth - INDIFFERENT:
        return PullTestPlan(0.0, 1.0, untested, untested, min(untested, needed), tried, worths)
    return PullTestPlan(
        float(tried[best]), float(held[best]), float(allowed[best]), float(untested), worth, tried, worths
    )


def _allowed(weight: Array, fails: Array, log_scale: Array, share: float) -> Array:
    """(Q,) largest utilisation at which each of the posteriors (Q, G), not normalised, fails with at most `share`."""
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    risk = np.maximum((weight / total) @ fails.T, 1e-300)  # (Q, utilisation), rising along the second axis
    log_risk = np.maximum.accumulate(np.log(risk), axis=1)
    found = [np.interp(np.log(share), row, log_scale, left=-np.inf) for row in log_risk]
    return np.exp(np.asarray(found))
