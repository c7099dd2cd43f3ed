"""The process of one seed: a job as one line of JSON on standard input, its row as one on standard output."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from stope.campaign.job import BROKEN, MEASURED

ORPHANED = 3


def main() -> None:
    """Run the job that standard input states, and end when whoever asked for it is gone."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answer = sys.stdout
    sys.stdout = sys.stderr  # what a library prints must not stand in the answer
    answer.write(json.dumps(run(job)) + "\n")
    answer.flush()


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Verdict, reason, measured quantities, truth and digest of one run."""
    from stope.robot.seam import PhysicsDivergedError
    from stope.session.request import RunRequest
    from stope.session.run import run_mission

    out = Path(job["out"])
    request = RunRequest(
        mission=job["mission"],
        seed=job["seed"],
        anchors=job["anchors"],
        inject=tuple(job["inject"]),
        overrides=tuple(job["settings"]),
        out=out,
        video=False,
        progress=False,
    )
    try:
        outcome = run_mission(request)
    except PhysicsDivergedError as error:
        return {"verdict": BROKEN, "reason": f"diverged: {error}", "measured": {}, "truth": {}}
    if outcome.verdict == "PASSED" and not job["keep"]:
        shutil.rmtree(out, ignore_errors=True)
    return {
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "measured": {name: getattr(outcome, name) for name in MEASURED},
        "truth": outcome.truth,
        "payload_digest": outcome.payload_digest,
    }


def _end_with_parent() -> None:
    sys.stdin.read()  # returns when the pipe closes
    os._exit(ORPHANED)


if __name__ == "__main__":
    main()
