"""The compiled loop: Bullet by its C interface is PyBullet, and many steps at once are the same bits as one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pybullet as p
import pytest
from conftest_sim import PlantMaker, grip_all, idle

from stope.robot.messages import RawSensors, Vector
from stope.robot.model import RobotModel
from stope.robot.tree import Tree
from stope.sim.actuators import build_motors
from stope.sim.bit import NO_BIT
from stope.sim.bullet import CONTACT_ERP, BulletWorld
from stope.sim.device import Device
from stope.sim.drums import NO_DRUMS
from stope.sim.fast_step import Bodies, Ground, Loads, Near, Robot, one_step, read_state
from stope.sim.footing import Footing

STEP_S = 2e-3
START = np.array((0.0, 0.0, 0.62))
UPRIGHT = np.array((0.0, 0.0, 0.0, 1.0))


@pytest.fixture
def python_twin(miner: RobotModel) -> Iterator[tuple[int, list[int], int]]:
    """The robot above a plane through PyBullet's Python functions alone: body, joints, plane."""
    client = p.connect(p.DIRECT)
    p.setPhysicsEngineParameter(
        fixedTimeStep=STEP_S, numSolverIterations=50, deterministicOverlappingPairs=1, contactERP=CONTACT_ERP,
        contactSlop=0.0, restitutionVelocityThreshold=0.0,
    )  # fmt: skip
    plane = p.createMultiBody(0.0, p.createCollisionShape(p.GEOM_PLANE, planeNormal=[0.0, 0.0, 1.0]))
    body = p.loadURDF(str(miner.urdf), START.tolist(), UPRIGHT.tolist(), flags=p.URDF_USE_INERTIA_FROM_FILE)
    for each in (plane, body):
        for link in range(-1, p.getNumJoints(each)):
            p.changeDynamics(
                each, link, linearDamping=0.0, angularDamping=0.0, jointDamping=0.0, contactProcessingThreshold=0.0,
                activationState=p.ACTIVATION_STATE_DISABLE_SLEEPING,
            )  # fmt: skip
    p.changeDynamics(plane, -1, lateralFriction=0.6, restitution=0.0)
    number = {p.getJointInfo(body, i)[1].decode(): i for i in range(p.getNumJoints(body))}
    joints = [number[joint.name] for joint in miner.joints]
    for joint, at in zip(joints, miner.stance, strict=True):
        p.resetJointState(body, joint, at, 0.0)
    p.setJointMotorControlArray(body, joints, p.VELOCITY_CONTROL, forces=[0.0] * len(joints))
    p.setGravity(0.0, 0.0, -10.0)
    yield body, joints, plane
    p.disconnect(client)


def test_the_compiled_step_moves_the_robot_as_pybullet_does(
    miner: RobotModel, python_twin: tuple[int, list[int], int]
) -> None:
    """300 steps under joint efforts, a push and a fall onto a plane: states and contact sums to the last bits."""
    body, joints, plane = python_twin
    names = tuple(joint.name for joint in miner.joints)
    world = BulletWorld(round(STEP_S * 1e6))
    ground = world.add_plane((0.0, 0.0, 1.0), 0.6)
    ours = world.load_robot(miner.urdf, names, START, UPRIGHT, np.array(miner.stance))
    world.set_gravity(np.array((0.0, 0.0, -10.0)))
    tree = Tree(miner.urdf, names, tuple(limb.foot_link for limb in miner.limbs))
    state = np.zeros(2 * len(joints) + 13)
    read_state(world.client, ours.body, ours.dofs, state)
    q, dq, base = np.split(state, (16, 32))
    tree.sweep(base, q, dq)
    loads = Loads(np.zeros((4, 6)), np.zeros(6), np.zeros(6), np.zeros(3), np.zeros((5, 6)), np.zeros(len(names)))
    feet = Footing([limb.gripper for limb in miner.limbs], 0.6).packed  # their ground is a kilometre below
    ideal = build_motors(replace(miner, actuators={}), 1)
    rng, touched = np.random.default_rng(5), np.zeros(6)
    for _ in range(300):
        effort, push = rng.normal(size=16) * 2.0, rng.normal(size=6)
        loads.outside[:] = push
        one_step(
            Bodies(world.client, ours.body, ground, ours.dofs), Robot(tree.packed, state, ideal),
            Ground(feet, NO_BIT, NO_DRUMS), loads, effort, -1, STEP_S, Near(body=True, drums=False, floor_m=-1e9),
        )  # fmt: skip
        at = p.getBasePositionAndOrientation(body)[0]
        p.applyExternalForce(body, -1, push[:3].tolist(), at, p.WORLD_FRAME)
        p.applyExternalTorque(body, -1, push[3:].tolist(), p.WORLD_FRAME)
        p.setJointMotorControlArray(body, joints, p.TORQUE_CONTROL, forces=effort.tolist())
        p.stepSimulation()
        touched += _contact(body, plane)
    theirs = p.getJointStates(body, joints)
    assert np.abs(loads.sums[1]).max() > 1.0, "the robot never touched the plane"
    assert state[:16] == pytest.approx([s[0] for s in theirs], abs=1e-12)
    assert state[16:32] == pytest.approx([s[1] for s in theirs], abs=1e-12)
    assert state[32:39] == pytest.approx([*sum(p.getBasePositionAndOrientation(body), ())], abs=1e-12)
    assert state[39:] == pytest.approx([*sum(p.getBaseVelocity(body), ())], abs=1e-12)
    assert loads.sums[1] == pytest.approx(touched, rel=1e-9, abs=1e-9)
    world.close()


