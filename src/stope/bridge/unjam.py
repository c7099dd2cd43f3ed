"""UNJAM: a person turns a stuck bit loose, a second at a time, with the device holding everything else."""

from __future__ import annotations

from dataclasses import dataclass

from stope.bridge.driver import NS
from stope.bridge.errors import LinkError
from stope.bridge.serial_robot import SerialRobot
from stope.robot.messages import SafetyState

SPEED_MAX_RAD_S = 2.0  #: the firmware refuses more
TURN_NS = 11 * NS // 10  #: the device stops after 1 s of its own time
HOLD_NS = NS  #: set-points go stale after 50 to 200 ms, then the device holds


@dataclass(frozen=True, slots=True)
class Turned:
    """What the spindle did.

    Attributes:
        angle_rad: between start and end; speed_rad_s, current_a: the largest that telemetry showed.
    """

    angle_rad: float
    speed_rad_s: float
    current_a: float


def unjam(robot: SerialRobot, speed_rad_s: float) -> Turned:
    """Arm, wait for HOLD, turn the spindle for one second within its torque limit, disarm.

    Raises:
        DeniedError: the device is in a fault, or would not turn. LinkError: no drill, no HOLD, or the link failed.
    """
    drill = robot.model.drill
    if drill is None:
        raise LinkError(f"{robot.model.name} has no drill: nothing to turn")
    driver, joint = robot.driver, drill.spindle
    looks: list[tuple[int, float, float, float]] = []

    def look() -> bool:
        seen = driver.session.observation
        if seen is not None and (not looks or seen.seq != looks[-1][0]):
            looks.append(
                (seen.seq, float(seen.joint_position[joint]), float(seen.joint_velocity[joint]), seen.spindle_current_a)
            )
        return False

    robot.arm()
    try:
        # Whoever sends no more set-points and still lives is held in place: UNJAM is taken from there alone.
        if not driver.pump(lambda: driver.reported is SafetyState.HOLD, HOLD_NS):
            raise LinkError(f"the device is {driver.reported.name} and does not hold: see stope bridge monitor")
        look()
        driver.ask("UNJAM", speed_rad_s).demand()
        driver.pump(look, TURN_NS)
    finally:
        robot.disarm()
    first, last = looks[0], looks[-1]
    return Turned(last[1] - first[1], max((one[2] for one in looks), key=abs), max(one[3] for one in looks))
