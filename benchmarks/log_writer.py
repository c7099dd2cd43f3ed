"""What logging costs: the call on the control path, and sustained rates against the bare foxglove-sdk writer.

Run: python benchmarks/log_writer.py [--messages 50000]
Figures are of the machine and its load at the moment; compare the rows of one run with each other. "call" is build a
RobotObservation of 16 joints and 4 limbs from arrays and hand it over; "CPU" is process time over all threads, so the
compression in the recorder thread is in it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import foxglove
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from foxglove.mcap import MCAPCompression, MCAPWriteOptions

from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.digest import payload_digest
from stope.tasklog.messages import full_name, schema_bytes
from stope.tasklog.reader import read
from stope.tasklog.seal.keys import PrivateKey

TOPIC = "/robot/observation"
START_NS = 1_800_000_000_000_000_000
JOINTS, LIMBS = 16, 4


def observation(i: int, rng: np.random.Generator) -> Any:
    """As `session/recording.py` builds it each tick: from the arrays of an Observation."""
    return new("RobotObservation", **values(i, rng))


def values(i: int, rng: np.random.Generator) -> dict[str, Any]:
    """The fields of an Observation."""
    return {
        "device_time_us": i * 10_000,
        "device_seq": i,
        "joint_position": rng.random(JOINTS),
        "joint_velocity": rng.random(JOINTS),
        "joint_effort": rng.random(JOINTS),
        "imu_gyro": rng.random(3),
        "imu_accel": rng.random(3),
        "limb_force": rng.random((LIMBS, 3)),
        "anchor_phase": np.full(LIMBS, 2, np.int8),
        "anchor_engagement": rng.random(LIMBS),
        "anchor_slip_m": rng.random(LIMBS),
        "weight_on_bit_n": 20.0,
        "spindle_current_a": 1.5,
        "bin_fill": 0.25,
        "drum_fill": rng.random(2),
        "propellant_kg": 1.0,
        "bus_voltage_v": 24.0,
        "energy_used_j": float(i),
        "safety_state": 3,
        "applied_seq": i - 1,
    }


def header() -> RunHeader:
    """A header for a robot of `JOINTS` joints."""
    model = {"joints": [{"name": f"j{i}", "unit": "rad", "sign": 1} for i in range(JOINTS)]}
    return RunHeader(
        "0", 1, "bench", "{}", "bench", json.dumps(model), "", "bench", "CC0-1.0", "bench", command_line="benchmark"
    )


def timed(count: int, call: Callable[[int], None], pace_s: float = 0.0) -> list[float]:
    """Sorted call times in microseconds; with `pace_s`, one call per that many seconds."""
    times, begin, pause = [], time.perf_counter(), threading.Event()
    for i in range(count):
        if pace_s:  # sleep, as a robot does between ticks: the recorder thread works meanwhile
            pause.wait(max(0.0, begin + i * pace_s - time.perf_counter()))
        before = time.perf_counter_ns()
        call(i)
        times.append((time.perf_counter_ns() - before) / 1000)
    return sorted(times)


def row(name: str, times: list[float]) -> None:
    """One line of the call table."""
    p50, p99, p999 = (times[int(len(times) * q)] for q in (0.5, 0.99, 0.999))
    print(f"{name:<44} {p50:>8.1f} {p99:>8.1f} {p999:>9.1f} {times[-1]:>9.1f}")


def call_times(folder: Path, count: int) -> None:
    """Latency on the producer's side: building alone, and the whole call, paced like a robot and flat out."""
    rng = np.random.default_rng(1)
    print(f"{'call on the control path, us':<44} {'p50':>8} {'p99':>8} {'p99.9':>9} {'max':>9}")
    row("fill arrays (the benchmark's own share)", timed(count, lambda _: [rng.random(n) for n in SIZES] and None))
    row("+ build the message", timed(count, lambda i: observation(i, rng) and None))
    ready = observation(0, rng)
    for backend in ("foxglove", "python"):
        with TaskLogWriter(folder / f"{backend}_paced.mcap", header(), start_utc_ns=START_NS, backend=backend) as log:
            row(f"write alone, 1000/s, {backend}", timed(count // 10, lambda i: log.write(TOPIC, ready, i), 1e-3))
        with TaskLogWriter(folder / f"{backend}_both.mcap", header(), start_utc_ns=START_NS, backend=backend) as log:
            row(
                f"fill + build + write, 1000/s, {backend}",
                timed(count // 10, lambda i: log.write(TOPIC, observation(i, rng), i), 1e-3),
            )


SIZES = (JOINTS, JOINTS, JOINTS, 3, 3, LIMBS * 3, LIMBS, LIMBS, 2)


def sustained(folder: Path, count: int) -> None:
    """Live messages (built and serialised) per CPU-second, ours and the bare SDK's, and reading back."""
    rng = np.random.default_rng(1)
    arrays = [values(i, rng) for i in range(100)]
    print(f"\n{'sustained, live, flat out':<54} {'msg/CPU-s':>10} {'msg/s':>10} {'bytes/msg':>10}")

    def report(name: str, path: Path, run: Callable[[], None]) -> float:
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(f"{name:<54} {count / cpu:>10.0f} {count / wall:>10.0f} {path.stat().st_size / count:>10.1f}")
        return count / cpu

    def bare() -> None:
        context = foxglove.Context()
        channel = foxglove.Channel(
            TOPIC,
            message_encoding="protobuf",
            schema=foxglove.Schema(name=full_name(TOPIC), encoding="protobuf", data=schema_bytes(full_name(TOPIC))),
            context=context,
        )
        options = MCAPWriteOptions(compression=MCAPCompression.Zstd, chunk_size=65536, compression_threads=0)
        with foxglove.open_mcap(folder / "bare.mcap", context=context, writer_options=options):
            for i in range(count):
                message = new("RobotObservation", **arrays[i % 100])
                channel.log(message.SerializeToString(), log_time=START_NS + i * 10_000_000)

    def ours(path: Path, backend: Any, signer: PrivateKey | None) -> None:
        with TaskLogWriter(path, header(), start_utc_ns=START_NS, backend=backend, signer=signer) as log:
            for i in range(count):
                log.write(TOPIC, new("RobotObservation", **arrays[i % 100]), i * 10_000)

    key = PrivateKey(Ed25519PrivateKey.generate())
    reference = report("bare foxglove-sdk, no sync", folder / "bare.mcap", bare)
    for backend, signer in (("foxglove", None), ("foxglove", key), ("python", None)):
        signed = ", salted digests, signed checkpoints" if signer else ""
        path = folder / f"{backend}{'_signed' if signer else ''}.mcap"
        work = partial(ours, path, backend, signer)
        rate = report(f"task log, {backend}{signed}", path, work)
        print(f"{'':<54} {rate / reference:>10.2f} of the bare writer")
    path = folder / "foxglove.mcap"
    report("read back, decoded, checksums on", path, lambda: sum(1 for _ in read(path)) and None)
    report("payload digest", path, lambda: payload_digest(path) and None)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        call_times(Path(folder), arguments.messages)
        sustained(Path(folder), arguments.messages)


if __name__ == "__main__":
    main()
