"""A plant small enough for tests: the real robot on a real patch, with nothing faked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from stope.mission.material import load_material
from stope.mission.shipped import find_data
from stope.physics.site_field import SiteField
from stope.robot.messages import Efforts
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot
from stope.sim.heightmap import HeightMap
from stope.sim.plant import AsteroidPlant
from stope.sim.states import StartPose
from stope.sim.truth import TrueGround

BENNU_G_M_S2 = 5.5e-5
PlantMaker = Callable[..., AsteroidPlant]


@pytest.fixture(scope="session")
def miner() -> RobotModel:
    return load_robot(find_data("robot", "miner"))


@pytest.fixture(scope="session")
def bench_rig() -> RobotModel:
    return load_robot(find_data("robot", "bench_rig"))


@pytest.fixture
def make_plant(miner: RobotModel) -> Iterator[PlantMaker]:
    made: list[AsteroidPlant] = []

    def make(
        model: RobotModel = miner,
        height_m: float = 0.0,
        gravity_m_s2: float = BENNU_G_M_S2,
        cover_m: float = 0.0,
        seed: int = 1,
        **more: Any,
    ) -> AsteroidPlant:
        axis = 0.02 * (np.arange(150) - 74.5)
        heap = cover_m * (np.hypot(*np.meshgrid(axis, axis)) < 0.35)  # below the drums, clear of the feet
        start = StartPose(
            position_m=np.array((0.0, 0.0, model.stance_height_m + height_m)),
            quaternion=np.array((0.0, 0.0, 0.0, 1.0)),
            velocity_m_s=more.pop("velocity_m_s", np.zeros(3)),
            angular_rad_s=np.zeros(3),
            joint_position=np.array(model.stance),
        )
        ground = more.pop("ground", None) or TrueGround.draw(
            load_material("c_boulder_strong"), load_material("bennu_regolith"), seed
        )
        plant = AsteroidPlant(
            model,
            SiteField.uniform(gravity_m_s2, 0.2),
            HeightMap(0.02, np.zeros((150, 150)), heap),
            ground,
            start,
            more.pop("step_us", 2_000),
            seed,
            **more,
        )
        made.append(plant)
        return plant

    yield make
    for plant in made:
        plant.close()


def idle(model: RobotModel, brake: bool = True) -> Efforts:
    """Nothing driven; joints held by their brakes, or free."""
    joints, limbs = len(model.joints), len(model.limbs)
    return Efforts(
        np.zeros(joints), np.full(joints, brake), np.zeros(limbs, dtype=np.int8), np.zeros(len(model.thrusters))
    )


def grip_all(plant: AsteroidPlant, normal_n: float = 500.0, shear_n: float = 500.0) -> None:
    """Engage every gripper where it stands, with a known true strength."""
    tree = plant._tree
    for foot in range(len(plant.model.limbs)):
        plant.footing.grip(foot, tree.point_m[foot], tree.point_rotation[foot], normal_n, shear_n)
        plant.footing.state.engagement[foot] = 1.0
