"""Wrench distribution: splits by hand, limits respected, the reserve against brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scripted import robot

from stope.belief.anchors import AnchorBelief
from stope.control.binding import Binding, in_words
from stope.control.distribution import Footholds, WrenchDistribution
from stope.control.kinematics import Kinematics

MINER, RIG = robot(), robot("bench_rig")
SQUARE = 0.5 * np.array([[1, 1, 0], [1, -1, 0], [-1, -1, 0], [-1, 1, 0]], dtype=float)
LIFT_60 = np.array((0.0, 0.0, 60.0, 0.0, 0.0, 0.0))
CALM = np.zeros((4, 3))


def footholds(**given_: object) -> Footholds:
    whole: dict[str, object] = {
        "arms_m": SQUARE,
        "pull_n": np.full(4, 90.0),
        "shear_n": np.full(4, 105.0),
        "allowed": np.full(4, 0.4),
        "standing": np.ones(4, dtype=bool),
        "friction": 0.6,
    }
    return Footholds(**(whole | given_))


def wrench_of(force_n: np.ndarray, arms_m: np.ndarray) -> np.ndarray:
    return np.concatenate((force_n.sum(axis=0), np.cross(arms_m, force_n).sum(axis=0)))


def test_four_symmetric_feet_share_a_lift_of_60_n_as_15_each() -> None:
    split = WrenchDistribution(MINER).split(footholds(), LIFT_60, CALM, np.ones(4))
    assert np.allclose(split.force_n, [[0, 0, -15]] * 4, atol=1e-6)
    assert np.abs(split.unpaid).max() < 1e-6


def test_an_eccentric_lift_is_split_by_its_lever() -> None:
    """60 N at x = 0.25 m: the front pair, at 0.5 m, pays 45 N and the rear pair 15 N (moments about each pair)."""
    wrench = np.append((0.0, 0.0, 60.0), np.cross((0.25, 0.0, 0.0), (0.0, 0.0, 60.0)))
    force = WrenchDistribution(MINER).split(footholds(), wrench, CALM, np.ones(4)).force_n
    assert np.allclose(force[:, 2], (-22.5, -22.5, -7.5, -7.5), atol=1e-6)


def test_a_preload_that_cancels_stays_while_the_lift_is_paid() -> None:
    outward = 6.0 * SQUARE / np.linalg.norm(SQUARE, axis=1, keepdims=True)
    split = WrenchDistribution(MINER).split(footholds(), LIFT_60, outward, np.ones(4))
    assert np.allclose(split.force_n, outward - np.array((0.0, 0.0, 15.0)), atol=1e-6)


def test_a_foot_in_the_air_and_one_that_only_stands_do_not_pull() -> None:
    feet = footholds(allowed=np.array((0.4, 0.4, 0.4, 0.0)), standing=np.array((True, True, True, False)))
    split = WrenchDistribution(MINER).split(feet, LIFT_60, CALM, np.ones(4))
    assert abs(split.force_n[3]).max() < 1e-3
    standing = footholds(allowed=np.array((0.4, 0.4, 0.4, 0.0)))
    assert WrenchDistribution(MINER).split(standing, LIFT_60, CALM, np.ones(4)).force_n[3, 2] > -1e-3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-80, 80), min_size=3, max_size=3), st.lists(st.floats(-20, 20), min_size=3, max_size=3))
def test_limits_are_respected_whatever_is_asked(force: list[float], moment: list[float]) -> None:
    feet, wrench = footholds(), np.array(force + moment)
    split = WrenchDistribution(MINER).split(feet, wrench, CALM, np.ones(4))
    f = split.force_n
    belief = AnchorBelief(90.0, 105.0, friction=0.6, anchors=4)
    used = belief.required_scale(np.stack((-f[:, 2], np.hypot(f[:, 0], f[:, 1])), axis=1))
    assert (used <= 0.4 + 1e-3).all()
    # What is not paid is said: forces, external wrench and the unpaid rest balance.
    assert np.allclose(wrench_of(f, SQUARE) + wrench, split.unpaid, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0.05, 0.9), min_size=4, max_size=4),
    st.lists(st.floats(20, 150), min_size=4, max_size=4),
    st.floats(0.0, 0.05),
)
def test_reserve_is_what_a_linear_programme_finds(allowed: list[float], pull: list[float], lever: float) -> None:
    feet = footholds(allowed=np.array(allowed), pull_n=np.array(pull), shear_n=1.2 * np.array(pull))
    direction = np.array((0.0, 0.0, 1.0, 0.0, 0.0, lever))
    found = WrenchDistribution(MINER).reserve(feet, np.zeros(6), direction)
    assert found == pytest.approx(brute_force_reserve(feet, direction), rel=0.02, abs=0.3)


def brute_force_reserve(feet: Footholds, direction: np.ndarray) -> float:
    """The same bound from the definition: every foot inside its inner polyhedron, one more newton at a time."""
    angle = 2.0 * np.pi * np.arange(8) / 8
    rows, limits = [], []
    half, flat = np.cos(np.pi / 8), np.tan(np.pi / 8)
    for foot in range(4):
        normal, shear = feet.pull_n[foot], feet.shear_n[foot] * half
        for x, y in zip(np.cos(angle), np.sin(angle), strict=True):
            # the chords from straight off to 45 deg and on to sideways, and Coulomb friction
            for along, z in ((flat, -1.0 / normal), (1.0, -flat / normal), (1.0, -feet.friction * half / shear)):
                row = np.zeros(13)
                row[3 * foot : 3 * foot + 3] = along * x / shear, along * y / shear, z
                rows.append(row)
                limits.append(feet.allowed[foot])
    balance = np.zeros((6, 13))
    for foot in range(4):
        for axis in range(3):
            unit = np.zeros((4, 3))
            unit[foot, axis] = 1.0
            balance[:, 3 * foot + axis] = wrench_of(unit, feet.arms_m)
    balance[:, 12] = direction
    cost = np.zeros(13)
    cost[12] = -1.0
    bounds = [(-1e4, 1e4)] * 12 + [(0.0, 1e3)]
    return float(linprog(cost, rows, limits, balance, np.zeros(6), bounds).x[12])


def test_the_reserve_can_be_paid_and_a_tenth_more_cannot() -> None:
    distribution, feet, direction = WrenchDistribution(MINER), footholds(), LIFT_60 / 60.0
    reserve = distribution.reserve(feet, np.zeros(6), direction)
    assert reserve == pytest.approx(4 * 90.0 * 0.4, rel=0.01)  # by hand: pull alone
    assert np.abs(distribution.split(feet, 0.99 * reserve * direction, CALM, np.ones(4)).unpaid).max() < 0.05
    assert distribution.split(feet, 1.1 * reserve * direction, CALM, np.ones(4)).unpaid[2] > 0.05 * reserve


def test_without_anchors_there_is_no_reserve_but_the_own_weight() -> None:
    feet = footholds(allowed=np.zeros(4))
    distribution, lift = WrenchDistribution(MINER), LIFT_60 / 60.0
    assert distribution.reserve(feet, np.zeros(6), lift) == pytest.approx(0.0, abs=1e-3)
    weight = np.array((0.0, 0.0, -40.0, 0.0, 0.0, 0.0))
    assert distribution.reserve(feet, weight, lift) == pytest.approx(40.0, rel=0.01)


def test_a_standing_load_beyond_the_anchors_leaves_nothing() -> None:
    assert WrenchDistribution(MINER).reserve(footholds(), 5.0 * LIFT_60, LIFT_60 / 60.0) == 0.0


def test_a_clamp_pays_a_moment_up_to_its_capacity() -> None:
    clamp = Footholds(
        np.array([[0.0, 0.0, -0.17]]), np.array([2000.0]), np.array([1500.0]), np.array([0.5]),
        np.ones(1, dtype=bool), 0.6,
    )  # fmt: skip
    distribution, calm = WrenchDistribution(RIG), np.zeros((1, 3))
    capacity = RIG.limbs[0].gripper.moment_capacity_nm * 0.5
    inside = np.array((0.0, 0.0, 50.0, 0.0, 0.8 * capacity, 0.0))
    split = distribution.split(clamp, inside, calm, np.ones(1))
    assert np.allclose(split.force_n, [[0.0, 0.0, -50.0]], atol=1e-2)
    assert np.abs(split.unpaid).max() < 1e-2
    beyond = np.array((0.0, 0.0, 0.0, 0.0, 1.5 * capacity, 0.0))
    unpaid = distribution.split(clamp, beyond, calm, np.ones(1)).unpaid
    assert np.abs(unpaid).max() > 1.0


def test_a_microspine_foot_pays_no_moment() -> None:
    one = replace(MINER, limbs=MINER.limbs[:1])
    strength, standing = np.array([90.0]), np.ones(1, dtype=bool)
    feet = Footholds(np.zeros((1, 3)), strength, strength, np.array([0.4]), standing, 0.6)
    split = WrenchDistribution(one).split(feet, np.array((0.0, 0, 0, 0, 3.0, 0)), np.zeros((1, 3)), np.ones(1))
    assert split.unpaid[4] == pytest.approx(3.0, abs=1e-3)


def share_by_limit(found: list[Binding]) -> dict[tuple[int, str], float]:
    return {(item.limb, item.limit): item.share for item in found}


def test_what_binds_is_told_by_its_share() -> None:
    """Rear feet at half the strength: a limit's share is the reserve's relative slope in it."""
    distribution = WrenchDistribution(MINER)
    feet = footholds(allowed=np.array((0.4, 0.4, 0.2, 0.2)))
    lift = LIFT_60 / 60.0
    reserve = distribution.reserve(feet, np.zeros(6), lift)
    found = distribution.explain()
    assert sum(item.share for item in found) == pytest.approx(1.0)
    assert {item.limit for item in found} <= {"pull-off", "shear"}
    # one per cent more of a limit is a share of one per cent more of the reserve
    for item in found[:2]:
        allowed = feet.allowed.copy()
        allowed[item.limb] *= 1.05
        more = distribution.reserve(replace(feet, allowed=allowed), np.zeros(6), lift)
        of_limb = sum(other.share for other in found if other.limb == item.limb)
        assert more / reserve - 1.0 == pytest.approx(0.05 * of_limb, abs=4e-3)
    words = in_words(found, [limb.name for limb in MINER.limbs])
    assert words.startswith("pull-off of ")
    assert "%" in words


def test_joints_bound_what_strong_anchors_could_pay() -> None:
    kinematics = Kinematics(MINER)
    strong = footholds(arms_m=kinematics.feet_m.copy(), allowed=np.full(4, 5.0))
    distribution, lift = WrenchDistribution(MINER), LIFT_60 / 60.0
    free = distribution.reserve(strong, np.zeros(6), lift)
    efforts = np.full((4, 3), 20.0)
    bound = replace(strong, jacobians=kinematics.jacobians.copy(), effort_nm=efforts)
    reserve = distribution.reserve(bound, np.zeros(6), lift)
    assert 0.0 < reserve < 0.5 * free
    assert {item.limit for item in distribution.explain()} == {"joint torque"}
    torque = np.einsum("kij,ki->kj", kinematics.jacobians, distribution.reserve_force_n)
    assert np.abs(torque).max() == pytest.approx(20.0, rel=0.01)
    force = distribution.split(bound, 0.99 * reserve * lift, CALM, np.ones(4)).force_n
    assert (np.abs(np.einsum("kij,ki->kj", kinematics.jacobians, force)) <= 20.0 + 1e-3).all()


def test_fewer_anchors_pay_less_and_none_pays_nothing() -> None:
    """Three pay a central lift only through the pair across it; two opposed ones still do, one cannot alone."""
    reserves = []
    for allowed in ((0.4,) * 4, (0.4, 0.4, 0.4, 0.0), (0.4, 0.0, 0.4, 0.0), (0.4, 0.0, 0.0, 0.0), (0.0,) * 4):
        distribution = WrenchDistribution(MINER)
        feet = footholds(allowed=np.array(allowed))
        reserves.append(distribution.reserve(feet, np.zeros(6), LIFT_60 / 60.0))
        split = distribution.split(feet, LIFT_60, CALM, np.ones(4))
        assert np.isfinite(split.force_n).all()
        assert np.allclose(wrench_of(split.force_n, SQUARE) + LIFT_60, split.unpaid, atol=1e-3)
    assert reserves[0] == pytest.approx(144.0, rel=0.01)
    assert reserves[1] == pytest.approx(72.0, rel=0.02)
    assert reserves[2] == pytest.approx(72.0, rel=0.02)
    assert reserves[3:] == pytest.approx([0.0, 0.0], abs=0.5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6), st.integers(0, 3))
def test_a_weaker_anchor_never_raises_the_reserve(direction: list[float], foot: int) -> None:
    towards = np.array(direction) * (1.0, 1.0, 1.0, 0.2, 0.2, 0.2)
    if np.abs(towards).max() < 0.2:
        towards[2] = 1.0
    allowed = np.full(4, 0.4)
    distribution = WrenchDistribution(MINER)
    before = distribution.reserve(footholds(), np.zeros(6), towards)
    allowed[foot] = 0.2
    assert distribution.reserve(footholds(allowed=allowed), np.zeros(6), towards) <= before * 1.002 + 0.05
