"""The fuzzers of the readers of strangers' files, seeded and short; `STOPE_FUZZ_RUNS` makes them long."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import stope

HERE = Path(__file__).parent
RUNS = os.environ.get("STOPE_FUZZ_RUNS", "100")


@pytest.mark.parametrize(
    ("corpus", "fuzzer", "longest"),
    [
        ("mission/hostile_files.py", "mission/fuzz_files.py", 2_000),
        ("tasklog/hostile_corpus.py", "tasklog/fuzz_log.py", 30_000),
    ],
)
def test_fuzzing_finds_nothing(corpus: str, fuzzer: str, longest: int, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("NOT FUZZED: atheris has wheels for Linux on x86-64 only")
    environment = os.environ | {"PYTHONPATH": str(Path(stope.__file__).parents[1])}
    subprocess.run([sys.executable, HERE / corpus, tmp_path / "seeds"], check=True, env=environment)
    (tmp_path / "new").mkdir()
    options = (f"-runs={RUNS}", "-seed=1", f"-max_len={longest}", f"-artifact_prefix={tmp_path}/found-")
    command = [sys.executable, HERE / fuzzer, *options, tmp_path / "new", tmp_path / "seeds"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"Done {RUNS} runs" in done.stderr
    assert not list(tmp_path.glob("found-*"))
