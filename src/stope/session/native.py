"""The firmware as a process of this machine, its plant in another, both in real time: `--robot native`.

One socket is the host's line, the other the plant's link. For what only separate processes can show: a host that dies,
a device that goes on without it. For studies use `firmware`, which is the same in lock step.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from stope.bridge.serial_robot import SerialRobot
from stope.bridge.service import read_parameters, set_parameter
from stope.bridge.session import Event
from stope.bridge.socket_port import SocketPort
from stope.clock import HostClock, RunClock
from stope.mission.errors import InputError
from stope.robot.model import RobotModel
from stope.robot.seam import Handshake
from stope.session.firmware import firmware_file
from stope.session.request import RunRequest

SETPOINT_AGE_MS = 200  # set-points come at 50 Hz, from a host that a busy machine may stall
STATE_HZ = 50.0
READY_S, END_S = 300.0, 5.0  # compiling a world's code for the first time takes minutes


class NativeRobot(SerialRobot):
    """Implements `robot.Robot` over a firmware process with a plant process behind it; both end with it.

    Args:
        request: the run, from which the plant process builds its world.

    Attributes:
        books: what the plant process knew at its end; empty before `close`.
    """

    def __init__(
        self,
        request: RunRequest,
        model: RobotModel,
        clock: RunClock,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="stope-plant-")
        self._processes: list[subprocess.Popen[bytes]] = []
        self.books: dict[str, float] = {}
        host_ours, host_theirs = socket.socketpair()
        plant_ours, plant_theirs = socket.socketpair()
        try:
            self._start_plant(request, plant_ours)
            # A board that boots before its sensors do latches their absence as faults, and rightly.
            if not select.select([plant_theirs], [], [], READY_S)[0]:
                raise InputError("--robot", read="'native'", expected=f"a simulated plant within {READY_S:.0f} s")
            self._start_firmware(model, host_theirs, plant_theirs)
        except BaseException:
            host_ours.close()
            self._end_processes()
            raise
        finally:
            for end in (host_theirs, plant_theirs, plant_ours):
                end.close()
        port = SocketPort(host_ours, "the native firmware")
        super().__init__(model, lambda: port, HostClock(), clock, on_event=on_event)

    def connect(self) -> Handshake:
        """As SerialRobot; then let set-points be as old as this line makes them."""
        found = super().connect()
        read_parameters(self.driver)
        set_parameter(self.driver, "SETPOINT_AGE_MS", SETPOINT_AGE_MS)
        self.driver.ask("SET_RATE", STATE_HZ).demand()
        return found

    def close(self) -> None:
        """End both processes; the plant writes its books first."""
        super().close()
        self._end_processes()

    def _end_processes(self) -> None:
        for process in reversed(self._processes):  # the firmware first: the plant sees its link close, and ends
            if process is not self._processes[0]:
                process.terminate()
            try:
                process.wait(timeout=END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        file = Path(self._folder.name) / "books.json"
        if file.is_file():
            self.books = json.loads(file.read_text(encoding="utf-8"))
        self._folder.cleanup()

    def _start_firmware(self, model: RobotModel, host: socket.socket, plant: socket.socket) -> None:
        ends = (host.fileno(), plant.fileno())
        program = firmware_file("posix", model.name)
        command = [str(program), "--host-fd", str(ends[0]), "--plant-fd", str(ends[1])]
        self._processes.append(subprocess.Popen(command, pass_fds=ends, stdout=subprocess.DEVNULL))

    def _start_plant(self, request: RunRequest, end: socket.socket) -> None:
        folder = Path(self._folder.name)
        plain = asdict(replace(request, out=folder, robot="sim", inject=()))
        text = {key: str(value) if isinstance(value, Path) else value for key, value in plain.items()}
        (folder / "request.json").write_text(json.dumps(text), encoding="utf-8")
        command = [sys.executable, "-m", "stope.session.plant_process", str(end.fileno()),
                   str(folder / "request.json"), str(folder / "books.json")]  # fmt: skip
        self._processes.append(subprocess.Popen(command, pass_fds=[end.fileno()]))
