"""Ground from which a gas sampler takes what drums or a drill take elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from stope.mission.errors import InputError
from stope.planning.desk import Desk

POND = """\
kind: expedition
schema_version: 1
name: two_ponds
seed: 3
body: bennu
horizon_min: 774
sunlight: {period_min: 258, open_min: 129}
communication: {period_min: 430, open_min: 45, first_min: 100}
grounds:
  - name: pond
    material: c_boulder_strong
    value_per_kg: 18
    work_pull_n: 4
    sample: {minutes: 6, watts: 50}
    cut_when: {period_min: 258, open_min: 100, first_min: 90}
sites:
  - {name: near, x_m: 10, y_m: 0, ground: pond, mass_kg: 0.06, partner: us, demanded: true}
  - {name: far, x_m: 20, y_m: 10, ground: pond, mass_kg: 0.06, partner: us}
agreement:
  partners: [{name: us, share: 1.0}]
"""


def desk(folder: Path, text: str) -> Desk:
    (folder / "ponds.yaml").write_text(text, encoding="utf-8")
    return Desk(str(folder / "ponds.yaml"), (), None, 50)


def test_sampling_is_planned_inside_the_grounds_windows_and_without_drums(tmp_path: Path) -> None:
    asked = desk(tmp_path, POND)
    made = asked.plan()
    assert made is not None
    asked.write(made, tmp_path / "plan.json")
    assert asked.judge(tmp_path / "plan.json")[1] == []
    work = [activity for activity in made.activities if activity.task in ("drill", "sample", "collect")]
    assert [activity.task for activity in work] == ["sample", "sample"]
    for activity in work:
        assert (activity.start_min - 90) % 258 + activity.end_min - activity.start_min <= 100


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("drill: {minutes: 30, watts: 80}", "'drill' beside sample, expected one of the two"),
        ("collect: {minutes: 30, watts: 80}", "'collect' beside sample, expected one of the two"),
    ],
)
def test_a_sampler_has_no_other_tool(tmp_path: Path, more: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        desk(tmp_path, POND.replace("work_pull_n: 4", f"work_pull_n: 4\n    {more}"))


def test_ground_without_any_tool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tool, expected 'drill', 'collect' or 'sample'"):
        desk(tmp_path, POND.replace("sample: {minutes: 6, watts: 50}", "collect: null"))