def _contact(body: int, plane: int) -> Vector:
    total = np.zeros(6)
    for c in p.getContactPoints(bodyA=body, bodyB=plane):
        force = c[9] * np.array(c[7]) + c[10] * np.array(c[11]) + c[12] * np.array(c[13])
        total += (*force, *np.cross(c[5], force))
    return total


@pytest.mark.parametrize("stretch_us", [4_000, 10_000, 70_000])
def test_many_steps_at_once_are_the_same_bits_as_single_steps(
    make_plant: PlantMaker, miner: RobotModel, stretch_us: int
) -> None:
    """Gripped, under a servo that moves a limb and presses the bit into the ground."""
    one, many = make_plant(seed=9), make_plant(seed=9)
    assert miner.drill is not None
    for plant in (one, many):
        grip_all(plant)
    first, second = Device(miner), Device(miner)
    singly = raw = one.sense()
    many.sense()
    for device in (first, second):
        device.servo.hold(singly.joint_position)
        device.servo.set_points[1, 0] += 0.05
        device.servo.set_points[0, miner.drill.feed], device.servo.set_points[2, miner.drill.feed] = 2.0, 0.2
    still = idle(miner, brake=False)
    while raw.time_us < 2_000_000:
        until = raw.time_us + stretch_us
        while raw.time_us < until:
            raw = many.glide(
                second.servo, still.anchor, still.thrust_n, 1.0, raw, (until - raw.time_us) // one.step_us, 1e9
            )
        while singly.time_us < until:
            effort, _ = first.servo.efforts(singly.joint_position, singly.joint_velocity)
            singly = one.step(still._replace(joint=effort))
        _same(singly, raw)
    assert one.sense().weight_on_bit_n > 1.0, "the bit never pressed"
    assert one.truth().position_m.tolist() == many.truth().position_m.tolist()
    assert one.impulses.table.tolist() == many.impulses.table.tolist()


def _same(one: RawSensors, other: RawSensors) -> None:
    for name, a, b in zip(one._fields, one, other, strict=True):
        assert np.array_equal(a, b), name


def test_the_loop_ends_for_the_device_at_a_weight_that_it_watches(make_plant: PlantMaker, miner: RobotModel) -> None:
    plant = make_plant()
    device, now, still = Device(miner), plant.sense(), idle(miner)
    device.servo.hold(now.joint_position)
    assert plant.glide(device.servo, still.anchor, still.thrust_n, 1.0, now, 5, watch_n=-1e9) is now
    assert plant.time_us == now.time_us
    assert plant.glide(device.servo, still.anchor, still.thrust_n, 1.0, now, 5, watch_n=1e9).time_us == 10_000
