"""`stope plan` from file to file: plan, picture, explanation, forecast; a person's edit; and errors in one sentence."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stope.cli import app
from stope.mission.errors import InputError
from stope.mission.expedition import load_expedition
from stope.mission.planfile import read_plan, write_plan
from stope.mission.shipped import find_data, shipped
from stope.planning.desk import Desk
from stope.planning.framing import frame
from stope.planning.ways import way_m

RUN = CliRunner()
NAME = "bennu_six_days"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plan") / "plan.json"
    result = RUN.invoke(app, ["plan", NAME, "--out", str(out), "--iterations", "400", "--simulate", "20", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["forecast"]["missions"] == 20
    assert told["forecast"]["good"][1] <= told["forecast"]["good"][0] <= told["forecast"]["good"][2]
    return out


def test_plan_file_is_whole_and_its_picture_is_svg(made: Path) -> None:
    plan, _ = read_plan(made)
    assert plan.intact
    assert len(plan.activities) > 20
    tree = ET.parse(made.with_suffix(".svg"))
    assert tree.getroot().tag.endswith("svg")
    boxes = [each for each in tree.iter() if each.tag.endswith("title")]
    assert len(boxes) == len(plan.activities)


def test_same_seed_same_bytes(made: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.json"
    assert RUN.invoke(app, ["plan", NAME, "--out", str(again), "--iterations", "400"]).exit_code == 0
    assert again.read_bytes() == made.read_bytes()


def test_check_accepts_the_plan(made: Path) -> None:
    result = RUN.invoke(app, ["plan", NAME, "--check", str(made)])
    assert result.exit_code == 0
    assert "may run" in result.output


def test_edit_that_breaks_a_limit_is_refused_with_its_line(made: Path, tmp_path: Path) -> None:
    lines = made.read_text().splitlines()
    at = next(k for k, line in enumerate(lines) if '"survey"' in line)
    activity = json.loads(lines[at].strip().rstrip(","))
    lines[at] = lines[at].replace(f'"start_min": {activity["start_min"]}', f'"start_min": {activity["start_min"] - 5}')
    bad, out = tmp_path / "bad.json", tmp_path / "out.json"
    bad.write_text("\n".join(lines))
    result = RUN.invoke(app, ["plan", NAME, "--edit", str(bad), "--out", str(out)])
    assert result.exit_code == 1
    assert f"bad.json:{at + 1}: duration" in result.stderr
    assert not out.exists()


def test_edit_that_drops_the_last_site_is_accepted_and_signed_anew(made: Path, tmp_path: Path) -> None:
    """A person drops the last visit and goes home from the site before, which takes what that way takes."""
    plan, _ = read_plan(made)
    last = [a.site for a in plan.activities if a.task == "survey"][-1]
    kept = [a for a in plan.activities if a.site != last]
    before, home, unload = kept[-3:]
    assert [(each.task, each.site) for each in (home, unload)] == [("approach", "depot"), ("unload", "depot")]
    problem = Desk(NAME, (), None, 1).problem
    node = next((site.number for site in problem.sites if site.name == before.site), 0)
    assert node, "the visit before the last was no visit"
    arrive = before.end_min + problem.travel_minutes[node][0]
    text = "\n".join(line for line in made.read_text().splitlines() if f'"{last}"' not in line)
    for each, start, end in (
        (home, before.end_min, arrive),
        (unload, arrive, arrive + unload.end_min - unload.start_min),
    ):
        times = f'"start_min": {each.start_min}, "end_min": {each.end_min}'
        assert text.count(times) == 1
        text = text.replace(times, f'"start_min": {start}, "end_min": {end}')
    edited, out = tmp_path / "edited.json", tmp_path / "out.json"
    edited.write_text(text)
    result = RUN.invoke(app, ["plan", NAME, "--edit", str(edited), "--out", str(out)])
    assert result.exit_code == 0, result.output
    again, _ = read_plan(out)
    assert again.intact
    assert again.edited
    assert again.sha256 != plan.sha256
    assert last not in {a.site for a in again.activities}
    gain = next(site.gain for site in problem.sites if site.name == last) / 100
    assert 0.0 < plan.value - again.value <= gain


def test_plan_of_another_expedition_is_refused(made: Path) -> None:
    result = RUN.invoke(app, ["plan", "bennu_three_robots", "--check", str(made)])
    assert result.exit_code == 2
    assert "plan.json:4" in result.stderr
    assert "expedition_sha256" in result.stderr


def test_impossible_demand_exits_1_with_the_group(tmp_path: Path) -> None:
    text = find_data("expedition", NAME).read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("name: ridge-7,", "name: ridge-7, demanded: true,", 1))
    arguments = ["plan", str(file), "--out", str(tmp_path / "p.json"), "--iterations", "50"]
    good = RUN.invoke(app, arguments)
    assert good.exit_code == 0, good.stderr
    bad = RUN.invoke(app, [*arguments, "--set", "rovers.bin_kg=0.5"])
    assert bad.exit_code == 1
    assert "bin makes it impossible" in bad.stderr
    assert "kg more bin" in bad.stderr


def test_what_a_plan_claims_of_its_shares_does_not_widen_the_band(tmp_path: Path) -> None:
    desk = Desk(NAME, ("agreement.slack_kg=0", "agreement.tolerance=0"), None, 100)
    made = Desk(NAME, (), None, 100).plan()
    assert made is not None
    claims = made.model_copy(update={"unfair_kg": 100.0, "expedition_sha256": desk.digest})
    write_plan(claims, tmp_path / "plan.json")
    _, complaints = desk.judge(tmp_path / "plan.json")
    assert len(complaints) == 1
    assert "shares miss the band" in complaints[0]
    assert 0 < desk.edited(claims).unfair_kg < 100.0


def test_why_not_names_the_site_or_the_nearest_error(tmp_path: Path) -> None:
    arguments = ["plan", NAME, "--out", str(tmp_path / "p.json"), "--iterations", "100", "--why-not"]
    assert "ridge-7:" in RUN.invoke(app, [*arguments, "ridge-7"]).output
    wrong = RUN.invoke(app, [*arguments, "ridge-99"])
    assert wrong.exit_code == 2
    assert "ridge-99" in wrong.stderr


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("ground: regolith,", "ground: cheese,", "ground"),
        ("horizon_min: 1548", "horizon_min: 12.5", "horizon_min"),
        ("share: 0.40", "share: 0.45", "partners"),
        ("reserve_wh: 60", "reserve_wh: 400", "reserve_wh"),
        ("bit_wear: 60", "bit_ware: 60", "bit_ware"),
    ],
)
def test_errors_name_file_line_and_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    text = find_data("expedition", NAME).read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(InputError, match=field) as caught:
        load_expedition(file)
    assert abs((caught.value.line or 0) - line) <= 1


@pytest.mark.parametrize("name", sorted(shipped("expedition")))
def test_shipped_expeditions_have_good_plans(name: str) -> None:
    made = Desk(name, (), None, 60).plan()
    assert made is not None
    assert made.value > 0
    assert made.unfair_kg == 0


def test_stronger_belief_makes_a_site_worth_more() -> None:
    weak = frame(load_expedition(NAME, ("sites.0.strength=0.4",)))
    strong = frame(load_expedition(NAME, ("sites.0.strength=1.2",)))
    tested = frame(load_expedition(NAME, ("sites.0.strength=0.4", "sites.0.survived_n=70")))
    assert weak.sites[0].hold < tested.sites[0].hold
    assert weak.sites[0].hold < strong.sites[0].hold
    assert weak.sites[0].gain < strong.sites[0].gain


def test_ways_go_around_keep_out_discs() -> None:
    straight = way_m((0, 0), (10, 0))
    assert straight == 10
    through_the_middle = way_m((0, 0), (10, 0), [(5, 0, 2)])
    assert through_the_middle == pytest.approx(10 - 4 + 3.14159265 * 2)
    assert way_m((0, 0), (10, 0), [(5, 3, 2)]) == 10
