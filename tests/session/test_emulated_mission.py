"""One mission, one seed, three devices: simulated, firmware in lock step, firmware image on an emulated board."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest
from short_missions import SHORT, run

from stope.session.outcome import PASSED, Outcome
from stope.tasklog.diff import compare, summarise

NEEDED = ("qemu-system-arm", "arm-none-eabi-gcc")
on_emulator = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in NEEDED),
    reason="FIRMWARE NOT EMULATED: apt-get install qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi",
)
pytestmark = [
    pytest.mark.mission,
    pytest.mark.xdist_group("parity"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="FIRMWARE NOT TESTED: no C compiler"),
]


@cache
def flown(robot: str) -> Outcome:
    return run("quick_core", SHORT["quick_core"], robot=robot)


def differences(a: Path, b: Path) -> list[str]:
    return [
        f"{row.what}: {row.a} and {row.b} {row.unit}" for row in compare(summarise(a), summarise(b)) if not row.same
    ]


@pytest.mark.parametrize("robot", ["firmware", pytest.param("emulated:lockstep", marks=on_emulator)])
def test_it_anchors_drills_and_collects_as_the_simulated_robot_does(robot: str) -> None:
    outcome, sim = flown(robot), flown("sim")
    assert (outcome.verdict, outcome.reason, outcome.detections) == (PASSED, "", ())
    assert {"anchor", "drill", "collect"} <= {row.task for row in outcome.tasks if row.state == "succeeded"}
    assert outcome.collected_kg > 0.01
    assert outcome.sim_s < 90.0
    assert outcome.log is not None
    assert sim.log is not None
    assert differences(sim.log, outcome.log) == []
    assert outcome.mass_error_ug == 0
    assert outcome.impulse_error_rel < 1e-5


def test_parity_is_not_empty_talk() -> None:
    # deep enough to be pressed harder than in the spud
    other = run("quick_core", ("tasks.drill.depth_m=0.006",))
    assert other.log is not None
    found = " ".join(differences(flown("sim").log or Path(), other.log))
    assert "hole depth" in found
    assert "weight-on-bit" in found


@on_emulator
def test_a_run_on_the_emulated_board_is_the_same_however_busy_the_machine_is() -> None:
    first, second = (
        run("lab_bench", ("tasks.drill.depth_m=0.002",), robot=robot) for robot in ("emulated", "emulated:lockstep")
    )
    assert (first.verdict, first.reason) == (PASSED, "")
    assert first.payload_digest == second.payload_digest
    # the first was held to the wall's pace, whatever this machine made of it; the second was not
    assert first.punctuality is not None
    assert first.punctuality.periods > 100
    assert first.real_time_factor < 1.01
    assert second.punctuality is None
