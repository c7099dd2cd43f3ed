"""Runs the firmware's Makefile, one process at a time."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware_bridge" / "firmware"
DIALECT = ROOT / "firmware_bridge" / "dialect" / "stope.xml"


def make(target: str, robot: str = "miner") -> Path:
    """Build `target` for `robot`; returns the folder that it lies in."""
    build = FIRMWARE / "build"
    build.mkdir(exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test workers share the folder
        done = subprocess.run(
            ["make", "-s", "-C", str(FIRMWARE), target, f"ROBOT={robot}", f"PYTHON={sys.executable}"],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise AssertionError(f"make {target} ROBOT={robot} failed:\n{done.stdout}{done.stderr}")
    return build / robot


def generate_oracle(path: Path) -> None:
    """Write pymavlink's Python codec of the dialect."""
    command = [sys.executable, "-m", "pymavlink.tools.mavgen", "--lang=Python3", "--wire-protocol=2.0"]
    subprocess.run([*command, f"--output={path}", str(DIALECT)], check=True, capture_output=True)
