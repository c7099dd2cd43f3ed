"""Impedance of the feet: the stiffness that is stated is the one that is felt, and softened limbs give nothing back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import anchored_miner, robot

from stope.control.contact import RESTITUTION
from stope.control.impedance import STIFFEN_S, FootImpedance, Softened
from stope.control.kinematics import Kinematics
from stope.control.stance import Stance
from stope.robot.messages import JointMode
from stope.sim.servo import JointServo

MINER = robot()
SERVO_S, CONTROL_S = 0.002, 0.01


def test_a_foot_is_as_stiff_as_its_joints_and_its_spines() -> None:
    """Push a foot with 10 N through the servos' own law: joints turn by J^T f / kp, the foot gives way by J of that."""
    kinematics = Kinematics(MINER)
    compliance = FootImpedance(MINER).compliance_m_n(kinematics)
    force = np.array((3.0, -4.0, 8.0))
    for k, limb in enumerate(MINER.limbs):
        joints = list(limb.joints)
        turned = np.array(MINER.stance)
        turned[joints] += kinematics.jacobians[k].T @ force / [MINER.joints[j].kp for j in joints]
        before = kinematics.feet_m[k].copy()
        kinematics.update(turned)
        moved = kinematics.feet_m[k] - before + force / limb.gripper.stiffness_n_m
        kinematics.update(np.array(MINER.stance))
        assert compliance[k] @ force == pytest.approx(moved, abs=3e-5)


def test_drawn_feet_carry_what_was_asked_for() -> None:
    scene = anchored_miner()
    stance, impedance = Stance(MINER), FootImpedance(MINER)
    shift = impedance.draw_m(scene.kinematics, stance.outward, 5.0)
    force = np.linalg.solve(impedance.compliance_m_n(scene.kinematics), shift[:, :, None])[:, :, 0]
    compliance = impedance.compliance_m_n(scene.kinematics)
    along = np.einsum("li,lij,lj->l", stance.outward, compliance, stance.outward)
    assert np.einsum("li,li->l", shift, stance.outward) == pytest.approx(-5.0 * along)
    assert np.linalg.norm(shift, axis=1).max() < 3e-3
    assert np.isfinite(force).all()


def bounce(share: float, inertia: float, speed: float, control_s: float = CONTROL_S) -> float:
    """Speed with which a joint comes back from a wall, over that with which it came: the plant's own servo code."""
    servo, soft = JointServo(MINER), Softened(MINER, control_s)
    count = len(MINER.joints)
    q, dq, wanted = np.zeros(count), np.zeros(count), np.zeros(count)
    joint = MINER.limbs[0].joints[1]
    servo.set_points[0] = int(JointMode.POSITION)
    dq[joint], came_back = speed, 0.0
    every = round(control_s / SERVO_S)
    for step in range(3000):
        if step % every == 0:
            servo.set_points[1] = soft.set_points(wanted, q, share)
        effort, _ = servo.efforts(q, dq)
        dq[joint] += effort[joint] / inertia * SERVO_S
        q[joint] += dq[joint] * SERVO_S
        came_back = max(came_back, -dq[joint])
    return came_back / speed


@settings(max_examples=15, deadline=None)
@given(st.floats(0.05, 1.0), st.floats(0.5, 40.0), st.floats(0.005, 0.3), st.sampled_from((0.01, 0.02)))
def test_a_softened_limb_never_gives_back_more_than_it_took(
    share: float, inertia: float, speed: float, control_s: float
) -> None:
    """Passivity: whatever hangs on it, at both control rates; and no more than the same limb left stiff."""
    back = bounce(share, inertia, speed, control_s)
    assert back <= 1.0
    assert back <= bounce(1.0, inertia, speed, control_s) + 1e-6


