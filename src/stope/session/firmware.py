"""The firmware for a robot, compiled when it is asked for: `stope run --robot firmware|native|emulated`."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from stope.mission.errors import InputError

FIRMWARE = Path(__file__).parents[3] / "firmware_bridge" / "firmware"


FILES = {"shared": "libstope_fw.so", "posix": "stope_fw", "mps2_lockstep": "mps2_lockstep.elf"}


def check_tools(port: str) -> None:
    """Refuse what cannot be compiled, or not be run, on this machine.

    Raises:
        InputError: no firmware sources (an installed wheel has none), no C compiler, no emulator.
    """
    if not (FIRMWARE / "Makefile").is_file():
        raise InputError(
            "--robot", read="a firmware", expected="Stope's repository, whose firmware_bridge/ it compiles",
            remedy="run it from a clone, or use --robot sim",
        )  # fmt: skip
    if shutil.which("cc") is None or shutil.which("make") is None:
        raise InputError(
            "--robot", read="a firmware", expected="make and a C compiler (cc)", remedy="install them (gcc, make)"
        )
    if port == "mps2_lockstep" and any(shutil.which(tool) is None for tool in ("qemu-system-arm", "arm-none-eabi-gcc")):
        raise InputError(
            "--robot", read="'emulated'", expected="QEMU and an ARM compiler",
            remedy="install qemu-system-arm, gcc-arm-none-eabi and libnewlib-arm-none-eabi",
        )  # fmt: skip


def firmware_file(port: str, robot: str) -> Path:
    """Compile the core for a port of `FILES` and a robot, if it is not already; where it lies.

    Raises:
        InputError: as `check_tools`, or the build failed.
    """
    check_tools(port)
    build = FIRMWARE / "build"
    build.mkdir(exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs may start at once
        command = ["make", "-s", "-C", str(FIRMWARE), port, f"ROBOT={robot}", f"PYTHON={sys.executable}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise InputError(
            "--robot", read="a firmware", expected="a core that compiles", remedy=said[-1] if said else "see make"
        )
    return build / robot / FILES[port]
