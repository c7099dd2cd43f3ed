"""Anchorage: the probability that a site's anchors pass their pull test and hold the work, from `belief/`.

The same `AnchorBelief` that bounds the weight-on-bit every tick weighs the sites here: prior medians and scatter of the
material, scaled by what a survey found, updated by the loads that earlier tests survived. The work's reaction is spread
evenly over the anchors that must hold; the pull test asks for a quarter more.
"""

from __future__ import annotations

import numpy as np

from stope.belief.anchors import AnchorBelief
from stope.mission.expedition import Ground, Place, Rover
from stope.mission.material import Material

#: The pull test's load over the work's.
PROOF = 1.25


def hold_probability(place: Place, ground: Ground, material: Material, rover: Rover) -> float:
    """P(at least `anchors_needed` of `anchors` hold their share of the work, proved by the pull test), 0..1."""
    belief = _gripped(material, place.strength, rover.anchors)
    if place.survived_n > 0:
        belief.survived(np.tile([place.survived_n, 0.0], (rover.anchors, 1)))
    share = PROOF / rover.anchors_needed
    load = np.tile([ground.work_pull_n * share, ground.work_shear_n * share], (rover.anchors, 1))
    return at_least(rover.anchors_needed, belief.hold_probability(load))


def proof_probability(material: Material, load_n: float, anchors: int, needed: int) -> float:
    """P(at least `needed` of `anchors` hold a pull test of `load_n` at a first grip), 0..1, as above."""
    belief = _gripped(material, 1.0, anchors)
    return at_least(needed, belief.hold_probability(np.tile([load_n, 0.0], (anchors, 1))))


def _gripped(material: Material, strength: float, anchors: int) -> AnchorBelief:
    """What is believed of `anchors` that have just gripped `material`, `strength` times as strong as usual."""
    belief = AnchorBelief(
        material.spine_normal_n * strength,
        material.spine_shear_n * strength,
        friction=material.foot_friction,
        log_sd=max(material.spine_log_sd, 1e-3),
        anchors=anchors,
    )
    for anchor in range(anchors):
        belief.engaged(anchor, 1.0)
    return belief


def at_least(needed: int, probabilities: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """P(at least `needed` of independent events with these probabilities): the Poisson binomial tail."""
    counts = np.zeros(len(probabilities) + 1)
    counts[0] = 1.0
    for p in probabilities:
        counts[1:] = counts[1:] * (1.0 - p) + counts[:-1] * p
        counts[0] *= 1.0 - p
    return float(min(1.0, counts[needed:].sum()))
