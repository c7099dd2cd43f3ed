"""Robots by entry point: found by name, told by name when they are not, and ours drives a bus."""

from __future__ import annotations

import dataclasses
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from mock_servos import MockServos

from stope.bridge import adapters
from stope.bridge.adapters import AdapterError, find, names
from stope.bridge.adapters.dynamixel_file import open_robot
from stope.mission.errors import InputError
from stope.robot.model import RobotModel

ROOT = Path(__file__).parents[2]
OURS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][adapters.GROUP]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str]], None]:
    """Installs a package that has nothing but entry points."""

    def install(package: str, points: dict[str, str]) -> None:
        info = tmp_path / package / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[{adapters.GROUP}]\n{lines}")
        monkeypatch.syspath_prepend(str(info.parent))

    return install


def test_our_own_adapter_is_found_as_pyproject_names_it(installed: Callable[[str, dict[str, str]], None]) -> None:
    installed("stope_again", OURS)
    assert "dynamixel" in names()
    assert find("dynamixel") is open_robot


def test_a_labs_adapter_is_found_beside_ours(installed: Callable[[str, dict[str, str]], None]) -> None:
    installed("lab_robots", {"lab": "os.path:join", "broken": "no_such_module:robot"})
    assert find("lab") is sys.modules["os.path"].join
    with pytest.raises(AdapterError, match=r"'broken'.*cannot be loaded"):
        find("broken")
    with pytest.raises(AdapterError, match=r"no robot adapter 'labb' is installed .*broken.*lab"):
        find("labb")


def test_one_name_from_two_packages_is_refused(installed: Callable[[str, dict[str, str]], None]) -> None:
    installed("lab_one", {"lab": "os.path:join"})
    installed("lab_two", {"lab": "os.path:split"})
    with pytest.raises(AdapterError, match=r"several packages"):
        find("lab")


@pytest.fixture
def leg(miner: RobotModel) -> RobotModel:
    return dataclasses.replace(
        miner, joints=miner.joints[:2], drill=None, drums=None, thrusters=(), stance=miner.stance[:2]
    )


def servo_file(path: Path, port: str, joints: list[str]) -> Path:
    rows = "".join(f"  {name}: {{id: {10 + i}, zero: 2048, nm_per_a: 2.0}}\n" for i, name in enumerate(joints))
    path.write_text(f"schema_version: 1\nport: {port}\nservos:\n{rows}")
    return path


def test_a_servo_file_makes_a_robot(leg: RobotModel, tmp_path: Path) -> None:
    mock = MockServos([10, 11])
    try:
        file = servo_file(tmp_path / "servos.yaml", mock.name, [joint.name for joint in leg.joints])
        robot = open_robot(leg, str(file))
        assert robot.connect().identity.startswith("dynamixel:10:")
        assert len(robot.read().joint_position) == 2
        robot.close()
    finally:
        mock.close()


def test_a_servo_file_that_does_not_fit_is_told(leg: RobotModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a file|dynamixel:FILE"):
        open_robot(leg, str(tmp_path / "none.yaml"))
    file = servo_file(tmp_path / "servos.yaml", "/dev/x", [leg.joints[0].name])
    with pytest.raises(InputError, match=f"{leg.joints[1].name} needs a servo"):
        open_robot(leg, str(file))
    file.write_text(file.read_text().replace("id: 10", "id: 300"))
    with pytest.raises(InputError, match=r"servos"):
        open_robot(leg, str(file))
