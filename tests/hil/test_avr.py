"""The core on an 8-bit part in simavr: 16-bit int, 4-byte double. A second opinion about portability."""

from __future__ import annotations

import os
import shutil
import subprocess
import tty
from pathlib import Path
from types import ModuleType

import pytest
from building import FIRMWARE, ROOT, make
from emulated import Wired
from hosting import SAFING

from stope.robot.modelfile import load_robot

pytestmark = pytest.mark.xdist_group("qemu")


class Terminal:
    """A PTY with the few methods of a socket that the wire needs."""

    def __init__(self, name: str) -> None:
        self._fd = os.open(name, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd)

    def fileno(self) -> int:
        return self._fd

    def setblocking(self, on: bool) -> None:
        os.set_blocking(self._fd, on)

    def send(self, data: bytes) -> int:
        return os.write(self._fd, data)

    def recv(self, count: int) -> bytes:
        return os.read(self._fd, count)

    def close(self) -> None:
        os.close(self._fd)


def test_the_core_arms_and_goes_safe_on_an_8_bit_part(oracle: ModuleType) -> None:
    if shutil.which("avr-gcc") is None or not Path("/usr/include/simavr").is_dir():
        pytest.skip("FIRMWARE NOT RUN ON AVR: apt-get install --no-install-recommends gcc-avr avr-libc libsimavr-dev")
    image = make("avr", "bench_rig") / "avr.elf"
    command = [str(FIRMWARE / "build" / "avr_runner"), str(image)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    name = next(line.split()[1] for line in process.stdout if line.startswith(b"PTY")).decode()
    rig = Wired(process, Terminal(name), oracle, load_robot(ROOT / "sim_worlds/robots/bench_rig/robot.yaml"))
    try:
        caps = rig.all("CAPS")[-1]
        assert (caps.board, caps.robot, caps.joint_count) == ("simavr atmega2560", "bench_rig", 2)
        assert caps.proto_version == 1 << 16
        rig.run_until("TOOL_STATE")
        tools = rig.all("TOOL_STATE")[-1]
        assert (tools.energy_used_j, tools.bus_voltage_v) == (0.0, 24.0)  # 8 bytes of energy, the rest in place
        raw = [200, 0, 0, 0, 0, 0, 0, 0]
        rig.say(rig.m.MAVLink_param_set_message(1, rig.nonce, raw, b"SETPOINT_AGE_MS", 3))
        rig.command_seq = 1
        rig.fly()
        rig.listen()
        rig.run(900_000)
        event = next(e for e in rig.events() if e.fault == rig.m.FAULT_HOST_TIMEOUT)
        assert 245.0 <= event.value <= 255.0
        assert event.state_after == SAFING
    finally:
        process.stdout.close()
        rig.close()
