"""A robot over the real compiled core in virtual time, and what it is told and tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from still_world import StillWorld

from stope.bridge.lockstep import LockStep
from stope.bridge.serial_robot import SerialRobot
from stope.bridge.session import Event
from stope.bridge.shared_core import Boot, SharedCore
from stope.bridge.transport import Transport
from stope.clock import RunClock
from stope.robot.messages import Command, JointMode, SafetyState
from stope.robot.model import RobotModel

CONTROL_US = 10_000


def still_command(model: RobotModel, seq: int, valid_until_us: int, **change: Any) -> Command:
    """Stay at the stance, continuous joints at rest, with changes."""
    count = len(model.joints)
    turning = np.array([joint.kind == "continuous" for joint in model.joints])
    plain: dict[str, Any] = {
        "seq": seq,
        "valid_until_us": valid_until_us,
        "joint_mode": np.where(turning, JointMode.VELOCITY, JointMode.POSITION).astype(np.int8),
        "joint_position": np.array(model.stance),
        "joint_velocity": np.zeros(count),
        "joint_effort": np.zeros(count),
        "joint_effort_limit": model.effort_max.copy(),
        "anchor_action": np.zeros(len(model.limbs), np.int8),
        "release_confirm": -1,
        "thrust_n": np.zeros(len(model.thrusters)),
    }
    return Command(**(plain | change))


class Bench:
    """A robot, its device and its world."""

    def __init__(self, library: Path, model: RobotModel, boot: Boot | None = None, **options: Any) -> None:
        self.model = model
        self.world = StillWorld(model)
        self.core = SharedCore(library, self.world, boot)
        self.events: list[Event] = []
        self.run_clock = RunClock()
        self.robot = self.another(**options)
        self.count = 0

    def another(self, **options: Any) -> SerialRobot:
        """One more host for the same device."""
        opener: Callable[[], Transport] = options.pop("opener", lambda: LockStep(self.core))
        return SerialRobot(
            self.model, opener, LockStep(self.core), self.run_clock, on_event=self.events.append, **options
        )

    @property
    def run_us(self) -> int:
        """Run time: the device's clock less what it showed when the robot was connected."""
        return self.core.now_us - self.robot.driver.session.zero_us

    def command(self, **change: Any) -> Command:
        """Stay at the stance, with changes; lives for 100 ms."""
        self.count += 1
        return still_command(self.model, self.count, **({"valid_until_us": self.run_us + 100_000} | change))

    def armed(self) -> Bench:
        """Connected and armed."""
        self.robot.connect()
        self.robot.arm()
        return self

    def ticks(self, count: int, **change: Any) -> Any:
        """Turns of a control loop; the last observation."""
        for _ in range(count):
            self.robot.write(self.command(**change))
            self.robot.wait(self.robot.read().time_us + CONTROL_US)
        return self.robot.read()

    def alone(self, for_us: int) -> list[tuple[int, SafetyState]]:
        """The device without a host; its states with the time when each began."""
        changes = [(self.core.now_us, SafetyState(self.core.safety_state))]
        until_us = self.core.now_us + for_us
        while self.core.now_us < until_us:
            self.core.step()
            if self.core.safety_state != changes[-1][1]:
                changes.append((self.core.now_us, SafetyState(self.core.safety_state)))
        return changes
