"""`stope run --plan`: a plan file is flown at activity level, its events and decisions are in the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from short_missions import drill_only

from stope.mission.errors import InputError
from stope.planning.desk import Desk
from stope.session import flight
from stope.session.flight import FlightRequest, fly_plan


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plan") / "plan.json"
    desk = Desk("bennu_six_days", (), None, 100)
    made = desk.plan()
    assert made is not None
    desk.write(made, out)
    return out


def lines(out: Path, what: str) -> list[dict[str, object]]:
    told = [json.loads(line) for line in (out / "flight.jsonl").read_text(encoding="utf-8").splitlines()]
    return [line for line in told if line["what"] == what]


def test_a_plan_file_is_flown_and_logged(plan: Path, tmp_path: Path) -> None:
    end = fly_plan(FlightRequest("bennu_six_days", plan, tmp_path / "run"))
    events, decisions = lines(tmp_path / "run", "event"), lines(tmp_path / "run", "decision")
    assert end.visited >= 3
    assert len(decisions) == len(events) == len(end.log) - 1
    assert all(line["reason"] for line in decisions)
    assert all(line["changes"] for line in decisions if line["swapped"])
    assert lines(tmp_path / "run", "end")[0]["value"] == end.value
    again = fly_plan(FlightRequest("bennu_six_days", plan, tmp_path / "again"))
    assert again == end


def test_a_changed_plan_that_breaks_a_limit_is_not_flown(plan: Path, tmp_path: Path) -> None:
    bad = tmp_path / "plan.json"
    text = plan.read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if '"pull_test"' in line)
    bad.write_text(text.replace(first, first.replace("pull_test", "survey")), encoding="utf-8")
    with pytest.raises(InputError, match="may not run"):
        fly_plan(FlightRequest("bennu_six_days", bad, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_what_a_sites_mission_came_to_is_what_the_flight_goes_on_with(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The missions themselves run elsewhere (tests/session/test_missions.py); here none of the anchors holds."""
    asked: list[str] = []

    def no_hold(_expedition: object, name: str, *_: object) -> tuple[bool, float, str]:
        asked.append(name)
        return False, 0.0, "anchor failed: 1 of 4 grippers hold"

    monkeypatch.setattr(flight, "run_site", no_hold)
    end = fly_plan(FlightRequest("bennu_six_days", plan, tmp_path / "run", template="bennu_core"))
    assert end.collected_kg == 0.0
    assert end.failures == len([line for line in lines(tmp_path / "run", "event") if line["outcome"] == "failed"]) > 2
    assert [line["site"] for line in lines(tmp_path / "run", "mission")] == asked


def test_several_robots_are_not_for_pybullet(tmp_path: Path) -> None:
    desk = Desk("bennu_three_robots", (), None, 20)
    made = desk.plan()
    assert made is not None
    desk.write(made, tmp_path / "plan.json")
    with pytest.raises(InputError, match="one robot"):
        fly_plan(FlightRequest("bennu_three_robots", tmp_path / "plan.json", tmp_path / "run", template="bennu_core"))


TWO_HOLES = """\
kind: expedition
schema_version: 1
name: two_holes
seed: 3
body: bennu
horizon_min: 774
sunlight: {period_min: 258, open_min: 129}
communication: {period_min: 430, open_min: 45, first_min: 100}
grounds:
  - name: boulder
    material: c_boulder_strong
    value_per_kg: 18
    work_pull_n: 60
    drill: {minutes: 30, watts: 80}
    wear: 5
sites:
  - {name: near, x_m: 10, y_m: 0, ground: boulder, mass_kg: 2.0, partner: us}
  - {name: far, x_m: 20, y_m: 10, ground: boulder, mass_kg: 2.0, partner: us}
agreement:
  partners: [{name: us, share: 1.0}]
"""


@pytest.mark.mission
def test_a_fault_at_one_site_changes_the_plan_while_the_robot_is_still_leaving(tmp_path: Path) -> None:
    """The load cell freezes in a real hole: the drill is not used again, so the second hole is dropped at once."""
    expedition = tmp_path / "two_holes.yaml"
    expedition.write_text(TWO_HOLES, encoding="utf-8")
    desk = Desk(str(expedition), (), None, 50)
    made = desk.plan()
    assert made is not None
    assert len(desk.found.visited) == 2
    desk.write(made, tmp_path / "plan.json")
    asked = FlightRequest(
        str(expedition), tmp_path / "plan.json", tmp_path / "run", template=str(drill_only(tmp_path)),
        inject=("load_cell.frozen@drill",),
    )  # fmt: skip
    end = fly_plan(asked)
    told = [json.loads(line) for line in (tmp_path / "run" / "flight.jsonl").read_text(encoding="utf-8").splitlines()]
    kinds = [line["what"] for line in told]
    assert kinds[:3] == ["anomaly", "anomaly", "mission"]  # the tool is lost, then its task has failed
    first, failed = told[:2]
    assert (first["code"], first["lost"], first["task"]) == ("load_cell.frozen", "drill", "drill")
    assert failed["lost"] == ""
    decision = told[kinds.index("decision")]
    assert kinds.index("decision") < kinds.index("event")
    assert decision["swapped"]
    assert decision["changes"] == [f"drops {({'near', 'far'} - {first['site']}).pop()} (robot 0)"]
    assert "load_cell.frozen in minute" in decision["reason"]
    assert f"frozen until minute {first['frozen_until']}" in decision["reason"]
    event = told[kinds.index("event")]
    assert first["minute"] < event["minute"] <= first["frozen_until"]
    assert kinds.count("mission") == kinds.count("event") == 1  # the second hole was never begun
    assert end.violations == ()


def test_faults_and_robots_of_flights_need_work_at_sites(plan: Path, tmp_path: Path) -> None:
    for given in ({"inject": ("bit.broken@drill",)}, {"robot": "firmware"}):
        with pytest.raises(InputError, match="without --sites"):
            fly_plan(FlightRequest("bennu_six_days", plan, tmp_path / "run", **given))
    assert not (tmp_path / "run").exists()
