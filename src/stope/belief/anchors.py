"""AnchorBelief: how strong each anchor is believed to be, and how evidence changes that.

The model. Anchor i has a believed limit surface with semi-axes (N_i, T_i) at full engagement, the medians for this
gripper in this material, and an unknown scale s_i: its true surface is (s_i N_i, s_i T_i). The prior is log-normal,
ln s ~ N(ln engagement, log_sd). A task that asks for the scale s_req at which its load lies on the limit surface fails
with probability F(ln s - ln s_req): the hazards of direction, time and cycles (`belief.hazards`), which no pull test
can rule out. So a survived load lowers the risk and never to zero.

Evidence. A ramp up to a new highest load is one exposure, so its likelihood is Phi((ln s - ln highest) / h) of the
highest load alone: holding it for a thousand ticks is not a thousand tests. What holding does tell are the doses of
time and of load cycles since the grip, sum r^n dt / tau and sum r^m: they are survived with e^(-dose s^-n), so twice
the time counts like a load 2^(1/n) times as high. A slip at a higher load than ever held brackets the strength (a
difference of two Phi); a slip below it is a fresh exposure that failed.
No truth is in here; calibration is tested on anchors drawn from the prior.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.belief.hazards import SCATTER_LOG_SD, Exposure, Hazards
from stope.physics.normal import normal_cdf

Array = npt.NDArray[np.float64]

#: Scatter of gripper strength from place to place: assumed (Parness 2013 has 5 trials per rock and no scatter).
PRIOR_LOG_SD = 0.35
#: A load counts as a new highest only above this ratio to the last: keeps the tick cheap, understates by at most this.
NEW_HIGHEST = 1.02
#: Changes of the engagement signal below this are sensor noise, not news.
ENGAGEMENT_NOISE = 0.01

_REACH = 6.0  # grid half-width in standard deviations: failures rarer than 1e-9 are not resolved
_STEPS_PER_SCATTER = 4.0
_LARGEST_SCALE = 1e6  # of which a double can still hold the powers that doses are made of
_UNLOADED = 0.5  # a load that falls below this share of its peak ends a cycle
# ln Phi by table for the tick: interpolated to 1e-5
_SURPLUS = np.linspace(-37.0, 8.0, 4501)
_LOG_LARGEST_DOSE = np.log(600.0)  # a survived dose is certain evidence there already
_LOG_HELD = np.log(normal_cdf(_SURPLUS))

#: What evidence changes, by attribute.
_EVIDENCE = ("state", "engagement", "_log_weight", "_highest", "_doses", "_shift")


class AnchorState(IntEnum):
    """What is believed of an anchor's presence."""

    NONE = 0  #: not engaged, or released
    ENGAGED = 1
    LOST = 2  #: it let go by itself


