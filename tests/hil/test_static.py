"""The core under clang's eyes: clang-tidy, libFuzzer over a kept corpus; cppcheck; and a bounded mutation run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from building import FIRMWARE, make

FUZZED = int(os.environ.get("STOPE_FUZZ_RUNS", "3000"))
MUTANTS = os.environ.get("STOPE_MUTANTS", "6")
CORPUS = Path(__file__).parent / "fuzz_corpus.txt"


def need(*tools: str) -> None:
    """Skip loudly without a tool; the set-up of `make test` installs them where it may."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"FIRMWARE NOT CHECKED: {', '.join(missing)} missing (apt-get install clang clang-tidy cppcheck)")


@pytest.mark.parametrize(("target", "tool"), [("lint", "cppcheck"), ("tidy", "clang-tidy")])
def test_static_analysis_finds_nothing(libraries: dict[str, Path], target: str, tool: str) -> None:
    need(tool)
    make(target)


def test_fuzzing_what_the_host_may_send_breaks_no_invariant(libraries: dict[str, Path], tmp_path: Path) -> None:
    """Whatever comes: efforts within limits, outputs only where the state says so, no anchor let go but by ARMED."""
    need("clang")
    probe = subprocess.run(["clang", "-print-file-name=libclang_rt.fuzzer-x86_64.a"], capture_output=True, text=True)
    if not Path(probe.stdout.strip()).is_absolute() and "x86_64" in os.uname().machine:
        pytest.skip("FIRMWARE NOT FUZZED: no libFuzzer (apt-get install libclang-rt-14-dev)")
    fuzzer = make("fuzz") / "fuzz"
    corpus, found = tmp_path / "corpus", tmp_path / "found"
    corpus.mkdir()
    found.mkdir()
    inputs = [bytes.fromhex(line) for line in CORPUS.read_text().splitlines() if not line.startswith("#")]
    for number, data in enumerate(inputs):
        (corpus / str(number)).write_bytes(data)
    runs = str(len(inputs) + FUZZED)
    command = [str(fuzzer), f"-runs={runs}", "-seed=1", "-max_len=600", f"-artifact_prefix={found}/", str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [file.read_bytes().hex() for file in found.iterdir()] == []
    done_runs = re.search(r"Done (\d+) runs", done.stderr)
    assert done_runs is not None
    assert int(done_runs.group(1)) >= len(inputs)


def test_mutants_of_the_safety_state_machine_are_all_killed(oracle: ModuleType, libraries: dict[str, Path]) -> None:
    """A bounded, seeded part of `mutate.py`; the score of the whole is in benchmarks/README.md."""
    command = [sys.executable, str(FIRMWARE / "mutate.py"), "--only", "safety.c", "--sample", MUTANTS, "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    score = re.search(r"safety\.c: (\d+) of (\d+) killed", done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert score is not None
    assert score.group(1) == score.group(2)
