"""Outcome: what a run came to, its verdict, and how it is shown to people and machines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stope.session.pace import Punctuality

PASSED, RECOVERED, FAILED, LOST = "PASSED", "RECOVERED", "FAILED", "LOST"


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One line of the task table."""

    task: str
    state: str
    start_s: float
    duration_s: float
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class DetectionRow:
    """One detected fault; `moved_m` is the true motion since it was injected (simulation only)."""

    fault: str
    time_s: float
    value: float
    limit: float
    unit: str
    delay_s: float | None
    moved_m: float | None


@dataclass(frozen=True)
class Outcome:
    """The result of a run.

    Attributes:
        verdict: PASSED, RECOVERED (a fault ended the mission, the robot is anchored), FAILED or LOST.
        reason: one sentence for a verdict other than PASSED.
        not_caused: faults that were asked for and whose task never came to the point.
        truth: what the seed drew for the ground, by name with its unit; empty without a simulated world.
        mass_kg: by account and material; escaped_kg, collected_kg: sums of it.
        worst_margin: 1 - utilisation over allowed of the worst anchor at its worst moment.
        collected_kg: by the books where there are any, else by the level sensors.
        mass_error_ug, mass_error_rel: integer and independent error of the mass book; None without a simulated world.
        impulse_error_rel: what the momentum projection had to correct over what was exchanged: the honest error of the
            impulse book; impulse_residual_rel: what is left after the projection; None without a simulated world.
        real_time_factor: simulated over host time of the loop, without `compiling_s`, which a first run on a machine
            spends once on making machine code of the inner loops.
        punctuality: of the control periods of a device that was held to the wall's pace, see `session.pace`; else None.
        payload_digest: of the log's deterministic topics.
    """

    verdict: str
    reason: str
    mission: str
    body: str
    robot: str
    seed: int
    sim_s: float
    tasks: tuple[TaskRow, ...]
    detections: tuple[DetectionRow, ...]
    not_caused: tuple[str, ...]
    depth_m: float
    peak_weight_on_bit_n: float
    mass_kg: dict[str, dict[str, float]]
    truth: dict[str, float]
    collected_kg: float
    escaped_kg: float | None
    energy_j: float
    propellant_kg: float
    worst_margin: float
    mass_error_ug: int | None
    mass_error_rel: float | None
    impulse_error_rel: float | None
    impulse_residual_rel: float | None
    real_time_factor: float
    compiling_s: float
    punctuality: Punctuality | None
    payload_digest: str
    log: Path | None
    picture: Path | None
    film: Path | None

    @property
    def exit_code(self) -> int:
        """0 when the mission passed or the robot was recovered, 1 otherwise."""
        return 0 if self.verdict in (PASSED, RECOVERED) else 1

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, SI units, paths as text."""
        plain = asdict(self) | {"exit_code": self.exit_code}
        return {key: str(value) if isinstance(value, Path) else value for key, value in plain.items()}


def print_outcome(outcome: Outcome, as_json: bool, quiet: bool) -> None:
    """The closing table, or one JSON document, or (quiet) one line."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.print_json(json.dumps(outcome.to_dict()))
        return
    if not quiet:
        from stope.session.tables import print_tables

        print_tables(outcome, console)
    line = f"{outcome.verdict}: {outcome.reason}" if outcome.reason else outcome.verdict
    console.print(line, markup=False)
