"""One seed of a campaign: what is asked of a worker, and the row that comes back, whatever becomes of the run.

A run gets a process of its own. It may crash the interpreter, hang or eat its time: the worker ends it at its time
limit, states what happened in the row, and takes the next seed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stope.clock import HostClock

BROKEN = "BROKEN"
MEASURED = (
    "sim_s", "depth_m", "peak_weight_on_bit_n", "collected_kg", "escaped_kg", "energy_j", "propellant_kg",
    "worst_margin", "mass_error_ug", "mass_error_rel", "impulse_error_rel", "impulse_residual_rel",
)  # fmt: skip
_LAST_WORDS = 300  # of a process that died


@dataclass(frozen=True, slots=True)
class Job:
    """One run.

    Attributes:
        settings: `path=value` each. drawn: what varied, by field, for the table.
        out: folder for the run's files on the worker's machine.
        keep: keep the files of a run that passed too.
    """

    mission: str
    settings: tuple[str, ...]
    anchors: str
    inject: tuple[str, ...]
    seed: int
    drawn: dict[str, float]
    out: str
    keep: bool
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one seed.

    Attributes:
        verdict: of the run, or BROKEN with the reason in words.
        measured: quantities of the outcome (`MEASURED`); empty for a broken run, None where nothing was measured.
        truth: what the seed drew for the ground.
    """

    seed: int
    verdict: str
    reason: str
    host_s: float
    measured: dict[str, float | None]
    drawn: dict[str, float]
    truth: dict[str, float]
    payload_digest: str = ""

    @property
    def broken(self) -> bool:
        """Whether the run did not come to an end of its own."""
        return self.verdict == BROKEN


def run_job(job: Job) -> Row:
    """Run one seed in a process of its own, at most `job.timeout_s` host seconds."""
    clock = HostClock()
    began = clock.now_s()
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as errors:
        # The pipe stays open while we live: the child ends itself when it closes (`child.py`).
        child = subprocess.Popen(
            [sys.executable, "-m", "stope.campaign.child"], stdin=subprocess.PIPE, stdout=told, stderr=errors
        )
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            child.stdin.flush()
            code = child.wait(job.timeout_s)
        except BrokenPipeError:
            code = child.wait()
        except subprocess.TimeoutExpired:
            return broken(job, f"no end within {job.timeout_s:g} s", clock.now_s() - began)
        finally:
            child.kill()
            child.wait()
            child.stdin.close()
        told.seek(0)
        errors.seek(0)
        answer, words = told.read().decode(errors="replace"), errors.read().decode(errors="replace").strip()
    spent = clock.now_s() - began
    if code != 0:
        return broken(job, f"its process ended with {code}: {words[-_LAST_WORDS:]}", spent)
    found: dict[str, Any] = json.loads(answer.splitlines()[-1])
    return Row(seed=job.seed, host_s=spent, drawn=job.drawn, **found)


def broken(job: Job, why: str, host_s: float) -> Row:
    """The row of a run that did not come to an end."""
    return Row(job.seed, BROKEN, why, host_s, {}, job.drawn, {})


def folder_of(out: Path, seed: int) -> Path:
    """Where the files of a seed are kept."""
    return out / "runs" / f"seed-{seed}"
