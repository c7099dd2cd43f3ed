"""Builds the firmware once per session, and the oracle: pymavlink's generated Python of the same dialect."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from building import ROOT, generate_oracle, make
from virtual import Device

from stope.robot.modelfile import load_robot

ROBOTS = ("miner", "bench_rig", "sampler")


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """pymavlink's codec, generated from the dialect for this session."""
    if importlib.util.find_spec("pymavlink") is None:
        pytest.skip("FIRMWARE NOT TESTED: pymavlink is missing (pip install pymavlink), it is the codec oracle")
    given = os.environ.get("STOPE_FW_ORACLE")  # the mutation run generates it once
    path = Path(given) if given else tmp_path_factory.mktemp("oracle") / "stope_oracle.py"
    if not path.exists():
        generate_oracle(path)
    spec = importlib.util.spec_from_file_location("stope_oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def libraries(oracle: ModuleType) -> dict[str, Path]:
    """The core as a shared library, one per robot; STOPE_FW_LIBRARY names another miner: a mutant, a sanitized one."""
    given = os.environ.get("STOPE_FW_LIBRARY")
    if given:
        others = {
            "bench_rig": os.environ.get("STOPE_FW_LIBRARY_RIG"),
            "sampler": os.environ.get("STOPE_FW_LIBRARY_SAMPLER"),
        }
        found = {
            robot: Path(file) if file else make("shared", robot) / "libstope_fw.so" for robot, file in others.items()
        }
        return {"miner": Path(given), **found}
    if shutil.which(os.environ.get("CC", "cc")) is None:
        pytest.skip("FIRMWARE NOT TESTED: no C compiler (apt-get install gcc)")
    return {robot: make("shared", robot) / "libstope_fw.so" for robot in ROBOTS}


@pytest.fixture(scope="session")
def miner() -> object:
    """The miner's model."""
    return load_robot(ROOT / "sim_worlds/robots/miner/robot.yaml")


@pytest.fixture
def device(libraries: dict[str, Path], oracle: ModuleType, miner: object) -> Device:
    """A freshly booted miner device."""
    return Device(libraries["miner"], oracle, miner)


@pytest.fixture
def rig(libraries: dict[str, Path], oracle: ModuleType) -> Device:
    """A freshly booted bench rig."""
    return Device(libraries["bench_rig"], oracle, load_robot(ROOT / "sim_worlds/robots/bench_rig/robot.yaml"))


@pytest.fixture
def sampler(libraries: dict[str, Path], oracle: ModuleType) -> Device:
    """A freshly booted gas sampler."""
    return Device(libraries["sampler"], oracle, load_robot(ROOT / "sim_worlds/robots/sampler/robot.yaml"))
