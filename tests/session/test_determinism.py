"""One seed, one run: the same payload digest in another process, another one for another seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from short_missions import drill_only, run

from stope.tasklog.digest import payload_digest
from stope.tasklog.info import describe_parts
from stope.tasklog.parts import parts_of

ELSEWHERE = """
import sys
from stope.session.request import RunRequest
from stope.session.run import run_mission
out = __import__("pathlib").Path(sys.argv[2])
outcome = run_mission(RunRequest(sys.argv[1], out=out, rotate_every="5s", video=False, progress=False))
print(outcome.payload_digest)
"""


@pytest.mark.mission
def test_the_same_seed_gives_the_same_digest_in_another_process(tmp_path: Path) -> None:
    """The other process writes its log in parts, which changes nothing."""
    mission = drill_only(tmp_path)
    here = run(mission)
    there = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(mission), str(tmp_path / "out")],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert there.stdout.split()[-1] == here.payload_digest
    assert here.log is not None
    assert len(parts_of(tmp_path / "out" / here.log.name)) > 2
    assert describe_parts(tmp_path / "out" / here.log.name).complete
    assert payload_digest(here.log).total == here.payload_digest
    assert run(mission, seed=99).payload_digest != here.payload_digest
