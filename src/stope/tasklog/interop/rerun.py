"""A log as a Rerun recording (.rrd), by Rerun's own converter: it reads our MCAP, so nothing is mapped twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stope.tasklog.errors import TaskLogError
from stope.tasklog.info import describe

_LONGEST_S = 600.0


def export_rerun(log: Path, target: Path) -> None:
    """Write `target`. Rerun's usage analytics are off, in a home of its own.

    Raises:
        TaskLogError: Rerun is not installed, the log is not whole (Rerun would drop the rest and say nothing), the
            target exists, or the converter failed.
    """
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    program = shutil.which("rerun", path=beside)
    if program is None:
        raise TaskLogError("--rerun needs the program rerun, which is not installed: pip install rerun-sdk")
    info = describe(log)
    if not info.complete:
        raise TaskLogError(f"{log}: {info.problem}; Rerun would drop the rest silently: stope log recover first")
    if target.exists():
        raise TaskLogError(f"{target}: exists; nothing is overwritten, choose another name")
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "NO_COLOR": "1"}
        draft = Path(home) / "log.rrd"
        for words in (("analytics", "disable"), ("mcap", "convert", str(log.resolve()), "-o", str(draft))):
            try:
                done = subprocess.run(
                    [program, *words], env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False
                )
            except subprocess.TimeoutExpired:
                raise TaskLogError(f"{log}: rerun took more than {_LONGEST_S:g} s and was given up") from None
        if done.returncode or not draft.is_file() or not draft.stat().st_size:
            said = " ".join(done.stderr.split())[-300:]
            raise TaskLogError(f"{log}: rerun could not convert it: {said}")
        try:
            shutil.copyfile(draft, target)
        except OSError as error:
            raise TaskLogError(f"{target}: cannot be written: {error.strerror}") from error
