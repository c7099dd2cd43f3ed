"""A robot that cannot be had is one sentence and exit code 2, before anything heavy is loaded or written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stope.mission.errors import InputError
from stope.session.request import RunRequest
from stope.session.robot_choice import check_robot

PROGRAM = """
import sys
from stope.cli import app
try:
    app(["run", "quick_core", "--robot", sys.argv[1]], prog_name="stope")
except SystemExit as end:
    print({"pybullet", "pinocchio", "numba", "mcap"} & set(sys.modules) or "nothing heavy")
    raise
"""
SERIAL = (
    "(No such file or directory), expected serial: and a port of this machine; "
    "run `stope bridge list` to see what is there"
)
TOOLS = "expected QEMU and an ARM compiler; install qemu-system-arm, gcc-arm-none-eabi and libnewlib-arm-none-eabi"


@pytest.mark.parametrize(
    ("robot", "told"),
    [
        ("serial:/dev/none", f"--robot: read 'serial:/dev/none' {SERIAL}\n"),
        (
            "natve",
            "--robot: read 'natve', expected one of sim, firmware, native, emulated, emulated:lockstep, "
            "serial:PORT, replay:LOG",
        ),
        ("emulated", f"--robot: read 'emulated', {TOOLS}\n"),
    ],
)
def test_the_command_line_says_so_at_once(robot: str, told: str, tmp_path: Path) -> None:
    tools, folder = tmp_path / "bin", tmp_path / "empty"
    tools.mkdir()
    folder.mkdir()
    for name in ("cc", "make"):  # all that a machine without QEMU has
        (tools / name).symlink_to(shutil.which(name) or "/bin/true")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, robot],
        cwd=folder, env=os.environ | {"PATH": str(tools)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "nothing heavy\n")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_mistyped_name_is_told_its_neighbour() -> None:
    with pytest.raises(InputError, match=r"did you mean native\?"):
        check_robot(RunRequest("quick_core", robot="natve"))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_port_is_called_that(kind: str, tmp_path: Path) -> None:
    path = tmp_path
    if kind == "file":
        path = tmp_path / "ttyUSB0"
        path.write_text("not a port", encoding="utf-8")
    with pytest.raises(InputError, match=r"\(no serial port\)"):
        check_robot(RunRequest("quick_core", robot=f"serial:{path}"))


def test_a_port_that_is_there_is_not_opened() -> None:
    first, second = os.openpty()
    try:
        check_robot(RunRequest("quick_core", robot=f"serial:{os.ttyname(second)}"))
    finally:
        os.close(first)
        os.close(second)


@pytest.mark.parametrize("robot", ["firmware", "native", "emulated", "emulated:lockstep"])
def test_without_a_compiler_there_is_no_firmware(robot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="make and a C compiler"):
        check_robot(RunRequest("quick_core", robot=robot))
