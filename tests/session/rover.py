"""A robot that outlives its host: firmware and plant as processes, behind a socket that any host may open."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from stope.bridge.serial_robot import SerialRobot
from stope.bridge.service import read_parameters, set_parameter
from stope.bridge.socket_port import SocketPort
from stope.clock import HostClock, RunClock
from stope.mission.missionfile import load_mission
from stope.mission.shipped import find_data
from stope.robot.modelfile import load_robot
from stope.robot.seam import Handshake
from stope.session.native import SETPOINT_AGE_MS, STATE_HZ, NativeRobot
from stope.session.request import RunRequest


class Rover:
    """Attributes: address, of the socket. What the device sends while no host listens is lost, as on a wire."""

    def __init__(self, request: RunRequest, address: Path) -> None:
        model = load_robot(find_data("robot", load_mission(request.mission).robot))
        self.address = address
        self._robot = NativeRobot(request, model, RunClock())
        self._line = self._robot._open()
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(address))
        self._door.listen(1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._relay, daemon=True)
        self._thread.start()

    def close(self) -> dict[str, float]:
        """End it; what the world's books say."""
        self._stop.set()
        self._thread.join()
        self._door.close()
        self._line.close()
        self._robot.close()
        return self._robot.books

    def _relay(self) -> None:
        host: socket.socket | None = None
        while not self._stop.is_set():
            ready, _, _ = select.select([self._door, *([host] if host else [])], [], [], 0.001)
            if self._door in ready:
                if host is not None:
                    host.close()
                host, _ = self._door.accept()
                host.setblocking(False)
            with contextlib.suppress(ConnectionError):
                up = self._line.receive()
                if host is None:
                    continue
                with contextlib.suppress(BlockingIOError):
                    if up:
                        host.send(up)
                if host in ready:
                    down = host.recv(65_536)
                    if not down:
                        host.close()
                        host = None
                        continue
                    self._line.send(down)
        if host is not None:
            host.close()


class Attached(SerialRobot):
    """The host's side: whoever runs this may die."""

    def __init__(self, address: str, robot: str, clock: RunClock, on_event: Callable[[object], None]) -> None:
        def open_line() -> SocketPort:
            line = socket.socket(socket.AF_UNIX)
            line.connect(address)
            return SocketPort(line, "the rover")

        super().__init__(load_robot(find_data("robot", robot)), open_line, HostClock(), clock, on_event=on_event)

    def connect(self) -> Handshake:
        """As SerialRobot; this line is slow and its machine is busy."""
        found = super().connect()
        read_parameters(self.driver)
        set_parameter(self.driver, "SETPOINT_AGE_MS", SETPOINT_AGE_MS)
        self.driver.ask("SET_RATE", STATE_HZ).demand()
        return found
