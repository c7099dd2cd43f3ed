"""Shipped missions and real shape models: each ends with a verdict and closed books."""

from __future__ import annotations

from pathlib import Path

import pytest
from short_missions import SHORT, drill_only, run, run_short

from stope.mission.shipped import shipped
from stope.session.outcome import FAILED, PASSED
from stope.session.spread import visit_of

SHAPES = Path(__file__).parents[3] / "shared" / "shapes"
MESHES = ("bennu_14744", "bennu_1474", "eros_7790", "ryugu_5932", "itokawa_1622")

pytestmark = pytest.mark.mission


def test_every_shipped_mission_is_run_here() -> None:
    assert set(SHORT) == set(shipped("mission"))


@pytest.mark.parametrize("name", SHORT)
def test_a_shipped_mission_passes_without_a_false_alarm(name: str) -> None:
    outcome = run_short(name)
    assert (outcome.verdict, outcome.reason, outcome.exit_code) == (PASSED, "", 0)
    assert outcome.detections == ()
    assert {row.state for row in outcome.tasks} == {"succeeded"}


@pytest.mark.parametrize("name", SHORT)
def test_what_was_asked_was_done(name: str) -> None:
    outcome = run_short(name)
    wanted = {key.rsplit(".", 1)[1]: float(value) for key, _, value in (text.partition("=") for text in SHORT[name])}
    drilled = "drill" in {row.task for row in outcome.tasks}
    assert outcome.depth_m == pytest.approx(wanted.get("depth_m", 0.0), abs=1e-3)
    assert (10.0 if drilled else 2.0) < outcome.peak_weight_on_bit_n < (66.0 if drilled else 6.0)
    assert outcome.worst_margin > 0.0
    assert outcome.collected_kg >= (1.0 if drilled else 0.95) * wanted.get("mass_kg", 0.0)  # a pulse is not counted out


@pytest.mark.parametrize("name", SHORT)
def test_books_close(name: str) -> None:
    outcome = run_short(name)
    assert outcome.mass_error_ug == 0
    assert outcome.mass_error_rel < 1e-9
    assert outcome.impulse_error_rel < 1e-5
    assert sum(sum(row.values()) for row in outcome.mass_kg.values()) == pytest.approx(0.0, abs=1e-9)
    assert outcome.escaped_kg is not None
    assert outcome.escaped_kg <= 1e-3 * -sum(outcome.mass_kg["ground"].values())


def test_a_runs_log_says_what_its_visit_took() -> None:
    outcome = run_short("bennu_core")
    visit = visit_of(outcome.log)
    assert visit is not None
    worked = [row for row in outcome.tasks if row.task != "descend"]
    assert visit.minutes == pytest.approx(sum(row.duration_s for row in worked) / 60, abs=0.01)
    assert 0 < visit.energy_j < outcome.energy_j
    assert visit.mass_kg > 0.015
    assert visit.whole
    assert visit.works
    assert visit.proof is not None
    assert visit.proof.held
    assert visit.proof.chance > 0.99
    assert '"seed"' not in visit.kind


@pytest.mark.parametrize("mesh", MESHES)
def test_a_real_shape_is_worked_or_refused_for_a_physical_reason(mesh: str, tmp_path: Path) -> None:
    file = SHAPES / f"{mesh}.obj"
    if not file.is_file():
        pytest.skip(f"the shape model {file.name} is not on this machine")
    outcome = run(drill_only(tmp_path), body=str(file))
    assert outcome.verdict in (PASSED, FAILED)
    assert outcome.detections == ()
    assert outcome.mass_error_ug == 0
    if outcome.verdict == FAILED:
        assert any(word in outcome.reason for word in ("slopes by", "mm/min", "bound", "hold", "ground"))


def test_a_site_too_steep_is_refused_before_anything_moves(tmp_path: Path) -> None:
    file = SHAPES / "ryugu_5932.obj"
    if not file.is_file():
        pytest.skip(f"the shape model {file.name} is not on this machine")
    outcome = run(drill_only(tmp_path), body=str(file))  # 44 deg at the mission's latitude and longitude
    assert outcome.verdict == FAILED
    assert outcome.exit_code == 1
    assert outcome.reason.startswith("the site slopes by 44 deg")
    assert {row.state for row in outcome.tasks} == {"skipped"}
    assert outcome.sim_s == 0.0
