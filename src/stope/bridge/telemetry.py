"""What the device tells of itself, typed: its state, its faults, its view of the link, its log."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from stope.bridge.codec import MessageType, Received
from stope.robot.messages import SafetyState


class DeviceState(NamedTuple):
    """The STATE message. A tuple by name, because one is made of every sample.

    Attributes:
        faults, latched: FAULT bits, present and since the last clear.
        setpoint_seq, refused_seq, command_seq: last adopted, refused and executed, 0 for none; of the wire.
        gyro, accel: (3) rad/s and m/s2, base frame.
        limited_joints: bit per joint; limit_reason, limit_value: why and by what.
        setpoint_age_ms, host_age_ms: 65535 for none yet; loop_max_us: longest tick since the last sample.
        outputs_enabled: read back from the enable line.
    """

    time_us: int
    seq: int
    faults: int
    latched: int
    setpoint_seq: int
    refused_seq: int
    command_seq: int
    gyro: tuple[float, ...]
    accel: tuple[float, ...]
    limited_joints: int
    limit_reason: int
    limit_value: float
    refuse_reason: int
    setpoint_age_ms: int
    host_age_ms: int
    loop_max_us: int
    safety: SafetyState
    outputs_enabled: bool

    @classmethod
    def of(cls, message: Received) -> DeviceState:
        """From the message.

        Raises:
            ValueError: a safety state that this host does not know.
        """
        told = cls._make(_in_order(message.kind)(message.kind.values(message.payload)))
        return told._replace(safety=SafetyState(told.safety), outputs_enabled=bool(told.outputs_enabled))


@lru_cache(maxsize=4)
def _in_order(kind: MessageType) -> itemgetter[Any]:
    """Takes the fields of DeviceState out of a STATE."""
    renamed = {"faults": "fault_flags", "latched": "latched_flags", "safety": "safety_state"}
    return kind.getter(*(renamed.get(name, name) for name in DeviceState._fields))


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """One FAULT_EVENT, told once: when it was found (device time), what was measured and what it was held to.

    Attributes:
        fault: name of the bit; source: joint or limb, None without one; severity: 0 note to 4 e-stop.
    """

    time_us: int
    seq: int
    fault: str
    value: float
    limit: float
    source: int | None
    severity: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class LinkReport:
    """LINK_STATS: the device's counters by name, with the 16-bit ones unwrapped since the link was opened."""

    time_us: int
    counters: dict[str, int]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the device's log; severity 0 emergency to 7 debug."""

    time_us: int
    severity: int
    text: str


@dataclass(frozen=True, slots=True)
class Rebooted:
    """The device booted again: another boot nonce, nothing that it was told still holds."""

    before: int
    after: int
    reset_cause: str


class Unwrapper:
    """Makes 16-bit counters of a running device count on beyond their width."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def take(self, name: str, value: int) -> int:
        """The counter's value with all its wraps."""
        last = self._last.get(name)
        step = value if last is None else (value - last) & 0xFFFF
        self._last[name] = value
        self._total[name] = self._total.get(name, 0) + step
        return self._total[name]
