"""The compiled kernel says what the published model says."""

from __future__ import annotations

import numpy as np
from conftest_sim import PlantMaker, grip_all, idle
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.physics.anchoring import utilisation
from stope.robot.model import Gripper, RobotModel
from stope.sim.footing import Footing

GRIPPER = Gripper("microspine", 256, 1.5, 3.0, 5e4, 60.0, 4.0, 130.0, 140.0, 0.06)
FRICTION = 0.6


def gripped(offset_m: tuple[float, float, float], normal_n: float, shear_n: float) -> Footing:
    """One engaged foot that stands `offset_m` from where its spines hold, at rest."""
    footing = Footing([GRIPPER], FRICTION)
    footing.state.engagement[0] = 1.0
    footing.grip(0, np.zeros(3), np.eye(3), normal_n, shear_n)
    points = np.zeros((1, 18))
    points[0, :3] = offset_m
    points[0, 3:12] = np.eye(3).ravel()
    footing.react(points, np.zeros((1, 6)))
    return footing


small = st.floats(-2e-3, 2e-3)


@settings(max_examples=60)
@given(st.tuples(small, small, small), st.floats(5.0, 200.0), st.floats(5.0, 200.0))
def test_a_grip_slips_exactly_when_the_limit_surface_says_so(
    offset_m: tuple[float, float, float], normal_n: float, shear_n: float
) -> None:
    pull, shear = 5e4 * offset_m[2], 5e4 * float(np.hypot(offset_m[0], offset_m[1]))
    used = float(utilisation(pull, shear, normal_n, shear_n, FRICTION))
    if abs(used - 1.0) < 1e-9:
        return
    slipped = gripped(offset_m, normal_n, shear_n).state.slip_m[0] > 0.0
    assert bool(slipped) is (used > 1.0)


@settings(max_examples=60)
@given(st.tuples(small, small, small), st.floats(5.0, 200.0), st.floats(5.0, 200.0))
def test_what_a_grip_pays_never_exceeds_its_surface(
    offset_m: tuple[float, float, float], normal_n: float, shear_n: float
) -> None:
    state = gripped(offset_m, normal_n, shear_n).state
    assert utilisation(state.pull_n[0], state.shear_load_n[0], normal_n, shear_n, FRICTION) <= 1.0 + 1e-9


def test_friction_holds_below_the_cone_and_slides_above(make_plant: PlantMaker, miner: RobotModel) -> None:
    """Four pads under 8 N of gas: 0.6 x 8 N = 4.8 N of friction in all."""

    for sideways_n, holds in ((4.0, True), (5.6, False)):
        plant = make_plant()
        gas = idle(miner)._replace(thrust_n=np.full(4, 2.0))
        for _ in range(500):
            plant.step(gas)
        before = plant._tree.point_m[:4].copy()
        plant.push(np.array((sideways_n, 0.0, 0.0, 0.0, -0.32 * sideways_n, 0.0)))
        for _ in range(1_500):
            plant.step(gas)
        moved = float(np.abs(plant._tree.point_m[:4] - before)[:, 0].max())
        assert (moved < 2e-3) is holds


def test_the_pad_takes_a_moment_up_to_its_capacity(make_plant: PlantMaker) -> None:
    plant = make_plant()
    grip_all(plant)
    footing, points = plant.footing, plant._tree.points.copy()
    wrench = np.zeros((len(points), 6))
    angle = 0.03
    turn = np.array(((1.0, 0.0, 0.0), (0.0, np.cos(angle), -np.sin(angle)), (0.0, np.sin(angle), np.cos(angle))))
    points[0, 3:12] = (turn @ plant._tree.point_rotation[0]).ravel()
    footing.react(points, wrench)
    assert abs(wrench[0, 3] + 60.0 * np.sin(angle)) < 1e-9
    angle = 0.2
    turn = np.array(((1.0, 0.0, 0.0), (0.0, np.cos(angle), -np.sin(angle)), (0.0, np.sin(angle), np.cos(angle))))
    points[0, 3:12] = (turn @ plant._tree.point_rotation[0]).ravel()
    footing.react(points, wrench)
    assert abs(abs(wrench[0, 3]) - 4.0) < 1e-9
