"""The virtual-time tests once more, with address and undefined-behaviour sanitizers in the core."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from building import ROOT, make

TESTS = ("test_link.py", "test_setpoints.py", "test_commands.py")


@pytest.fixture(scope="module")
def sanitized(libraries: dict[str, Path]) -> dict[str, str]:
    """Environment in which the tests load the sanitized core."""
    runtime = subprocess.run(
        [os.environ.get("CC", "cc"), "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    if not Path(runtime.stdout.strip()).is_absolute():
        pytest.skip("FIRMWARE NOT SANITIZED: this compiler brings no libasan")
    library = make("sanitize") / "libstope_fw_san.so"
    return {
        **os.environ,
        "STOPE_FW_LIBRARY": str(library),
        "LD_PRELOAD": runtime.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
        "STOPE_FUZZ_FRAMES": "1000",
    }


@pytest.mark.parametrize("name", TESTS)
def test_no_sanitizer_finds_anything(sanitized: dict[str, str], oracle: ModuleType, name: str) -> None:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", str(ROOT / "tests" / "hil" / name)]
    done = subprocess.run(command, cwd=ROOT, env=sanitized, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
