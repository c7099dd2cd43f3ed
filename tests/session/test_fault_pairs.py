"""Two faults in one PyBullet mission end safe and explained; twelve pairs are flown by benchmarks/fault_pairs.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from stope.session.fault_pairs import draw_pairs, run_pair
from stope.sim.injection import INJECTIONS

PAIRS = (("load_cell.frozen@drill", "bus.sag@drill"), ("imu.frozen@drill", "anchors.lost@drill"))


@pytest.mark.mission
@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_a_pair_of_faults_ends_safe_and_explained(pair: tuple[str, str], tmp_path: Path) -> None:
    end = run_pair(pair, 4, tmp_path)
    assert end.complaints == ()
    assert end.verdict != "PASSED"
    assert end.reason


def test_pairs_are_drawn_by_seed_and_are_ordered() -> None:
    drawn = draw_pairs(12, 1)
    assert drawn == draw_pairs(12, 1) != draw_pairs(12, 2)
    assert len(set(drawn)) == 12
    assert all(a != b for a, b in drawn)
    everything = draw_pairs(10_000, 1)
    driller = [each for each in INJECTIONS.values() if each.needs != "sampler"]
    assert len(everything) == len(driller) * (len(driller) - 1)
