"""The oracle: pymavlink's generated module, made from the same dialect into a temporary folder."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from stope.bridge.codec import Codec
from stope.bridge.dialect import Dialect, dialect_file, load_dialect
from stope.mission.shipped import find_data
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))  # what these tests share: still_world

from core_bench import Bench  # noqa: E402


@pytest.fixture(scope="session")
def dialect() -> Dialect:
    return load_dialect()


@pytest.fixture(scope="session")
def codec(dialect: Dialect) -> Codec:
    return Codec(dialect)


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    target = tmp_path_factory.mktemp("mavgen") / "oracle.py"
    command = [sys.executable, "-W", "ignore", "-m", "pymavlink.tools.mavgen", "--lang=Python3", "--wire-protocol=2.0"]
    done = subprocess.run(
        [*command, f"--output={target}", str(dialect_file())], capture_output=True, text=True, check=False
    )
    assert target.is_file(), done.stdout + done.stderr
    spec = importlib.util.spec_from_file_location("oracle", target)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["oracle"] = module  # the generated classes look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def miner() -> RobotModel:
    return load_robot(find_data("robot", "miner"))


@pytest.fixture(scope="session")
def rig() -> RobotModel:
    return load_robot(find_data("robot", "bench_rig"))


@pytest.fixture(scope="session")
def core_libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The firmware's shared library of each robot, compiled here and now."""
    build, found = tmp_path_factory.mktemp("firmware"), {}
    for robot in ("miner", "bench_rig"):
        make = ["make", "-s", "-C", str(ROOT / "firmware_bridge" / "firmware"), "shared"]
        settings = [f"ROBOT={robot}", f"BUILD={build}", f"PYTHON={sys.executable}"]
        done = subprocess.run([*make, *settings], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        found[robot] = build / robot / "libstope_fw.so"
    return found


@pytest.fixture(scope="session")
def native_firmware(core_libraries: dict[str, Path]) -> Path:
    """The bench rig's firmware as a program of this computer."""
    build = core_libraries["bench_rig"].parents[1]
    make = ["make", "-s", "-C", str(ROOT / "firmware_bridge" / "firmware"), "posix"]
    settings = ["ROBOT=bench_rig", f"BUILD={build}", f"PYTHON={sys.executable}"]
    done = subprocess.run([*make, *settings], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return build / "bench_rig" / "stope_fw"


@pytest.fixture
def bench(core_libraries: dict[str, Path], miner: RobotModel) -> Bench:
    """The miner's core in virtual time, with a host that is not connected yet."""
    return Bench(core_libraries["miner"], miner)
