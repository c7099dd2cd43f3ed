"""Kinematics: forward and inverse agree, Jacobians are the derivative, weights are carried."""

from __future__ import annotations

import numpy as np
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
