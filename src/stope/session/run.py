"""Run one mission from request to outcome."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numba.core.event import install_timer

from stope.clock import HostClock
from stope.executive.activity import Activity
from stope.mission.errors import InputError
from stope.session.build import Run, build
from stope.session.film import FilmStrip
from stope.session.keeping import Keeper
from stope.session.loop import Detection, LoopResult, Watcher, run_loop
from stope.session.outcome import FAILED, LOST, PASSED, RECOVERED, DetectionRow, Outcome, TaskRow
from stope.session.progress import ProgressLine
from stope.session.recording import Recorder, collected_kg, run_header
from stope.session.request import RunRequest
from stope.sim.plant import AsteroidPlant
from stope.tasklog.digest import payload_digest
from stope.tasklog.part_limits import PartLimits, part_limits
from stope.tasklog.recorder import WhenFull
from stope.tasklog.writer import TaskLogWriter


def run_mission(request: RunRequest, also: Sequence[Watcher] = ()) -> Outcome:
    """Build, run, record, judge, draw.

    Args:
        also: called after every control tick, as recorder and progress line are.

    Raises:
        InputError: the request cannot be run; nothing was written.
        PhysicsDivergedError: the simulation left the plausible; the log up to there is kept.
    """
    limits = part_limits(request.rotate_every)
    run = build(request)
    gc.freeze()  # what was built lives as long as the run: the collector need not walk through it a thousand times
    try:
        run.robot.connect()  # before anything is written, or could have to be made safe
        return _run(run, limits, also)
    finally:
        gc.unfreeze()
        run.robot.close()


def _run(run: Run, limits: PartLimits, also: Sequence[Watcher]) -> Outcome:
    request, host = run.request, HostClock()
    path = _log_file(_new_folder(request.out), run)
    strip = FilmStrip(run, run.plant) if request.video and run.plant is not None else None
    with TaskLogWriter(
        path,
        run_header(run),
        start_utc_ns=run.mission.start_us * 1000,
        when_full=_when_full(run),
        rotate_bytes=limits.size_bytes,
        rotate_s=limits.time_s,
    ) as writer:
        recorder, keeper = Recorder(run, writer), Keeper(run)
        line = ProgressLine(run, host) if request.progress else None
        watchers: list[Watcher] = [keeper, recorder, *([strip] if strip else []), *([line] if line else []), *also]
        compiling: list[float] = []  # seconds; empty when nothing had to be compiled
        began = host.now_s()
        try:
            with install_timer("numba:compile", compiling.append):
                result = run_loop(run, watchers, recorder.detection)
        except BaseException as error:
            recorder.closing(f"ended by {type(error).__name__}: {error}")
            raise
        finally:
            if line:
                line.close()
        spent = host.now_s() - began
        keeper.done()
        recorder.news(result.executive, run.clock.now_us)
        recorder.books(run.clock.now_us)
        recorder.device(result.device)
        recorder.closing(": ".join(part for part in verdict_of(run, result) if part))
    picture = film = None
    if strip:
        picture, film = strip.develop(path.parent)
    return judge(run, result, spent, sum(compiling), path, picture, film)


def _when_full(run: Run) -> WhenFull:
    """A simulated or replayed robot waits for the disk, so nothing is lost; a real one drops and counts."""
    return "block" if run.plant is not None or run.request.robot.startswith("replay:") else "drop"


def judge(
    run: Run,
    result: LoopResult,
    host_s: float,
    compiling_s: float,
    log: Path,
    picture: Path | None,
    film: Path | None,
) -> Outcome:
    """The outcome of a finished loop that took `host_s`, of which `compiling_s` went by once for this machine."""
    executive = result.executive
    activities = [*executive.activities]
    if executive.recovery.state != "waiting":
        activities.append(executive.recovery)
    verdict, reason = verdict_of(run, result)
    return Outcome(
        verdict=verdict,
        reason=reason,
        mission=run.mission.name,
        body=run.body.name,
        robot=run.robot.model.name,
        seed=run.mission.seed,
        sim_s=run.clock.now_s,
        tasks=tuple(_task_row(activity) for activity in activities),
        detections=tuple(_detection_row(found) for found in result.detections),
        not_caused=result.not_caused,
        peak_weight_on_bit_n=result.peak_weight_n,
        worst_margin=result.worst_margin,
        real_time_factor=run.clock.now_s / max(host_s - compiling_s, 1e-9),
        compiling_s=compiling_s,
        punctuality=run.pace.punctuality() if run.pace else None,
        payload_digest=payload_digest(log).total,
        log=log,
        picture=picture,
        film=film,
        **(_measured(run, result) if run.plant is None else _booked(run, run.plant)),
    )


def _booked(run: Run, plant: AsteroidPlant) -> dict[str, Any]:
    """What the books of the simulated world say."""
    flow, impulses = plant.flow, plant.impulses
    error = flow.error()
    masses: dict[str, dict[str, float]] = {}
    for row in flow.book.rows():
        masses.setdefault(row.account, {})[row.material] = row.balance_ug * 1e-9
    return {
        "depth_m": plant.bit.depth_m if plant.bit else 0.0,
        "mass_kg": masses,
        "truth": plant.ground.drawn(),
        "collected_kg": (flow.bin_ug + flow.core_ug) * 1e-9,
        "escaped_kg": flow.book.total("escaped") * 1e-9,
        "energy_j": run.robot.read().energy_used_j,
        "propellant_kg": flow.propellant_ug * 1e-9,
        "mass_error_ug": error.accounts_ug,
        "mass_error_rel": error.independent,
        "impulse_error_rel": impulses.raw_drift_ns / (impulses.exchanged_ns or 1.0),
        "impulse_residual_rel": plant.momentum_error(),
    }


def _measured(run: Run, result: LoopResult) -> dict[str, Any]:
    """What a robot's own sensors say, where nobody knows the truth."""
    last = result.last
    return {
        "depth_m": result.deepest_m,
        "mass_kg": {},
        "truth": {},
        "collected_kg": collected_kg(run, last) if last else 0.0,
        "escaped_kg": None,
        "energy_j": last.energy_used_j if last else 0.0,
        "propellant_kg": last.propellant_kg if last else 0.0,
        "mass_error_ug": None,
        "mass_error_rel": None,
        "impulse_error_rel": None,
        "impulse_residual_rel": None,
    }


