"""The host dies while firmware and plant go on in a process of their own: safe alone, and taken up again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stope.executive.checkpoint import read_checkpoint
from stope.mission.errors import InputError
from stope.session.outcome import PASSED
from stope.session.request import RunRequest

HERE = Path(__file__).parent
RUNS = int(os.environ.get("STOPE_HOST_KILLED_RUNS", "1"))
KILLS = int(os.environ.get("STOPE_HOST_KILLED_KILLS", "2"))  # in each run
DEPTH_M = float(os.environ.get("STOPE_HOST_KILLED_DEPTH_M", "0.002"))
DRILLING_S = 1.0  # of host time at most between the start of drilling and the kill
PATIENCE_S = 900.0  # with a process on a machine that is busy with others

pytestmark = [
    pytest.mark.mission,
    pytest.mark.skipif(shutil.which("cc") is None, reason="FIRMWARE NOT TESTED: no C compiler"),
]


class Site:
    """A rover at work, and the hosts that drive it one after another.

    Attributes:
        out: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.out = folder / "run"
        self._line, self._request, self._books = folder / "line", folder / "request.json", folder / "books.json"
        request = RunRequest(
            "lab_bench", overrides=(f"tasks.drill.depth_m={DEPTH_M}",), out=self.out, video=False, progress=False
        )
        self._request.write_text(json.dumps(asdict(request) | {"out": str(self.out)}))
        command = [sys.executable, HERE / "rover.py", self._request, self._line, self._books]
        self._rover = subprocess.Popen(command, stdin=subprocess.PIPE)
        wait_for(self._line.exists, self._rover)

    def host(self, *more: str) -> subprocess.Popen[str]:
        """A host that begins the mission, or with "resume" goes on with it."""
        command = [sys.executable, HERE / "rover_host.py", self._line, self._request, *more]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def drilling_since(self, before: int) -> bool:
        """Whether a checkpoint later than `before` us of run time says that the drill runs."""
        try:
            found = read_checkpoint(self.out)
        except InputError:
            return False
        return found.time_us > before and ("drill", "running") in [(a.task, a.state) for a in found.activities]

    def reached_us(self) -> int:
        """Run time of the last checkpoint."""
        return read_checkpoint(self.out).time_us

    def close(self) -> dict[str, Any]:
        """End the rover; what its books say."""
        assert self._rover.stdin is not None
        if not self._rover.stdin.closed:
            self._rover.stdin.close()
        assert self._rover.wait(PATIENCE_S) == 0
        return dict(json.loads(self._books.read_text()))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.close()


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_host_that_is_killed_again_and_again_goes_on_where_it_was(seed: int, site: Site) -> None:
    """Each time the device makes itself safe, a new host clears, arms and drills on; the mission ends right."""
    rng, more, reached_us = random.Random(seed), (), 0
    for _ in range(KILLS):
        host = site.host(*more)
        wait_for(partial(site.drilling_since, reached_us), host)
        with contextlib.suppress(subprocess.TimeoutExpired):
            host.wait(rng.uniform(0.0, DRILLING_S))
        assert host.poll() is None, host.communicate()
        host.kill()
        host.communicate()
        more, reached_us = ("resume",), site.reached_us()
    done = site.host(*more)
    said, complained = done.communicate(timeout=PATIENCE_S)
    assert done.returncode == 0, complained
    outcome, books = json.loads(said), site.close()
    assert (outcome["verdict"], outcome["reason"], outcome["detections"]) == (PASSED, "", [])
    assert books["depth_m"] == pytest.approx(DEPTH_M, abs=0.25e-3)
    assert max(outcome["restoring_s"]) < 0.1
    assert len(books["losses"]) == KILLS + 1
    for lost in books["losses"][:-1]:
        check_safe_alone(lost)


def check_safe_alone(lost: dict[str, Any]) -> None:
    """What the device did after its last sign of life of a drilling host."""
    at_us = dict(lost["states"])
    safing_us, fault_us = at_us["SAFING"] - lost["last_sign_us"], at_us["FAULT"] - at_us["SAFING"]
    told = f"SAFING after {safing_us / 1e3} ms, at rest and FAULT {fault_us / 1e3} ms later\n"
    sys.stdout.write(told)  # for benchmarks/host_killed.py
    assert 245_000 <= safing_us <= 255_000
    assert fault_us <= 2_000_000
    assert lost["states"][-1][0] == "FAULT"
    assert not lost["enabled"]
    assert abs(lost["spindle_rad_s"]) <= 0.5
    assert lost["anchor_phase"] == [2]
    assert lost["weight_after_n"] < lost["weight_before_n"] + 3.0  # a carriage under 1 g does not come down on its bit


def test_an_e_stop_from_another_process_while_it_drills(site: Site) -> None:
    host = site.host()
    wait_for(lambda: site.drilling_since(0), host)
    stope = Path(sys.executable).with_name("stope")
    ordered = subprocess.run(
        [stope, "operate", site.out, "estop", "--who", "Ada"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ordered.returncode == 0, ordered.stdout + ordered.stderr
    said, complained = host.communicate(timeout=PATIENCE_S)
    assert host.returncode == 0, complained  # the host ended in order: only telemetry of a device at rest lets it
    outcome, lost = json.loads(said), site.close()["losses"][0]
    assert "e-stop by Ada" in outcome["reason"]
    assert [name for name, _ in lost["states"]] == ["FAULT"]  # before the host let go, and not because it did
    assert not lost["enabled"]
    assert abs(lost["spindle_rad_s"]) <= 0.5
    assert lost["anchor_phase"] == [2]


def wait_for(condition: Any, process: subprocess.Popen[Any]) -> None:
    """Until it holds."""
    until = time.perf_counter() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.perf_counter() < until, "the mission never began"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)