class AnchorBelief:
    """Posterior over each anchor's strength scale, on a common grid of ln s - ln engagement.

    Args:
        normal_median_n, shear_median_n: (L,) or scalar with `anchors`; believed medians N_i, T_i at full engagement.
        friction: mu of foot on rock, shear strength added when the anchor is pressed on.
        log_sd: prior standard deviation of ln s, > 0.
        scatter_log_sd: h, > 0: the hazard of direction.
        anchors: L, where the medians are scalars.
        exposure: of the tasks that `hold_probability` and `allowed_utilisation` speak of; without it one ramp.

    Attributes:
        normal_median_n, shear_median_n: (L,) the surface that scales and utilisations refer to.
        state: (L,) `AnchorState` codes.
        engagement: (L,) last reported engagement.
        version: rises whenever evidence changed the belief, so that what follows from it need not be computed again.

    Raises:
        ValueError: medians that are negative or not finite, or a spread that is not positive.
    """

    def __init__(
        self,
        normal_median_n: npt.ArrayLike,
        shear_median_n: npt.ArrayLike,
        friction: float = 0.0,
        log_sd: float = PRIOR_LOG_SD,
        scatter_log_sd: float = SCATTER_LOG_SD,
        anchors: int | None = None,
        exposure: Exposure | None = None,
    ) -> None:
        shape = (anchors,) if anchors is not None else np.broadcast(normal_median_n, shear_median_n).shape or (1,)
        self.normal_median_n = np.broadcast_to(np.asarray(normal_median_n, np.float64), shape).copy()
        self.shear_median_n = np.broadcast_to(np.asarray(shear_median_n, np.float64), shape).copy()
        medians = np.concatenate([self.normal_median_n, self.shear_median_n])
        if not (np.isfinite(medians).all() and (medians >= 0.0).all()):
            raise ValueError(f"anchor strength medians must be finite and >= 0, got {medians} N")
        if not (0.0 < log_sd < 10.0 and 0.0 < scatter_log_sd < 10.0 and friction >= 0.0):
            raise ValueError(
                f"need log_sd, scatter_log_sd > 0 and friction >= 0: {log_sd}, {scatter_log_sd}, {friction}"
            )
        self.friction, self.log_sd, self.scatter_log_sd = float(friction), float(log_sd), float(scatter_log_sd)
        count = shape[0]
        self.hazards, self.exposure = Hazards(direction_log_sd=self.scatter_log_sd), exposure or Exposure()
        self.state = np.zeros(count, dtype=np.int8)
        self.engagement = np.zeros(count)
        self.version = 0
        reach = _REACH * float(np.hypot(log_sd, scatter_log_sd))
        steps = 2 * int(np.ceil(reach * _STEPS_PER_SCATTER / min(scatter_log_sd, log_sd))) + 1
        self._grid = np.linspace(-reach, reach, steps)
        self._prior = -0.5 * (self._grid / log_sd) ** 2
        # _fails[j, k]: probability that a task which needs scale grid[j] fails at strength scale grid[k]
        apart = np.arange(1 - steps, steps) * (self._grid[1] - self._grid[0])
        by_surplus = self.hazards.failure(-apart, self.exposure)
        self._fails = by_surplus[np.subtract.outer(np.arange(steps), np.arange(steps)) + steps - 1]
        self._log_weight = np.tile(self._prior, (count, 1))
        # a median of 0 needs an endless scale; 1e300 avoids 0 * inf where there is no load either
        self._per_normal = 1.0 / np.maximum(self.normal_median_n, 1e-300)
        self._per_shear = 1.0 / np.maximum(self.shear_median_n, 1e-300)
        self._highest = np.zeros(count)
        # per anchor: dose of time, dose of cycles, those already counted, peak of the present load cycle, cycles so far
        self._doses = np.zeros((count, 6))
        self._exponents = self.hazards.time_exponent, self.hazards.cycle_exponent
        self._shift = np.zeros(count)
        self._posterior: Array | None = None
        self._log_failure: Array | None = None

    def required_scale(self, loads: npt.ArrayLike) -> Array:
        """(L,) strength scale at which each load lies on the limit surface: 0 for a load that needs no spines.

        Args:
            loads: (L, 2) pull (outward, N; negative presses on) and shear magnitude (N) per anchor.
        """
        load = np.asarray(loads, dtype=np.float64)
        return self._required(load[:, 0], load[:, 1], slice(None))

    def engaged(self, anchor: int, engagement: float) -> None:
        """The gripper reports `engagement` (0..1): a new grip (prior scaled by it) or news of the same grip."""
        if not math.isfinite(engagement):
            return
        fraction = min(max(float(engagement), 0.0), 1.0)
        if self.state[anchor] != AnchorState.ENGAGED:
            self._forget(anchor)
        elif abs(fraction - self.engagement[anchor]) < ENGAGEMENT_NOISE and fraction > 0.0:
            return
        self.state[anchor] = AnchorState.ENGAGED if fraction > 0.0 else AnchorState.NONE
        self.engagement[anchor] = fraction
        self._shift[anchor] = np.log(max(fraction, 1e-9))
        self._changed()

    def engage_all(self, engagement: Array) -> None:
        """All anchors grip anew with these engagements (L,) > 0: for many at once, where `engaged` takes one."""
        self._log_weight[:] = self._prior
        self._highest[:] = 0.0
        self._doses[:] = 0.0
        self.state[:] = AnchorState.ENGAGED
        self.engagement = np.clip(engagement, 1e-9, 1.0)
        self._shift = np.log(self.engagement)
        self._changed()

    def survived(self, loads: npt.ArrayLike, held_s: float = 0.0) -> None:
        """These loads ((L, 2) pull, shear in N) were held for `held_s`. Costs a comparison unless one is news.

        News is a new highest load, or a dose of time or cycles that counts like one. A load that is not finite is a
        gap and teaches nothing.
        """
        needed = self.required_scale(loads)
        if _expose(needed, self.state, held_s / self.hazards.time_s, *self._exponents, self._highest, self._doses):
            self._changed()

    def slipped(self, anchor: int, pull_n: float, shear_n: float) -> None:
        """The anchor moved under this load: its strength is about this, or less. The next highest load counts anew.

        A load that is not finite (a sensor gap) is taken as the highest survived.
        """
        if self.state[anchor] != AnchorState.ENGAGED:
            return
        highest = float(self._highest[anchor])
        needed = float(self._required(np.array([pull_n]), np.array([shear_n]), slice(anchor, anchor + 1))[0])
        if not math.isfinite(needed):
            needed = highest
        # A slip below the grid is taken at its edge: the evidence stays one-sided instead of flat.
        surplus = self._surplus(anchor, max(needed, self._lowest_scale(anchor)))
        if highest <= 0.0:
            evidence = normal_cdf(-surplus)
        elif needed > highest:  # held the ramp's highest load, not this one
            evidence = _between(surplus, self._surplus(anchor, highest))
        else:
            evidence = normal_cdf(self._surplus(anchor, highest)) * normal_cdf(-surplus)
        self._log_weight[anchor] = _updated(self._log_weight[anchor], evidence)
        self._highest[anchor] = 0.0
        self._changed()

    def lost(self, anchor: int) -> None:
        """The anchor let go: its strength is 0 until it is engaged again."""
        self.state[anchor] = AnchorState.LOST
        self._forget(anchor)

    def posterior(self, anchor: int) -> tuple[Array, Array]:
        """(G,) values of ln s and (G,) their probabilities: the whole belief about one anchor."""
        return self._grid + self._shift[anchor], self._weights()[anchor].copy()

    def limit_surface_n(self, p: float) -> Array:
        """(L, 2) semi-axes of each limit surface, normal and shear strength in N, exceeded with probability 1 - p."""
        scale = self.strength_quantiles(p)[:, None]
        surface: Array = scale * np.stack((self.normal_median_n, self.shear_median_n), axis=1)
        return surface

    def released(self, anchor: int) -> None:
        """The anchor was let go on purpose; what was learned of that grip is forgotten."""
        self.state[anchor] = AnchorState.NONE
        self._forget(anchor)

    def highest_survived(self) -> Array:
        """(L,) largest strength scale that each grip has proved since it engaged or last slipped."""
        return self._highest.copy()

    def strength_quantiles(self, p: npt.ArrayLike) -> Array:
        """Quantiles of the strength scale s: (L,) for a scalar `p`, (L, P) for P probabilities. 0 where not engaged.

        Times `normal_median_n` or `shear_median_n` it is the strength in newtons along that axis.
        """
        wanted = np.atleast_1d(np.asarray(p, np.float64))
        weight = self._weights()
        cumulative = np.cumsum(weight, axis=1) - 0.5 * weight
        log_scale = np.stack([np.interp(wanted, row, self._grid) for row in cumulative])
        scale = np.where((self.state == AnchorState.ENGAGED)[:, None], np.exp(log_scale + self._shift[:, None]), 0.0)
        return scale if np.ndim(p) else scale[:, 0]

    def hold_probability(self, loads: npt.ArrayLike) -> Array:
        """(L,) probability that each anchor holds its load ((L, 2) pull, shear in N) for a task; 0 where not engaged.

        A load that needs no spines (pressed on, inside friction) is held by the ground, engaged or not.
        """
        needed = self.required_scale(loads)
        position = np.log(np.maximum(needed, 1e-300)) - self._shift
        log_failure = self._failure()
        failure = np.exp([np.interp(x, self._grid, row) for x, row in zip(position, log_failure, strict=True)])
        held = np.where(self.state == AnchorState.ENGAGED, 1.0 - failure, 0.0)
        return np.where(needed <= 0.0, 1.0, held)

    def allowed_utilisation(self, risk: float, count: int) -> Array:
        """(L,) largest utilisation u_i of the median surface (N_i, T_i) that keeps anchor i's risk within risk / count.

        Boole: `count` anchors inside their u_i all hold with probability >= 1 - risk, whatever their dependence. u_i
        can exceed 1 for an anchor that proved stronger than the median; it is 0 where nothing is engaged.

        Raises:
            ValueError: risk outside (0, 1) or count < 1.
        """
        if not 0.0 < risk < 1.0 or count < 1:
            raise ValueError(f"risk must be in (0, 1) and count >= 1, got {risk} and {count}")
        share = float(np.log(risk / count))
        position = [np.interp(share, row, self._grid, left=-np.inf) for row in self._failure()]
        return np.where(self.state == AnchorState.ENGAGED, np.exp(np.asarray(position) + self._shift), 0.0)

    def evidence(self) -> dict[str, list[Any]]:
        """All that was learned, as plain numbers: for a checkpoint. `recall` takes it up again."""
        return {name: getattr(self, name).tolist() for name in _EVIDENCE}

    def recall(self, evidence: Mapping[str, Any]) -> None:
        """Believe again what `evidence` of the same grippers says.

        Raises:
            ValueError: another set of grippers, another grid, or a number that is none.
        """
        for name in _EVIDENCE:
            before = getattr(self, name)
            told = np.asarray(evidence.get(name), dtype=np.float64)
            if told.shape != before.shape or not np.isfinite(told).all():
                raise ValueError(f"evidence '{name}' of shape {told.shape} does not fit anchors of {before.shape}")
            setattr(self, name, told.astype(before.dtype))
        self._changed()

    def _required(self, pull: Array, shear: Array, which: slice) -> Array:
        return np.asarray(_needed(pull, shear, self.friction, self._per_normal[which], self._per_shear[which]))

    def _surplus(self, anchor: int, needed: float) -> Array:
        """(G,) strength over need in units of the scatter; Phi of it is the probability to hold, as in `_held`."""
        position = min(math.log(max(needed, 1e-300)) - float(self._shift[anchor]), float(self._grid[-1]))
        surplus: Array = (self._grid - position) / self.scatter_log_sd
        return surplus

    def _lowest_scale(self, anchor: int) -> float:
        """Strength scale at the grid's lower edge: below it nothing is resolved."""
        return math.exp(float(self._grid[0] + self._shift[anchor]))

    def _held(self) -> Array:
        """(L, G) log-likelihood of each anchor's highest survived load and survived doses; 0 where there are none."""
        return np.asarray(
            _survival(self._grid, self._highest, self._shift, self._doses, *self._exponents, self.scatter_log_sd)
        )

    def _weights(self) -> Array:
        """(L, G) normalised posterior, kept until evidence changes it."""
        if self._posterior is None:
            log_weight = self._log_weight + self._held()
            weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
            self._posterior = weight / weight.sum(axis=1, keepdims=True)
        return self._posterior

    def _failure(self) -> Array:
        """(L, G) log of the predicted probability that a task needing scale grid[j] fails; rises along the grid."""
        if self._log_failure is None:
            failure = np.maximum(self._weights() @ self._fails.T, 1e-300)
            # strictly rising, so that it can be inverted by interpolation where it saturates at 1
            self._log_failure = np.maximum.accumulate(np.log(failure), axis=1)
        return self._log_failure

    def _forget(self, anchor: int) -> None:
        self._log_weight[anchor] = self._prior
        self._highest[anchor] = 0.0
        self._doses[anchor] = 0.0
        self.engagement[anchor] = 0.0
        self._shift[anchor] = 0.0
        self._changed()

    def _changed(self) -> None:
        self.version += 1
        self._posterior = None
        self._log_failure = None


