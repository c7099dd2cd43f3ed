"""First contact in PyBullet: a seeded few of `benchmarks/first_contact.py`."""

from __future__ import annotations

import pytest

from stope.control.contact import REBOUND_SHARE
from stope.session.first_contact import Terrain, first_contact

pytestmark = pytest.mark.mission


@pytest.mark.parametrize("terrain", [Terrain("bennu", "c_boulder_weak"), Terrain("dimorphos", "s_rock")])
def test_the_first_grip_holds_and_the_rebound_stays_far_below_what_is_promised(terrain: Terrain) -> None:
    seen = first_contact(terrain, seed=1)
    assert seen.holds
    assert seen.touch_m_s > 0.01  # it did come down
    assert seen.rebound_share < 0.5 * REBOUND_SHARE
    assert seen.grip_s < 10.0
    assert 0.0 < seen.gas_kg < 0.1


def test_metal_gives_spines_nothing_to_hold() -> None:
    """The measure can fail: half a newton, by `metal.yaml`."""
    seen = first_contact(Terrain("psyche", "metal", "m_regolith"), seed=1)
    assert not seen.holds
    assert seen.rebound_share < REBOUND_SHARE
