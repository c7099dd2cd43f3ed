"""A firmware image in lock step: blocks of both its lines and its time go through two pipes.

Each exchange hands over a sensor frame and what the host sent, lets the image run some ticks, and takes its orders to
the drives and its telemetry. The image waits in between, so time is the plant's and every run is the same.
"""

from __future__ import annotations

import os
import select
import struct
from typing import Protocol

from stope.bridge.codec import Codec
from stope.bridge.dialect import load_dialect
from stope.bridge.drives import Drives
from stope.bridge.errors import LinkLostError
from stope.bridge.plant_link import PlantLink, References
from stope.bridge.shared_core import TICK_US
from stope.robot.messages import RawSensors
from stope.robot.model import RobotModel
from stope.robot.seam import Plant

ASKED, ANSWERED = struct.Struct("<IHH"), struct.Struct("<HH")  #: as in firmware/ports/mps2/lockstep.c
BLOCK = 4096  #: bytes that the image takes in one exchange
ANSWER_S = 20.0  #: of a busy machine's time; the image has started by then


class PackedWorld:
    """A plant at the end of a plant link, its joint loops in its drives.

    Args:
        first: what the plant's sensors say before its first step.

    Attributes:
        running: while False the plant stands still and its sensors go on reading the same.
    """

    def __init__(self, model: RobotModel, plant: Plant, first: RawSensors) -> None:
        self._link, self._drives = PlantLink(model, Codec(load_dialect())), Drives(model)
        self._plant, self._raw = plant, first
        self._told: References | None = None
        self.step_us = plant.step_us
        self.running = False

    def tell(self) -> bytes:
        """The frame of the newest reading."""
        return self._link.tell(self._raw)

    def obey(self, data: bytes, now_us: int) -> None:
        """Hear the orders in `data` and let them act for one step."""
        self._told = self._link.hear(data, now_us * 1000) or self._told
        if self.running and self._told is not None:
            self._raw = self._plant.step(self._drives.efforts(self._told, self._raw))


class Process(Protocol):
    """As `subprocess.Popen`."""

    def poll(self) -> int | None:
        """Exit code, None while it runs."""

    def kill(self) -> None:
        """End it."""

    def wait(self) -> int:
        """Until it has ended."""


class PipedCore:
    """Implements `lockstep.VirtualDevice` over the pipes of a process that runs the image.

    Args:
        to_device, from_device: descriptors of the pipes; closed by `close`, which ends the process too.

    Attributes:
        now_us: virtual time, the device's clock.
    """

    def __init__(self, process: Process, to_device: int, from_device: int, world: PackedWorld) -> None:
        if world.step_us % TICK_US:
            raise ValueError(f"the plant steps every {world.step_us} us; expected a multiple of {TICK_US} us")
        self._process, self._to, self._from, self._world = process, to_device, from_device, world
        self._pending, self._heard = bytearray(), bytearray()
        self._open = True
        self.now_us = 1  # as the image's: 0 means "never" to the core

    def step(self) -> None:
        """One exchange: as many ticks as one step of the plant takes.

        Raises:
            LinkLostError: the process has ended, or does not answer.
        """
        sensors, ticks = self._world.tell(), self._world.step_us // TICK_US
        host = bytes(self._pending[: BLOCK - len(sensors)])
        del self._pending[: len(host)]
        _write(self._to, ASKED.pack(ticks, len(host), len(sensors)) + sensors + host)
        said, orders = ANSWERED.unpack(self._read(ANSWERED.size))
        data = self._read(said + orders)
        self.now_us += ticks * TICK_US
        self._heard += data[:said]
        self._world.obey(data[said:], self.now_us)

    def take(self, data: bytes) -> None:
        """Bytes from the host, which arrive with the next exchange."""
        self._pending += data

    def give(self) -> bytes:
        """Bytes for the host, once."""
        data, self._heard = bytes(self._heard), bytearray()
        return data

    def close(self) -> None:
        """End the process and let go of its pipes. Safe to call twice."""
        if not self._open:
            return
        self._open = False
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if not select.select([self._from], [], [], ANSWER_S)[0] or self._process.poll() is not None:
                raise LinkLostError("the emulated device does not answer: its process has ended or hangs")
            data += os.read(self._from, count - len(data))
        return data


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
