"""What it costs that files which did not come with Stope are parsed in a child with limits.

Run: python benchmarks/outside_files.py [--faces 20000]
Wall time in ms, the median of the repetitions: a shipped mission, its copy elsewhere by a fork (a process of one
thread, as the `stope` command is) and by a fresh interpreter (with other threads), and the same for a shape model.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from stope import confined
from stope.mission.procedural import ellipsoid_mesh
from stope.mission.shape import read_shape
from stope.mission.shapefile import load_obj
from stope.mission.shipped import find_data
from stope.mission.source import read_tree


def median_ms(work: Callable[[], object], times: int) -> float:
    """Median wall time."""
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        spent.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(spent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=20_000)
    faces = parser.parse_args().faces
    with tempfile.TemporaryDirectory() as folder:
        shipped, copy, shape = find_data("mission", "bennu_core"), Path(folder) / "m.yaml", Path(folder) / "body.obj"
        copy.write_bytes(shipped.read_bytes())
        body = ellipsoid_mesh((250.0, 240.0, 220.0), roughness=0.1, seed=3, faces=faces)
        rows = [f"v {x!r} {y!r} {z!r}\n" for x, y, z in body.vertices.tolist()]
        rows += [f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in body.faces.tolist()]
        shape.write_text("".join(rows))
        home = median_ms(lambda: read_tree(shipped), 15)
        mesh = median_ms(lambda: read_shape(shape, "m"), 3)
        print(f"in this process: mission {home:.0f} ms, shape model of {len(body.faces)} faces {mesh:.0f} ms")
        for name, alone in (("by a fork", True), ("by a fresh interpreter", False)):
            confined._has_one_thread = lambda alone=alone: alone
            outside, load = median_ms(lambda: read_tree(copy), 15), median_ms(lambda: load_obj(shape), 3)
            print(f"{name}: mission {outside:.0f} ms, shape model {load:.0f} ms")


if __name__ == "__main__":
    main()
