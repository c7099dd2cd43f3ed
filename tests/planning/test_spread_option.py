"""`--spread`: a lab's own spread is what a plan is played with and what a flight draws from; rows say their source."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from stope.cli import app
from stope.planning.spreadfile import read_spread, write_spread

RUN = CliRunner()


def told(*arguments: str) -> dict[str, object]:
    found = RUN.invoke(app, [*arguments, "--json"])
    assert found.exit_code in (0, 1), found.output
    return json.loads(found.stdout)  # type: ignore[no-any-return]


def test_a_labs_own_spread_decides_what_a_plan_comes_to(tmp_path: Path) -> None:
    plan, mine = str(tmp_path / "plan.json"), tmp_path / "mine.yaml"
    usual = read_spread()
    poor = usual.yields.model_copy(update={"quantiles": (0.1, 0.1), "runs": 12})
    write_spread(usual.model_copy(update={"yields": poor}), mine)
    asked = ("plan", "bennu_six_days", "--iterations", "50", "--out", plan)
    one, other = told(*asked, "--simulate", "20"), told(*asked, "--simulate", "20", "--spread", str(mine))
    mass = [each["forecast"]["collected_kg"][1] for each in (one, other)]  # type: ignore[index]
    assert mass[1] < 0.2 * mass[0]
    assert "ASSUMED" in one["luck"]["way"]  # type: ignore[index]
    assert "12 runs" in other["luck"]["yields"]  # type: ignore[index]
    flown = [told("run", "bennu_six_days", "--plan", plan, "--out", str(tmp_path / name), *spread)
             for name, spread in (("a", ()), ("b", ("--spread", str(mine))))]  # fmt: skip
    assert flown[1]["collected_kg"] < 0.2 * flown[0]["collected_kg"]  # type: ignore[operator]


def test_a_spread_that_is_none_ends_with_a_sentence() -> None:
    found = RUN.invoke(app, ["plan", "bennu_six_days", "--spread", "no_such"])
    assert found.exit_code != 0
