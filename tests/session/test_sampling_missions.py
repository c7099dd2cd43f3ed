"""The gas sampler in whole missions: refused without anchors, parked on them when its valve stays open."""

from __future__ import annotations

import pytest
from short_missions import run

from stope.session.outcome import FAILED

pytestmark = pytest.mark.mission


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
