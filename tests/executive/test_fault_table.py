"""The fault table: every row is typed, caused by something that exists, and proved by a test that exists."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from stope.executive.faults.table import FILE, Fault, load_faults, read_faults
from stope.mission.errors import InputError
from stope.sim.injection import INJECTIONS

ROOT = Path(__file__).parents[2]
ROW = """
  - id: {id}
    hazard: Something goes wrong somewhere.
    signal: a sensor
    threshold: {threshold}
    unit: N
    time_s: 0.1
    response: stop
    blocking: false
    inject: ""
    test: {test}
"""
GOOD = {"id": "anchors.lost", "threshold": "1.0", "test": "tests/control/test_watch.py::test_it"}


@cache
def _tests_in(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("fault", load_faults(), ids=lambda fault: fault.id)
def test_every_row_names_a_test_that_exists(fault: Fault) -> None:
    path, _, name = fault.test.partition("::")
    assert (ROOT / path).is_file(), f"{fault.id}: no file {path}"
    assert name in _tests_in(ROOT / path), f"{fault.id}: no test {name} in {path}"


def test_every_injection_is_known_and_every_known_one_has_a_row() -> None:
    assert {fault.inject for fault in load_faults()} - {""} == set(INJECTIONS)


def written(tmp_path: Path, *rows: dict[str, str]) -> Path:
    file = tmp_path / "table.yaml"
    text = "".join(ROW.format(**(GOOD | row)) for row in rows)
    file.write_text(f"schema_version: 1\nfaults:{text}", encoding="utf-8")
    return file


def test_rows_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    faults = read_faults(written(tmp_path, {"id": "b.second"}, {"id": "a.first"}))
    assert [fault.id for fault in faults] == ["b.second", "a.first"]
    assert load_faults() == read_faults(FILE)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{}, {}], "'anchors.lost' a second time"),
        ([{"id": "NotAnId"}], "id"),
        ([{"threshold": "-1"}], "threshold"),
        ([{"threshold": ".nan"}], "threshold"),
        ([{"test": "tests/control/watch.py"}], "test"),
        ([{"test": '""'}], "test"),
    ],
)
def test_a_mistake_in_the_table_is_told_with_its_line(tmp_path: Path, rows: list[dict[str, str]], told: str) -> None:
    with pytest.raises(InputError) as caught:
        read_faults(written(tmp_path, *rows))
    assert told in str(caught.value)
    assert "table.yaml" in str(caught.value)
