"""The firmware bridge in figures: codec, closed loop over a PTY, use of the wire, resynchronisation, virtual time.

    python benchmarks/bridge.py [--seconds 4] [--rates 200,500,1000] [--only codec,wire,resync,virtual,loop]

Needs a C compiler and pymavlink, which is the other side of each comparison. Codec: processor time, best of twenty
runs of 500. Closed loop: the native firmware of the miner as a process of its own, one thread of control writing a
whole command (three messages) and reading a whole sample (six) each turn, host limits and all; an echo is one COMMAND
and its answer inside that loop, so it includes the wait for the loop's next look at the port.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "bridge")]

from core_bench import Bench, still_command

from stope.bridge.codec import OVERHEAD, Codec
from stope.bridge.dialect import dialect_file, load_dialect
from stope.bridge.framer import Framer
from stope.bridge.lockstep import LockStep
from stope.bridge.serial_port import SerialPort
from stope.bridge.serial_robot import SerialRobot
from stope.clock import HostClock
from stope.mission.shipped import find_data
from stope.robot.messages import SafetyState
from stope.robot.modelfile import load_robot

CLOCK = HostClock()
CODEC = Codec(load_dialect())
MINER = load_robot(find_data("robot", "miner"))
BAUD = 921_600


def made(build: Path) -> Path:
    """The miner's firmware, compiled."""
    make = ["make", "-s", "-C", str(ROOT / "firmware_bridge" / "firmware"), "shared", "posix"]
    subprocess.run([*make, "ROBOT=miner", f"BUILD={build}", f"PYTHON={sys.executable}"], check=True)
    return build / "miner"


