"""A disk that is full in the middle of a run: one sentence, exit code 2, and what was written can be read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from short_missions import drill_only

from stope.executive.checkpoint import read_checkpoint
from stope.tasklog.info import describe
from stope.tasklog.reader import read
from stope.tasklog.recover import recover

SMALL = 400 * 1024
COMMAND = """
import resource, signal, sys
if sys.argv[1] == "limited":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
sys.argv = ["stope", *sys.argv[3:]]
from stope.cli import main
main()
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A disk of 400 KiB; where nobody lets us mount one, a folder, and files are limited to that size instead."""
    folder = tmp_path / "disk"
    folder.mkdir()
    call = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(call, capture_output=True, check=False).returncode == 0
    yield folder, "mounted" if mounted else "limited"
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.mission
def test_a_run_on_a_disk_that_fills_up(small_disk: tuple[Path, str], tmp_path: Path) -> None:
    folder, how = small_disk
    words = ["run", str(drill_only(tmp_path)), "--no-video", "--quiet", "--out", str(folder / "out")]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, how, str(SMALL), *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    why = {"mounted": "No space left on device", "limited": "File too large"}[how]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "cannot be written" in done.stderr or "room for the checkpoint" in done.stderr
    assert why in done.stderr
    log = folder / "out" / "bennu_core.mcap"
    info = describe(log)
    assert not info.complete
    assert info.header is not None
    recovered = recover(log, tmp_path / "recovered.mcap")
    assert 0 < recovered.verified <= log.stat().st_size <= SMALL
    sequences = [m.sequence for m in read(tmp_path / "recovered.mcap", ["/robot/observation"])]
    assert sequences == list(range(1, len(sequences) + 1))
    assert sequences
    assert read_checkpoint(folder / "out").transitions
    assert not list((folder / "out").glob("*.part"))
