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
    """Say what a log holds; exit code 1 if it is damaged or not whole."""
    exists(file)
    from stope.tasklog.info import describe, to_json

    info = describe(file)
    typer.echo(to_json(info) if json else str(info))
    raise typer.Exit(0 if info.complete else FAILED)


@app.command("check", epilog="Example:  stope log check theirs.mcap --json")
def log_check(file: LogArgument, json: JsonOption = False) -> None:
    """Hold a log, with the parts that it went on in, against the format; exit code 1 if it does not conform.

    It may be a partner's: it is read in a process of its own with limits on memory and time.
    """
    exists(file)
    from stope.tasklog.confined import confined
    from stope.tasklog.parts import chain_problems, parts_of

    parts = parts_of(file)
    reports = confined("stope.tasklog.tasks:check_logs", *map(str, parts))
    told(reports, "conforms", chain_problems(parts), json)


@app.command("recover", epilog="Example:  stope log recover killed.mcap --out recovered.mcap")
def log_recover(
    file: LogArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The log to write; it must not exist.")],
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Take messages that no checksum covers, too (unchunked files).")
    ] = False,
) -> None:
    """Restore the verified part of a truncated or damaged log and say what is missing.

    Exit code 0 if nothing is missing, 1 if something is.
    """
    exists(file)
    from stope.tasklog.recover import recover

    found = recover(file, out, take_unchecked=unchecked)
    typer.echo(str(found))
    raise typer.Exit(0 if found.complete else FAILED)


@app.command("join", epilog="Example:  stope log join run.mcap --out whole.mcap")
def log_join(
    file: LogArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The log to write; it must not exist.")],
) -> None:
    """Put the parts of a log that was rotated (run.mcap, run.0002.mcap, ...) together again."""
    exists(file)
    from stope.tasklog.parts import join

    found = join(file, out)
    typer.echo(f"{out}: {sum(found.counts.values())} messages from {found.parts} files")


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
    """Write a log in another format and print the paths of what was written."""
    exists(file)
    if not (csv or parquet or ros2 or rerun or lerobot):
        raise InputError("--csv, --parquet, --ros2, --rerun, --lerobot", read="none of them", expected="one or more")
    topics = tuple(topic) if topic else None
    written: list[Path] = []
    if csv:
        from stope.tasklog.export import export_csv

        written += export_csv(file, csv, topics=topics)
    if parquet:
        from stope.tasklog.query.export import export_parquet

        written += export_parquet(file, parquet, topics)
    if ros2:
        from stope.tasklog.interop.ros2 import export_ros2

        export_ros2(file, ros2)
        written.append(ros2)
    if rerun:
        from stope.tasklog.interop.rerun import export_rerun

        export_rerun(file, rerun)
        written.append(rerun)
    if lerobot:
        from stope.tasklog.interop.lerobot import export_lerobot

        written += export_lerobot(file, lerobot)
    for path in written:
        typer.echo(str(path))


@app.command("import-csv", epilog="Example:  stope log import-csv theirs.toml tables --out theirs.mcap")
def log_import_csv(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING", help="Which column is what, in which unit (TOML).")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the tables are.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The log to write; it must not exist.")],
) -> None:
    """Make a task log of a partner's CSV tables."""
    exists(mapping, "a mapping")
    from stope.tasklog.interop.from_csv import import_csv
    from stope.tasklog.interop.mapping import load_mapping

    for name, count in import_csv(load_mapping(mapping), folder, out).items():
        typer.echo(f"{out}: {count} messages on {name}")


def told(reports: list[dict[str, Any]], good: str, problems: list[str], json: bool) -> None:
    """Print what was found of each part of a log and of their chain, and end with its exit code."""
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
