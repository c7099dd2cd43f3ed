"""Chips in the flights, told from rate and torque before they choke; and what is no sign of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import robot

from stope.control.chipfill import PLUG_M, ChipFill
from stope.physics.drilling import CoreBit, plug_torque_nm

DRILL = robot().drill
assert DRILL is not None
KERF_M2 = CoreBit(DRILL.bit_outer_m, DRILL.bit_inner_m).kerf_m2
ARM_M, WEIGHT_N, SPIN_RAD_S, DT_S = 5.6e-3, 60.0, 12.0, 0.01
CHOKES_NM = 0.75


def chips() -> ChipFill:
    assert DRILL is not None
    return ChipFill(DRILL, KERF_M2)


def told_at(made: ChipFill, torque_nm: list[float], rate_m_s: float = 9e-4, noise_nm: float = 2e-3) -> int | None:
    """First tick at which it says that torque will pass `CHOKES_NM`."""
    rng = np.random.default_rng(3)
    for tick, torque in enumerate(torque_nm):
        made.update(rate_m_s, SPIN_RAD_S, torque + noise_nm * rng.standard_normal(), WEIGHT_N, DT_S)
        if made.will_pass(CHOKES_NM, WEIGHT_N):
            return tick
    return None


@settings(max_examples=15, deadline=None)
@given(growth_m_s=st.floats(2e-4, 2e-3), cohesion_pa=st.floats(300.0, 4000.0))
def test_a_growing_plug_is_told_before_it_chokes_and_not_from_its_first_chips(
    growth_m_s: float, cohesion_pa: float
) -> None:
    assert DRILL is not None
    plug_m = growth_m_s * DT_S * np.arange(20_000)
    plug_nm = plug_torque_nm(plug_m, DRILL.bit_outer_m / 2.0, DRILL.auger_gap_m, cohesion_pa, 0.5)
    torque = ARM_M * WEIGHT_N + plug_nm
    chokes = int((torque > CHOKES_NM).argmax())
    told = told_at(chips(), torque[: chokes + 1].tolist())
    assert told is not None
    assert told < chokes
    assert plug_nm[told] > 0.02


def test_torque_that_rock_asks_for_is_no_plug() -> None:
    steady = [ARM_M * WEIGHT_N] * 3_000
    assert told_at(chips(), steady) is None
    worn = [ARM_M * WEIGHT_N * (1.0 + 0.2 * tick / 12_000) for tick in range(12_000)]
    assert told_at(chips(), worn) is None


def test_a_bit_too_slow_to_fill_its_flights_is_never_pecked() -> None:
    """Hard rock: whatever torque does, what was cut cannot have packed."""
    made = chips()
    rising = [ARM_M * WEIGHT_N * (1.0 + tick / 2_000) for tick in range(4_000)]
    assert told_at(made, rising, rate_m_s=5e-5) is None
    assert made.most_m < PLUG_M


def test_after_clearing_nothing_is_believed_of_the_flights() -> None:
    made = chips()
    rising = [ARM_M * WEIGHT_N + 0.02 * math.exp(tick / 300.0) for tick in range(1_200)]
    assert told_at(made, rising) is not None
    made.clean()
    assert (made.most_m, made.packed_nm, made.rises_nm_s) == (0.0, 0.0, 0.0)
    assert not made.will_pass(CHOKES_NM, WEIGHT_N)
    made.update(9e-4, 0.0, 5.0, WEIGHT_N, DT_S)  # a spindle that stands carries nothing and says nothing
    assert made.most_m == pytest.approx(0.0)
