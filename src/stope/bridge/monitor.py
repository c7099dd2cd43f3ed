"""What a link and its device look like from here, an interval at a time: `stope bridge monitor`."""

from __future__ import annotations

from dataclasses import dataclass

from stope.bridge.codec import Codec
from stope.bridge.driver import NS, Driver
from stope.bridge.session import Event
from stope.bridge.telemetry import FaultEvent, LogLine
from stope.robot.messages import SafetyState

NEVER = 65535  #: an age that has not begun


@dataclass(frozen=True, slots=True)
class Glance:
    """One interval.

    Attributes:
        time_us: device time; samples_hz: whole samples a second of host time.
        lost: frames missing by the link's sequence; bad: candidates given up; skipped: bytes that belong to no frame.
        host_age_ms, setpoint_age_ms: None before the first; loop_max_us: longest time between ticks.
        clock_us: largest error of our estimate of device time.
    """

    time_us: int
    state: str
    outputs: bool
    faults: str
    latched: str
    samples_hz: float
    lost: int
    bad: int
    skipped: int
    host_age_ms: int | None
    setpoint_age_ms: int | None
    loop_max_us: int
    clock_us: float

    def line(self) -> str:
        """For people."""
        ages = ", ".join(
            f"{what} {f'{age} ms' if age is not None else 'never'}"
            for what, age in (("host", self.host_age_ms), ("set-point", self.setpoint_age_ms))
        )
        told_faults = (("now", self.faults), ("latched", self.latched))
        faults = "".join(f"  {word}: {names}" for word, names in told_faults if names)
        return (
            f"{self.time_us * 1e-6:10.3f} s  {self.state:<8}  outputs {'ON' if self.outputs else 'off':<3}  "
            f"{self.samples_hz:5.1f} samples/s  lost {self.lost}  bad {self.bad}  skipped {self.skipped} B  "
            f"{ages}  loop {self.loop_max_us} us  clock +-{self.clock_us:.0f} us{faults}"
        )


class Monitor:
    """Watches a connected device without telling it that a host lives: it never keeps anything armed."""

    def __init__(self, driver: Driver, codec: Codec) -> None:
        self._driver, self._faults = driver, codec.dialect.enums["FAULT"]

    def glance(self, for_s: float) -> Glance:
        """Watch for `for_s`, then say how it was.

        Raises:
            LinkError: the port went away, the device booted again, or it fell silent.
        """
        driver, session = self._driver, self._driver.session
        began_ns, seq = driver.now_ns(), driver.state.seq
        driver.pump(lambda: False, round(for_s * NS), alive=False)
        driver.check_fresh()
        now_ns, state, framing = driver.now_ns(), driver.state, session.link.framing
        return Glance(
            time_us=state.time_us,
            state=state.safety.name,
            outputs=state.outputs_enabled,
            faults=self._faults.name_of(state.faults) if state.faults else "",
            latched=self._faults.name_of(state.latched) if state.latched else "",
            samples_hz=round(((state.seq - seq) & 0xFFFFFFFF) * NS / (now_ns - began_ns), 1),
            lost=session.link.counters.lost,
            bad=framing.bad_crc + framing.bad_header,
            skipped=framing.skipped,
            host_age_ms=None if state.host_age_ms == NEVER else state.host_age_ms,
            setpoint_age_ms=None if state.setpoint_age_ms == NEVER else state.setpoint_age_ms,
            loop_max_us=state.loop_max_us,
            clock_us=round(session.time.uncertainty_us(now_ns), 1),
        )


def told(event: Event) -> str:
    """One line for what the device says by itself; empty for what needs none."""
    if isinstance(event, FaultEvent):
        where = "" if event.source is None else f" at {event.source}"
        change = f"{SafetyState(event.before).name} -> {SafetyState(event.after).name}"
        return (
            f"{event.time_us * 1e-6:10.3f} s  {event.fault}{where}: measured {event.value:g}, "
            f"limit {event.limit:g}, {change}"
        )
    if isinstance(event, LogLine):
        return f"{event.time_us * 1e-6:10.3f} s  the device says: {event.text}"
    return ""
