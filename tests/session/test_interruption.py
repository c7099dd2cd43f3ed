"""Told to stop, a run stops in order: the robot made safe, the log closed with its last words."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mcap.reader import make_reader

from stope.tasklog.reader import read


def _hear_ctrl_c() -> None:
    """As from a terminal: a job in the background of a script is deaf to SIGINT, and so are its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.mission
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_keeps_its_log(tmp_path: Path, told: signal.Signals) -> None:
    stope = Path(sys.executable).with_name("stope")
    command = [stope, "run", "bennu_core", "--no-video", "--out", tmp_path]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, preexec_fn=_hear_ctrl_c) as run:
        assert run.stderr is not None
        first = next(line for line in run.stderr if "descend" in line)  # the progress line: the loop is turning
        run.send_signal(told)
        _, rest = run.communicate(timeout=120)
    assert run.returncode == 130, first + rest
    assert "interrupted" in rest
    assert "Traceback" not in rest
    log = next(tmp_path.glob("*.mcap"))
    with log.open("rb") as stream:
        assert make_reader(stream).get_summary() is not None
    last = [message for message in read(log) if message.topic == "/log"][-1]
    assert "KeyboardInterrupt" in str(last)
