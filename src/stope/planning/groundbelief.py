"""GroundBelief: what pull tests at some sites say about the anchors at all others of the same material.

A site's probability to hold comes from models and surveys; if those are wrong they are wrong together. So each material
has one unknown shift d of the probit of all its sites, d ~ N(0, 0.8), and all materials share half of it: a model that
is too hopeful for rock is likely too hopeful for ice. Every test that held or failed updates both by Bayes on a grid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from stope.physics.normal import normal_cdf
from stope.planning.problem import Problem, WorkSite

#: Standard deviation of a material's shift: ASSUMED; 0.8 turns a probability of 0.8 into 0.52 to 0.95.
SHIFT_SD = 0.8
_SHARED = np.sqrt(0.5) * SHIFT_SD
_GRID = np.linspace(-2.5, 2.5, 41) * _SHARED
_PRIOR = np.exp(-0.5 * (_GRID / _SHARED) ** 2)
_STANDARD = NormalDist()


class GroundBelief:
    """Posterior over the shifts, from (material, believed probability, held) of each pull test so far."""

    def __init__(self, tests: Iterable[tuple[str, float, bool]] = ()) -> None:
        by_material: dict[str, npt.NDArray[np.float64]] = {}
        both = _GRID[:, None] + _GRID[None, :]  # shared shift, own shift
        for material, hold, held in tests:
            passed = normal_cdf(_probit(hold) + both)
            likelihood = passed if held else 1.0 - passed
            by_material[material] = by_material.get(material, np.ones_like(both)) * likelihood
        evidence = {name: each @ _PRIOR for name, each in by_material.items()}
        shared = _PRIOR.copy()
        for each in evidence.values():
            shared = shared * each / each.max()
        self._shared = shared / shared.sum()
        self._joint = {}
        for name, each in by_material.items():
            others = shared / np.maximum(evidence[name], 1e-300)
            joint = others[:, None] * each * _PRIOR[None, :]
            self._joint[name] = joint / joint.sum()
        self._unseen = self._shared[:, None] * (_PRIOR / _PRIOR.sum())[None, :]
        self._both = both

    def hold(self, site: WorkSite) -> float:
        """Probability that this site's anchors hold, given all tests so far."""
        weight = self._joint.get(site.material, self._unseen)
        return float((weight * normal_cdf(_probit(site.hold) + self._both)).sum())

    def applied_to(self, problem: Problem) -> Problem:
        """`problem` with every site's probability and gain as believed now.

        With no test at all the probabilities are left as they are: the prior's spread is not evidence.
        """
        if not self._joint:
            return problem
        return replace(problem, sites=tuple(self._site(problem, site) for site in problem.sites))

    def _site(self, problem: Problem, site: WorkSite) -> WorkSite:
        hold = self.hold(site)
        gain = site.gain + (hold - site.hold) * (site.worth + problem.failure_price)
        return replace(site, hold=hold, gain=round(gain))


def _probit(p: float) -> float:
    return _STANDARD.inv_cdf(min(max(p, 1e-4), 1 - 1e-4))
