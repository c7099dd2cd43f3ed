"""Missions: order, bounds, belief, references; and the resolved document that goes into the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stope.mission.body import Body, load_body
from stope.mission.errors import InputError
from stope.mission.material import load_material
from stope.mission.missionfile import Collect, DrillTask, Mission, load_mission, read_mission
from stope.mission.resolve import digest, resolved_mission
from stope.mission.shipped import data_root, shipped
from stope.mission.source import InputErrors, read_yaml

BENNU = (data_root() / "missions" / "bennu_core.yaml").read_text()


def changed(folder: Path, *changes: tuple[str, str]) -> Path:
    text = BENNU
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    file = folder / "mission.yaml"
    file.write_text(text)
    return file


def test_every_shipped_mission_loads_under_its_own_name() -> None:
    assert set(shipped("mission")) >= {"bennu_core", "eros_core", "lab_bench", "lab_miner", "quick_core"}
    for name in shipped("mission"):
        mission = load_mission(name)
        assert mission.name == name
        assert mission.believed.rock == mission.site.rock
        assert mission.hold_probability == 0.999


def test_the_demo_asks_for_what_the_readme_says() -> None:
    mission = load_mission("bennu_core")
    assert [task.task for task in mission.tasks] == [
        "descend", "anchor", "pull_test", "drill", "collect", "stow", "release",
    ]  # fmt: skip
    drill = next(task for task in mission.tasks if isinstance(task, DrillTask))
    collect = next(task for task in mission.tasks if isinstance(task, Collect))
    assert (drill.depth_m, collect.mass_kg) == (0.08, 0.30)
    assert (mission.site.rock, mission.site.cover_m, mission.site.pond_radius_m) == ("c_boulder_strong", 0.03, 0.45)
    assert mission.start_us == 1_803_902_400_000_000


def test_belief_may_differ_from_the_site_one_material_at_a_time(tmp_path: Path) -> None:
    file = changed(tmp_path, ("approach:", "believed: {rock: c_boulder_weak}\napproach:"))
    mission = load_mission(file)
    assert mission.believed.model_dump() == {"rock": "c_boulder_weak", "cover": "bennu_regolith"}
    assert mission.site.rock == "c_boulder_strong"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("- task: anchor", "- task: drill\n    depth_m: 0.1\n  - task: anchor", "'drill' without 'anchor' before it"),
        (
            "- task: stow",
            "- task: descend\n  - task: stow",
            "'descend' after 'collect', expected the order descend, anchor",
        ),
        ("- task: stow", "- task: stow\n  - task: stow", "'stow' a second time"),
        ("- task: stow\n", "- task: stow\n  - task: pull_test\n", "'pull_test' after 'stow'"),
        ("cover_m: 0.03", "cover_m: 0", "'collect' at a site without cover"),
        (
            "depth_m: 0.015",
            "depth_m: 0.05",
            "expected at most the depth of the cover, 0.03 m; a drum does not cut rock",
        ),
        ("cell_m: 0.02", "cell_m: 0.002", "2000 cells along an edge, expected 20 to 1024"),
        ("boulder_max_m: 0.25", "boulder_max_m: 2.5", "expected at most half the patch, 2 m"),
        ("hold_probability: 0.999", "hold_probability: 0.001", "expected at least 0.5"),
        ("hold_probability: 0.999", "hold_probability: 1", "expected at most 0.999999"),
        ("seed: 20270301", "seed: -1", "expected at least 0"),
        ('"2027-03-01T12:00:00Z"', "2027-03-01T12:00:00", "a UTC instant such as"),
        ('"2027-03-01T12:00:00Z"', '"2027-02-30T12:00:00Z"', "a UTC instant such as"),
        ("licence: CC-BY-4.0", "licence: free for all", "one word of letters"),
        ("schema_version: 1", "schema_version: 2", "schema_version: read 2, expected 1"),
        ("latitude_deg: 47.0", "latitude_deg: 147", "expected at most 90 degrees"),
        ("robot: miner", "robot: mine", "read 'mine', expected a shipped robot (did you mean 'miner'?)"),
        ("body: bennu", "body: benu", "did you mean 'bennu'?"),
        ("rock: c_boulder_strong", "rock: granite", "site.rock: read 'granite', expected a shipped material"),
        ("body: bennu", "body: ./mine.yaml", "read './mine.yaml', expected a body file"),
    ],
)
def test_what_a_mission_cannot_be(tmp_path: Path, before: str, after: str, words: str) -> None:
    file = changed(tmp_path, (before, after))
    with pytest.raises(InputError) as caught:
        load_mission(file)
    error = caught.value
    assert words in str(error)
    assert not isinstance(error, InputErrors)
    assert error.line is not None
    line = file.read_text().splitlines()[error.line - 1]
    assert after.split("\n")[0].split(":")[0].strip() in line or "task:" in line


def test_a_material_that_is_unknown_is_told_once_though_it_is_believed_too(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_mission(changed(tmp_path, ("cover: bennu_regolith", "cover: benu_regolith"), ("robot: miner", "robot: x")))
    assert isinstance(caught.value, InputErrors)
    assert [error.field for error in caught.value.errors] == ["site.cover", "robot"]


def test_overrides_reach_tasks_and_defaults_and_references() -> None:
    mission = load_mission("bennu_core", ("tasks.drill.depth_m=0.05", "approach.tilt_deg=0", "site.rock=s_rock"))
    drill = next(task for task in mission.tasks if isinstance(task, DrillTask))
    assert (drill.depth_m, mission.approach.tilt_deg, mission.believed.rock) == (0.05, 0.0, "s_rock")
    with pytest.raises(
        InputError, match=r"^--set body=benu: read 'benu', expected a shipped body \(did you mean 'bennu'"
    ):
        load_mission("bennu_core", ("body=benu",))


def test_paths_in_a_mission_start_at_the_mission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ground").mkdir()
    (tmp_path / "ground" / "mine.yaml").write_text((data_root() / "bodies" / "eros.yaml").read_text())
    changed(tmp_path, ("body: bennu", "body: ground/mine.yaml"))
    monkeypatch.chdir(tmp_path.parent)
    mission = load_mission(f"{tmp_path.name}/mission.yaml")
    assert load_body(mission.body).name == "eros"
    assert mission.body == os.path.join(tmp_path.name, "ground", "mine.yaml")


def test_later_checks_can_name_the_line(tmp_path: Path) -> None:
    file = changed(tmp_path, ("depth_m: 0.08", "depth_m: 0.09"))
    mission, tree = read_mission(file)
    error = tree.error(("tasks", 3, "depth_m"), "0.09", "less")
    assert file.read_text().splitlines()[(error.line or 0) - 1].strip() == "depth_m: 0.09"
    assert isinstance(mission.tasks[3], DrillTask)


def resolved(mission: Mission, body: Body | None = None) -> dict[str, object]:
    return resolved_mission(mission, body or load_body(mission.body), load_material(mission.site.rock))


def test_the_resolved_mission_fills_in_every_default_and_survives_json() -> None:
    document = resolved(load_mission("lab_bench"))
    again = json.loads(json.dumps(document))
    assert again == document
    assert again["mission"]["approach"] == {"height_m": 0.25, "velocity_m_s": 0.03, "tilt_deg": 2.0}
    assert again["mission"]["tasks"][0]["timeout_s"] == 180.0
    assert again["materials"]["bench_concrete"]["specific_energy_ratio"] == {"median": 1.0, "log_sd": 0.45}
    assert digest(again) == again["sha256"]


def test_the_resolved_mission_reads_back_as_the_same_mission(tmp_path: Path) -> None:
    mission = load_mission("bennu_core")
    (tmp_path / "again.yaml").write_text(json.dumps(resolved(mission)["mission"]))
    assert read_yaml(tmp_path / "again.yaml", Mission) == mission


def test_the_digest_changes_with_every_part_and_with_nothing_else(tmp_path: Path) -> None:
    mission = load_mission("bennu_core")
    first = resolved(mission)["sha256"]
    assert resolved(load_mission("bennu_core"))["sha256"] == first
    commented = changed(tmp_path, ("seed: 20270301", "seed: 20270301 # the date"), ("depth_m: 0.08", "depth_m: 8.0e-2"))
    assert resolved(load_mission(commented))["sha256"] == first
    others = [
        resolved(load_mission("bennu_core", ("seed=1",)))["sha256"],
        resolved(mission, load_body("eros"))["sha256"],
        resolved_mission(mission, load_body("bennu"), load_material("s_rock"))["sha256"],
    ]
    assert len({first, *others}) == 4


def test_the_digest_does_not_see_the_order_of_keys_or_itself() -> None:
    assert digest({"a": 1, "b": {"c": 2.5, "d": "é"}}) == digest({"b": {"d": "é", "c": 2.5}, "a": 1, "sha256": "x"})


def test_the_digest_does_not_know_this_machine(tmp_path: Path) -> None:
    digests = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        (folder / "rock.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n")
        file = changed(folder, ("body: bennu", "body: ./body.yaml"))
        (folder / "body.yaml").write_text(
            "name: b\ntype: C\nshape: {kind: obj, path: rock.obj}\ndensity_kg_m3: 1200\nsource: [none]\n"
        )
        digests.append(resolved(load_mission(file))["sha256"])
    assert digests[0] == digests[1]
    (tmp_path / "b" / "rock.obj").write_text("v 0 0 0\n")
    assert resolved(load_mission(tmp_path / "b" / "mission.yaml"))["sha256"] != digests[0]


def test_the_digest_is_the_same_in_another_process() -> None:
    program = (
        "from stope.mission.missionfile import load_mission; from stope.mission.body import load_body\n"
        "from stope.mission.resolve import resolved_mission\n"
        "print(resolved_mission(load_mission('bennu_core'), load_body('bennu'))['sha256'])"
    )
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert other.stdout.strip() == resolved_mission(load_mission("bennu_core"), load_body("bennu"))["sha256"]


def test_the_example_that_walks_is_a_mission() -> None:
    mission = load_mission(Path(__file__).parents[2] / "examples" / "bennu_walk.yaml")
    assert [task.task for task in mission.tasks].count("walk") == 1
