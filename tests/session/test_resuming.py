"""A simulated run whose host died goes on by being played again. (A robot that stayed: test_host_killed.py.)"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from short_missions import SHORT, run_short

from stope.control.stack import Tick
from stope.executive.checkpoint import FILE, read_checkpoint, write_checkpoint
from stope.executive.tree import Executive
from stope.mission.errors import InputError
from stope.robot.messages import Sent
from stope.session.build import build
from stope.session.keeping import Keeper
from stope.session.loop import run_loop
from stope.session.outcome import PASSED
from stope.session.request import RunRequest
from stope.session.run import run_mission


class KilledError(Exception):
    """The host dies here."""


def asked(out: Path, **given: Any) -> RunRequest:
    return RunRequest("lab_bench", overrides=SHORT["lab_bench"], out=out, video=False, progress=False, **given)


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that died 8 s into it, in the middle of the hole."""
    out = tmp_path_factory.mktemp("broken_off")
    run = build(asked(out))

    def die(tick: Tick, _sent: Sent, executive: Executive) -> None:
        executive.desk.news.clear()  # as the recorder does
        if tick.view.time_s >= 8.0:
            raise KilledError

    try:
        with pytest.raises(KilledError):
            run_loop(run, [Keeper(run), die], lambda _found: None)
    finally:
        run.robot.close()
    return out


def copied(folder: Path, to: Path) -> Path:
    return shutil.copytree(folder, to / "run")


@pytest.mark.mission
def test_a_run_that_is_played_again_ends_as_if_it_had_never_died(broken_off: Path, tmp_path: Path) -> None:
    out = copied(broken_off, tmp_path)
    before = read_checkpoint(out)
    assert [(each.task, each.state) for each in before.transitions] == [
        ("anchor", "running"), ("anchor", "succeeded"), ("drill", "running"),
    ]  # fmt: skip
    outcome = run_mission(asked(out, resume=True))
    assert outcome.verdict == PASSED
    assert outcome.payload_digest == run_short("lab_bench").payload_digest
    assert not (out / FILE).exists()  # nothing is left to go on with


@pytest.mark.mission
def test_a_replay_that_diverges_is_noticed(broken_off: Path, tmp_path: Path) -> None:
    out = copied(broken_off, tmp_path)
    found = read_checkpoint(out)
    first, second, *rest = found.transitions
    moved = dataclasses.replace(second, time_us=second.time_us + 50_000)
    write_checkpoint(found.model_copy(update={"transitions": (first, moved, *rest)}), out)
    with pytest.raises(InputError, match="what the first run did, 'anchor succeeded'"):
        run_mission(asked(out, resume=True))


@pytest.mark.mission
def test_a_changed_mission_is_refused(broken_off: Path) -> None:
    with pytest.raises(InputError, match="the mission's files have changed since"):
        build(dataclasses.replace(asked(broken_off, resume=True), overrides=("tasks.drill.depth_m=0.004",)))


@pytest.mark.mission
def test_a_damaged_checkpoint_is_refused(broken_off: Path, tmp_path: Path) -> None:
    whole = (broken_off / FILE).read_bytes()
    assert read_checkpoint(broken_off).document()["sha256"] == read_checkpoint(broken_off).sha256
    told: dict[str, Any] = json.loads(whole)
    told["activities"][0]["state"] = "succeeded but not really"
    for damaged in (whole[:-200], b"", b"\0" * 100, whole.replace(b'"state": "running"', b'"state": "waiting"', 1),
                    json.dumps(told).encode(), b'{"schema": "stope.checkpoint/9"}'):  # fmt: skip
        (tmp_path / FILE).write_bytes(damaged)
        with pytest.raises(InputError, match=r"checkpoint\.json"):
            read_checkpoint(tmp_path)
    (tmp_path / FILE).unlink()
    with pytest.raises(InputError, match="no checkpoint"):
        read_checkpoint(tmp_path)
