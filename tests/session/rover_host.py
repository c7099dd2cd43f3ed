"""`python rover_host.py ADDRESS OUT [resume]`: the host of a rover; a test kills it and starts it again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rover import Attached

from stope.bridge.telemetry import FaultEvent
from stope.clock import HostClock
from stope.session import build, resuming
from stope.session.request import RunRequest
from stope.session.robots import SLOW_CONTROL_US, STOPS, Driven
from stope.session.run import run_mission


def main() -> None:
    address, out, *rest = sys.argv[1:]
    causes: list[str] = []

    def note(event: object) -> None:
        if isinstance(event, FaultEvent) and event.severity >= STOPS:
            causes.append(event.fault)

    build.drive = lambda request, model, world, clock: Driven(
        Attached(address, "bench_rig", clock, note), None, SLOW_CONTROL_US, causes
    )
    restoring: list[float] = []
    plain, host = resuming.restored, HostClock()

    def timed(*arguments: object) -> object:
        began = host.now_s()
        resuming.read_checkpoint(Path(out))
        found = plain(*arguments)
        restoring.append(host.now_s() - began)
        return found

    resuming.restored = timed
    request = RunRequest(
        "lab_bench", overrides=("tasks.drill.depth_m=0.003",), out=Path(out), video=False, progress=False,
        resume=bool(rest), robot="serial:the rover",
    )  # fmt: skip
    outcome = run_mission(request)
    sys.stdout.write(json.dumps(outcome.to_dict() | {"restoring_s": restoring}))


main()
