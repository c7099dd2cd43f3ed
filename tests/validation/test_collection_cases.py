"""Published and analytic collection cases C01-C15 (research/physics.md, section 9)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stope.ledger.accounts import MassBook
from stope.physics import ejecta, excavation
from stope.sim.ejecta_cloud import EjectaCloud


def test_c01_mckyes_in_the_rankine_limit():
    """Vertical smooth blade, phi 30 and 37 deg: N_g = Kp/2, N_c = 2 sqrt(Kp)."""
    phi = np.radians([30.0, 37.0])
    n = excavation.mckyes_coefficients(math.pi / 2, 0.0, phi)
    assert n.gravity == pytest.approx([1.500, 2.011], rel=1e-3)
    assert n.cohesion == pytest.approx([3.464, 4.011], rel=1e-3)
    passive = np.tan(math.pi / 4 + phi / 2) ** 2
    assert n.gravity == pytest.approx(passive / 2, rel=1e-12)
    assert n.cohesion == pytest.approx(2 * np.sqrt(passive), rel=1e-12)
    assert n.failure_angle_rad == pytest.approx(math.pi / 4 - phi / 2, rel=1e-9)


def test_c02_blade_from_earth_to_bennu():
    """3 x 20 cm, a 45, delta 20, phi 35 deg: Earth, Moon, Bennu with 1 Pa, cohesionless Bennu."""
    force = excavation.mckyes_force(
        0.03,
        0.20,
        density_kg_m3=np.array([1600.0, 1600.0, 600.0, 600.0]),
        cohesion_pa=np.array([200.0, 200.0, 1.0, 0.0]),
        friction_rad=math.radians(35.0),
        gravity_m_s2=np.array([9.81, 1.62, 5.5e-5, 5.5e-5]),
        rake_rad=math.radians(45.0),
        tool_friction_rad=math.radians(20.0),
    )
    assert force == pytest.approx([7.0, 3.2, 0.0124, 9.6e-6], rel=0.01)


def test_c06_counter_rotating_drums_cancel():
    """RASSOR: equal soil, net horizontal force < 5 % of one drum's, here with the depths 1 mm apart in 30 mm.

    Each drum's cutting direction is opposite to the other's; the vertical forces and torques do not cancel so.
    """
    ground = (1190.0, 50.0, math.radians(37.0), 5.5e-5)
    fore = excavation.drum_cut(0.030, 0.15, 0.15, 2.0, 0.0, *ground)
    aft = excavation.drum_cut(0.031, 0.15, 0.15, 2.0, 0.0, *ground)
    assert fore.horizontal_n > 0.1
    assert abs(fore.horizontal_n - aft.horizontal_n) < 0.05 * fore.horizontal_n
    assert fore.torque_nm > 0.0
    assert aft.torque_nm > 0.0


def test_c12_projectile_recoil():
    """5 g at 300 m/s from a 609 kg craft: 1.5 N s, 2.5 mm/s; here as a parcel's momentum in the cloud."""

    class Still:
        half_m = 1.0

        def height(self, xy):
            return np.full(len(xy), -1e3)

        def acceleration(self, r, v):
            return np.zeros_like(r)

    cloud = EjectaCloud(10, Still(), Still(), 0.2)
    cloud.launch([[0.0, 0.0, 0.0]], [[0.0, 0.0, -300.0]], [5_000_000], "tantalum")
    impulse = -cloud.momentum()[2]
    assert impulse == pytest.approx(1.5, rel=0.01)
    assert impulse / 609.0 == pytest.approx(2.5e-3, rel=0.02)


def test_c15_ejecta_above_escape_speed_are_lost_and_the_balance_closes():
    """A bare 27 mm bit at 40 rad/s on Bennu: the escaped share is the share launched faster than escape."""
    gravity, escape, parcels, mass_ug = 8.1e-5, 0.20, 4000, 250

    class Bennu:
        half_m = 2.0

        def height(self, xy):
            return np.zeros(len(xy))

        def acceleration(self, r, v):
            return np.broadcast_to((0.0, 0.0, -gravity), r.shape)

    rng = np.random.default_rng(15)
    speed = ejecta.launch_speed(rng.uniform(size=parcels), 0.027, 0.013, 40.0)
    azimuth, elevation = rng.uniform(0, 2 * math.pi, parcels), rng.uniform(0.3, 1.2, parcels)
    flat = speed * np.cos(elevation)
    velocity = np.column_stack([flat * np.cos(azimuth), flat * np.sin(azimuth), speed * np.sin(elevation)])
    cloud, book = EjectaCloud(parcels, Bennu(), Bennu(), escape), MassBook()
    book.transfer("regolith", "ground", "in_flight", parcels * mass_ug)
    cloud.launch(np.zeros((parcels, 3)), velocity, np.full(parcels, mass_ug), "regolith")
    for _ in range(20_000):
        for gone in cloud.step(0.05):
            book.transfer(gone.material, "in_flight", gone.account, gone.mass_ug)
        if not len(cloud):
            break
    launched = parcels * mass_ug
    assert book.total_error_ug() == 0
    assert sum(book.total(a) for a in ("escaped", "fallen_back", "beyond_patch", "in_flight")) == launched
    assert book.total("in_flight") == cloud.in_flight_ug() == 0
    assert book.total("escaped") == int(ejecta.escapes(speed, escape).sum()) * mass_ug
    share = float(ejecta.lost_fraction(escape, 0.027, 0.013, 40.0, hooded=0.0))
    assert book.total("escaped") / launched == pytest.approx(share, abs=0.03)
