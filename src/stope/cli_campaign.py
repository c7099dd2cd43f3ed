"""`stope campaign`: one scenario, many seeds, one verdict; what it does lives in `campaign/`."""

from __future__ import annotations

import json as jsonlib
import os
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from stope import cli_log
from stope.cli_errors import FAILED
from stope.mission.errors import InputError

app = cli_log.group("Run a scenario with many seeds: a distribution and a verdict instead of one number.")

_EXAMPLES = """\b
Examples:
  stope campaign run bennu_drill --seeds 20
  stope campaign run my_scenario.yaml --seeds 200 --workers 8 --out nightly
  stope campaign run bennu_drill --scheduler tcp://head-node:8786
"""


@app.command(epilog=_EXAMPLES)
def run(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped scenario's name, or its file.")],
    seeds: Annotated[int | None, typer.Option(min=1, max=100_000, help="How many; else the scenario's number.")] = None,
    first_seed: Annotated[int | None, typer.Option(min=0, help="Instead of the scenario's first seed.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=512, help="Runs at a time; one a core if left out.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler instead of this machine: tcp://host:8786.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Host seconds before a run counts as broken.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; a new one below runs/.")] = None,
    keep: Annotated[bool, typer.Option("--keep-logs", help="Keep the logs of runs that passed, too.")] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change one value of the scenario. Repeat it."),
    ] = None,
    json: cli_log.JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The verdict alone.")] = False,
) -> None:
    """Run a scenario; exit code 0 if its acceptance limits hold, 1 if not.

    Leaves results.parquet, spread.svg, junit.xml and summary.json in the folder, and the logs of runs that failed.
    """
    from stope.campaign.files import write_all
    from stope.campaign.job import Row
    from stope.campaign.progress import counted
    from stope.campaign.run import jobs_of, run_jobs
    from stope.mission.scenario import load_scenario
    from stope.session.request import free_folder

    for name in (signal.SIGTERM, signal.SIGINT):  # a shell's background job starts with SIGINT ignored
        signal.signal(name, signal.default_int_handler)
    asked = load_scenario(scenario, tuple(overrides or ()))
    if timeout is not None:
        asked = asked.model_copy(update={"timeout_s": timeout})
    first = asked.first_seed if first_seed is None else first_seed
    folder = out if out is not None else free_folder(asked.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "--out", read=f"'{folder}', which cannot be made: {error.strerror}", expected="a folder"
        ) from None
    jobs = jobs_of(asked, range(first, first + (seeds or asked.seeds)), folder, keep)
    rows: list[Row] = []
    try:
        with counted(len(jobs), show=not (json or quiet)) as count:

            def arrived(row: Row) -> None:
                rows.append(row)
                count(row)

            run_jobs(jobs, workers or os.cpu_count() or 1, scheduler, arrived)
    finally:  # interrupted: what has come in is kept
        told = write_all(asked, rows, folder) if rows else None
    assert told is not None
    _tell(told, json, quiet)
    raise typer.Exit(0 if told["accepted"] else FAILED)


@app.command("list")
def list_(json: cli_log.JsonOption = False) -> None:
    """List the shipped scenarios."""
    from stope.mission.scenario import load_scenario
    from stope.mission.shipped import shipped

    found = {name: load_scenario(name).description.strip() for name in shipped("scenario")}
    if json:
        typer.echo(jsonlib.dumps(found, indent=2))
        return
    for name, what in found.items():
        typer.echo(f"{name:<18} {what}")


def _tell(told: dict[str, Any], json: bool, quiet: bool) -> None:
    if json:
        typer.echo(jsonlib.dumps(told, indent=2))
        return
    if not quiet:
        from stope.campaign.progress import print_summary

        print_summary(told)
    missed = [each["limit"] for each in told["acceptance"] if not each["holds"]]
    typer.echo("ACCEPTED" if not missed else f"REJECTED: {'; '.join(missed)}")
