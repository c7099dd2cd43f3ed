"""A recorded robot: the observations of a log, fed to the stack again, to debug a field run at the desk.

The stack decides anew from what was sensed then; what it commands is recorded in the new log and moves nothing. What
the log does not hold is a gap: the reading before stays the newest one, with its own time and sequence, as on a wire
that fell silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stope.clock import RunClock
from stope.mission.errors import InputError
from stope.robot.limits import enforce
from stope.robot.messages import Applied, Command, Health, Observation, SafetyState, Sent
from stope.robot.model import RobotModel
from stope.robot.seam import Handshake
from stope.tasklog.confined import confined
from stope.tasklog.messages import message_class
from stope.tasklog.reader import read_log

TOPIC = "/robot/observation"


class ReplayEndedError(ConnectionError):
    """The log holds no further observation; the stack had not finished."""


class ReplayRobot:
    """Implements `robot.Robot` over a log.

    Args:
        model: the robot that the mission names; the log must be of one with as many joints, limbs and drums.
        log: ours or a partner's; one that was killed ends where it ends.
        clock: moved by `wait`.

    Raises:
        InputError: the log has no observations, or is of another robot.
        TaskLogError: it cannot be read to its end within limits on memory and time, which a child process finds out.
    """

    def __init__(self, model: RobotModel, log: Path, clock: RunClock) -> None:
        self._model, self._log, self._clock = model, log, clock
        self._header = confined("stope.tasklog.tasks:read_through", str(log), TOPIC)  # anybody may have made it
        self._coming = _observations(log, model)
        self._next: tuple[int, Observation] | None = next(self._coming, None)
        if self._next is None:
            raise InputError(str(log), read=f"no messages on {TOPIC}", expected="the log of a robot")
        self._newest = self._next[1]
        self._now_us = 0

    @property
    def model(self) -> RobotModel:
        """The robot's model."""
        return self._model

    def connect(self) -> Handshake:
        """Who was recorded, with the limits that it had then."""
        header = self._header
        return Handshake(
            identity=f"replay:{header['robot'] or 'unknown'}",
            protocol=TOPIC,
            firmware=header["stope_version"],
            limits_hash=header["limits_hash"],
            session=1,
        )

    def arm(self) -> None:
        """Nothing is armed."""

    def disarm(self) -> None:
        """Nothing was armed."""

    def close(self) -> None:
        """Let the log go."""
        self._coming = iter(())

    def read(self) -> Observation:
        """The newest reading at this time of the recording."""
        return self._newest

    def write(self, command: Command) -> Sent:
        """Host limits as ever; nothing moves."""
        return enforce(command, self._model)

    def wait(self, until_us: int) -> None:
        """Go on in the recording, in a gap too, where the newest reading stays as old as it is.

        Raises:
            ReplayEndedError: it ends before.
        """
        step_us = max(until_us - self._newest.time_us, 1)
        self._now_us = max(until_us, self._now_us + step_us)
        while self._next is not None and self._next[0] <= self._now_us:
            self._newest = self._next[1]
            self._next = next(self._coming, None)
        self._clock.advance_to(self._now_us)
        if self._next is None:
            raise ReplayEndedError(f"{self._log}: the recording ends at {self._now_us * 1e-6:.2f} s of the run")

    def safe(self, reason: str) -> None:
        """Nothing moves."""


def _observations(log: Path, model: RobotModel) -> Iterator[tuple[int, Observation]]:
    """(run time, reading); times that go back are left out, since a run's clock does not."""
    ours, last_us = message_class(TOPIC), -1
    for found in read_log(log, [TOPIC], allow_truncated=True):
        message = found.message
        if message is None or message.DESCRIPTOR.full_name != ours.DESCRIPTOR.full_name:
            raise InputError(str(log), read=f"another schema on {TOPIC}", expected=ours.DESCRIPTOR.full_name)
        if found.time_us > last_us:
            last_us = found.time_us
            yield last_us, observation(log, message, model, last_us)


def observation(log: Path, message: Any, model: RobotModel, time_us: int) -> Observation:
    """The log's message as what crosses the seam, at a run time.

    Raises:
        InputError: arrays of another robot, or a safety state that we do not know.
    """
    joints, limbs = len(model.joints), len(model.limbs)
    drums = len(model.drums.links) if model.drums else 0

    def array(name: str, count: int, *shape: int) -> Any:
        values = np.array(getattr(message, name), np.float64)
        if values.size != count or not np.isfinite(values).all():
            raise InputError(
                str(log), read=f"{values.size} values", expected=f"{count} finite ones: {model.name}'s", field=name
            )
        values = values.reshape(shape or (count,))
        values.flags.writeable = False
        return values

    try:
        safety = SafetyState(message.safety_state)
    except ValueError:
        raise InputError(str(log), read=f"safety state {message.safety_state}", expected="one of ours") from None
    return Observation(
        time_us=time_us,
        device_time_us=message.device_time_us,
        seq=message.device_seq,
        joint_position=array("joint_position", joints),
        joint_velocity=array("joint_velocity", joints),
        joint_effort=array("joint_effort", joints),
        imu_gyro_rad_s=array("imu_gyro", 3),
        imu_accel_m_s2=array("imu_accel", 3),
        limb_force_n=array("limb_force", 3 * limbs, limbs, 3),
        anchor_phase=array("anchor_phase", limbs).astype(np.int8),
        anchor_engagement=array("anchor_engagement", limbs),
        anchor_slip_m=array("anchor_slip_m", limbs),
        weight_on_bit_n=message.weight_on_bit_n,
        spindle_current_a=message.spindle_current_a,
        bin_fill=message.bin_fill,
        drum_fill=array("drum_fill", drums),
        propellant_kg=message.propellant_kg,
        bus_voltage_v=message.bus_voltage_v,
        energy_used_j=message.energy_used_j,
        safety=safety,
        fault_flags=message.fault_flags,
        applied=Applied(
            message.applied_seq, tuple(message.applied_limited), message.applied_refused, message.applied_why
        ),
        health=Health(message.dropped, message.bad_frames, message.stale_refused, message.watchdog_trips),
    )
