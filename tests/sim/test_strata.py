"""Layers of ground: drawn from the seed, the same whenever a place is looked at, met by the bit one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from conftest_sim import PlantMaker, grip_all, idle
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.mission.material import load_material
from stope.robot.model import RobotModel
from stope.sim.plant import AsteroidPlant
from stope.sim.strata import THINNEST_M, PlaceField, Strata
from stope.sim.truth import TrueGround


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), x=st.floats(-2, 2), y=st.floats(-2, 2))
def test_a_column_is_ordered_and_belongs_to_its_place(seed: int, x: float, y: float) -> None:
    layers = [(load_material("c_boulder_strong"), 0.0, 0.0), (load_material("ice"), 0.02, 0.03),
              (load_material("metal"), 0.03, 0.03)]  # fmt: skip
    strata = Strata(layers, seed)
    column = strata.column(np.array((x, y)))
    tops = [stratum.top_m for stratum in column]
    assert tops[0] == 0.0
    assert (np.diff(tops) >= THINNEST_M - 1e-15).all()
    assert all(stratum.ucs_pa > 0 for stratum in column)
    strata.column(np.array((0.3, 0.1)))  # looking elsewhere changes nothing
    assert strata.column(np.array((x, y))) == column


def test_strength_scatters_as_the_material_says_and_is_alike_nearby() -> None:
    rock = load_material("c_boulder_strong")
    here, near, far = (
        np.array([np.log(Strata([(rock, 0.0, 0.0)], seed).column(np.array((x, 0.0)))[0].ucs_pa) for seed in range(800)])
        for x in (0.0, 0.05, 5.0)
    )
    assert np.exp(np.median(here)) == pytest.approx(rock.ucs_pa.median, rel=0.06)
    assert here.std() == pytest.approx(rock.ucs_pa.log_sd, rel=0.06)
    assert np.corrcoef(here, near)[0, 1] > 0.98
    assert np.corrcoef(here, far)[0, 1] == pytest.approx(0.5, abs=0.07)  # what the site has in common


def test_a_place_field_has_variance_one() -> None:
    field = PlaceField(np.random.default_rng(1), 0.1)
    values = [field.at(np.array((x, y))) for x in np.arange(-4, 4, 0.25) for y in np.arange(-4, 4, 0.25)]
    assert np.mean(values) == pytest.approx(0.0, abs=0.15)
    assert np.std(values) == pytest.approx(1.0, abs=0.12)


def test_two_grips_at_one_place_are_more_alike_than_at_two() -> None:
    rock, cover = load_material("c_boulder_strong"), load_material("bennu_regolith")
    pairs = {0.0: [], 3.0: []}
    for seed in range(400):
        for apart, found in pairs.items():
            ground = TrueGround.draw(rock, cover, seed)
            a, b = (ground.grip_strength(256, 0.0, np.array((x, 0.0)))[0] for x in (0.0, apart))
            found.append((np.log(a), np.log(b)))
    same, other = (np.corrcoef(np.array(pairs[apart]).T)[0, 1] for apart in (0.0, 3.0))
    assert same == pytest.approx(0.5, abs=0.12)
    assert abs(other) < 0.15


def bore(plant: AsteroidPlant, model: RobotModel, seconds: float, feed_n: float) -> list[tuple[float, float]]:
    """Press the turning bit; (depth, rate) now and then."""
    drill = model.drill
    assert drill is not None
    assert plant.bit is not None
    effort, brake, found = np.zeros(16), np.ones(16, dtype=bool), []
    brake[[drill.feed, drill.spindle]] = False
    before = plant.bit.depth_m
    for step in range(round(seconds * 500)):
        effort[drill.feed] = feed_n - 600.0 * plant._dq[drill.feed]
        effort[drill.spindle] = 2.0 * (12.0 - plant._dq[drill.spindle])
        plant.step(idle(model)._replace(joint=effort.copy(), brake=brake))
        if step % 250 == 249:
            found.append((plant.bit.depth_m, (plant.bit.depth_m - before) / 0.5))
            before = plant.bit.depth_m
    return found


@pytest.fixture
def drilled(make_plant: PlantMaker, miner: RobotModel) -> tuple[AsteroidPlant, list[tuple[float, float]]]:
    ground = TrueGround.draw(
        load_material("c_boulder_strong"), load_material("bennu_regolith"), 1, [(load_material("s_rock"), 0.005, 0.0)]
    )
    plant = make_plant(cover_m=0.01, ground=ground)
    grip_all(plant)
    return plant, bore(plant, miner, 22.0, 60.0)


def test_a_hard_layer_is_met_where_it_lies_and_the_hole_is_in_the_map(
    drilled: tuple[AsteroidPlant, list[tuple[float, float]]],
) -> None:
    plant, found = drilled
    assert plant.bit is not None
    soft = [rate for depth, rate in found if 0.012 < depth < 0.0145]
    hard = [rate for _, rate in found[-6:]]
    assert soft
    assert found[-7][0] > 0.015
    assert plant.bit.depth_m < 0.017
    assert max(hard) < 0.5 * min(soft)
    assert plant.bit.layer_below(plant.bit.depth_m)[0] == 1
    error = plant.flow.error()
    assert error.accounts_ug == 0
    assert error.independent < 1e-9
    book, volume = plant.flow.book, plant.bit.kerf_m2
    bored_kg = -book.balance("ground", "c_boulder_strong") * 1e-9  # its core is still rooted
    assert bored_kg == pytest.approx(0.005 * volume * load_material("c_boulder_strong").density_kg_m3, rel=0.05)
    assert book.balance("ground", "s_rock") < 0
    assert plant.bit.collar_m is not None
    at = np.array(plant.bit.collar_m[:2])
    assert float(plant.heights.height(at)) < 0.006  # 10 mm of cover before; the cells around the hole share its volume
    assert book.total("fallen_back") > 0
    ring = plant.heights.height(at + np.array([[0.05, 0.0], [0.0, 0.05], [-0.05, 0.0]]))
    assert (ring > 0.01003).all()  # spoil lies around the collar
    recoil = plant.impulses.table[8]
    assert recoil[2] < 0.0  # cuttings go up, the robot is pushed down
    assert plant.momentum_error() < 1e-6


def test_elsewhere_the_bit_opens_a_hole_of_its_own_and_a_full_bin_leaves_the_core_in_the_bit(
    drilled: tuple[AsteroidPlant, list[tuple[float, float]]],
) -> None:
    plant, _ = drilled
    bit = plant.bit
    assert bit is not None
    assert bit.collar_m is not None
    first, deep = np.array(bit.collar_m), bit.depth_m
    assert not bit.is_beside(first - np.array((0.0, 0.0, deep)))  # in it
    assert not bit.is_beside(first + np.array((0.0, 0.0, 0.01)))  # above it: it is still the bit's hole
    assert bit.is_beside(first + np.array((0.10, 0.0, 0.01)))
    bit.leave_hole()
    bit.open_hole((0.1, 0.0, 0.0), (0.0, 0.0, -1.0), 0.0)
    assert (bit.holes, bit.depth_m) == (2, 0.0)
    # A full bin leaves the core in the bit.
    flow = plant.flow
    core, capacity = flow.core_ug, round(plant.model.bin_capacity_kg * 1e9)
    assert core > 2_000
    flow.bin_ug = capacity - 1_000  # room for a milligram
    flow.stow_core(0.0)
    assert flow.bin_ug == capacity
    assert flow.core_ug == core - 1_000
