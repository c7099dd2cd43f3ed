"""Cases H01-H08: what PyBullet gets wrong in microgravity, and that it is right here (research: physics, section 8)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from stope.sim.bullet import BulletWorld

STEP_US = 2_000
BENNU_ESCAPE_M_S = 0.20


@pytest.fixture
def world() -> Iterator[BulletWorld]:
    made = BulletWorld(STEP_US)
    yield made
    made.close()


def run(world: BulletWorld, seconds: float) -> None:
    for _ in range(round(seconds * 1e6 / world.step_us)):
        world.step()


def test_h01_a_free_body_keeps_its_speed_and_spin(world: BulletWorld) -> None:
    body = world.add_box(1.0, (0.1, 0.1, 0.1), (0.0, 0.0, 1.0), friction=0.5)
    world.set_velocity(body, (0.05, 0.0, 0.0), (0.0, 0.5, 0.0))
    run(world, 60.0)
    linear, angular = world.velocity(body)
    assert linear == pytest.approx((0.05, 0.0, 0.0), abs=1e-9)
    assert angular == pytest.approx((0.0, 0.5, 0.0), abs=1e-9)


@pytest.mark.parametrize("speed_m_s", [0.01, 0.05, 0.20])
@pytest.mark.parametrize("shape", ["ball", "box"])
def test_h02_a_bounce_returns_the_stated_share(world: BulletWorld, speed_m_s: float, shape: str) -> None:
    """A flat box needs a box below it: against a plane PyBullet finds one corner first and the box begins to turn."""
    share = math.sqrt(0.60)  # PyBullet multiplies the restitutions of both bodies
    at = (0.0, 0.0, 0.1017)
    if shape == "ball":
        world.add_plane((0.0, 0.0, 1.0), 0.5, share)
        body = world.add_ball(1.0, 0.1, at, 0.5, share)
    else:
        world.add_box(0.0, (2.0, 2.0, 0.5), (0.0, 0.0, -0.5), 0.5, share)
        body = world.add_box(1.0, (0.1, 0.1, 0.1), at, 0.5, share)
    world.set_velocity(body, (0.0, 0.0, -speed_m_s), (0.0, 0.0, 0.0))
    run(world, 0.0017 / speed_m_s + 0.2)
    assert world.velocity(body)[0][2] / speed_m_s == pytest.approx(0.60, abs=0.02)


def test_h03_an_overlap_ejects_slower_than_a_twentieth_of_escape_speed(world: BulletWorld) -> None:
    world.add_plane((0.0, 0.0, 1.0), 0.5)
    body = world.add_box(1.0, (0.1, 0.1, 0.1), (0.0, 0.0, 0.095), 0.5)
    world.set_gravity((0.0, 0.0, -5.5e-5))
    fastest = 0.0
    for _ in range(5_000):
        world.step()
        fastest = max(fastest, float(world.velocity(body)[0][2]))
    assert fastest < 0.05 * BENNU_ESCAPE_M_S


def test_h04_a_hop_follows_the_parabola(world: BulletWorld) -> None:
    gravity, speed = 8.1e-5, 0.05
    body = world.add_ball(1.0, 0.1, (0.0, 0.0, 0.0), 0.5)
    world.set_gravity((0.0, 0.0, -gravity))
    side = speed * math.sqrt(0.5)
    world.set_velocity(body, (side, 0.0, side), (0.0, 0.0, 0.0))
    flight_s = 2.0 * side / gravity
    run(world, flight_s)
    (x, _, z), _ = world.pose(body)
    assert flight_s == pytest.approx(872.97, rel=1e-3)
    assert x == pytest.approx(30.864, rel=1e-3)
    assert abs(z) < 1e-3 * 30.864


def test_h08_a_body_rests_on_a_slope_for_an_hour() -> None:
    world = BulletWorld(5 * STEP_US)  # the same world with a coarser step: an hour is long, and a coarse step is harder
    slope, friction = math.radians(15.0), math.sqrt(0.6)
    normal = (-math.sin(slope), 0.0, math.cos(slope))
    world.add_plane(normal, friction)
    turn = (0.0, -math.sin(slope / 2.0), 0.0, math.cos(slope / 2.0))
    body = world.add_box(10.0, (0.2, 0.2, 0.1), tuple(0.1 * n for n in normal), friction, quaternion=turn)
    world.set_gravity((0.0, 0.0, -5.5e-5))
    start = world.pose(body)[0]
    run(world, 3_600.0)
    moved = world.pose(body)[0] - start
    world.close()
    assert float(np.linalg.norm(moved)) < 1e-3
    assert abs(float(moved @ np.array(normal))) < 1e-4
