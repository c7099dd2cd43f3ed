"""The particle cloud: exact mass whatever happens, ballistics, classification, merging, speed."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.ledger.accounts import MassBook
from stope.physics.ejecta import flat_range_m, flat_time_s
from stope.physics.site_field import SiteField
from stope.sim.ejecta_cloud import EjectaCloud
from stope.sim.heightmap import HeightMap

GRAVITY = 5.5e-5
ESCAPE = 0.2


class Plain:
    """A level patch of 2 * half_m."""

    half_m = 3.0

    def height(self, xy):
        return np.zeros(len(xy))


class Field:
    def __init__(self, gravity=GRAVITY, spin=(0.0, 0.0, 0.0)):
        self._down, self._spin = np.array([0.0, 0.0, -gravity]), np.asarray(spin)

    def acceleration(self, r, v):
        return self._down - 2.0 * np.cross(self._spin, v)


def cloud(capacity=1000, field=None, escape=ESCAPE):
    return EjectaCloud(capacity, Plain(), field or Field(), escape)


def drift(parcels, seconds, dt=0.01):
    settled = []
    for _ in range(round(seconds / dt)):
        settled += parcels.step(dt)
    return settled


def test_a_hop_has_the_ballistic_time_and_range():
    parcels = cloud(field=Field(0.01))
    velocity = np.array([[0.05, 0.0, 0.05]])
    parcels.launch(np.zeros((1, 3)), velocity, [1000], "regolith")
    elapsed, settled = 0.0, ()
    while not settled:
        settled = parcels.step(0.01)
        elapsed += 0.01
    speed = 0.05 * math.sqrt(2)
    assert elapsed == pytest.approx(float(flat_time_s(speed, math.pi / 4, 0.01)), abs=0.03)
    assert settled[0].xy_m == pytest.approx([float(flat_range_m(speed, math.pi / 4, 0.01)), 0.0], abs=2e-3)
    assert (settled[0].account, settled[0].mass_ug, settled[0].material) == ("fallen_back", 1000, "regolith")
    assert len(parcels) == 0


def test_coriolis_turns_a_flight_and_costs_no_energy():
    spin = 1e-2
    parcels = cloud(field=Field(0.0, (0.0, 0.0, spin)))
    parcels.launch([[0.0, 0.0, 1.0]], [[0.02, 0.0, 0.0]], [1000], "rock")
    drift(parcels, 20.0)
    velocity = parcels.momentum() / 1e-6
    assert np.hypot(*velocity[:2]) == pytest.approx(0.02, rel=1e-4 + spin**2 * 2 * 20.0 * 0.01)
    assert math.atan2(velocity[1], velocity[0]) == pytest.approx(-2 * spin * 20.0, rel=1e-3)


@pytest.mark.parametrize(
    ("velocity", "account"),
    [
        ((0.25, 0.0, 0.02), "escaped"),
        ((0.15, 0.0, 0.10), "beyond_patch"),
        ((0.0, 0.0, 0.30), "escaped"),
        ((1e-3, 0.0, -1e-2), "fallen_back"),
    ],
)
def test_where_a_parcel_ends(velocity, account):
    parcels = cloud()
    parcels.launch([[0.0, 0.0, 0.05]], [velocity], [5000], "regolith")
    settled = drift(parcels, 60.0, dt=0.05)
    assert [s.account for s in settled] == [account]
    assert len(parcels) == 0


def test_below_escape_speed_straight_up_stays_in_flight():
    parcels = cloud()
    parcels.launch([[0.0, 0.0, 0.05]], [[0.0, 0.0, 0.19]], [5000], "regolith")
    assert drift(parcels, 100.0, dt=0.1) == []
    assert parcels.in_flight_ug() == 5000


def test_a_fast_parcel_slowed_by_height_still_counts_as_escaping():
    parcels = cloud(field=Field(1e-3))
    parcels.launch([[0.0, 0.0, 0.0]], [[0.05, 0.0, 0.195]], [5000], "regolith")
    assert [s.account for s in drift(parcels, 120.0, dt=0.05)] == ["escaped"]


def test_nothing_escapes_a_bench():
    parcels = cloud(field=Field(9.81), escape=math.inf)
    parcels.launch([[2.9, 0.0, 0.5]], [[50.0, 0.0, 0.0]], [5000], "sand")
    assert [s.account for s in drift(parcels, 1.0)] == ["beyond_patch"]


@given(st.integers(0, 2**32 - 1), st.integers(4, 64))
@settings(max_examples=12, deadline=None)
def test_case_c15_mass_balance_closes_whatever_happens(seed, capacity):
    rng = np.random.default_rng(seed)
    parcels, book = cloud(capacity, field=Field(0.05)), MassBook()
    for _ in range(30):
        k = int(rng.integers(0, capacity // 2 + 1))
        material = str(rng.choice(["rock", "regolith"]))
        mass = rng.integers(0, 10**6, k)
        book.transfer(material, "ground", "in_flight", int(mass.sum()))
        parcels.launch(np.full((k, 3), [0.0, 0.0, 1e-3]), rng.normal(0.0, 0.3, (k, 3)), mass, material)
        for _ in range(20):
            for gone in parcels.step(0.05):
                book.transfer(gone.material, "in_flight", gone.account, gone.mass_ug)
    assert book.total_error_ug() == 0
    assert book.total("in_flight") == parcels.in_flight_ug() == int(parcels.masses_ug().sum())
    for material in book.materials():
        assert book.balance("in_flight", material) == parcels.in_flight_ug(material)


def test_merging_keeps_mass_and_momentum():
    rng = np.random.default_rng(4)
    parcels = cloud(16)
    total, momentum = 0, np.zeros(3)
    for _ in range(10):
        velocity, mass = rng.normal(0, 0.01, (8, 3)), rng.integers(1, 10**6, 8)
        parcels.launch(np.full((8, 3), 1.0), velocity, mass, "rock")
        total, momentum = total + int(mass.sum()), momentum + (mass * 1e-9) @ velocity
        assert len(parcels) <= 16
    assert parcels.in_flight_ug() == total
    assert parcels.momentum() == pytest.approx(momentum, rel=1e-12)
    assert parcels.in_flight_ug("ice") == 0


def test_settled_and_flying_momentum_add_up():
    parcels = cloud(field=Field(0.0))
    rng = np.random.default_rng(5)
    velocity = rng.normal(0, 0.2, (200, 3))
    parcels.launch(np.full((200, 3), [0.0, 0.0, 0.5]), velocity, np.full(200, 1000), "rock")
    settled = drift(parcels, 10.0)
    left = sum(s.mass_ug * 1e-9 * s.velocity_m_s for s in settled)
    assert settled
    assert left + parcels.momentum() == pytest.approx(1e-6 * velocity.sum(axis=0), rel=1e-12)


@pytest.mark.parametrize(
    ("position", "velocity", "mass", "message"),
    [
        ([[0.0, 0.0, math.nan]], [[0.0, 0.0, 0.0]], [1], "not finite"),
        ([[0.0, 0.0, 0.0]], [[0.0, math.inf, 0.0]], [1], "not finite"),
        ([[0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]], [1.5], "whole micrograms"),
        ([[0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]], [-1], "whole micrograms"),
        ([[0.0, 0.0]], [[0.0, 0.0]], [1], "parcels need"),
        (np.zeros((20, 3)), np.zeros((20, 3)), np.ones(20, dtype=int), "do not fit"),
    ],
)
def test_what_a_cloud_refuses(position, velocity, mass, message):
    parcels = cloud(16)
    with pytest.raises(ValueError, match=message):
        parcels.launch(position, velocity, mass, "rock")
    assert parcels.in_flight_ug() == 0


def test_a_cloud_needs_room_and_an_escape_speed():
    for arguments in ((1, ESCAPE), (10, 0.0), (10, math.nan)):
        with pytest.raises(ValueError, match="room"):
            EjectaCloud(arguments[0], Plain(), Field(), arguments[1])


@pytest.mark.parametrize("count", [100, 10_000])
def test_a_million_particle_steps_take_less_than_a_second(count):
    ground = HeightMap(0.02, np.zeros((200, 200)), np.zeros((200, 200)))
    parcels = EjectaCloud(20_000, ground, SiteField.uniform(GRAVITY, 0.2), 0.2)
    velocity = np.random.default_rng(6).normal(0, 1e-3, (count, 3))
    parcels.launch(np.full((count, 3), [0.0, 0.0, 2.0]), velocity, np.full(count, 1000), "rock")
    parcels.step(0.01)  # compiled now, if not before
    start = time.process_time()
    for _ in range(1_000_000 // count):
        parcels.step(0.01)
    assert len(parcels) == count
    assert time.process_time() - start < 1.0
