"""`stope log`: look into task logs, check, restore, seal, query and hand them on. Thin: the work is in `tasklog`."""

from __future__ import annotations

import json as jsonlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from stope.mission.errors import InputError

FAILED = 1


def group(text: str, **more: Any) -> typer.Typer:
    """A group of commands; rich would draw boxes wrapped at 80 columns into pipes and CI logs too."""
    return typer.Typer(help=text, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True, **more)


def now() -> str:
    """UTC, for what a person signs; a run never asks."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


app = group("Look into task logs; check, restore, seal and query them.")

LogArgument = Annotated[Path, typer.Argument(metavar="LOG", help="A task log.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("info")
def log_info(file: LogArgument, json: JsonOption = False) -> None:
    """Say what a log holds, with the parts that it went on in; exit code 1 if it is damaged or not whole."""
    info = told_of("info_log", file)
    typer.echo(info["json"] if json else info["text"])
    raise typer.Exit(0 if info["complete"] else FAILED)


@app.command("check", epilog="Example:  stope log check theirs.mcap --json")
def log_check(file: LogArgument, json: JsonOption = False) -> None:
    """Hold a log, with the parts that it went on in, against the format; exit code 1 if it does not conform."""
    told(told_of("check_log", file), "conforms", json)


@app.command("recover", epilog="Example:  stope log recover killed.mcap --out recovered.mcap")
def log_recover(
    file: LogArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The log to write; it must not exist.")],
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Take messages that no checksum covers, too (unchunked files).")
    ] = False,
) -> None:
    """Restore the verified part of a truncated or damaged log and say what is missing.

    One file: of a log in parts, the one that is broken; `stope log join` puts the parts together. Exit code 0 if
    nothing is missing, 1 if something is.
    """
    found = told_of("recover_log", file, str(out), "yes" if unchecked else "no")
    typer.echo(found["text"])
    raise typer.Exit(0 if found["complete"] else FAILED)


@app.command("join", epilog="Example:  stope log join run.mcap --out whole.mcap")
def log_join(
    file: LogArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The log to write; it must not exist.")],
) -> None:
    """Put the parts of a log that was rotated (run.mcap, run.0002.mcap, ...) together again.

    A last part that a kill cut off is taken as far as it goes; exit code 1 then.
    """
    found = told_of("join_log", file, str(out))
    typer.echo(f"{out}: {found['messages']} messages from {found['parts']} files")
    if found["problem"]:
        typer.echo(found["problem"])
    raise typer.Exit(FAILED if found["problem"] else 0)


@app.command("export", epilog="Example:  stope log export runs/bennu_core/log.mcap --csv tables")
def log_export(
    file: LogArgument,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="DIR", help="Folder for one table (.csv) per topic.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="DIR", help="The same as Parquet, for programs.")] = None,
    ros2: Annotated[Path | None, typer.Option(metavar="FILE", help="A bag for ROS 2 (MCAP, CDR).")] = None,
    rerun: Annotated[Path | None, typer.Option(metavar="FILE", help="A Rerun recording (.rrd).")] = None,
    lerobot: Annotated[Path | None, typer.Option(metavar="DIR", help="A new folder, as LeRobotDataset v3.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic, in tables. Repeat it.")] = None,
) -> None:
    """Write a log, with the parts that it went on in, in another format and print the paths of what was written."""
    asked = {"csv": csv, "parquet": parquet, "ros2": ros2, "rerun": rerun, "lerobot": lerobot}
    targets = {kind: str(target) for kind, target in asked.items() if target is not None}
    if not targets:
        raise InputError("--csv, --parquet, --ros2, --rerun, --lerobot", read="none of them", expected="one or more")
    for path in told_of("export_log", file, jsonlib.dumps(targets), *(topic or ())):
        typer.echo(path)


@app.command("import-csv", epilog="Example:  stope log import-csv theirs.toml tables --out theirs.mcap")
def log_import_csv(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING", help="Which column is what, in which unit (TOML).")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the tables are.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The log to write; it must not exist.")],
) -> None:
    """Make a task log of a partner's CSV tables."""
    for name, count in told_of("import_tables", mapping, str(folder), str(out), expected="a mapping").items():
        typer.echo(f"{out}: {count} messages on {name}")


def told_of(task: str, file: Path, *more: str, expected: str = "a task log") -> Any:
    """What a task of `stope.tasklog.tasks` says of a file.

    Anybody may have made the file: it is read in a process of its own with limits on memory and time.
    """
    exists(file, expected)
    from stope.tasklog.confined import confined

    return confined(f"stope.tasklog.tasks:{task}", str(file), *more)


def told(found: dict[str, Any], good: str, json: bool) -> None:
    """Print what was found of each part of a log and of their chain, and end with its exit code."""
    reports, problems = found["parts"], found["problems"]
    texts = [report.pop("text") for report in reports]
    if json:
        whole = {good: all(report[good] for report in reports) and not problems, "problems": problems, "parts": reports}
        typer.echo(jsonlib.dumps(reports[0] if len(reports) == 1 and not problems else whole, indent=2))
    else:
        typer.echo("\n".join([*texts, *problems]))
    raise typer.Exit(0 if all(report[good] for report in reports) and not problems else FAILED)


def exists(file: Path, expected: str = "a task log") -> None:
    """Refuse a path that is no file.

    Raises:
        InputError: it is a folder, or not there.
    """
    if not file.is_file():
        link = file.is_symlink()
        read = (
            "a folder"
            if file.is_dir()
            else "a link that leads nowhere or round in a circle"
            if link
            else "no such file"
        )
        raise InputError(str(file), read=read, expected=expected)
