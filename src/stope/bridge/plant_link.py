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
#: What a frame of references has, as `hear` takes it.
ORDERS = ("position", "velocity", "feed_forward", "effort_limit", "mode", "brake", "anchor", "thrust",
          "outputs_enabled", "hammer")  # fmt: skip
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
        self._link, self._sensors = Link(codec), codec.types["PLANT_SENSORS"]
        self._orders = codec.types["PLANT_EFFORTS"].getter(*ORDERS)
        self._limbs, self._thrusters = len(model.limbs), len(model.thrusters)
        self._count = count = len(model.joints)
        self._signs = np.array([joint.sign for joint in model.joints], dtype=np.float64)
        self._round = np.array([joint.kind == "continuous" for joint in model.joints])
        position, velocity, effort = np.array([COUNTS[joint.kind] for joint in model.joints]).T
        self._scales = np.array([self._signs * one for one in (position, velocity, effort)] + [effort])
        self._joints, self._bits = np.arange(count), 2 * np.arange(count)
        limbs, drums = self._limbs, len(model.drums.joints) if model.drums else 0
        # What one count is, how many values there are, how many the wire has room for, and their range: in its order.
        groups = [
            (position, count, 16, _SIGNED), (velocity, count, 16, _SIGNED), (effort, count, 16, _SIGNED),
            (FORCE_N, 3 * limbs, 12, _SIGNED), (GYRO_RAD_S, 3, 3, _SIGNED), (ACCEL_M_S2, 3, 3, _SIGNED),
            (SLIP_M, limbs, 4, _UNSIGNED), (WEIGHT_N, 1, 1, _SIGNED), (CURRENT_A, 1, 1, _UNSIGNED),
            (BUS_V, 1, 1, _UNSIGNED), (LEVEL, limbs, 4, _BYTE), (1.0, limbs, 4, _BYTE), (LEVEL, 1, 1, _BYTE),
            (LEVEL, drums, 2, _BYTE),
        ]  # fmt: skip
        self._one = np.concatenate([np.broadcast_to(one, used) for one, used, _, _ in groups])
        low, high = ([limits[end] for _, used, _, limits in groups for _ in range(used)] for end in (0, 1))
        self._low, self._high = np.array(low, np.float64), np.array(high, np.float64)
        starts = np.cumsum([0] + [room for _, _, room, _ in groups]).tolist()
        self._at = np.concatenate([np.arange(start, start + g[1]) for start, g in zip(starts, groups, strict=False)])
        self._slots = np.zeros(starts[-1] + 1, dtype=np.int64)  # the last one: the e-stop's loop, closed
        self._seq = 0

    def tell(self, raw: RawSensors) -> bytes:
        """The frame that carries a reading."""
        self._seq += 1
        values = np.concatenate(
            (
                self._signs * raw.joint_position, self._signs * raw.joint_velocity, self._signs * raw.joint_effort,
                raw.limb_force_n.ravel(), raw.imu_gyro_rad_s, raw.imu_accel_m_s2, raw.anchor_slip_m,
                (raw.weight_on_bit_n, raw.spindle_current_a, raw.bus_voltage_v), raw.anchor_engagement,
                raw.anchor_phase, (raw.bin_fill,), raw.drum_fill,
            )
        )  # fmt: skip
        counts = np.rint(values / self._one)
        turned = counts[: self._count]
        turned[self._round] = (turned[self._round] + 32768) % 65536 - 32768
        self._slots[self._at] = np.minimum(np.maximum(counts, self._low), self._high)
        flat = [raw.time_us, self._seq, raw.energy_used_j, raw.propellant_kg, *self._slots.tolist()]
        self._link.send_packed([(self._sensors, self._sensors.packed_flat(flat))])
        return self._link.take()

    def hear(self, data: bytes, now_ns: int) -> References | None:
        """The newest references in these bytes, if a frame is complete."""
        newest = None
        for message in self._link.receive(data, now_ns):
            if message.name == "PLANT_EFFORTS":
                newest = message
        if newest is None:
            return None
        *loops, mode, brake, anchor, thrust, enabled, hammer = self._orders(newest.kind.values(newest.payload))
        position, velocity, effort, limit = np.array(loops)[:, : self._count] * self._scales
        return References(
            mode=(mode >> self._bits & 3).astype(np.int8),
            position=position,
            velocity=velocity,
            effort=effort,
            effort_limit=np.abs(limit),
            brake=(brake >> self._joints & 1).astype(np.bool_),
            anchor=np.array(anchor[: self._limbs], dtype=np.int8),
            thrust_n=THRUST_N * np.array(thrust[: self._thrusters], dtype=np.float64),
            enabled=bool(enabled),
            hammer=hammer / 255,
        )
