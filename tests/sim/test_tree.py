"""The sweeps against PyBullet and against momentum: the same robot seen three ways."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pybullet as p
import pytest

from stope.robot.model import RobotModel
from stope.robot.tree import Tree
from stope.sim.bullet import ArticulatedBody, BulletWorld

#: PyBullet keeps URDF joint frames to about this; Pinocchio to double precision.
URDF_M = 5e-7


def read(body: ArticulatedBody) -> list[np.ndarray]:
    """Joint positions, joint velocities and base as PyBullet has them now."""
    state = np.zeros(2 * 16 + 13)
    body.read_state(state)
    return np.split(state, (16, 32))


@pytest.fixture
def tumbling(miner: RobotModel) -> Iterator[tuple[BulletWorld, ArticulatedBody, Tree, np.ndarray]]:
    """A tumbling robot with bent, turning joints, and its tree swept."""
    rng = np.random.default_rng(3)
    names = tuple(j.name for j in miner.joints)
    feet = tuple(limb.foot_link for limb in miner.limbs)
    turn = rng.normal(size=4)
    world = BulletWorld(2_000)
    body = world.load_robot(
        miner.urdf, names, np.array((1.0, 2.0, 3.0)), turn / np.linalg.norm(turn),
        np.array(miner.stance) + 0.1 * rng.normal(size=16),
    )  # fmt: skip
    body.set_base_velocity(rng.normal(size=6) * 0.3)
    tree = Tree(miner.urdf, names, feet)
    q, dq, base = read(body)
    tree.sweep(base, q, dq)
    yield world, body, tree, base
    world.close()


def test_points_and_velocities_agree_with_pybullet(miner: RobotModel, tumbling) -> None:
    _, body, tree, _ = tumbling
    for row, limb in enumerate(miner.limbs):
        link = body.link(limb.foot_link, miner.base_link)
        state = p.getLinkState(body.body, link, 1, 1)
        assert tree.point_m[row] == pytest.approx(state[4], abs=URDF_M)
        lever = np.array(state[4]) - np.array(state[0])
        at_frame = np.array(state[6]) + np.cross(state[7], lever)
        assert tree.point_velocity_m_s[row] == pytest.approx(at_frame, abs=URDF_M)


def test_momentum_is_the_sum_over_pybullets_links(miner: RobotModel, tumbling) -> None:
    _, body, tree, base = tumbling
    total = p.getDynamicsInfo(body.body, -1)[0] * base[7:10]
    for link in range(p.getNumJoints(body.body)):
        total = total + p.getDynamicsInfo(body.body, link)[0] * np.array(p.getLinkState(body.body, link, 1, 1)[6])
    assert tree.momentum[:3] == pytest.approx(total, abs=1e-4)
    assert tree.total_mass_kg == pytest.approx(48.3, abs=1e-9)


def test_a_generalised_force_moves_the_robot_as_the_force_does(miner: RobotModel, tumbling) -> None:
    world, body, tree, base = tumbling
    rng = np.random.default_rng(4)
    wrench = rng.normal(size=(4, 6)) * (10.0, 10.0, 10.0, 1.0, 1.0, 1.0)
    efforts, sums = np.zeros(16), np.zeros(6)
    momentum = tree.momentum[:6].copy()
    at_base = tree.generalise(wrench, np.zeros(6), efforts, sums, 0)
    body.push_base(at_base, base[:3])
    body.drive(efforts, np.zeros(16, dtype=bool), miner.effort_max)
    world.step()
    q, dq, base = read(body)
    tree.sweep(base, q, dq)
    step_s = 2e-3
    assert tree.momentum[:3] - momentum[:3] == pytest.approx(step_s * wrench[:, :3].sum(axis=0), abs=2e-3)
    assert sums[:3] == pytest.approx(wrench[:, :3].sum(axis=0))
    assert tree.momentum[3:6] - momentum[3:6] == pytest.approx(step_s * sums[3:], abs=6e-3)


def test_carried_mass_changes_mass_centre_and_momentum(miner: RobotModel, tumbling) -> None:
    _, _, tree, base = tumbling
    before, mass = tree.momentum.copy(), tree.total_mass_kg
    tree.load_mass("sample_bin", 2.0, np.zeros(3))
    q = np.array(miner.stance)
    tree.sweep(base, q, np.zeros(16))
    assert tree.total_mass_kg == pytest.approx(mass + 2.0)
    tree.load_mass("sample_bin", -2.0, np.zeros(3))
    assert tree.total_mass_kg == pytest.approx(mass)
    assert before.shape == (12,)
