"""The ground that rigid bodies collide with follows the height map: who stands over a pit falls in and stands there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from conftest_sim import PlantMaker, idle

from stope.robot.model import RobotModel
from stope.sim.bullet import BulletWorld
from stope.sim.ground_mesh import STALE_M, GroundMesh
from stope.sim.heightmap import HeightMap

DENSITY = 1_200.0
EVERYTHING_UG = 10**15


@pytest.fixture
def world() -> Iterator[BulletWorld]:
    made = BulletWorld(2_000)
    made.set_gravity((0.0, 0.0, -0.2))
    yield made
    made.close()


def ground(cover_m: float = 0.1) -> HeightMap:
    return HeightMap(0.02, np.zeros((61, 61)), np.full((61, 61), cover_m))


def dig_pit(heights: HeightMap, floor_m: float) -> None:
    heights.excavate(heights.footprint((0.0, 0.0), 0.15, 0.15, 0.0), floor_m, EVERYTHING_UG, DENSITY)


def run(world: BulletWorld, seconds: float) -> None:
    for _ in range(round(seconds * 500)):
        world.step()


def drop_foot(world: BulletWorld) -> int:
    return world.add_box(1.0, (0.04, 0.04, 0.02), (0.0, 0.0, 0.125), friction=0.6)


@pytest.mark.parametrize("floor_m", [0.05, 0.0])
def test_a_rigid_foot_stands_in_the_pit_that_was_dug_before_it(world: BulletWorld, floor_m: float) -> None:
    heights = ground()
    mesh = GroundMesh(world, heights, 0.6)
    dig_pit(heights, floor_m)
    assert mesh.follow()
    foot = drop_foot(world)
    run(world, 4.0)
    assert world.pose(foot)[0][2] == pytest.approx(floor_m + 0.02, abs=1e-3)
    assert float(np.abs(world.velocity(foot)[0]).max()) < 1e-3


def test_it_lies_on_a_heap_higher_than_all_ground_was_at_the_start(world: BulletWorld) -> None:
    heights = ground()
    mesh = GroundMesh(world, heights, 0.6)
    heights.deposit(heights.footprint((0.0, 0.0), 0.3, 0.3, 0.0), 2 * 10**11, DENSITY)
    assert mesh.follow()
    top = float(heights.height((0.0, 0.0)))
    foot = world.add_box(1.0, (0.02, 0.02, 0.02), (0.0, 0.0, top + 0.025), friction=0.6)
    run(world, 4.0)
    assert top > 0.3
    assert world.pose(foot)[0][2] == pytest.approx(top + 0.02, abs=2e-3)


def test_what_is_hardly_changed_is_not_renewed(world: BulletWorld) -> None:
    heights = ground()
    mesh = GroundMesh(world, heights, 0.6)
    dig_pit(heights, 0.1 - 0.9 * STALE_M)
    assert not mesh.follow()
    dig_pit(heights, 0.1 - 1.1 * STALE_M)  # small changes add up
    assert mesh.follow()
    assert not mesh.follow()
    assert mesh.renewals == 1


def lying(make_plant: PlantMaker, miner: RobotModel) -> list[float]:
    """A robot whose body lies on a heap, which is then taken away from under it: heights of its base, m."""
    heap_m = 0.3
    bare = replace(miner, drill=None, drums=None)  # bit and drums reach lower, and meet the ground by their own models
    plant = make_plant(bare, height_m=heap_m + 0.101 - miner.stance_height_m, gravity_m_s2=0.2, cover_m=heap_m)
    body = plant.mesh.body
    heights = []
    for dig in (False, True):
        if dig:
            plant.heights.excavate(np.arange(150 * 150), 0.15, EVERYTHING_UG, DENSITY)
        for _ in range(500):
            plant.step(idle(miner))
        heights.append(float(plant.truth().position_m[2]))
    assert plant.mesh.body == body
    assert plant.momentum_error() < 1e-5
    return heights


def test_a_robot_that_lies_on_a_heap_sinks_when_the_heap_is_dug_away(make_plant: PlantMaker, miner: RobotModel) -> None:
    first, second = lying(make_plant, miner), lying(make_plant, miner)
    assert first == second  # bit for bit
    assert first[0] == pytest.approx(0.4, abs=5e-3)
    assert first[1] < 0.4 - 0.05  # half a second of fall at least, or the new ground
