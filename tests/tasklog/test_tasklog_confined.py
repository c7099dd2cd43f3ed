"""A child that reads a stranger's file: what is left to it, and what a kill leaves behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hostile_corpus import FILES
from sample_log import Sample
from typer.testing import CliRunner

from stope.cli import app
from stope.tasklog import TaskLogError, scan
from stope.tasklog.appendfile import AppendFile
from stope.tasklog.confined import confined as asked
from stope.tasklog.newfile import draft_of, new_file
from stope.tasklog.query.tables import datasets


def stope(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.output


@pytest.mark.parametrize("name", ["says 1.5 GiB", "message that holds itself", "golden, bit flipped"])
def test_seal_and_pack_read_in_the_child(
    name: str, forked: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that holds the key never opens a chunk of the file."""
    stope("key", "new", tmp_path / "team.key")
    log = tmp_path / "run.mcap"
    log.write_bytes(FILES[name]())
    here = os.getpid()
    real = scan.opened

    def opened(path: Path) -> object:
        assert os.getpid() != here, "read in the process that holds the key"
        return real(path)

    monkeypatch.setattr(scan, "opened", opened)
    for words in (("seal", log, "--key", tmp_path / "team.key"), ("pack", log, "--out", tmp_path / "crate")):
        code, said = stope("log", *words)
        assert (code, len(said.strip().splitlines())) == (2, 1), said
        assert said.startswith(f"{log}: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.mcap", "team.key", "team.key.pub"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGXCPU])
@pytest.mark.parametrize("task", ["recover_log", "redact_log", "export_log", "add_to_tables", "pack_log"])
def test_a_killed_child_leaves_nothing_to_trip_over(
    task: str,
    number: signal.Signals,
    forked: None,
    write_sample: Sample,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed when the draft is whole and has not its name yet, and asked again."""
    log, out, here = write_sample(), tmp_path / "out", os.getpid()
    words = {
        "recover_log": (log, out, "no"),
        "redact_log": (log, out, "/terrain"),
        "export_log": (log, f'{{"ros2": "{out}"}}'),
        "add_to_tables": (out, log),
        "pack_log": (log, out, "2027-01-15", "", "A. Author"),
    }[task]

    def ask() -> object:
        return asked(f"stope.tasklog.tasks:{task}", *map(str, words))

    with monkeypatch.context() as patch:
        for place, name in ((AppendFile, "sync"), (os, "replace"), (Path, "rename")):
            real = getattr(place, name)
            patch.setattr(place, name, lambda *a, real=real: _unless(here, number, real, *a))
        with pytest.raises(TaskLogError, match="nothing of it was taken"):
            ask()
    drafts = [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]
    assert bool(drafts) == (number == signal.SIGKILL)
    if task == "add_to_tables":
        assert datasets(out) == {}
    else:
        assert not out.exists()
    ask()
    assert out.exists()
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]


def _unless(here: int, number: signal.Signals, real, *arguments: object) -> object:  # type: ignore[no-untyped-def]
    if os.getpid() != here:
        os.kill(os.getpid(), number)
    return real(*arguments)


def test_a_draft_that_somebody_writes_stays(tmp_path: Path) -> None:
    target = tmp_path / "a.mcap"
    with new_file(target) as file:
        file.write(b"mine")
        assert draft_of(target).exists()
    assert target.read_bytes() == b"mine"
    dead = tmp_path / ".a.mcap.1.part"
    dead.write_bytes(b"of somebody who was killed")
    draft_of(target)
    assert not dead.exists()
