"""The reference page of the files states the fields, ranges and defaults that the models have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from stope.ledger.agreement import Agreement, Bid, Partner, SiteTerms
from stope.mission.body import Body
from stope.mission.material import Distribution, Material
from stope.mission.missionfile import Approach, Mission, Power, Site, Task
from stope.mission.shipped import shipped

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "files.md"
TASKS = get_args(get_args(Task)[0])


def rows(title: str) -> dict[str, tuple[str, str]]:
    """Field -> (range, default) of the first table of fields below a heading."""
    section = re.split(r"^##+ ", PAGE.read_text(), flags=re.MULTILINE)
    text = next(part for part in section if part.split("\n", 1)[0].strip("`") == title)
    cells = (line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `"))
    return {row[0].strip().strip("`"): (row[1].strip(), row[2].strip()) for row in cells if len(row) == 4}


def stated_range(field: Any) -> str:
    names = ("ge", "gt", "le", "lt")
    bounds = {name: getattr(rule, name) for rule in field.metadata for name in names if hasattr(rule, name)}
    if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
        return str(get_args(field.annotation)[0])
    if field.annotation is Distribution:
        return "distribution"
    if not bounds:
        return ""
    low = f"{bounds['ge']:g}" if "ge" in bounds else f"above {bounds['gt']:g}"
    high = bounds.get("le", bounds.get("lt"))
    if high is None or high == 2**63:
        return f"{low} or more"
    return f"{low} to {'below ' if 'lt' in bounds else ''}{high:g}"


def stated_default(field: Any) -> str | None:
    """What the page must say, None where it says it in its own words."""
    if field.is_required():
        return "required"
    if isinstance(field.default, BaseModel) or field.default_factory is not None:
        return None
    if field.default is None:
        return "none"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    if field.default in ("", ()):
        return "empty"
    return f"{field.default:g}" if isinstance(field.default, int | float) else str(field.default)


@pytest.mark.parametrize(
    ("title", "model"),
    [
        ("Mission", Mission), ("site", Site), ("approach", Approach), ("power", Power), ("Body", Body),
        ("Material", Material), ("Agreement", Agreement), ("partners", Partner), ("bids", Bid), ("sites", SiteTerms),
    ],
)  # fmt: skip
def test_the_page_says_what_the_model_says(title: str, model: type[BaseModel]) -> None:
    table = rows(title)
    assert list(table) == list(model.model_fields)
    check(table, {name: model.model_fields[name] for name in table})


def test_the_page_says_what_the_tasks_say() -> None:
    fields = {
        f"{get_args(task.model_fields['task'].annotation)[0]}.{name}": field
        for task in TASKS
        for name, field in task.model_fields.items()
        if name != "task"
    }
    table = rows("tasks")
    assert list(table) == list(fields)
    check(table, fields)


def check(table: dict[str, tuple[str, str]], fields: dict[str, Any]) -> None:
    for name, field in fields.items():
        said_range, said_default = table[name]
        assert said_range == stated_range(field), name
        if stated_default(field) is not None:
            assert said_default == stated_default(field), name


@pytest.mark.parametrize(("title", "kind"), [("Mission", "mission"), ("Body", "body"), ("Material", "material")])
def test_the_page_lists_what_is_shipped(title: str, kind: str) -> None:
    line = PAGE.read_text().split(f"\n## {title}\n", 1)[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", line)) == set(shipped(kind))
