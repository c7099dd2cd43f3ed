"""The gas sampler's head: contact, plume, momentum of what it blows, and the books of gas and mass."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest_sim import PlantMaker, grip_all, idle
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.mission.material import load_material
from stope.mission.shipped import find_data
from stope.robot.modelfile import load_robot
from stope.sim.gas_head import RISE_M, SKIRT_STROKE_M, GasHead
from stope.sim.heightmap import HeightMap
from stope.sim.plant import AsteroidPlant
from stope.sim.truth import TrueGround

SAMPLER = load_robot(find_data("robot", "sampler"))
HEAD_M = 0.255  # of the rim below the base


def head(cover_m: float = 0.04, seed: int = 1, cover: str = "bennu_regolith") -> tuple[GasHead, HeightMap, TrueGround]:
    ground = TrueGround.draw(load_material("c_boulder_strong"), load_material(cover), seed)
    heights = HeightMap(0.02, np.zeros((60, 60)), np.full((60, 60), cover_m))
    assert SAMPLER.sampler is not None
    jet = SAMPLER.thrusters[SAMPLER.sampler.jet]
    return GasHead(SAMPLER.sampler, jet, ground, heights, 5.5e-5), heights, ground


def test_a_skirt_presses_softly_until_soil_gives_way_and_rock_carries() -> None:
    made, _, _ = head(cover_m=0.04)
    pushes = []
    for rim_m in (0.05, 0.0395, 0.039, 0.001, -0.002, -SKIRT_STROKE_M - 0.001):
        made.look(np.array((0.0, 0.0, rim_m)), 0.0)
        pushes.append(made.push_n)
    clear, touching, pressed, sunk, on_rock, past_stroke = pushes
    assert (clear, touching, pressed) == pytest.approx((0.0, 0.15, 0.3))
    assert sunk < 12.0  # the soil's bearing, and not 300 N/m over 39 mm
    assert on_rock >= sunk
    assert past_stroke == pytest.approx(300.0 * SKIRT_STROKE_M + 10.0)


def test_the_plume_comes_back_from_near_ground_alone() -> None:
    made, _, _ = head()
    factors = []
    for gap_m in (0.2, 0.1, 0.05, 0.0, -0.01):
        made.look(np.array((0.0, 0.0, 0.04 + gap_m)), 0.0)
        factors.append(made.thrust_factor)
    assert factors == pytest.approx([1.0, 1.0, 1.25, 1.5, 1.5])


@settings(max_examples=40, deadline=None)
@given(
    thrust_n=st.floats(0.05, 4.0), gap_m=st.floats(-0.03, 0.12), cover_m=st.floats(0.0, 0.05), seed=st.integers(0, 9)
)
def test_grains_carry_no_more_momentum_than_the_jet_gives_them(
    thrust_n: float, gap_m: float, cover_m: float, seed: int
) -> None:
    made, heights, ground = head(cover_m, seed)
    made.look(np.array((0.0, 0.0, cover_m + gap_m)), 0.0)
    density, jet_m_s = ground.cover.density_kg_m3, 588.4
    for _ in range(4):
        before_kg = heights.cover_mass_kg(density)
        moved_ug, speed_m_s, _ = made.blow(thrust_n * 0.05 / jet_m_s, 0.05)
        assert heights.cover_mass_kg(density) == pytest.approx(before_kg - moved_ug * 1e-9, abs=1e-9)
        assert moved_ug * 1e-9 * speed_m_s <= 0.05 * thrust_n * 0.05 * (1.0 + 1e-3) + 1e-6
        if moved_ug:
            assert speed_m_s >= math.sqrt(2.0 * ground.cover_cohesion_pa / density + 2 * 5.5e-5 * RISE_M) * 0.999


def test_ground_that_is_stronger_than_the_jet_stays() -> None:
    made, _, ground = head(cover="cohesive_lag")
    made.look(np.array((0.0, 0.0, 0.04)), 0.0)
    pressure_pa = 0.5 * ground.cover_cohesion_pa
    gas_kg = pressure_pa * math.pi * 0.1**2 * 0.05 / 588.4
    assert made.blow(gas_kg, 0.05)[0] == 0


@pytest.fixture
def on_the_ground(make_plant: PlantMaker) -> AsteroidPlant:
    """All four feet gripped, the rim 1 mm in a heap between them."""
    plant = make_plant(SAMPLER, cover_m=SAMPLER.stance_height_m - HEAD_M + 0.001)
    grip_all(plant)
    return plant


def blow(plant: AsteroidPlant, thrust_n: float, seconds: float) -> None:
    efforts = idle(SAMPLER)
    thrust = np.array((0.0, 0.0, 0.0, thrust_n))
    for _ in range(round(seconds * 1e6 / plant.step_us)):
        plant.step(efforts._replace(thrust_n=thrust))


def test_a_pulse_is_paid_by_the_anchors_and_both_books_close(on_the_ground: AsteroidPlant) -> None:
    plant = on_the_ground
    blow(plant, 0.0, 1.0)
    rest_n, cell_n = plant.truth().foot_force_n[:, 2].sum(), plant.sense().weight_on_bit_n
    blow(plant, 2.0, 0.5)
    made = plant.head
    assert made is not None
    assert 1.45 < made.thrust_factor <= 1.5  # the plume gives back half of the thrust while the rim is on the ground
    pushed_n = plant.sense().weight_on_bit_n
    assert pushed_n == pytest.approx(made.push_n + 2.0 * made.thrust_factor, abs=0.5)  # noise and bias of the cell
    assert rest_n - plant.truth().foot_force_n[:, 2].sum() == pytest.approx(pushed_n - cell_n, abs=0.5)
    blow(plant, 0.0, 0.2)
    flow = plant.flow
    spent_kg = 0.5 - flow.propellant_ug * 1e-9
    assert spent_kg == pytest.approx(0.5 * 2.0 / 588.4, rel=0.02)
    error = flow.error()
    assert flow.bin_ug > 1_000_000
    assert error.accounts_ug == 0
    assert error.independent < 1e-9
    assert plant.momentum_error() < 1e-5
    moved_ug = -flow.book.total("ground")
    assert flow.bin_ug == pytest.approx(0.2 * moved_ug, rel=0.05)
    away_ug = flow.book.total("in_flight") + flow.book.total("escaped") + flow.book.total("beyond_patch")
    assert away_ug <= 0.03 * moved_ug


def test_a_valve_that_sticks_stays_as_far_open_as_it_was(on_the_ground: AsteroidPlant) -> None:
    plant = on_the_ground
    plant.valves.stick_jet()
    blow(plant, 0.0, 0.1)
    assert plant.flow.propellant_ug == 500_000_000
    blow(plant, 1.5, 0.1)
    blow(plant, 0.0, 1.0)
    assert 0.5 - plant.flow.propellant_ug * 1e-9 == pytest.approx(1.1 * 1.5 / 588.4, rel=0.1)


def test_a_robot_without_a_sampler_has_no_head(make_plant: PlantMaker) -> None:
    plant = make_plant()
    assert plant.head is None
    assert plant.rows.drums == plant.rows.feet + 1
