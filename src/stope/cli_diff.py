"""`stope log diff`: two logs of one mission side by side, as a table, JSON and a figure."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stope.cli_errors import FAILED
from stope.cli_log import JsonOption, LogArgument, exists
from stope.mission.errors import InputError

if TYPE_CHECKING:
    from stope.tasklog.diff import Row


def diff(
    a: LogArgument,
    b: LogArgument,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Also draw depth and weight-on-bit of both.")
    ] = None,
    beside: Annotated[
        Path | None, typer.Option(metavar="LOG", help="A third log, for the figure alone: of another device.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare tasks, depth, forces, masses and energy; exit code 1 if any differs by more than its tolerance."""
    from stope.tasklog.confined import confined
    from stope.tasklog.diff import compare, summary_of

    files = [a, b, *([beside] if beside is not None else [])]
    if beside is not None and figure is None:
        raise InputError("--beside", read=f"'{beside}' and no figure", expected="--figure FILE.svg to draw it in")
    for file in files:
        exists(file)
    ours, theirs, *third = (summary_of(confined("stope.tasklog.diff:summarise_plain", str(file))) for file in files)
    rows = compare(ours, theirs)
    if figure is not None:
        from stope.tasklog.diff_figure import figure as draw

        try:
            figure.write_text(draw(ours, theirs, *third), encoding="utf-8")
        except OSError as error:
            raise InputError(
                str(figure), read=f"an error ({error.strerror})", expected="a file that can be written"
            ) from None
    typer.echo(jsonlib.dumps([asdict(row) for row in rows], indent=2) if json else "\n".join(map(_line, rows)))
    raise typer.Exit(0 if all(row.same for row in rows) else FAILED)


def _line(row: Row) -> str:
    allowed = ""
    if row.tolerance is not None:
        allowed = f"within {100 * row.tolerance.share:g} % or {row.tolerance.absolute:g} {row.unit}"
    verdict = "same" if row.same else "DIFFERS"
    return f"{row.what:36} {_told(row.a):>12} {_told(row.b):>12} {row.unit:3} {verdict:8} {allowed}".rstrip()


def _told(value: float | str | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.6g}"
