"""Cases C12 and C15 once more, in the simulator's own ejecta cloud and mass book."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stope.ledger.accounts import MassBook
from stope.physics import ejecta
from stope.sim.ejecta_cloud import EjectaCloud


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
