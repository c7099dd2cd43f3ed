"""What the device says of itself, turned into rows of the fault table: the stack never only assumes that it obeyed."""

from __future__ import annotations

from dataclasses import dataclass

from stope.robot.messages import Observation, SafetyState

#: Fault bit of `Observation.fault_flags` -> row of the fault table. The bits are the seam's; see docs/reference.
FLAG_ROWS = {
    1: "command.stale",
    2: "feed.over_press",
    4: "spindle.stall",
    8: "feed.interlock",
    16: "release.unconfirmed",
    # bits that only the wire has: the device's own, five places higher (bridge.faultbits)
    1 << 5: "host.silent",
    1 << 7: "setpoints.nonsense",
    1 << 8: "setpoints.far_ahead",
    1 << 9: "device.hung",
    1 << 10: "device.brown_out",
    1 << 11: "uart.overrun",
    1 << 12: "device.stalled",
    1 << 15: "encoder.broken",
    1 << 16: "anchor.slipped_pressing",
    1 << 17: "anchor.load_lost",
    1 << 19: "drill.over_torque",
    1 << 21: "parameter.half_saved",
    1 << 22: "device.crash_loop",
    1 << 23: "estop.pressed",
    1 << 28: "estop.full_queue",
    1 << 29: "host.asked",
    1 << 30: "jet.interlock",
}
#: In these states the device takes no command: going on would be talking to nobody.
STOPPED = (SafetyState.DISARMED, SafetyState.FAULT, SafetyState.ESTOP)


@dataclass(frozen=True, slots=True)
class DeviceNews:
    """One thing that the device reported for the first time.

    Attributes:
        row: row of the fault table; blocking: the device has stopped taking commands.
    """

    row: str
    why: str
    time_us: int
    blocking: bool


class DeviceWatch:
    """Compares each observation with the last; reports what is new."""

    def __init__(self) -> None:
        self._flags = 0
        self._stopped = False

    def news(self, obs: Observation) -> list[DeviceNews]:
        """New fault bits, and the moment when the device stops taking commands."""
        new = obs.fault_flags & ~self._flags
        self._flags = obs.fault_flags
        rows = [row for bit, row in FLAG_ROWS.items() if new & bit] if new else []
        found = [DeviceNews(row, obs.applied.why, obs.time_us, blocking=False) for row in rows]
        stopped = obs.safety in STOPPED
        if stopped and not self._stopped:
            found.append(DeviceNews("device.stopped", f"the device is {obs.safety.name}", obs.time_us, blocking=True))
        self._stopped = stopped
        return found
