"""DynamixelRobot: limbs of bus servos behind the seam, without our firmware.

What such a bus can promise is less, and is said: limits are written into the servos and read back; the servos' own bus
watchdog stops them when the host falls silent; there is no deadline per command, no interlock, no e-stop but the power
switch. No IMU, no force sensors: those channels read NaN, never a guess.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping

import numpy as np

from stope.bridge.adapters.dynamixel_bus import Bus
from stope.bridge.adapters.dynamixel_table import (
    AMPERE,
    GOAL_CURRENT,
    GOAL_POSITION,
    GOAL_VELOCITY,
    HARDWARE_ERROR,
    PRESENT,
    PRESENT_SIZE,
    RAD,
    RAD_S,
    TORQUE,
    VOLT,
    WATCHDOG,
    WATCHDOG_20MS,
    Servo,
    write_limits,
)
from stope.bridge.errors import LinkError
from stope.bridge.transport import Clock, Transport
from stope.clock import RunClock
from stope.robot.limits import enforce
from stope.robot.messages import (
    Applied,
    Command,
    CommandRefusedError,
    Health,
    JointMode,
    Observation,
    SafetyState,
    Sent,
)
from stope.robot.model import RobotModel
from stope.robot.seam import Handshake


class DynamixelRobot:
    """Implements `robot.Robot` over a servo bus.

    Args:
        servos: by joint name, every joint of `model`; turning joints only.

    Raises:
        ValueError: a joint without a servo, a sliding joint, or thrusters, which no servo bus has.
    """

    def __init__(
        self, model: RobotModel, servos: Mapping[str, Servo], open_transport: Callable[[], Transport], clock: Clock,
        run_clock: RunClock | None = None,
    ) -> None:  # fmt: skip
        for joint in model.joints:
            if joint.name not in servos or joint.kind == "prismatic":
                raise ValueError(f"joint {joint.name} needs a servo of its own and must turn")
        if model.thrusters or model.drill or model.drums:
            raise ValueError(f"robot {model.name} has tools or thrusters; a servo bus drives limbs alone")
        self._model, self._open, self._clock, self._run_clock = model, open_transport, clock, run_clock
        self._servos = [servos[joint.name] for joint in model.joints]
        self._signs = np.array([joint.sign for joint in model.joints])
        self._turning = np.array([joint.kind == "continuous" for joint in model.joints])
        self._transport: Transport | None = None
        self._bus: Bus | None = None
        self._began_s = 0.0
        self._seq = 0
        self._energy_j, self._energy_us = 0.0, 0
        self._safety, self._faults = SafetyState.DISARMED, 0
        self._applied, self._stale = Applied(), 0
        self._goal_counts: dict[int, int] = {}  # by servo: where a braked joint stays

    @property
    def model(self) -> RobotModel:
        """The robot's model."""
        return self._model

    def connect(self) -> Handshake:
        """Ping every servo, write the limits into it with torque off, and read them back.

        Raises:
            NoAnswerError: a servo is missing. LimitsMismatchError: one did not take its limits.
        """
        self.close()
        self._transport = self._open()
        self._bus = bus = Bus(self._transport, self._clock)
        self._began_s = self._clock.now_s()
        try:
            versions = {servo.id: bus.ping(servo.id) for servo in self._servos}
            for joint, servo in zip(self._model.joints, self._servos, strict=True):
                write_limits(bus, joint, servo)
        except BaseException:
            self.close()
            raise
        self._safety = SafetyState.DISARMED
        models = ",".join(f"{servo}:{model}" for servo, (model, _) in sorted(versions.items()))
        firmware = ",".join(str(version) for _, version in sorted(versions.values()))
        return Handshake(f"dynamixel:{models}", "dynamixel/2.0", firmware, self._model.limits_hash, 1)

    def arm(self) -> None:
        """Torque on, holding the present position; the servos' own watchdog runs from here.

        Raises:
            LinkError: a servo reports a hardware error, or the bus failed.
        """
        bus = self._linked()
        for servo in self._servos:
            if error := bus.read(servo.id, HARDWARE_ERROR, 1)[0]:
                raise LinkError(
                    f"servo {servo.id} reports hardware error {error:#04x}: see its data sheet, power it off"
                )
        readings = self._readings(bus)
        for servo in self._servos:
            bus.write(servo.id, WATCHDOG, b"\0")  # a tripped one refuses goals until it is cleared
        self._goal_counts = {servo.id: readings[servo.id][2] for servo in self._servos}
        bus.sync_write(GOAL_POSITION, 4, {servo: struct.pack("<i", at) for servo, at in self._goal_counts.items()})
        for servo in self._servos:
            bus.write(servo.id, TORQUE, b"\1")
            bus.write(servo.id, WATCHDOG, bytes((WATCHDOG_20MS,)))
        self._safety = SafetyState.HOLD

    def disarm(self) -> None:
        """Torque off, servo by servo; all are tried before an error is raised."""
        bus, failed = self._linked(), []
        for servo in self._servos:
            try:
                bus.write(servo.id, TORQUE, b"\0")
            except ConnectionError as error:
                failed.append(str(error))
        self._safety = SafetyState.DISARMED
        if failed:
            raise LinkError(f"{'; '.join(failed)}; use the power switch")

    def close(self) -> None:
        """Torque off if it can still be said, then let go of the port."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        try:
            if self._bus is not None and self._safety in (SafetyState.HOLD, SafetyState.ARMED):
                self._bus.sync_write(TORQUE, 1, {servo.id: b"\0" for servo in self._servos})
        except ConnectionError:
            self._safety = SafetyState.FAULT  # the watchdog of the servos does it
        finally:
            self._bus = None
            transport.close()

    def read(self) -> Observation:
        """Ask all servos at once.

        Raises:
            NoAnswerError: a servo fell silent. LinkLostError: the port went.
        """
        bus, now_us = self._linked(), self._now_us()
        readings = self._readings(bus)
        table = np.array([readings[servo.id] for servo in self._servos], dtype=float)
        zero = np.array([servo.zero for servo in self._servos])
        constant = np.array([servo.nm_per_a for servo in self._servos])
        limbs, unknown = len(self._model.limbs), math.nan
        volts = float(table[:, 3].min()) * VOLT
        amperes = float(np.abs(table[:, 0]).sum()) * AMPERE
        self._energy_j += volts * amperes * max(now_us - self._energy_us, 0) * 1e-6
        self._energy_us = now_us
        self._seq += 1
        return Observation(
            time_us=now_us,
            seq=self._seq,
            joint_position=self._signs * (table[:, 2] - zero) * RAD,
            joint_velocity=self._signs * table[:, 1] * RAD_S,
            joint_effort=self._signs * table[:, 0] * AMPERE * constant,
            imu_gyro_rad_s=np.full(3, unknown),
            imu_accel_m_s2=np.full(3, unknown),
            limb_force_n=np.full((limbs, 3), unknown),
            anchor_phase=np.zeros(limbs, np.int8),
            anchor_engagement=np.zeros(limbs),
            anchor_slip_m=np.zeros(limbs),
            weight_on_bit_n=0.0,
            spindle_current_a=0.0,
            bin_fill=0.0,
            drum_fill=np.zeros(0),
            propellant_kg=0.0,
            bus_voltage_v=volts,
            energy_used_j=self._energy_j,
            safety=self._safety,
            fault_flags=self._faults,
            applied=self._applied,
            health=Health(dropped=bus.retries, bad_frames=bus.bad, stale_refused=self._stale),
            device_time_us=now_us,
        )

    def write(self, command: Command) -> Sent:
        """Send goals after host limits.

        Raises:
            CommandRefusedError: NaN, a wrong shape, effort mode, or an anchor, which no bus has; nothing was sent.
        """
        sent = enforce(command, self._model)
        self._refuse_what_it_has_not(command)
        bus, command = self._linked(), sent.command
        if self._safety not in (SafetyState.HOLD, SafetyState.ARMED):
            self._applied = Applied(self._applied.seq, (), True, f"servos are {self._safety.name}")
            return sent
        if command.valid_until_us <= self._now_us():
            self._stale += 1
            self._applied = Applied(self._applied.seq, (), True, f"command {command.seq} is stale")
            return sent
        bus.sync_write(GOAL_CURRENT, 14 + 4, self._goals(command))
        self._safety, self._applied = SafetyState.ARMED, Applied(command.seq)
        return sent

    def wait(self, until_us: int) -> None:
        """Sleep to `until_us` of the time since `connect`."""
        transport = self._transport
        if transport is None:
            raise LinkError("not connected: connect first")
        while (left_us := until_us - self._now_us()) > 0:
            transport.wait(left_us * 1e-6)
            transport.receive()  # nobody was asked: whatever came is noise, and must not end the wait at once again
        if self._run_clock is not None:
            self._run_clock.advance_to(max(self._now_us(), self._run_clock.now_us))

    def safe(self, reason: str) -> None:
        """Hold the present position until someone looks; without us the servos' watchdog stops them."""
        self._applied = Applied(self._applied.seq, (), True, reason)
        self._safety = SafetyState.FAULT
        try:
            bus = self._linked()
            readings = self._readings(bus)
            bus.sync_write(GOAL_VELOCITY, 4, {servo.id: bytes(4) for servo in self._servos})
            bus.sync_write(GOAL_POSITION, 4, {s.id: struct.pack("<i", readings[s.id][2]) for s in self._servos})
        except ConnectionError:
            return

    # --- inside ----------------------------------------------------------------------------------------------------

    def _linked(self) -> Bus:
        if self._bus is None:
            raise LinkError("not connected: connect first")
        return self._bus

    def _now_us(self) -> int:
        return int((self._clock.now_s() - self._began_s) * 1e6)

    def _readings(self, bus: Bus) -> dict[int, tuple[int, int, int, int]]:
        """Current, velocity, position and voltage counts by servo."""
        raw = bus.sync_read([servo.id for servo in self._servos], PRESENT, PRESENT_SIZE)
        return {
            servo: (*struct.unpack_from("<hii", data), *struct.unpack_from("<H", data, 18))
            for servo, data in raw.items()
        }

    def _refuse_what_it_has_not(self, command: Command) -> None:
        if (command.joint_mode == JointMode.EFFORT).any():
            raise CommandRefusedError(f"command {command.seq}: servos in position mode take no effort mode")
        if command.anchor_action.any():
            raise CommandRefusedError(f"command {command.seq}: there is no gripper on a servo bus")

    def _goals(self, command: Command) -> dict[int, bytes]:
        """Goal current, velocity, profile and position of each servo: one block of its control table."""
        goals = {}
        for i, servo in enumerate(self._servos):
            current = int(command.joint_effort_limit[i] / servo.nm_per_a / AMPERE)
            braked = command.joint_mode[i] == JointMode.BRAKE
            still = braked or not self._turning[i]
            velocity = 0 if still else round(float(self._signs[i] * command.joint_velocity[i]) / RAD_S)
            if not braked:
                self._goal_counts[servo.id] = servo.zero + round(
                    float(self._signs[i] * command.joint_position[i]) / RAD
                )
            goals[servo.id] = struct.pack("<hiIIi", current, velocity, 0, 0, self._goal_counts[servo.id])
        return goals
