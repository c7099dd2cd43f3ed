"""A campaign on the terminal: a bar while it runs, tables at its end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from stope.campaign.job import Row

TOLD = 12  # runs that did not pass, listed by name


@contextmanager
def counted(total: int, show: bool) -> Iterator[Callable[[Row], None]]:
    """A progress bar on standard error; yields what is to be called with every row."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), disable=not show) as bar:
        task = bar.add_task("runs", total=total)
        not_passed = 0

        def count(row: Row) -> None:
            nonlocal not_passed
            not_passed += row.verdict != "PASSED"
            bar.update(task, advance=1, description=f"runs ({not_passed} not passed)")

        yield count


def print_summary(told: dict[str, Any]) -> None:
    """Verdicts, limits and spread of `verdict.summary`."""
    console = Console(highlight=False, soft_wrap=True)
    verdicts = ", ".join(f"{count} {name}" for name, count in told["verdicts"].items() if count)
    console.print(f"{told['scenario']}: {told['seeds']} seeds, {verdicts}\n", markup=False)
    spread = Table(box=None, pad_edge=False)
    for head in ("", "p05", "median", "p95", "least", "greatest"):
        spread.add_column(head, justify="left" if not head else "right")
    for name, found in told["spread"].items():
        if found["min"] != found["max"]:
            spread.add_row(name, *(f"{found[key]:.4g}" for key in ("p05", "p50", "p95", "min", "max")))
    console.print(spread)
    limits = Table(box=None, pad_edge=False)
    for head in ("limit", "found", "95 %", ""):
        limits.add_column(head)
    for each in told["acceptance"]:
        interval = "" if each["interval_95"] is None else "{:.3f} to {:.3f}".format(*each["interval_95"])
        value = "nothing" if each["value"] is None else f"{each['value']:.4g}"
        limits.add_row(each["limit"], value, interval, "holds" if each["holds"] else "FAILS")
    console.print()
    console.print(limits)
    for each in told["not_passed"][:TOLD]:
        console.print(f"  seed {each['seed']}: {each['verdict']}: {each['reason']}", markup=False)
    if len(told["not_passed"]) > TOLD:
        console.print(f"  and {len(told['not_passed']) - TOLD} more")
    console.print(f"\n{told['out']}\n", markup=False)
