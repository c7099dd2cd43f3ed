"""A simulated robot and its ground as a process of their own, in real time, at the end of a firmware's plant link.

What the firmware's motors move and its sensors feel when there is no robot: the host may die, firmware and plant go on,
as a rover would. Started by `stope.session.native`; what the world's books say at the end goes to a file.
"""

from __future__ import annotations

import json
import select
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from stope.bridge.codec import Codec
from stope.bridge.dialect import load_dialect
from stope.bridge.drives import Drives
from stope.bridge.plant_link import PlantLink
from stope.clock import HostClock
from stope.robot.messages import Efforts, RawSensors
from stope.session.request import RunRequest
from stope.sim.plant import AsteroidPlant

REPORT_US = 20_000  # between sensor frames: 50 Hz, as a plant link over a UART carries them
BEHIND_S = 0.25  # a stall of this machine longer than this is not caught up with: plant time just goes on later


class Shaken:
    """Mean of the inertial readings between two reports: who integrates them must not miss a shock between two."""

    def __init__(self) -> None:
        self._gyro, self._accel, self._count = np.zeros(3), np.zeros(3), 0

    def feel(self, raw: RawSensors) -> None:
        """Another step's reading."""
        self._gyro, self._accel = self._gyro + raw.imu_gyro_rad_s, self._accel + raw.imu_accel_m_s2
        self._count += 1

    def mean(self, raw: RawSensors) -> RawSensors:
        """`raw` with the means since the last call, if there was a step since."""
        if not self._count:
            return raw
        mean = raw._replace(imu_gyro_rad_s=self._gyro / self._count, imu_accel_m_s2=self._accel / self._count)
        self._gyro, self._accel, self._count = np.zeros(3), np.zeros(3), 0
        return mean


def serve(plant: AsteroidPlant, sock: socket.socket, host: HostClock) -> None:
    """Step the plant in real time until the firmware's end of the link closes.

    The plant stands still until the firmware first enables its outputs, as a robot hangs on a stand until it is armed.
    """
    link, drives = PlantLink(plant.model, Codec(load_dialect())), Drives(plant.model)
    sock.setblocking(False)
    raw, told = plant.sense(), None
    shaken = Shaken()
    step_s, report_s = plant.step_us * 1e-6, REPORT_US * 1e-6
    next_step_s = next_report_s = host.now_s()
    running = False
    while True:
        now_s = host.now_s()
        readable, _, _ = select.select([sock], [], [], max(0.0, min(next_step_s, next_report_s) - now_s))
        if readable:
            data = sock.recv(65_536)
            if not data:
                return
            told = link.hear(data, round(now_s * 1e9)) or told
            running = running or (told is not None and told.enabled)
        if now_s - next_step_s > BEHIND_S:
            next_step_s = now_s
        while next_step_s <= now_s:
            next_step_s += step_s
            if running and told is not None:
                raw = plant.step(drives.efforts(told, raw))
                shaken.feel(raw)
        if next_report_s <= now_s:
            next_report_s = max(next_report_s + report_s, now_s)
            with suppress(BlockingIOError):  # a firmware that does not listen misses the frame, as on any line
                sock.send(link.tell(shaken.mean(raw)))


def books(plant: AsteroidPlant) -> dict[str, Any]:
    """What the world knows at the end."""
    error, impulses = plant.flow.error(), plant.impulses
    return {
        "plant_time_us": plant.time_us,
        "depth_m": plant.bit.depth_m if plant.bit else 0.0,
        "collected_kg": (plant.flow.bin_ug + plant.flow.core_ug) * 1e-9,
        "mass_error_ug": error.accounts_ug,
        "mass_error_rel": error.independent,
        "impulse_error_rel": impulses.raw_drift_ns / (impulses.exchanged_ns or 1.0),
    }


def _rehearse(plant: AsteroidPlant) -> None:
    """Load compiled code on a world that is thrown away: a second's silence would be a dead sensor to the firmware."""
    model = plant.model
    idle = Efforts(
        joint=np.zeros(len(model.joints)),
        brake=np.ones(len(model.joints), dtype=bool),
        anchor=np.zeros(len(model.limbs), dtype=np.int8),
        thrust_n=np.zeros(len(model.thrusters)),
    )
    for _ in range(100):
        plant.step(idle)
    plant.close()


def main() -> None:
    """`python -m stope.session.plant_process FD REQUEST.json BOOKS.json`."""
    from stope.session.build import build_world

    descriptor, request, report = sys.argv[1:]
    asked = RunRequest(**json.loads(Path(request).read_text(encoding="utf-8")))
    _rehearse(build_world(asked))
    plant = build_world(asked)
    try:
        serve(plant, socket.socket(fileno=int(descriptor)), HostClock())
    except ConnectionError:
        pass  # the firmware's process has ended
    finally:
        Path(report).write_text(json.dumps(books(plant), indent=1), encoding="utf-8")
        plant.close()


if __name__ == "__main__":
    main()
