"""Particle-steps a second of ejecta on one core: gravity with Coriolis, landing on a height map, escape. Asked: 1e6.

python benchmarks/ejecta.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from stope.clock import HostClock
from stope.physics.site_field import SiteField
from stope.sim.ejecta_cloud import EjectaCloud
from stope.sim.heightmap import HeightMap

ROUNDS = 5


def rate(particles: int, steps: int) -> float:
    """Particle-steps a second of one cloud that stays aloft."""
    rng = np.random.default_rng(1)
    heights = HeightMap(0.02, np.zeros((200, 200)), np.zeros((200, 200)))
    cloud = EjectaCloud(particles, heights, SiteField.uniform(5.5e-5, 0.2), 0.2)
    position = np.column_stack((rng.uniform(-1, 1, (particles, 2)), rng.uniform(1.0, 2.0, particles)))
    cloud.launch(position, rng.normal(0.0, 1e-5, (particles, 3)), np.full(particles, 1000), "dust")
    clock, best = HostClock(), 0.0
    for _ in range(ROUNDS):
        began = clock.now_s()
        for _ in range(steps):
            cloud.step(0.05)
        best = max(best, particles * steps / (clock.now_s() - began))
    assert len(cloud) == particles
    return best


def main() -> None:
    """Print the rates."""
    print("| particles | particle-steps a second, best of 5 |\n|---|---|")
    for particles, steps in ((100, 400), (1_000, 200), (10_000, 40), (20_000, 20)):
        print(f"| {particles:,} | {rate(particles, steps):,.0f} |")


if __name__ == "__main__":
    main()
