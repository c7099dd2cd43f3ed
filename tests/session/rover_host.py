"""`python rover_host.py ADDRESS REQUEST.json [resume]`: the host of a rover; a test kills it and starts it again."""

from __future__ import annotations

import json
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stope.bridge.errors import LinkLostError
from stope.bridge.lockstep import LockStep
from stope.bridge.serial_robot import SerialRobot
from stope.bridge.telemetry import FaultEvent
from stope.clock import HostClock, RunClock
from stope.robot.model import RobotModel
from stope.session import build, resuming
from stope.session.request import RunRequest
from stope.session.robots import STOPS, Driven
from stope.session.run import run_mission

ASKED, ANSWERED = struct.Struct("<II"), struct.Struct("<QI")  # as in rover.py


class Remote:
    """Implements `lockstep.VirtualDevice` over the line of a rover, which goes on when this process dies.

    Attributes:
        now_us: the device's clock.
    """

    def __init__(self, address: str) -> None:
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(address)
        self._pending, self._heard = bytearray(), bytearray()
        self.now_us = 0
        self.step()

    def step(self) -> None:
        """One tick there.

        Raises:
            LinkLostError: the rover is gone.
        """
        self._line.sendall(ASKED.pack(1, len(self._pending)) + self._pending)
        self._pending.clear()
        self.now_us, size = ANSWERED.unpack(self._read(ANSWERED.size))
        self._heard += self._read(size)

    def take(self, data: bytes) -> None:
        """Bytes for the rover, which arrive with the next tick."""
        self._pending += data

    def give(self) -> bytes:
        """Bytes of the rover, once."""
        data, self._heard = bytes(self._heard), bytearray()
        return data

    def close(self) -> None:
        """Hang up, after what is still to be said."""
        if self._pending:
            self.step()
        self._line.close()

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._line.recv(size - len(data))
            if not part:
                raise LinkLostError("the rover is gone")
            data += part
        return data


def attached(address: str, model: RobotModel, clock: RunClock, on_event: Callable[[object], None]) -> SerialRobot:
    """The rover behind the seam."""
    device = Remote(address)
    return SerialRobot(model, lambda: LockStep(device), LockStep(device), clock, on_event=on_event)


def main() -> None:
    """Run the mission to its end, or go on with it; the outcome goes to standard output."""
    address, asked, *rest = sys.argv[1:]
    causes: list[str] = []

    def note(event: object) -> None:
        if isinstance(event, FaultEvent) and event.severity >= STOPS:
            causes.append(event.fault)

    build.check_robot = lambda request: None  # the rover is behind a socket, not a port of this machine
    build.drive = lambda request, model, world, clock: Driven(
        attached(address, model, clock, note), None, causes=causes
    )
    restoring: list[float] = []
    plain, host = resuming.restored, HostClock()

    def timed(*arguments: object) -> object:
        began = host.now_s()
        resuming.read_checkpoint(request.out)
        found = plain(*arguments)
        restoring.append(host.now_s() - began)
        return found

    resuming.restored = timed
    told = json.loads(Path(asked).read_text(encoding="utf-8"))
    request = replace(RunRequest(**told), robot="serial:the rover", resume=bool(rest), out=Path(told["out"]))
    outcome = run_mission(request)
    sys.stdout.write(json.dumps(outcome.to_dict() | {"restoring_s": restoring}))


main()