@njit(cache=True)
def _survival(
    grid: Array, highest: Array, shift: Array, doses: Array, by_time: float, by_cycle: float, scatter: float
) -> Array:
    """(L, G) log-likelihood of highest loads and doses: ln Phi of the surplus by table, less the doses' hazards."""
    out = np.empty((len(highest), len(grid)))
    step = _SURPLUS[1] - _SURPLUS[0]
    for i in range(len(highest)):
        position = min(math.log(max(highest[i], 1e-300)) - shift[i], grid[-1])
        log_time = math.log(max(doses[i, 0], 1e-300))
        log_cycles = math.log(max(doses[i, 1], 1e-300))
        for j in range(len(grid)):
            place = ((grid[j] - position) / scatter - _SURPLUS[0]) / step
            k = min(max(int(place), 0), len(_SURPLUS) - 2)
            share = min(max(place - k, 0.0), 1.0)
            held = _LOG_HELD[k] + share * (_LOG_HELD[k + 1] - _LOG_HELD[k])
            strength = grid[j] + shift[i]
            held -= math.exp(min(log_time - by_time * strength, _LOG_LARGEST_DOSE))
            held -= math.exp(min(log_cycles - by_cycle * strength, _LOG_LARGEST_DOSE))
            out[i, j] = held
    return out


