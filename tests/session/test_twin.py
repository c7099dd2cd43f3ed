"""The same missions with the real compiled firmware in lock step with the plant: parity with the simulated device."""

from __future__ import annotations

import shutil
from functools import cache

import pytest
from short_missions import SHORT, run, run_short

from stope.mission.errors import InputError
from stope.session import firmware
from stope.session.outcome import PASSED, Outcome

pytestmark = [
    pytest.mark.mission,
    pytest.mark.skipif(shutil.which("cc") is None, reason="FIRMWARE NOT TESTED: no C compiler"),
]
#: What may differ: the device's servo runs at 1 kHz in place of 500 Hz, in 32-bit numbers, and readings cross a wire.
DEPTH_M, SHARE, TIME_S = 0.3e-3, 0.10, 2.0


@cache
def twin_short(name: str) -> Outcome:
    return run(name, SHORT[name], robot="firmware")


@pytest.mark.parametrize("name", ["lab_bench"])
def test_the_mission_ends_as_it_does_with_the_simulated_device(name: str) -> None:
    twin_run, sim = twin_short(name), run_short(name)
    assert (twin_run.verdict, twin_run.reason, twin_run.detections) == (PASSED, "", ())
    assert twin_run.depth_m == pytest.approx(sim.depth_m, abs=DEPTH_M)
    assert twin_run.peak_weight_on_bit_n == pytest.approx(sim.peak_weight_on_bit_n, rel=SHARE)
    assert twin_run.collected_kg == pytest.approx(sim.collected_kg, rel=SHARE, abs=1e-3)
    for ours, theirs in zip(twin_run.tasks, sim.tasks, strict=True):
        assert (ours.task, ours.state) == (theirs.task, theirs.state)
        assert ours.duration_s == pytest.approx(theirs.duration_s, rel=SHARE, abs=TIME_S)
    assert twin_run.mass_error_ug == 0
    assert twin_run.mass_error_rel < 1e-9
    assert twin_run.impulse_error_rel < 1e-5


@pytest.mark.parametrize("name", ["lab_bench"])
def test_the_twin_is_deterministic(name: str) -> None:
    assert twin_short(name).payload_digest == run(name, SHORT[name], robot="firmware").payload_digest


def test_lost_anchors_are_recovered_by_the_firmware_too() -> None:
    outcome = run("bennu_core", SHORT["bennu_core"], inject=("anchors.lost@drill",), robot="firmware")
    assert outcome.verdict == "RECOVERED"
    found = outcome.detections[0]
    assert found.fault == "anchors.lost"
    assert found.moved_m < 5e-3


def test_without_a_compiler_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware.shutil, "which", lambda _name: None)
    with pytest.raises(InputError, match="install"):
        firmware.firmware_file("shared", "miner")


def test_an_unknown_robot_is_told_with_what_is_near() -> None:
    with pytest.raises(InputError, match="did you mean firmware"):
        run("lab_bench", robot="firmwar")
