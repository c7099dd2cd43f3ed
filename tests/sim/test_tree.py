"""The sweeps against PyBullet and against momentum: the same robot seen three ways."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pybullet as p
import pytest

from stope.robot.model import RobotModel
from stope.robot.tree import Tree

#: PyBullet keeps URDF joint frames to about this; Pinocchio to double precision.
URDF_M = 5e-7


class Twin:
    """The robot in PyBullet by its Python interface alone: Stope's own world is not in it."""

    def __init__(self, miner: RobotModel, position: list[float], turn: np.ndarray, joints: np.ndarray) -> None:
        self.client = p.connect(p.DIRECT)
        p.setPhysicsEngineParameter(fixedTimeStep=2e-3)
        self.body = p.loadURDF(str(miner.urdf), position, turn.tolist(), flags=p.URDF_USE_INERTIA_FROM_FILE)
        info = [p.getJointInfo(self.body, i) for i in range(p.getNumJoints(self.body))]
        number = {entry[1].decode(): entry[0] for entry in info}
        self.link = {entry[12].decode(): entry[0] for entry in info}
        self.joints = [number[joint.name] for joint in miner.joints]
        for joint, at in zip(self.joints, joints, strict=True):
            p.resetJointState(self.body, joint, at, 0.0)
        p.setJointMotorControlArray(self.body, self.joints, p.VELOCITY_CONTROL, forces=[0.0] * len(self.joints))
        for link in range(-1, len(info)):
            p.changeDynamics(self.body, link, linearDamping=0.0, angularDamping=0.0, jointDamping=0.0)

    def read(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Joint positions, joint velocities and base as PyBullet has them now."""
        states = p.getJointStates(self.body, self.joints)
        base = np.array([*sum(p.getBasePositionAndOrientation(self.body), ()), *sum(p.getBaseVelocity(self.body), ())])
        return np.array([s[0] for s in states]), np.array([s[1] for s in states]), base


@pytest.fixture
def tumbling(miner: RobotModel) -> Iterator[tuple[Twin, Tree, np.ndarray]]:
    """A tumbling robot with bent, turning joints, and its tree swept."""
    rng = np.random.default_rng(3)
    names = tuple(j.name for j in miner.joints)
    feet = tuple(limb.foot_link for limb in miner.limbs)
    turn = rng.normal(size=4)
    twin = Twin(miner, [1.0, 2.0, 3.0], turn / np.linalg.norm(turn), np.array(miner.stance) + 0.1 * rng.normal(size=16))
    twist = rng.normal(size=6) * 0.3
    p.resetBaseVelocity(twin.body, twist[:3].tolist(), twist[3:].tolist())
    tree = Tree(miner.urdf, names, feet)
    q, dq, base = twin.read()
    tree.sweep(base, q, dq)
    yield twin, tree, base
    p.disconnect(twin.client)


def test_points_and_velocities_agree_with_pybullet(miner: RobotModel, tumbling) -> None:
    body, tree, _ = tumbling
    for row, limb in enumerate(miner.limbs):
        state = p.getLinkState(body.body, body.link[limb.foot_link], 1, 1)
        assert tree.point_m[row] == pytest.approx(state[4], abs=URDF_M)
        lever = np.array(state[4]) - np.array(state[0])
        at_frame = np.array(state[6]) + np.cross(state[7], lever)
        assert tree.point_velocity_m_s[row] == pytest.approx(at_frame, abs=URDF_M)


def test_momentum_is_the_sum_over_pybullets_links(miner: RobotModel, tumbling) -> None:
    body, tree, base = tumbling
    total = p.getDynamicsInfo(body.body, -1)[0] * base[7:10]
    for link in range(p.getNumJoints(body.body)):
        total = total + p.getDynamicsInfo(body.body, link)[0] * np.array(p.getLinkState(body.body, link, 1, 1)[6])
    assert tree.momentum[:3] == pytest.approx(total, abs=1e-4)
    assert tree.total_mass_kg == pytest.approx(48.3, abs=1e-9)


def test_a_generalised_force_moves_the_robot_as_the_force_does(miner: RobotModel, tumbling) -> None:
    twin, tree, base = tumbling
    rng = np.random.default_rng(4)
    wrench = rng.normal(size=(4, 6)) * (10.0, 10.0, 10.0, 1.0, 1.0, 1.0)
    efforts, sums = np.zeros(16), np.zeros(6)
    momentum = tree.momentum[:6].copy()
    at_base = tree.generalise(wrench, np.zeros(6), efforts, sums, 0)
    p.applyExternalForce(twin.body, -1, at_base[:3].tolist(), base[:3].tolist(), p.WORLD_FRAME)
    p.applyExternalTorque(twin.body, -1, at_base[3:].tolist(), p.WORLD_FRAME)
    p.setJointMotorControlArray(twin.body, twin.joints, p.TORQUE_CONTROL, forces=efforts.tolist())
    p.stepSimulation()
    q, dq, base = twin.read()
    tree.sweep(base, q, dq)
    step_s = 2e-3
    assert tree.momentum[:3] - momentum[:3] == pytest.approx(step_s * wrench[:, :3].sum(axis=0), abs=2e-3)
    assert sums[:3] == pytest.approx(wrench[:, :3].sum(axis=0))
    assert tree.momentum[3:6] - momentum[3:6] == pytest.approx(step_s * sums[3:], abs=6e-3)


def test_carried_mass_changes_mass_centre_and_momentum(miner: RobotModel, tumbling) -> None:
    _, tree, base = tumbling
    before, mass = tree.momentum.copy(), tree.total_mass_kg
    tree.load_mass("sample_bin", 2.0, np.zeros(3))
    q = np.array(miner.stance)
    tree.sweep(base, q, np.zeros(16))
    assert tree.total_mass_kg == pytest.approx(mass + 2.0)
    tree.load_mass("sample_bin", -2.0, np.zeros(3))
    assert tree.total_mass_kg == pytest.approx(mass)
    assert before.shape == (12,)
