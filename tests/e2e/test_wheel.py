"""The wheel is whole: installed outside the clone, the command finds its data there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stope.mission.shipped import shipped

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.xdist_group("wheel")  # built once


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content and nothing of the clone."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check"]
    quiet = ["--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", *quiet, "--no-build-isolation", "-w", wheels, ROOT], check=True)
    (wheel,) = wheels.glob("stope-*.whl")
    subprocess.run([*pip, "install", *quiet, "--no-compile", "--target", target, wheel], check=True)
    return target


def stope(installed: Path, *arguments: str) -> str:
    """Standard output of the installed command, run from its own folder."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    program = "import stope, sys; from stope.cli import main; print(stope.__file__, file=sys.stderr); main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        cwd=installed,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stderr.splitlines()[0]).is_relative_to(installed), "the clone was imported, not the wheel"
    return done.stdout


@pytest.mark.parametrize("kind", ["missions", "bodies", "materials", "robots"])
def test_the_installed_command_finds_all_shipped_data(installed: Path, kind: str) -> None:
    assert sorted(json.loads(stope(installed, kind, "--json"))) == sorted(shipped(kind))


def test_the_installed_command_reads_a_mission_with_its_robot_and_knows_its_faults(installed: Path) -> None:
    assert stope(installed, "check", "bennu_core").startswith("bennu_core: good; miner on bennu")
    assert "anchors.lost" in stope(installed, "faults", "list")
    assert (installed / "stope" / "py.typed").is_file()
