"""The gas sampler in whole missions: refused without anchors, parked on them when its valve stays open."""

from __future__ import annotations

import pytest
from short_missions import run, run_short

from stope.session.outcome import FAILED

pytestmark = pytest.mark.mission


def test_a_sample_is_booked_to_the_microgram_and_its_gas_too() -> None:
    outcome = run_short("bennu_sample")
    booked = {account: sum(row.values()) for account, row in outcome.mass_kg.items() if "bennu_regolith" in row}
    assert booked["bin"] == pytest.approx(outcome.collected_kg, abs=2e-3)
    assert booked.get("escaped", 0.0) <= 1e-3 * -booked["ground"]
    assert sum(booked.values()) == pytest.approx(0.0, abs=1e-9)
    left_kg, spent_kg = (outcome.mass_kg[account]["propellant"] for account in ("tank", "space"))
    assert left_kg + spent_kg == pytest.approx(0.5, abs=1e-9)
    assert 0.3 < outcome.propellant_kg < 0.5


def test_without_anchors_no_gas_is_let_out_at_the_ground() -> None:
    outcome = run("bennu_sample", anchors="none")
    states = {row.task: row for row in outcome.tasks}
    assert (outcome.verdict, outcome.exit_code) == (FAILED, 1)
    assert states["sample"].state == "refused"
    assert "0 anchors hold, the sampler needs 3" in outcome.reason
    assert outcome.collected_kg < 1e-3


def test_a_valve_that_stays_open_keeps_it_on_its_anchors() -> None:
    outcome = run("bennu_sample", inject=("sampler.valve_open@sample",))
    states = {row.task: row.state for row in outcome.tasks}
    assert outcome.exit_code == 1
    assert states["sample"] == "interrupted"
    assert states["release"] == "skipped"  # letting go would be flying off
    assert "kg of gas have left the tank without a pulse" in outcome.reason
    assert outcome.worst_margin > 0.3
    assert outcome.mass_error_ug == 0
    assert outcome.impulse_error_rel < 1e-5
