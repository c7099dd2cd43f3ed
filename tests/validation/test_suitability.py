"""The tables for people say what the models say: grounds need different techniques, models of digging differ."""

from __future__ import annotations

import re

import pytest

from stope.mission.material import load_material
from stope.mission.shipped import shipped
from stope.physics.techniques import TECHNIQUES
from stope.validation.suitability import digging_markdown, margins, suitability_markdown, told


def test_every_technique_suits_some_ground_or_fails_visibly_and_no_ground_takes_all() -> None:
    table = margins([load_material(name) for name in shipped("material")])
    assert set(table) == set(shipped("material"))
    for name, row in table.items():
        verdicts = {found["verdict"] for found in row.values()}
        assert verdicts >= {"fails"}, name
        assert verdicts - {"fails"}, name
    assert table["bennu_regolith"]["bucket drum"]["verdict"] == "suits"
    assert table["s_rock"]["bucket drum"]["verdict"] == "fails"
    assert table["metal"]["microspines"]["verdict"] == "fails"


def test_the_text_has_a_cell_for_each_pair_and_the_page_every_reason() -> None:
    materials = [load_material(name) for name in ("ice", "metal")]
    rows = told(materials).splitlines()[1:3]
    assert all(len(row.split()) == 1 + len(TECHNIQUES) for row in rows)
    assert suitability_markdown(materials).count("\n- **") == 2 * len(TECHNIQUES)


def test_models_of_digging_disagree_severalfold_on_the_moon() -> None:
    moon = next(line for line in digging_markdown().splitlines() if line.startswith("| Moon"))
    *drafts, ratio = (float(cell) for cell in re.findall(r"[\d.e+]+(?= \|)", moon))
    assert ratio == pytest.approx(max(drafts) / min(drafts), rel=0.05)
    assert ratio > 3.0
