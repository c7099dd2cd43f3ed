"""Scatter of missions fitted to runs: bounds by percentiles of whole visits over their median, never from too few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stope.mission.errors import InputError
from stope.planning.luck import Spread, read_spread, write_spread
from stope.session.spread import Visit, spread_of


def visits(count: int, kind: str = "core", scale: float = 1.0, mass_kg: float = 0.05) -> list[Visit]:
    factors = np.linspace(0.9, 1.2, count)
    return [Visit(kind, scale * 2.0 * f, scale * 4000.0 * f**2, mass_kg, True) for f in factors]


def test_bounds_are_percentiles_over_the_median() -> None:
    spread, told = spread_of([*visits(21), Visit("core", 0.5, 300.0, 0.0, False)])
    assert spread.time == pytest.approx((0.906 / 1.05, 1.194 / 1.05), rel=1e-3)
    assert spread.energy == pytest.approx((0.906**2 / 1.05**2, 1.194**2 / 1.05**2), rel=1e-2)
    assert spread.yields == (1.0, 1.0)
    assert "21 of 22 runs gripped" in told


def test_kinds_are_compared_with_their_own_median() -> None:
    one, _ = spread_of(visits(21))
    both, _ = spread_of([*visits(21), *visits(21, "hard rock", 10.0)])
    assert both.time == pytest.approx(one.time, rel=0.01)  # percentiles of twice as many


def test_nothing_follows_from_few_runs() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        spread_of([*visits(9), Visit("alone", 1.0, 1.0, 0.1, True)])
    spread, told = spread_of(visits(12, mass_kg=0.0))
    assert spread.yields == Spread().yields
    assert "assumed" in told


def test_a_spread_file_comes_back_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    spread, _ = spread_of(visits(21))
    file = tmp_path / "spread.json"
    write_spread(spread, file)
    assert read_spread(file) == spread
    text = file.read_text(encoding="utf-8")
    for bad in (text.replace("[", "", 1), text.replace('"strength": 1.0', '"strength": NaN'), "{}", "[]",
                text.replace('"time": [', '"time": [9e99, ')):  # fmt: skip
        file.write_text(bad, encoding="utf-8")
        with pytest.raises(InputError):
            read_spread(file)
    with pytest.raises(InputError):
        read_spread(tmp_path / "none.json")