def verdict_of(run: Run, result: LoopResult) -> tuple[str, str]:
    """PASSED, RECOVERED, FAILED or LOST, and the reason."""
    executive, refusal = result.executive, run.refusal
    recovery = executive.recovery
    if result.refused:
        return FAILED, result.refused
    stopped = next((item for item in result.device if item.blocking), None)
    if stopped is not None:
        return FAILED, stopped.why + (f" because of {run.causes[-1]}" if run.causes else "")
    if result.not_caused:
        return FAILED, f"never caused: {', '.join(result.not_caused)}"
    if recovery.state == "succeeded":
        return RECOVERED, recovery.reason
    if recovery.state != "waiting":
        return LOST, recovery.reason
    if refusal:
        return FAILED, refusal
    if executive.desk.ended is not None:
        return FAILED, executive.desk.ended.reason
    for activity in executive.activities:
        if activity.state in ("failed", "refused", "interrupted"):
            return FAILED, f"{activity.task} {activity.state}: {activity.reason}"
    return PASSED, ""


def _task_row(activity: Activity) -> TaskRow:
    return TaskRow(
        activity.task, activity.state, activity.started_us * 1e-6, activity.duration_s, activity.code, activity.reason
    )


def _detection_row(found: Detection) -> DetectionRow:
    alarm, injected = found.alarm, found.injected_us
    return DetectionRow(
        alarm.fault,
        found.time_us * 1e-6,
        alarm.value,
        alarm.limit,
        alarm.unit,
        None if injected is None else (found.time_us - injected) * 1e-6,
        None if injected is None else found.moved_m,
    )


def _log_file(folder: Path, run: Run) -> Path:
    """The log's name; a run that goes on writes another beside the one that broke off."""
    path, number = folder / f"{run.mission.name}.mcap", 1
    while run.resumed is not None and path.exists():
        number += 1
        path = folder / f"{run.mission.name}-{number}.mcap"
    return path


def _new_folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "--out", read=f"'{out}', which cannot be made: {error.strerror}", expected="a folder"
        ) from error
    return out
