"""Scenario files: what varies is drawn by name from the seed, and what is wrong is said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stope.mission.errors import InputError
from stope.mission.scenario import Limit, Vary, load_scenario
from stope.mission.shipped import shipped

GOOD = """schema_version: 1
name: mine
mission: lab_bench
vary:
  - {field: site.roughness_m, uniform: [0.0005, 0.002]}
acceptance:
  - {quantity: passed, statistic: share, at_least: 0.9}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", shipped("scenario"))
def test_shipped_scenarios_load(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.settings(1) == scenario.settings(1) != scenario.settings(2)


@given(seed=st.integers(0, 2**62))
def test_draws_stay_in_range_and_fields_have_streams_of_their_own(seed: int) -> None:
    a, b = (Vary(field=field, uniform=(0.002, 0.008)).draw(seed) for field in ("site.roughness_m", "site.cover_m"))
    assert 0.002 <= a <= 0.008
    assert a != b


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("statistic: share", "statistic: p05", "share"),
        ("at_least: 0.9", "at_least: 0.9, at_most: 1", "one of them"),
        ("quantity: passed", "quantity: passes", "passes"),
        ("uniform: [0.0005, 0.002]", "uniform: [0.002, 0.0005]", "a least below a greatest"),
        ("site.roughness_m", "site.roughnes_m", "roughnes_m"),
        ("mission: lab_bench", "mission: lab_bunch", "lab_bench"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_scenario(write(tmp_path, GOOD.replace(old, new)))


def test_a_bound_holds_for_what_was_measured_alone() -> None:
    limit = Limit(quantity="depth_m", statistic="min", at_least=0.02)
    assert limit.holds(0.02)
    assert not limit.holds(0.0199)
    assert not limit.holds(None)
    assert not limit.holds(float("nan"))
