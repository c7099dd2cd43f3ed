"""The plant link: the second line of a firmware without a robot. A simulated plant's sensors in, orders to drives out.

Packed 16-bit counts, as the dialect states them (PLANT_SENSORS, PLANT_EFFORTS): an emulated UART takes tens of
microseconds a byte. The link is slower than the firmware ticks, so the joint loops close on the plant's side, as smart
servos do, from the references that the firmware gives; brakes, grippers and valves are told too. Signs: the device's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stope.bridge.codec import Codec
from stope.bridge.fieldcheck import Value
from stope.bridge.link import Link
from stope.robot.messages import Codes, RawSensors, Vector
from stope.robot.model import RobotModel

#: What one count of position, velocity and effort is, by kind of joint; as in firmware/ports/plant_link.c.
COUNTS = {
    "revolute": (1e-4, 1e-3, 2e-3),
    "prismatic": (2e-5, 1e-5, 1e-2),
    "continuous": (1e-3, 2e-3, 1e-3),
}
FORCE_N, GYRO_RAD_S, ACCEL_M_S2, SLIP_M = 0.02, 2e-4, 1e-3, 1e-5
WEIGHT_N, CURRENT_A, BUS_V, THRUST_N, LEVEL = 0.01, 1e-3, 1e-3, 1e-4, 1.0 / 255.0
_SIGNED, _UNSIGNED, _BYTE = (-32767, 32767), (0, 65535), (0, 255)


@dataclass(frozen=True, slots=True)
class References:
    """What the firmware tells drives, brakes, grippers and valves, in robot.yaml's signs, until the next frame.

    Attributes:
        mode: (n,) `JointMode` codes; position, velocity, effort, effort_limit: (n,) of the joint loops.
        brake: (n,) bool; anchor: (L,) +1 drag in, 0 hold, -1 let go; thrust_n: (thrusters,).
        enabled: the enable line; hammer: share of the drill's full blow energy, 0..1.
    """

    mode: Codes
    position: Vector
    velocity: Vector
    effort: Vector
    effort_limit: Vector
    brake: npt.NDArray[np.bool_]
    anchor: Codes
    thrust_n: Vector
    enabled: bool
    hammer: float


class PlantLink:
    """The plant's end of the link; bytes in and out are the caller's to move."""

    def __init__(self, model: RobotModel, codec: Codec) -> None:
        self._model, self._link = model, Link(codec)
        self._count = len(model.joints)
        self._signs = np.array([joint.sign for joint in model.joints], dtype=np.float64)
        self._scale = np.array([COUNTS[joint.kind] for joint in model.joints]).T
        self._round = np.array([joint.kind == "continuous" for joint in model.joints])
        self._seq = 0

    def tell(self, raw: RawSensors) -> bytes:
        """The frame that carries a reading."""
        self._seq += 1
        position, velocity, effort = self._scale
        turned = np.rint(self._signs * raw.joint_position / position)
        turned = np.where(self._round, (turned + 32768) % 65536 - 32768, np.clip(turned, *_SIGNED))
        fields: dict[str, Value] = {
            "time_us": raw.time_us,
            "seq": self._seq,
            "energy_used_j": raw.energy_used_j,
            "propellant_kg": raw.propellant_kg,
            "position": _filled(turned, 16),
            "velocity": _counts(self._signs * raw.joint_velocity, velocity, _SIGNED, 16),
            "effort": _counts(self._signs * raw.joint_effort, effort, _SIGNED, 16),
            "force": _counts(raw.limb_force_n.ravel(), FORCE_N, _SIGNED, 12),
            "gyro": _counts(raw.imu_gyro_rad_s, GYRO_RAD_S, _SIGNED, 3),
            "accel": _counts(raw.imu_accel_m_s2, ACCEL_M_S2, _SIGNED, 3),
            "slip": _counts(raw.anchor_slip_m, SLIP_M, _UNSIGNED, 4),
            "weight_on_bit": _count(raw.weight_on_bit_n, WEIGHT_N, _SIGNED),
            "spindle_current": _count(raw.spindle_current_a, CURRENT_A, _UNSIGNED),
            "bus_voltage": _count(raw.bus_voltage_v, BUS_V, _UNSIGNED),
            "engagement": _counts(raw.anchor_engagement, LEVEL, _BYTE, 4),
            "phase": _filled(raw.anchor_phase, 4),
            "bin_fill": _count(raw.bin_fill, LEVEL, _BYTE),
            "drum_fill": _counts(raw.drum_fill, LEVEL, _BYTE, 2),
            "estop_open": 0,
        }
        self._link.send("PLANT_SENSORS", fields)
        return self._link.take()

    def hear(self, data: bytes, now_ns: int) -> References | None:
        """The newest references in these bytes, if a frame is complete."""
        newest = None
        for message in self._link.receive(data, now_ns):
            if message.name == "PLANT_EFFORTS":
                newest = message
        if newest is None:
            return None
        n, model = self._count, self._model
        position, velocity, effort = self._scale
        mode, brake = newest.integer("mode"), newest.integer("brake")

        def joints(name: str, one: Vector) -> Vector:
            return np.asarray(self._signs * one * np.array(newest.array(name)[:n]))

        return References(
            mode=np.array([mode >> 2 * i & 3 for i in range(n)], dtype=np.int8),
            position=joints("position", position),
            velocity=joints("velocity", velocity),
            effort=joints("feed_forward", effort),
            effort_limit=np.abs(joints("effort_limit", effort)),
            brake=np.array([bool(brake >> i & 1) for i in range(n)]),
            anchor=np.array(newest.array("anchor")[: len(model.limbs)], dtype=np.int8),
            thrust_n=THRUST_N * np.array(newest.array("thrust")[: len(model.thrusters)], dtype=np.float64),
            enabled=bool(newest.integer("outputs_enabled")),
            hammer=newest.integer("hammer") / 255,
        )


def _counts(values: Vector, one: Vector | float, limits: tuple[int, int], size: int) -> tuple[int, ...]:
    return _filled(np.clip(np.rint(values / one), *limits), size)


def _count(value: float, one: float, limits: tuple[int, int]) -> int:
    return int(min(max(round(value / one), limits[0]), limits[1]))


def _filled(values: npt.ArrayLike, size: int) -> tuple[int, ...]:
    numbers = [int(value) for value in np.asarray(values).ravel()]
    return (*numbers, *(0,) * (size - len(numbers)))
