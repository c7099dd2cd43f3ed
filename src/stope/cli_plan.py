"""`stope plan`: options in, a plan file, a picture or an explanation out; what it does lives in `planning/`."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stope.mission.planfile import Plan
    from stope.planning.desk import Desk
    from stope.planning.spreadfile import SpreadFile

FAILED = 1
PLAN_EXAMPLES = """\b
Examples:
  stope plan bennu_six_days
  stope plan bennu_six_days --explain --simulate 200
  stope plan bennu_six_days --why-not ridge-7
  stope plan bennu_six_days --check plan.json
"""


def plan(
    mission: Annotated[str, typer.Argument(metavar="MISSION", help="A shipped expedition's name, or its file.")],
    out: Annotated[Path, typer.Option(help="Plan file to write; the picture lies beside it.")] = Path("plan.json"),
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the expedition's seed.")] = None,
    iterations: Annotated[int, typer.Option(min=1, max=10_000_000, help="How long to search.")] = 2000,
    explain: Annotated[bool, typer.Option(help="Say why each site is in the plan, or why not.")] = False,
    why_not: Annotated[list[str] | None, typer.Option(metavar="SITE", help="Say why not this site. Repeat it.")] = None,
    simulate: Annotated[int, typer.Option(metavar="N", min=0, max=100_000, help="Play the plan N times.")] = 0,
    spread: Annotated[str, typer.Option(metavar="SPREAD", help="Shipped spread of luck, or its file.")] = "miner_bennu",
    check: Annotated[Path | None, typer.Option(metavar="PLAN", help="Judge this plan file; write nothing.")] = None,
    edit: Annotated[
        Path | None, typer.Option(metavar="PLAN", help="Judge a plan that you changed; if good, write it to --out.")
    ] = None,
    prove: Annotated[bool, typer.Option(help="Bound the best plan by CP-SAT (extra 'exact').")] = False,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change one value of the file. Repeat it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Plan an expedition: which sites, by which robot, in which order, when.

    Exit code 1: the demanded sites cannot all be visited, or the plan that was to be checked is wrong.
    """
    from stope.planning.desk import Desk
    from stope.planning.spreadfile import read_spread

    desk = Desk(mission, tuple(overrides or ()), seed, iterations)
    luck = read_spread(spread)
    if check is not None or edit is not None:
        file = edit if edit is not None else check
        assert file is not None
        _judge(desk, file, out if edit is not None else None, simulate, luck, json)
        return
    found = desk.plan()
    if found is None:
        typer.echo(f"{mission}: {desk.why_no_plan()}", err=True)
        raise typer.Exit(FAILED)
    picture = desk.write(found, out)
    told = desk.summary(found) | {"plan": str(out), "picture": str(picture)}
    sentences = [desk.why_not(name) for name in why_not or ()] + (desk.explanations() if explain else [])
    if sentences:
        told["explanations"] = sentences
    if prove:
        told["proof"] = desk.proof()
    if simulate:
        told |= {"luck": luck.rows(), "forecast": asdict(desk.forecast(found, simulate, luck))}
    _tell(told, json)


def _judge(desk: Desk, file: Path, out: Path | None, simulate: int, luck: SpreadFile, json: bool) -> None:
    """Judge a plan file; one line a complaint, and exit code 1, if it may not run."""
    given, complaints = desk.judge(file)
    if complaints:
        for line in complaints:
            typer.echo(line, err=True)
        raise typer.Exit(FAILED)
    told: dict[str, object] = {"verdict": "good: the plan may run", "activities": len(given.activities)}
    if not given.intact:
        told["edited"] = "changed after it was planned"
    told["value"] = desk.value_of(given)
    if out is not None:
        edited: Plan = desk.edited(given)
        told |= {"plan": str(out), "picture": str(desk.write(edited, out))}
    if simulate:
        told |= {"luck": luck.rows(), "forecast": asdict(desk.forecast(given, simulate, luck))}
    _tell(told, json)


def _tell(told: dict[str, object], json: bool) -> None:
    if json:
        typer.echo(jsonlib.dumps(told, indent=2, ensure_ascii=False))
        return
    for key, value in told.items():
        if isinstance(value, list):
            for line in value:
                typer.echo(f"  {line}")
        elif isinstance(value, dict):
            typer.echo(f"{key}:")
            for name, each in value.items():
                typer.echo(f"  {name.replace('_', ' '):<14} {_short(each)}")
        else:
            typer.echo(f"{key:<12} {_short(value)}")


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, tuple):
        return " / ".join(_short(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items()) or "none"
    return str(value)
