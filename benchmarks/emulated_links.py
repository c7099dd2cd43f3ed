"""What the emulated board's lines carry: UARTs, byte by byte, against blocks through semihosting pipes.

    python benchmarks/emulated_links.py

Needs QEMU and the ARM compiler. UART in: 8000 bytes that are no frame, until QEMU has taken them all. UART both ways: a
packed PLANT_SENSORS frame and the PLANT_EFFORTS that answers it, 100 times. Blocks: the same frames in lock step, two
ticks of the core in each exchange, with the time that the frames' coding in Python takes.
"""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "hil")]

from building import make

from stope.bridge.codec import Codec
from stope.bridge.dialect import load_dialect
from stope.bridge.link import Link
from stope.bridge.piped_core import PackedWorld
from stope.bridge.plant_link import PlantLink
from stope.mission.shipped import find_data
from stope.robot.messages import Efforts, RawSensors
from stope.robot.modelfile import load_robot
from stope.session.emulated import boot

MINER = load_robot(find_data("robot", "miner"))
QEMU = ("qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none", "-no-user-config")


class Still:
    """A plant that stands still."""

    step_us = 2000

    def sense(self) -> RawSensors:
        """The same each time."""
        n, limbs = len(MINER.joints), len(MINER.limbs)
        return RawSensors(
            0, np.array(MINER.stance), np.zeros(n), np.zeros(n), np.zeros(3), np.zeros(3), np.zeros((limbs, 3)),
            np.zeros(limbs, np.int8), np.zeros(limbs), np.zeros(limbs), 0.0, 0.0, 0.0, np.zeros(2), 0.5, 28.0, 0.0,
        )  # fmt: skip

    def step(self, _efforts: Efforts) -> RawSensors:
        """Nothing moves."""
        return self.sense()

    def close(self) -> None:
        """Nothing to free."""


def waiting(sock: socket.socket) -> int:
    """Bytes that the other end has not read yet."""
    return int(struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0])


def uarts() -> None:
    """Throughput of the two UARTs of the image for real time."""
    host, host_end = socket.socketpair()
    plant, plant_end = socket.socketpair()
    command = [*QEMU, "-kernel", str(make("mps2") / "mps2.elf")]
    for name, end in (("host", host_end), ("plant", plant_end)):
        command += ["-chardev", f"socket,id={name},fd={end.fileno()}", "-serial", f"chardev:{name}"]
    process = subprocess.Popen(command, pass_fds=[host_end.fileno(), plant_end.fileno()])
    try:
        host.recv(1)  # it has booted
        count, began = 8000, time.perf_counter()
        host.sendall(b"\x55" * count)
        while waiting(host):
            select.select([host], [], [], 0.001)
            with suppress(BlockingIOError):
                host.recv(1 << 16, socket.MSG_DONTWAIT)
        each_us = (time.perf_counter() - began) / count * 1e6
        print(f"UART into the device: {each_us:.0f} us a byte, {1e3 / each_us:.1f} kB/s")
        codec = Codec(load_dialect())
        link, ear, took_ms, sizes = PlantLink(MINER, codec), Link(codec), [], (0, 0)
        for _ in range(100):
            frame, size, complete = link.tell(Still().sense()), 0, False
            began = time.perf_counter()
            plant.sendall(frame)
            while not complete:
                data = plant.recv(1 << 16)
                size, complete = size + len(data), bool(ear.receive(data, 0))
            took_ms.append((time.perf_counter() - began) * 1e3)
            sizes = len(frame), size
            with suppress(BlockingIOError):
                host.recv(1 << 16, socket.MSG_DONTWAIT)
        print(
            f"UART, plant frame of {sizes[0]} bytes and its answer of {sizes[1]}: "
            f"p50 {np.percentile(took_ms, 50):.1f} ms, p99 {np.percentile(took_ms, 99):.1f} ms"
        )
    finally:
        process.kill()
        process.wait()


def blocks() -> None:
    """Exchanges in lock step."""
    world = PackedWorld(MINER, Still(), Still().sense())
    core = boot(make("mps2_lockstep") / "mps2_lockstep.elf", world)
    try:
        took_ms = []
        for _ in range(2000):
            began = time.perf_counter()
            core.step()
            took_ms.append((time.perf_counter() - began) * 1e3)
        mean = float(np.mean(took_ms))
        print(
            f"blocks, both lines and two ticks: p50 {np.percentile(took_ms, 50):.2f} ms, "
            f"p99 {np.percentile(took_ms, 99):.2f} ms, {world.step_us * 1e-3 / mean:.1f} x real time without a plant"
        )
    finally:
        core.close()


if __name__ == "__main__":
    uarts()
    blocks()
