"""Scatter of missions fitted to runs: quantiles of whole visits over their median, never from too few."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stope.mission.errors import InputError
from stope.planning.spreadfile import SpreadFile, read_spread, usual_spread, write_spread
from stope.session.spread import Proof, Visit, fit

ASSUMED = read_spread("assumed")


def visits(count: int, kind: str = "core", scale: float = 1.0, mass_kg: float = 0.05) -> list[Visit]:
    factors = np.linspace(0.9, 1.2, count)
    return [Visit("core", kind, scale * 2.0 * f, scale * 4000.0 * f**2, mass_kg, True, True) for f in factors]


def fitted(found: list[Visit]) -> SpreadFile:
    return fit(found, ASSUMED, "of a test", "2026-11-23", "abc")


def test_quantiles_are_those_of_runs_over_their_median() -> None:
    found = fitted([*visits(21), Visit("core", "core", 0.5, 300.0, 0.0, False, True)])
    assert found.time.quantiles == pytest.approx(np.linspace(0.9, 1.2, 11) / 1.05, abs=1e-4)
    assert found.energy.quantiles[-1] == pytest.approx(1.2**2 / 1.05**2, abs=1e-4)
    assert found.yields.quantiles == (1.0,) * 11
    assert (found.kinds[0].runs, found.kinds[0].broken_off, found.kinds[0].minutes) == (21, 1, 2.1)
    assert found.time.log_sd == pytest.approx(np.log(np.linspace(0.9, 1.2, 21)).std(ddof=1), abs=1e-4)
    assert found.time.log_sd_95 is not None
    low, high = found.time.log_sd_95
    assert low < found.time.log_sd < high


def test_kinds_are_compared_with_their_own_median() -> None:
    one, both = fitted(visits(21)), fitted([*visits(21), *visits(21, "hard rock", 10.0)])
    assert both.time.quantiles == pytest.approx(one.time.quantiles, abs=0.01)
    assert len(both.kinds) == 2


def test_nothing_follows_from_few_runs() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        fitted([*visits(9), replace(visits(1)[0], kind="alone")])
    found = fitted(visits(12, mass_kg=0.0))
    assert found.yields == ASSUMED.yields
    assert found.strength == ASSUMED.strength
    assert found.way == ASSUMED.way
    assert "ASSUMED" in found.rows()["way"]
    assert "12 runs" in found.rows()["time"]


def test_pull_tests_are_counted_against_what_the_belief_expects() -> None:
    held = [replace(each, proof=Proof(0.9, k % 4 > 0)) for k, each in enumerate(visits(20))]
    silent = [replace(visits(1)[0], proof=Proof(0.9, None)), replace(visits(1)[0], proof=Proof(0.9999, True))]
    found = fitted([*held, *silent]).strength
    assert found.runs == 20
    assert found.factor == pytest.approx(15 / 18, abs=1e-3)
    assert found.factor_95 is not None
    assert found.factor_95[0] < found.factor < found.factor_95[1]
    assert "1 more" in found.told


def test_a_spread_file_comes_back_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "spread.yaml"
    write_spread(fitted(visits(21)), file)
    assert read_spread(file) == fitted(visits(21))
    text = file.read_text(encoding="utf-8")
    for bad in (text.replace("[", "", 1), text.replace("factor: 1.0", "factor: .nan"), "{}", "[]",
                text.replace("quantiles: [", "quantiles: [9.0e2, "), text.replace("stope.spread/1", "stope.spread/9"),
                text.replace("quantiles: [", "quantiles: [-0.1, ")):  # fmt: skip
        assert bad != text
        file.write_text(bad, encoding="utf-8")
        with pytest.raises(InputError):
            read_spread(file)
    with pytest.raises(InputError):
        read_spread(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="did you mean 'assumed'"):
        read_spread("asumed")


def test_what_is_shipped_says_what_it_rests_on() -> None:
    usual = read_spread()
    assert usual.spread == usual_spread()
    for row in (usual.time, usual.energy, usual.yields):
        assert row.runs >= 30
        assert row.quantiles[0] < 1.0 < row.quantiles[-1]
    assert usual.strength.runs >= 20
    assert usual.way.runs == 0
    assert "ASSUMED" in usual.rows()["way"]
    assert usual.date
    assert usual.commit
    assert all(kind.runs >= 10 for kind in usual.kinds)
    assert all(row.startswith("x ") and "ASSUMED" in row for row in ASSUMED.rows().values())
