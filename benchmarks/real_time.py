"""Wall time of the whole stack per simulated second, over a bare PyBullet loop of the same world.

    python benchmarks/real_time.py [--mission bennu_core] [--until 140] [--json]

The reference is PyBullet alone: the same robot on the same ground, the same 2 ms step, and per step one read of all
joint states and one write of all joint efforts. Both are measured in turn in one process, a second of the bare loop
after every five of the mission, so that they share the machine's mood; figures are medians. A second pass with timers
gives the budget; timers cost a few per cent, so its sum is a little above the first pass.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import functools
import gc
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pybullet as p

from stope.clock import HostClock
from stope.control.stack import ControlStack
from stope.executive.tree import Executive
from stope.session.build import Run, build
from stope.session.loop import run_loop
from stope.session.recording import Recorder, run_header
from stope.session.request import RunRequest
from stope.sim.device import Device
from stope.sim.patch import triangles
from stope.sim.plant import AsteroidPlant
from stope.sim.sim_robot import SimRobot
from stope.tasklog.writer import TaskLogWriter

HOST = HostClock()
SEGMENT_S = 5.0
WARM_UP_S = 10.0  # compiled kernels load, caches fill


class Done(Exception):  # noqa: N818  # an interruption of the loop, not an error
    """Enough was measured."""


class BareLoop:
    """PyBullet with the run's robot on the run's ground, as its users drive it, and nothing of Stope in the loop."""

    def __init__(self, run: Run) -> None:
        model, plant = run.robot.model, run.plant
        truth = plant.truth()
        self._client = p.connect(p.DIRECT)
        p.setPhysicsEngineParameter(
            fixedTimeStep=plant.step_us * 1e-6, numSolverIterations=50, physicsClientId=self._client
        )
        p.setGravity(*plant.field.acceleration_m_s2.tolist(), physicsClientId=self._client)
        vertices, faces = triangles(plant.heights)
        shape = p.createCollisionShape(
            p.GEOM_MESH, vertices=vertices.tolist(), indices=faces.ravel().tolist(), flags=p.GEOM_FORCE_CONCAVE_TRIMESH,
            physicsClientId=self._client,
        )  # fmt: skip
        p.createMultiBody(0.0, shape, physicsClientId=self._client)
        self._body = p.loadURDF(
            str(model.urdf), truth.position_m.tolist(), truth.quaternion.tolist(), flags=p.URDF_USE_INERTIA_FROM_FILE,
            physicsClientId=self._client,
        )  # fmt: skip
        info = [p.getJointInfo(self._body, i, self._client) for i in range(p.getNumJoints(self._body, self._client))]
        number = {entry[1].decode(): entry[0] for entry in info}
        self._joints = [number[joint.name] for joint in model.joints]
        self._zeros = [0.0] * len(self._joints)
        p.setJointMotorControlArray(
            self._body, self._joints, p.VELOCITY_CONTROL, forces=self._zeros, physicsClientId=self._client
        )
        for joint, at in zip(self._joints, truth.joint_position, strict=True):
            p.resetJointState(self._body, joint, at, physicsClientId=self._client)
        self._steps = round(1e6 / plant.step_us)

    def second(self) -> float:
        """Host seconds for one simulated second."""
        began = HOST.now_s()
        for _ in range(self._steps):
            p.getJointStates(self._body, self._joints, physicsClientId=self._client)
            p.setJointMotorControlArray(
                self._body, self._joints, p.TORQUE_CONTROL, forces=self._zeros, physicsClientId=self._client
            )
            p.stepSimulation(physicsClientId=self._client)
        return HOST.now_s() - began

    def close(self) -> None:
        """Disconnect."""
        p.disconnect(self._client)


def measure(mission: str, until_s: float) -> tuple[list[float], list[float]]:
    """Host seconds per simulated second of stack and bare loop, one value per segment."""
    run = build(RunRequest(mission))
    stack: list[float] = []
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as folder, _log(run, folder) as writer:
        loop = BareLoop(run)
        mark = {"sim": WARM_UP_S, "host": 0.0}

        def watch(tick: Any, _sent: Any, _executive: Any) -> None:
            now = tick.view.time_s
            if now < mark["sim"]:
                return
            if mark["host"]:
                stack.append((HOST.now_s() - mark["host"]) / SEGMENT_S)
                bare.append(loop.second())
            if now > until_s:
                raise Done
            mark["sim"], mark["host"] = now + SEGMENT_S, HOST.now_s()

        _drive(run, [Recorder(run, writer), watch])
        loop.close()
    run.robot.close()
    return stack, bare


def budget(mission: str, until_s: float) -> dict[str, float]:
    """Milliseconds of host time per simulated second by part of the stack."""
    spent: dict[str, float] = {}
    undo = [
        _timed(AsteroidPlant, "step", "plant", spent),
        _timed(AsteroidPlant, "glide", "plant", spent),
        _timed(Device, "tick", "servo and device", spent),
        _timed(ControlStack, "observe", "estimate and belief", spent),
        _timed(ControlStack, "command", "distribution and posture", spent),
        _timed(Executive, "tick", "tree", spent),
        _timed(Recorder, "__call__", "log", spent),
        _timed(SimRobot, "read", "seam", spent),
        _timed(SimRobot, "write", "seam", spent),
    ]
    run = build(RunRequest(mission))
    began = {"host": 0.0}
    with tempfile.TemporaryDirectory() as folder, _log(run, folder) as writer:

        def watch(tick: Any, _sent: Any, _executive: Any) -> None:
            if tick.view.time_s > WARM_UP_S and not began["host"]:
                spent.clear()
                began["host"] = HOST.now_s()
            if tick.view.time_s > until_s:
                raise Done

        _drive(run, [Recorder(run, writer), watch])
    total = HOST.now_s() - began["host"]
    run.robot.close()
    for restore in undo:
        restore()
    seconds = until_s - WARM_UP_S
    spent["controllers and loop"] = total - sum(spent.values())
    return {name: 1e3 * value / seconds for name, value in spent.items()}


def _drive(run: Run, watchers: list[Any]) -> None:
    gc.freeze()  # as `stope run` does
    try:
        run_loop(run, watchers, lambda _found: None)
    except Done:
        pass
    else:
        sys.exit("the mission ended before the measurement did; lower --until")
    finally:
        gc.unfreeze()


def _log(run: Run, folder: str) -> TaskLogWriter:
    path = Path(folder) / "benchmark.mcap"
    return TaskLogWriter(path, run_header(run), start_utc_ns=run.mission.start_us * 1000)


def _timed(owner: type, name: str, label: str, spent: dict[str, float]) -> Callable[[], None]:
    plain = getattr(owner, name)

    @functools.wraps(plain)
    def timed(*args: Any, **kwargs: Any) -> Any:
        began = HOST.now_s()
        try:
            return plain(*args, **kwargs)
        finally:
            spent[label] = spent.get(label, 0.0) + HOST.now_s() - began

    setattr(owner, name, timed)
    return lambda: setattr(owner, name, plain)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mission", default="bennu_core")
    parser.add_argument("--until", type=float, default=140.0, help="simulated seconds to measure up to")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    stack, bare = measure(asked.mission, asked.until)
    ratio = statistics.median(np.array(stack) / np.array(bare))
    figures = {
        "mission": asked.mission,
        "segments": len(stack),
        "stack_ms_per_s": 1e3 * statistics.median(stack),
        "bare_ms_per_s": 1e3 * statistics.median(bare),
        "ratio": float(ratio),
        "real_time_factor": 1.0 / statistics.median(stack),
        "budget_ms_per_s": budget(asked.mission, asked.until),
    }
    if asked.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"{asked.mission}: {figures['real_time_factor']:.1f} x real time, {ratio:.2f} x a bare PyBullet loop")
    both = f"stack {figures['stack_ms_per_s']:6.1f} ms/s   bare {figures['bare_ms_per_s']:6.1f} ms/s"
    print(f"  {both}   (medians of {len(stack)})")
    for name, value in sorted(figures["budget_ms_per_s"].items(), key=lambda row: -row[1]):
        print(f"  {name:26} {value:6.1f} ms/s")


if __name__ == "__main__":
    main()
