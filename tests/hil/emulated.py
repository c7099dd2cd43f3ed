"""The real firmware image on an emulated microcontroller, or as a native process: real time, sockets for its UARTs."""

from __future__ import annotations

import json
import select
import socket
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

from hosting import Host

from stope.clock import HostClock

CLOCK = HostClock()
QEMU = ("qemu-system-arm", "-display", "none", "-monitor", "none", "-no-user-config")


class Wired(Host):
    """A host on one end of a socket; the firmware's UART is the other. Asserts belong on device time alone."""

    period_us = 50_000  # 20 Hz: the emulated UART takes 20 to 50 us a byte, whatever its baud
    lifetime_us = 400_000

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket, oracle: ModuleType, model: Any) -> None:
        super().__init__(oracle, model)
        self.process, self._sock = process, sock
        sock.setblocking(False)
        self._place: list[float] = []
        self.greet()

    def greet(self) -> None:
        """Take session, clock and joint positions from what the device says of itself."""
        self._offset_us = -1e18
        self.run_until("CAPS", "STATE", *["JOINT_STATE"] * (1 + (self.joints > 8)))
        self.nonce = self.all("CAPS")[-1].boot_nonce
        self._place = []
        for message in sorted(
            {m.first_joint: m for m in self.all("JOINT_STATE")}.values(), key=lambda m: m.first_joint
        ):
            self._place += message.position
        self._place = self._place[: self.joints]

    @property
    def place(self) -> list[float]:
        return self._place

    @property
    def now(self) -> int:
        """Device time, by its newest STATE."""
        return int(CLOCK.now_s() * 1e6 + self._offset_us)

    def rx(self, data: bytes) -> None:
        while data:
            select.select([], [self._sock], [])
            data = data[self._sock.send(data) :]

    def poll(self, timeout_s: float) -> None:
        """Hear what comes within `timeout_s`."""
        if not select.select([self._sock], [], [], max(0.0, timeout_s))[0]:
            return
        known = len(self.heard)
        self.hear(self._sock.recv(1 << 16))
        for message in self.heard[known:]:
            if message.get_type() == "STATE":
                # the least delayed one is the truest
                self._offset_us = max(self._offset_us, message.time_us - CLOCK.now_s() * 1e6)

    def run(self, us: int) -> None:
        end = CLOCK.now_s() + us * 1e-6
        while CLOCK.now_s() < end:
            self.poll(end - CLOCK.now_s())

    def run_until(self, *names: str, timeout_s: float = 20.0) -> None:
        """Hear until as many of each name came as are asked for."""
        end = CLOCK.now_s() + timeout_s
        while any(len(self.all(name)) < names.count(name) for name in names):
            assert CLOCK.now_s() < end, (
                f"waited {timeout_s} s for {names}, heard {[m.get_type() for m in self.heard][-20:]}"
            )
            self.poll(0.1)

    def status(self) -> Any:
        """A STATE that was not yet under way when this was asked."""
        self.run_until(*["STATE"] * (len(self.all("STATE")) + 3))
        return self.all("STATE")[-1]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._sock.close()


def native(binary: Path, oracle: ModuleType, model: Any, *arguments: str) -> Wired:
    """The core as a process of this machine."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([str(binary), "--host-fd", str(theirs.fileno()), *arguments], pass_fds=[theirs.fileno()])
    theirs.close()
    return Wired(process, ours, oracle, model)


class Emulated(Wired):
    """A QEMU of its own, with a monitor and, if asked for, the plant's link."""

    def __init__(
        self, machine: str, image: Path, folder: Path, oracle: ModuleType, model: Any, plant: bool = False
    ) -> None:
        ours, theirs = socket.socketpair()
        plant_ours, plant_theirs = socket.socketpair()
        monitor = folder / "monitor"
        command = [*QEMU, "-M", machine, "-kernel", str(image), "-qmp", f"unix:{monitor},server=on,wait=off"]
        command += ["-chardev", f"socket,id=host,fd={theirs.fileno()}", "-serial", "chardev:host"]
        if plant:
            command += ["-chardev", f"socket,id=plant,fd={plant_theirs.fileno()}", "-serial", "chardev:plant"]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno(), plant_theirs.fileno()])
        theirs.close()
        plant_theirs.close()
        self.plant = plant_ours
        self._monitor_path, self._monitor = monitor, None
        super().__init__(process, ours, oracle, model)

    def monitor(self, command: str) -> None:
        """Run a QMP command."""
        if self._monitor is None:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(str(self._monitor_path))
            self._monitor = sock.makefile("rw")
            sock.close()
            json.loads(self._monitor.readline())
            self._ask("qmp_capabilities")
        self._ask(command)

    def _ask(self, command: str) -> None:
        assert self._monitor is not None
        self._monitor.write(json.dumps({"execute": command}) + "\n")
        self._monitor.flush()
        while True:
            answer = json.loads(self._monitor.readline())
            if "error" in answer:
                raise AssertionError(answer)
            if "return" in answer:
                return

    def close(self) -> None:
        super().close()
        self.plant.close()
        if self._monitor is not None:
            self._monitor.close()