def test_the_whole_robot_on_its_limbs_stays_below_the_restitution_that_contact_speeds_rest_on() -> None:
    """48 kg on four limbs: 12 kg at 0.48 m from each hip is 2.8 kg m2 for its pitch joint."""
    inertia = Kinematics(MINER).mass_kg / 4.0 * 0.48**2
    assert bounce(MINER.contact_stiffness_share, inertia, 0.1) < 0.5 * RESTITUTION
    assert bounce(1.0, inertia, 0.1) > 2.0 * bounce(MINER.contact_stiffness_share, inertia, 0.1)


def test_stiffness_falls_at_once_and_comes_back_slowly() -> None:
    soft, zero, one = Softened(MINER, CONTROL_S), np.zeros(len(MINER.joints)), np.ones(len(MINER.joints))
    mine = MINER.limbs[0].joints[0]
    assert soft.set_points(zero, one, 1.0) is zero
    assert soft.set_points(zero, one, 0.2)[mine] == pytest.approx(0.8)
    took = next(tick for tick in range(1, 1000) if soft.set_points(zero, one, 1.0) is zero)
    assert took == pytest.approx(0.8 * STIFFEN_S / CONTROL_S, abs=1)


def test_only_limbs_soften_and_a_reading_that_is_no_number_softens_nothing() -> None:
    zero, measured = np.zeros(len(MINER.joints)), np.ones(len(MINER.joints))
    measured[MINER.limbs[1].joints[0]] = math.nan
    told = Softened(MINER, CONTROL_S).set_points(zero, measured, 0.25)
    limbs = [joint for limb in MINER.limbs for joint in limb.joints]
    assert np.isfinite(told).all()
    assert told[MINER.limbs[1].joints[0]] == 0.0
    assert np.count_nonzero(told[limbs]) == len(limbs) - 1
    assert not np.delete(told, limbs).any()


def test_unplanned_wrenches_are_paid_in_full_and_by_symmetry() -> None:
    kinematics = Kinematics(MINER)
    shares = FootImpedance(MINER).shares(kinematics, np.ones(4, dtype=bool))
    assert shares[:, :, :3].sum(axis=0) == pytest.approx(np.eye(3), abs=1e-9)
    assert shares[:, :, 3:].sum(axis=0) == pytest.approx(np.zeros((3, 3)), abs=1e-9)
    assert shares[:, 2, 2] == pytest.approx(np.full(4, 0.25), abs=1e-6)


@given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_whatever_holds_pays_and_nothing_else_does(holds: list[bool]) -> None:
    holding = np.array(holds)
    shares = FootImpedance(MINER).shares(Kinematics(MINER), holding)
    assert not shares[~holding].any()
    assert np.isfinite(shares).all()
    if holding.any():
        assert shares[:, :, :3].sum(axis=0) == pytest.approx(np.eye(3), abs=1e-6)


def test_the_split_of_an_unplanned_push_has_least_elastic_energy() -> None:
    """Castigliano: forces that balance themselves, added to it, only add energy. Limp pads pay no moment here."""
    limp = replace(MINER.limbs[0].gripper, stiffness_nm_rad=1e-3)
    model = replace(MINER, limbs=tuple(replace(limb, gripper=limp) for limb in MINER.limbs))
    kinematics, impedance = Kinematics(model), FootImpedance(model)
    compliance, rng = impedance.compliance_m_n(kinematics), np.random.default_rng(5)
    force = impedance.shares(kinematics, np.ones(4, dtype=bool)) @ np.array((10.0, -4.0, 25.0, 2.0, 1.0, -3.0))
    _, _, modes = np.linalg.svd(
        np.vstack((np.hstack([np.eye(3)] * 4), np.hstack([_cross(a) for a in kinematics.feet_m])))
    )
    least = np.einsum("li,lij,lj", force, compliance, force)
    for _ in range(20):
        other = force + (rng.standard_normal(6) @ modes[6:]).reshape(4, 3)
        assert np.einsum("li,lij,lj", other, compliance, other) > least


def _cross(arm: np.ndarray) -> np.ndarray:
    x, y, z = arm
    return np.array(((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0)))
