"""The rock belief: converges on the energy of the ground, forgets by depth, and says when it knows nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stope.belief.rock import MEMORY_M, RockBelief
from stope.physics.drilling import CoreBit, core_drill_response, specific_energy

BIT = CoreBit(0.027, 0.013, 2.0, 30.0)
DT = 0.01


def drill(rock, ucs, metres, weight=30.0, speed=12.0, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    depth = 0.0
    while depth < metres:
        rate, torque = core_drill_response(weight, speed, ucs, 1.0, BIT)
        measured = rate * max(0.0, 1.0 + noise * rng.standard_normal())
        rock.update(weight, torque, speed, measured, DT)
        depth += rate * DT


def true_energy(ucs):
    rate, torque = core_drill_response(30.0, 12.0, ucs, 1.0, BIT)
    return float(specific_energy(30.0, BIT.kerf_m2, 12.0 / (2 * math.pi), -torque, rate, 2.0, 30.0, BIT.transfer))


@pytest.mark.parametrize("ucs", [1e6, 5e6, 100e6])
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_it_converges_on_teales_energy(ucs, noise):
    rock = RockBelief(BIT.kerf_m2, 1.0, BIT.blow_power_w)
    drill(rock, ucs, 3 * MEMORY_M, noise=noise)
    assert rock.specific_energy_pa == pytest.approx(true_energy(ucs), rel=0.1 if noise else 1e-6)


def test_a_new_layer_shows_within_a_few_memories():
    rock = RockBelief(BIT.kerf_m2, 1.0, BIT.blow_power_w)
    drill(rock, 1e6, 0.02)
    soft = rock.specific_energy_pa
    drill(rock, 20e6, 3 * MEMORY_M)
    assert rock.specific_energy_pa == pytest.approx(true_energy(20e6), rel=0.1)
    assert rock.specific_energy_pa > 3 * soft


def test_a_stall_raises_the_estimate_and_does_not_divide_by_zero():
    rock = RockBelief(BIT.kerf_m2)
    drill(rock, 1e6, 0.01)
    before = rock.specific_energy_pa
    for _ in range(100):
        rock.update(30.0, 0.5, 12.0, 0.0, DT)
    assert before < rock.specific_energy_pa < math.inf


def test_nothing_is_known_before_half_a_millimetre_nor_after_a_reset():
    rock = RockBelief(BIT.kerf_m2)
    assert rock.estimate() is None
    drill(rock, 1e6, 0.4e-3)
    assert rock.specific_energy_pa is None
    drill(rock, 1e6, 0.4e-3)
    assert rock.estimate() is not None
    rock.reset()
    assert rock.estimate() is None


@pytest.mark.parametrize(
    "gap",
    [(math.nan, 0.1, 12.0, 1e-3), (30.0, math.inf, 12.0, 1e-3), (0.0, 0.1, 12.0, 1e-3), (30.0, 0.1, 12.0, -1e-3)],
)
def test_gaps_and_a_bit_out_of_the_ground_teach_nothing(gap):
    rock = RockBelief(BIT.kerf_m2)
    drill(rock, 5e6, 0.01)
    before = rock.estimate()
    rock.update(*gap, DT)
    assert rock.estimate() == before


def test_strength_is_energy_over_the_ratio_and_rubbing_shows_as_torque_per_weight():
    rock = RockBelief(BIT.kerf_m2, specific_energy_ratio=2.0)
    drill(rock, 100e6, 0.002)
    known = rock.estimate()
    assert known.ucs_pa == pytest.approx(known.specific_energy_pa / 2.0)
    assert known.torque_per_weight_m == pytest.approx(0.5 * BIT.arm_m, rel=1e-3)
    assert known.depth_m <= MEMORY_M


@pytest.mark.parametrize("broken", [{"area_m2": 0.0}, {"specific_energy_ratio": -1.0}, {"blow_power_w": -1.0}])
def test_it_needs_a_bit(broken):
    with pytest.raises(ValueError, match="positive"):
        RockBelief(**({"area_m2": 1e-4} | broken))