@njit(cache=True)
def _needed(pull: Array, shear: Array, friction: float, per_normal: Array, per_shear: Array) -> Array:
    """(n,) strength scales at which these loads lie on the limit surface."""
    outward = np.maximum(pull, 0.0)
    # pressed on, friction carries its part of the shear and the spines the rest
    slide = np.maximum(np.abs(shear) - friction * np.maximum(-pull, 0.0), 0.0)
    return np.hypot(outward * per_normal, slide * per_shear)


@njit(cache=True)
def _expose(
    needed: Array,
    state: npt.NDArray[np.int8],
    held: float,
    by_time: float,
    by_cycle: float,
    highest: Array,
    doses: Array,
) -> bool:
    """Enter the required scales (L,) of one period into highest loads and doses; whether any of it is news."""
    news = False
    for i in range(needed.shape[0]):
        scale = needed[i]
        if state[i] != 1 or not math.isfinite(scale):
            continue
        if scale > NEW_HIGHEST * highest[i]:
            highest[i] = scale
            news = True
        scale = min(scale, _LARGEST_SCALE)
        doses[i, 0] += held * scale**by_time
        if scale > doses[i, 4]:
            doses[i, 4] = scale
        elif scale < _UNLOADED * doses[i, 4]:
            if doses[i, 5] > 0.0:  # the first loading is the ramp that `highest` stands for
                doses[i, 1] += doses[i, 4] ** by_cycle
            doses[i, 4] = scale
            doses[i, 5] += 1.0
        for kind, exponent in ((0, by_time), (1, by_cycle)):
            # a dose counts like a load of its n-th root; it is news against the highest load as a load would be
            floor = (_UNLOADED * min(highest[i], _LARGEST_SCALE)) ** exponent
            least = max(doses[i, 2 + kind] * NEW_HIGHEST**exponent, floor)
            if doses[i, kind] > least:
                doses[i, 2 + kind] = doses[i, kind]
                news = True
    return news


def _between(low: Array, high: Array) -> Array:
    """Phi(high) - Phi(low) without cancellation in either tail."""
    return np.where(low > 0.0, normal_cdf(-low) - normal_cdf(-high), normal_cdf(high) - normal_cdf(low))


def _updated(log_weight: Array, likelihood: Array) -> Array:
    """Log-weights after evidence, shifted to a maximum of 0 so that repeated evidence never underflows."""
    product = log_weight + np.log(np.maximum(likelihood, 1e-300))
    posterior: Array = product - product.max()
    return posterior
