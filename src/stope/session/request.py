"""RunRequest: one run as the command line, a campaign or a test asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run. Everything that is not said here is in the mission file.

    Attributes:
        mission: shipped name, or a mission file.
        body: replaces the mission's body: shipped name, body file, or a shape model (`.obj`); None keeps it.
        body_unit: "m" or "km", the unit of an `.obj` shape model.
        robot: "sim", or the installed plug-in that drives hardware.
        seed: replaces the mission's seed; None keeps it.
        anchors: "normal", or "none" to run without any.
        inject: "fault@task" each, as `stope faults list` names them.
        orders: "verb@seconds" of run time each: a person's orders, given beforehand.
        ask: tasks that begin only once the operator has approved them.
        stay_s: run time for which the robot stays and listens once nothing is left to do.
        leave_out: tasks that are not done, though the mission has them.
        resume: go on with the run in `out` from its checkpoint; the rest of the request must be that run's.
        attended: listen to `stope operate` while it runs.
        overrides: "path=value" each, as `--set` takes them.
        out: folder for this run's files; made when it is not there. `free_folder` finds one when nobody said where.
        rotate_every: run time or size after which the log goes on in a new file, as "60s" or "64MB"; empty for never.
        video: render pictures and a film after the run.
        progress: show the progress line.
    """

    mission: Path | str
    body: str | None = None
    body_unit: str = "m"
    robot: str = "sim"
    seed: int | None = None
    anchors: str = "normal"
    inject: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    stay_s: float = 0.0
    leave_out: tuple[str, ...] = ()
    attended: bool = True
    resume: bool = False
    overrides: tuple[str, ...] = ()
    out: Path = Path("runs")
    rotate_every: str = ""
    video: bool = True
    progress: bool = True


def free_folder(mission: Path | str, below: Path = Path("runs")) -> Path:
    """The first of `below`/<mission>, <mission>-2, <mission>-3, ... that does not exist: a log is never overwritten."""
    name = Path(mission).stem or "run"
    candidate, number = below / name, 1
    while candidate.exists():
        number += 1
        candidate = below / f"{name}-{number}"
    return candidate
