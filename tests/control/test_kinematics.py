"""Kinematics: forward and inverse agree, Jacobians are the derivative, weights are carried."""

from __future__ import annotations

import numpy as np
import pinocchio as pin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import robot

from stope.control.kinematics import Kinematics

MODEL = robot()
KINEMATICS = Kinematics(MODEL)
shift = st.floats(-0.06, 0.06)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3), shift, shift, shift)
def test_inverse_kinematics_puts_the_foot_where_it_was_asked(limb: int, x: float, y: float, z: float) -> None:
    stance = np.array(MODEL.stance)
    KINEMATICS.update(stance)
    target = KINEMATICS.feet_m[limb] + (x, y, z)
    angles, left = KINEMATICS.joints_for(limb, target, stance)
    there = stance.copy()
    there[list(MODEL.limbs[limb].joints)] = angles
    KINEMATICS.update(there)
    assert left < 1e-5
    assert np.allclose(KINEMATICS.feet_m[limb], target, atol=1e-5)


def test_an_unreachable_foot_leaves_a_distance_and_legal_angles() -> None:
    angles, left = KINEMATICS.joints_for(0, np.array((3.0, 3.0, 0.0)), np.array(MODEL.stance))
    joints = list(MODEL.limbs[0].joints)
    assert left > 1.0
    assert (angles >= MODEL.position_min[joints]).all()
    assert (angles <= MODEL.position_max[joints]).all()


@pytest.mark.parametrize("limb", range(4))
def test_jacobian_is_the_derivative_of_the_foot(limb: int) -> None:
    stance, joints, step = np.array(MODEL.stance), list(MODEL.limbs[limb].joints), 1e-6
    KINEMATICS.update(stance)
    jacobian = KINEMATICS.jacobians[limb].copy()
    for column, joint in enumerate(joints):
        moved = stance.copy()
        moved[joint] += step
        KINEMATICS.update(moved)
        ahead = KINEMATICS.feet_m[limb].copy()
        KINEMATICS.update(stance)
        assert np.allclose((ahead - KINEMATICS.feet_m[limb]) / step, jacobian[:, column], atol=1e-5)


def test_feet_of_the_stance_stand_where_the_robot_file_says() -> None:
    KINEMATICS.update(np.array(MODEL.stance))
    assert np.allclose(KINEMATICS.feet_m[:, 2], -MODEL.stance_height_m, atol=1e-6)
    assert 40.0 <= KINEMATICS.mass_kg <= 60.0
    assert abs(KINEMATICS.centre_m[1]) < 0.02


def test_the_feed_carries_its_carriage_in_earth_gravity() -> None:
    rig = robot("bench_rig")
    kinematics = Kinematics(rig)
    effort = kinematics.holding_effort(np.array(rig.stance), np.array((0.0, 0.0, -9.80665)))
    assert rig.drill is not None
    carried = 2.7 + 0.3 + 1.2  # carriage, load cell and bit of bench_rig.urdf; the feed's axis points down
    assert effort[rig.drill.feed] == pytest.approx(-carried * 9.80665, rel=1e-6)


def test_a_robot_without_a_drill_has_no_bit() -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="no drill"):
        _ = Kinematics(replace(MODEL, drill=None)).bit_tip_m


@pytest.mark.parametrize("name", ["miner", "bench_rig"])
@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_compiled_jacobians_and_torques_are_those_of_pinocchio(name: str, seed: int) -> None:
    """Whole-body torques under foot forces and gravity, -J^T f + g, against recursive Newton-Euler."""
    model, rng = robot(name), np.random.default_rng(seed)
    reference = pin.buildModelFromUrdf(str(model.urdf))
    data, made = reference.createData(), Kinematics(model)
    low, high = np.maximum(model.position_min, -3.0), np.minimum(model.position_max, 3.0)
    angles = rng.uniform(low, high)
    q = pin.neutral(reference)
    for joint, angle in zip(model.joints, angles, strict=True):
        at = reference.joints[reference.getJointId(joint.name)]
        q[at.idx_q : at.idx_q + at.nq] = [angle] if at.nq == 1 else [np.cos(angle), np.sin(angle)]
    made.update(angles)
    gravity, force = rng.uniform(-5.0, 5.0, 3), rng.uniform(-50.0, 50.0, (len(model.limbs), 3))
    reference.gravity.linear = gravity
    pin.framesForwardKinematics(reference, data, q)
    outside = [pin.Force.Zero() for _ in range(reference.njoints)]
    for limb, foot in enumerate(model.limbs):
        frame = reference.getFrameId(foot.foot_link)
        assert made.feet_m[limb] == pytest.approx(data.oMf[frame].translation, abs=1e-9)
        carrier = reference.frames[frame].parentJoint
        moment = np.cross(data.oMf[frame].translation, force[limb])
        outside[carrier] = data.oMi[carrier].actInv(pin.Force(force[limb], moment))
    still = np.zeros(reference.nv)
    expected = pin.rnea(reference, data, q, still, still, outside)
    effort = made.holding_effort(angles, gravity)
    jointed = [limb for limb, foot in enumerate(model.limbs) if foot.joints]
    for k, limb in enumerate(jointed):
        effort[list(model.limbs[limb].joints)] -= made.jacobians[k].T @ force[limb]
    rates = [reference.joints[reference.getJointId(joint.name)].idx_v for joint in model.joints]
    assert effort == pytest.approx(expected[rates], abs=1e-8)
