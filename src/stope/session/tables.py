"""The closing tables of a run, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from stope.session.outcome import Outcome

NOTICED_S = 1.0  # of compiling
COLOURS = {"succeeded": "green", "recovered": "yellow", "skipped": "dim", "failed": "red", "refused": "red"}


def print_tables(outcome: Outcome, console: Console) -> None:
    """Tasks, then figures, then where the files are."""
    title = f"{outcome.mission}: {outcome.robot} on {outcome.body}, seed {outcome.seed}"
    tasks = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for name, justify in (
        ("task", "left"),
        ("outcome", "left"),
        ("start s", "right"),
        ("took s", "right"),
        ("why", "left"),
    ):
        tasks.add_column(name, justify=justify)  # type: ignore[arg-type]
    for row in outcome.tasks:
        colour = COLOURS.get(row.state, "white")
        tasks.add_row(row.task, f"[{colour}]{row.state}[/]", f"{row.start_s:.1f}", f"{row.duration_s:.1f}", row.reason)
    console.print(tasks)
    figures = Table(box=box.SIMPLE, show_header=False)
    figures.add_column("figure")
    figures.add_column("value", justify="right")
    for name, value in _figures(outcome):
        figures.add_row(name, value)
    console.print(figures)
    for name, path in (("log", outcome.log), ("picture", outcome.picture), ("film", outcome.film)):
        if path is not None:
            console.print(f"{name:8} {path}", markup=False)


def _figures(outcome: Outcome) -> Iterator[tuple[str, str]]:
    if any(row.task == "sample" for row in outcome.tasks):
        yield "largest push of the tool", f"{outcome.peak_weight_on_bit_n:.1f} N"
    else:
        yield "hole depth", f"{1e3 * outcome.depth_m:.1f} mm"
        yield "largest weight-on-bit", f"{outcome.peak_weight_on_bit_n:.1f} N"
    for account in ("bin", "tool", "fallen_back", "in_flight", "beyond_patch", "escaped"):
        for material, mass in outcome.mass_kg.get(account, {}).items():
            yield f"{account.replace('_', ' ')}: {material}", f"{1e3 * mass:.2f} g"
    if outcome.escaped_kg is not None:
        yield "escaped in all", f"{1e3 * outcome.escaped_kg:.2f} g"
    else:
        yield "collected, by level sensors", f"{1e3 * outcome.collected_kg:.0f} g"
    yield "energy", f"{outcome.energy_j / 3600.0:.2f} W h"
    yield "propellant left", f"{1e3 * outcome.propellant_kg:.0f} g"
    yield "worst anchor margin", "-" if math.isnan(outcome.worst_margin) else f"{100.0 * outcome.worst_margin:.0f} %"
    for found in outcome.detections:
        delay = (
            ""
            if found.delay_s is None
            else f" {1e3 * found.delay_s:.0f} ms after, {1e3 * (found.moved_m or 0):.2f} mm moved"
        )
        yield f"fault {found.fault}", f"at {found.time_s:.2f} s{delay}"
    for request in outcome.not_caused:
        yield f"injection {request}", "never caused: its task was not at work"
    if outcome.mass_error_ug is not None:
        yield "mass book error", f"{outcome.mass_error_ug} ug; independent sum {outcome.mass_error_rel:.1e}"
    if outcome.impulse_error_rel is not None:
        after = f"{outcome.impulse_residual_rel:.0e} after projection"
        yield "impulse book error", f"{outcome.impulse_error_rel:.1e}; {after}"
    yield "run time", f"{outcome.sim_s:.1f} s, {outcome.real_time_factor:.1f} x real time"
    if outcome.punctuality is not None:
        yield "real time", outcome.punctuality.line()
    if outcome.compiling_s >= NOTICED_S:
        yield "compiling, once on this machine", f"{outcome.compiling_s:.0f} s"
    yield "payload digest", outcome.payload_digest[:16]
