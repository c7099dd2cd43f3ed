"""Fixtures of the simulator's tests; made in `conftest_sim`, which tests may import."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from conftest_sim import bench_rig, make_plant, miner

__all__ = ["bench_rig", "make_plant", "miner"]