def generated(folder: Path) -> ModuleType:
    """pymavlink's codec of the same dialect."""
    file = folder / "oracle.py"
    mavgen = [sys.executable, "-W", "ignore", "-m", "pymavlink.tools.mavgen", "--lang=Python3", "--wire-protocol=2.0"]
    subprocess.run([*mavgen, f"--output={file}", str(dialect_file())], check=True, capture_output=True)
    spec = importlib.util.spec_from_file_location("oracle", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["oracle"] = module
    spec.loader.exec_module(module)
    return module


def best_us(work: Callable[[], object], times: int = 500) -> float:
    """Microseconds of processor time a call, the best of twenty runs: what others do on this machine counts less."""
    runs = []
    for _ in range(20):
        began = time.process_time()
        for _ in range(times):
            work()
        runs.append((time.process_time() - began) / times * 1e6)
    return min(runs)


def joint_fields() -> dict[str, object]:
    """A JOINT_STATE with nothing to trim."""
    numbers = tuple(0.125 * (i + 1) for i in range(8))
    return {
        "time_us": 123_456_789, "seq": 4711, "position": numbers, "velocity": numbers, "effort": numbers,
        "joint_fault": (0,) * 8, "valid_mask": 255, "first_joint": 8,
    }  # fmt: skip


def codec(oracle: ModuleType) -> None:
    """Encode and decode, ours and pymavlink's, in one run."""
    fields = joint_fields()
    kind = CODEC.types["JOINT_STATE"]
    flat = kind.flatten(fields)
    frame = kind.frame(flat, 1, 1, 1)
    (parsed,) = Framer(CODEC.table).feed(frame, 0)
    mav = oracle.MAVLink(None, srcSystem=1, srcComponent=1)
    named = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    message = oracle.MAVLink_joint_state_message(**named)
    mav.seq = 1
    framed = kind.framing(1, 1)
    assert bytes(message.pack(mav)) == frame == framed(kind.pack(*flat), 1)
    rows = {
        "encode": (
            best_us(lambda: framed(kind.pack(*flat), 1)),
            best_us(lambda: CODEC.encode("JOINT_STATE", fields, 1, 1, 1)),
            best_us(lambda: oracle.MAVLink_joint_state_message(**named).pack(mav)),
        ),
        "decode": (
            best_us(lambda: kind.values(parsed.payload)),
            best_us(lambda: CODEC.decode(parsed).fields),
            best_us(lambda: mav.decode(bytearray(frame))),
        ),
    }
    stream = Framer(CODEC.table)
    rows["stream to messages"] = (
        best_us(lambda: stream.feed(frame, 0)),
        best_us(lambda: [CODEC.decode(one).fields for one in stream.feed(frame, 0)]),
        best_us(lambda: mav.parse_buffer(frame)),
    )
    print(f"codec, one JOINT_STATE of {len(frame)} bytes, us: flat | by name, checked | pymavlink")
    for what, numbers in rows.items():
        print(f"  {what:<20}" + " | ".join(f"{number:6.2f}" for number in numbers))


def cpu_s(pid: int) -> float:
    """CPU time of a process."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def loop(binary: Path, rates: list[int], seconds: float) -> None:
    """Closed loop over a PTY at each rate."""
    print("closed loop, native firmware on a PTY, in columns:")
    print(
        "  rate | turns/s | samples lost | bad frames | stale refused | "
        "echo p50, p99 ms, unanswered | CPU | state at the end"
    )
    for rate in rates:
        process = subprocess.Popen([str(binary)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            one_rate(process.pid, process.stdout.readline().split()[1], rate, seconds)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def one_rate(pid: int, port: str, rate: int, seconds: float) -> None:
    """One line of the table."""
    robot = SerialRobot(MINER, lambda: SerialPort(port), CLOCK)
    robot.connect()
    robot.driver.ask("SET_RATE", float(rate)).demand()
    robot.arm()
    obs, echoes, turns, asked, unanswered = robot.read(), [], 0, None, 0
    first, dropped, stance = obs, obs.health.dropped, obs.joint_position
    host, device, began_s = time.process_time(), cpu_s(pid), CLOCK.now_s()
    while (now_s := CLOCK.now_s()) < began_s + seconds:
        turns += 1
        robot.write(still_command(MINER, turns, obs.time_us + 100_000, joint_position=stance))
        session = robot.driver.session
        if asked is None:
            asked = (session.command("ECHO", robot.driver.now_ns()), now_s)
        robot.wait(obs.time_us + 1_000_000 // rate)
        obs = robot.read()
        if (answer := session.answer(asked[0])) is not None:
            if answer.ok:
                echoes.append(CLOCK.now_s() - asked[1])
            unanswered += not answer.ok
            asked = None
    took_s = CLOCK.now_s() - began_s
    shares = [(time.process_time() - host) / took_s, (cpu_s(pid) - device) / took_s]
    echo = np.percentile(echoes, [50, 99]) * 1e3
    print(
        f"  {rate:4d} | {turns / took_s:5.0f} | {obs.health.dropped - dropped} of {obs.seq - first.seq} | "
        f"{obs.health.bad_frames} | {obs.health.stale_refused} | {echo[0]:.2f}, {echo[1]:.2f}, {unanswered} | "
        f"host {shares[0]:.0%}, firmware {shares[1]:.0%} | {obs.safety.name}"
    )
    robot.disarm()
    robot.close()


class Counted(LockStep):
    """A lock step that counts bytes, frames and payload bytes."""

    def __init__(self, core: object) -> None:
        super().__init__(core)
        self.count = {"up": [0, 0], "down": [0, 0]}
        self._framers = {way: Framer(CODEC.table) for way in self.count}

    def _note(self, way: str, data: bytes) -> bytes:
        self.count[way][0] += len(data)
        self.count[way][1] += len(self._framers[way].feed(data, 0))
        return data

    def receive(self) -> bytes:
        """As the base."""
        return self._note("up", super().receive())

    def send(self, data: bytes, urgent: bool = False) -> None:
        """As the base."""
        super().send(self._note("down", data), urgent)


def wire(library: Path) -> None:
    """What a second of an armed miner puts on the wire, 100 times a second both ways."""
    bench = Bench(library, MINER)
    line = Counted(bench.core)
    bench.robot = bench.another(opener=lambda: line)
    bench.armed()
    bench.ticks(10)
    line.count = {"up": [0, 0], "down": [0, 0]}
    began_us = bench.core.now_us
    assert bench.ticks(500).safety is SafetyState.ARMED
    seconds = (bench.core.now_us - began_us) * 1e-6
    for way, (count, frames) in line.count.items():
        useful = 1 - frames * OVERHEAD / count
        print(
            f"wire {way}, miner at 100 Hz: {count / seconds / 1000:.1f} kB/s, {frames / seconds:.0f} frames/s, "
            f"{count / seconds * 10 / BAUD:.0%} of {BAUD} baud; payload {useful:.1%} of the bytes"
        )


def resync(oracle: ModuleType) -> None:
    """Frames lost per frame hit, ours and pymavlink's parser, on the same spoilt stream."""
    kind, rng, count = CODEC.types["JOINT_STATE"], np.random.default_rng(1), 20_000
    frames = []
    for i in range(count):
        fields = {**joint_fields(), "seq": i + 1, "time_us": int(rng.integers(1, 1 << 40))}
        flat = kind.flatten(fields)
        for at in range(2, 26):
            flat[at] = float(rng.normal())
        frames.append(kind.frame(flat, i & 255, 1, 1))
    for what, chance in (("dropped", 1e-3), ("dropped", 1e-4), ("bit flipped", 1e-3)):
        stream, hit = bytearray(), 0
        for frame in frames:
            spoilt = np.frombuffer(frame, np.uint8)
            where = rng.random(len(spoilt)) < chance
            hit += bool(where.any())
            if "flipped" in what:
                bits = np.left_shift(1, rng.integers(0, 8, len(spoilt))).astype(np.uint8)
                spoilt = np.where(where, spoilt ^ bits, spoilt)
            else:
                spoilt = spoilt[~where]
            stream += spoilt.tobytes()
        chunks = [bytes(stream[at : at + 512]) for at in range(0, len(stream), 512)]
        framer = Framer(CODEC.table)
        good = sum(len(framer.feed(chunk, 0)) for chunk in chunks)
        mav = oracle.MAVLink(None)
        mav.robust_parsing = True
        theirs = sum(m.get_type() == "JOINT_STATE" for chunk in chunks for m in mav.parse_buffer(chunk) or ())
        lost = f"ours {(count - good) / hit:.3f}, pymavlink {(count - theirs) / hit:.3f}"
        print(f"resync, {what}, {chance:g} a byte: {hit} of {count} hit; lost a hit: {lost}")


def virtual(library: Path) -> None:
    """How much faster than time the core runs, alone and with host, limits and wire."""
    bench = Bench(library, MINER)
    began = time.perf_counter()
    for _ in range(10_000):
        bench.core.step()
    alone = 10.0 / (time.perf_counter() - began)
    bench.armed()
    bench.ticks(10)
    began = time.perf_counter()
    bench.ticks(1000)
    together = 10.0 / (time.perf_counter() - began)
    print(f"virtual time: device, toy world {alone:.0f} x, with the host's loop at 100 Hz {together:.0f} x real time")


def main() -> None:
    """All, or what was asked for."""
    parser = argparse.ArgumentParser(description="Figures of the firmware bridge.")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each rate of the closed loop")
    parser.add_argument("--rates", default="200,500,1000", help="of the closed loop")
    parser.add_argument("--only", default="codec,wire,resync,virtual,loop")
    options = parser.parse_args()
    rates = [int(rate) for rate in options.rates.split(",")]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        build, oracle = made(Path(folder)), generated(Path(folder))
        parts: dict[str, Callable[[], None]] = {
            "codec": lambda: codec(oracle),
            "wire": lambda: wire(build / "libstope_fw.so"),
            "resync": lambda: resync(oracle),
            "virtual": lambda: virtual(build / "libstope_fw.so"),
            "loop": lambda: loop(build / "stope_fw", rates, options.seconds),
        }
        for name in options.only.split(","):
            parts[name]()


if __name__ == "__main__":
    main()
