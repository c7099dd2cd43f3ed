"""`python rover.py REQUEST.json SOCKET BOOKS.json`: firmware and plant in a process of their own; hosts come and go.

While a host listens, time is handed out by it, tick by tick, so that a busy machine is no dead host; once its line
breaks, firmware and plant go on by themselves in real time, as a rover does, until the next host comes. Ends when its
standard input closes, and writes down what the world's books say and what the device did each time a host was lost.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from stope.bridge.codec import HOST_SYSTEM, Codec
from stope.bridge.dialect import load_dialect
from stope.bridge.framer import Framer
from stope.bridge.shared_core import Boot, SharedCore
from stope.bridge.twin import PlantWorld
from stope.clock import HostClock
from stope.robot.messages import SafetyState
from stope.session.build import build_world
from stope.session.firmware import firmware_file
from stope.session.plant_process import books
from stope.session.request import RunRequest

ASKED, ANSWERED = struct.Struct("<II"), struct.Struct("<QI")  # ticks and bytes; time and bytes
STAYS_US = 3_000_000  # that the device is watched at least after each loss: SAFING takes 2 s at most


class Rover:
    """The device with its plant.

    Attributes:
        losses: one a lost host: device times in us of its last sign of life and of the states that followed.
    """

    def __init__(self, request: RunRequest) -> None:
        self.plant = plant = build_world(request)
        self._world = PlantWorld(plant.model, plant, plant.sense())
        library = firmware_file("shared", plant.model.name)
        self.core = SharedCore(library, self._world, Boot(nonce=0x524F5645, board="rover"))
        codec = Codec(load_dialect())
        self._alive, self._framer = codec.types["HOST_ALIVE"].id, Framer(codec.table)
        self._alive_us = 0
        self.losses: list[dict[str, Any]] = []

    def hear(self, data: bytes) -> None:
        """Bytes of the host; signs of life among them are timed as they arrive."""
        frames = self._framer.feed(data, self.core.now_us * 1000)
        if any(frame.id == self._alive and frame.system == HOST_SYSTEM for frame in frames):
            self._alive_us = self.core.now_us
        self.core.take(data)

    def step(self) -> None:
        """One tick of firmware and plant; the plant stands still until outputs are first enabled."""
        self.core.step()
        self._world.running = self._world.running or self.core.outputs_enabled

    def lost(self) -> None:
        """A host's line broke: let the device do the rest, and write down what it does and when."""
        core, began_us, plant = self.core, self.core.now_us, self.plant
        drill, weight_n = plant.model.drill, self._world.raw.weight_on_bit_n
        states: list[tuple[str, int]] = [(SafetyState(core.safety_state).name, began_us)]
        while core.now_us - began_us < STAYS_US:
            self.step()
            name = SafetyState(core.safety_state).name
            if name != states[-1][0]:
                states.append((name, core.now_us))
        raw = self._world.raw
        self.losses.append(
            {
                "last_sign_us": self._alive_us,
                "states": states,
                "spindle_rad_s": float(raw.joint_velocity[drill.spindle]) if drill else 0.0,
                "weight_before_n": weight_n,
                "weight_after_n": raw.weight_on_bit_n,
                "anchor_phase": raw.anchor_phase.tolist(),
                "enabled": core.outputs_enabled,
                "depth_m": plant.bit.depth_m if plant.bit else 0.0,
            }
        )

    def attend(self, host: socket.socket) -> None:
        """Lock step with a host until its line breaks."""
        while (head := _whole(host, ASKED.size)) is not None:
            ticks, size = ASKED.unpack(head)
            data = _whole(host, size)
            if data is None:
                return
            self.hear(data)
            for _ in range(ticks):
                self.step()
            said = self.core.give()
            try:
                host.sendall(ANSWERED.pack(self.core.now_us, len(said)) + said)
            except OSError:
                return

    def go_on(self, until: list[Any], clock: HostClock) -> None:
        """Alone, in real time or slower, until one of `until` can be read."""
        zero_s = clock.now_s() - self.core.now_us * 1e-6
        while not select.select(until, [], [], max(0.0, self.core.now_us * 1e-6 + zero_s - clock.now_s()))[0]:
            self.step()
            self.core.give()  # what nobody hears is lost, as on a wire


def _whole(host: socket.socket, size: int) -> bytes | None:
    """`size` bytes, or None once the other end is gone."""
    data = b""
    while len(data) < size:
        try:
            part = host.recv(size - len(data))
        except OSError:
            return None
        if not part:
            return None
        data += part
    return data


def main() -> None:
    """Serve hosts until standard input closes."""
    asked, address, report = sys.argv[1:]
    rover = Rover(RunRequest(**json.loads(Path(asked).read_text(encoding="utf-8"))))
    door, clock = socket.socket(socket.AF_UNIX), HostClock()
    for _ in range(5):
        rover.step()  # the first sensor reading: a board boots with its sensors there
    door.bind(address)
    door.listen(1)
    while True:
        rover.go_on([door, sys.stdin], clock)
        if not select.select([door], [], [], 0.0)[0]:
            break
        host, _ = door.accept()
        rover.attend(host)
        host.close()
        rover.lost()
    Path(report).write_text(json.dumps(books(rover.plant) | {"losses": rover.losses}))
    rover.plant.close()


if __name__ == "__main__":
    main()
