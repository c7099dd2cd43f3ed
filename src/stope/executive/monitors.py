"""Monitors: rows of the fault table that the executive watches beside the tasks, each 50 ms.

Threshold, time and response of each are the table's own; here stands only what is measured. A condition that is unknown
neither raises nor clears its row: what is missing has rows of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from stope.control.goal import View
from stope.control.sampling import SampleController
from stope.executive.activity import Desk
from stope.executive.condition import stale
from stope.executive.faults.table import Fault, find_fault
from stope.executive.raised import Raised

ANY: frozenset[str] = frozenset()


Measure = Callable[[Desk], float]


@dataclass(frozen=True, slots=True)
class Monitor:
    """One watched row.

    Attributes:
        measure: what is compared with the row's threshold, in its unit; NaN is unknown.
        below: the fault is a value below the threshold, else above it.
        tasks: only while one of these runs; always when empty.
        tool: the tool that the response `take_tool` takes away, by the name of its task.
        sentence: what is wrong, as the reason says it; `{value}` and `{limit}` are filled in.
        stale_too: looked at even when the newest reading is old: it is about just that.
    """

    row: Fault
    measure: Measure
    sentence: str
    below: bool = False
    tasks: frozenset[str] = ANY
    tool: str = ""
    stale_too: bool = False


class Monitors:
    """Ticks all monitors; raises each row once until it has been clear again."""

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        # What a tick asks of each, laid out beforehand: this runs 20 times a simulated second.
        self._rows = tuple(
            (place, each, each.measure, each.row.threshold, each.below, each.tasks, each.stale_too)
            for place, each in enumerate(monitors)
        )
        self._since: list[int | None] = [None] * len(self._rows)
        self._up = [False] * len(self._rows)

    def tick(self, desk: Desk) -> list[Raised]:
        """Rows raised in this tick."""
        running = desk.running.task if desk.running is not None else ""
        old = stale(desk.view, desk.now_us)
        since = self._since
        found: list[Raised] = []
        for place, monitor, measure, threshold, below, tasks, stale_too in self._rows:
            if (old and not stale_too) or (tasks and running not in tasks):
                since[place] = None
                continue
            value = measure(desk)
            if value < threshold if below else value > threshold:
                self._wrong(place, monitor, value, desk.now_us, found)
            elif value == value:  # NaN neither raises nor clears
                since[place], self._up[place] = None, False
        return found

    def _wrong(self, place: int, monitor: Monitor, value: float, now_us: int, found: list[Raised]) -> None:
        since = self._since[place]
        if since is None:
            self._since[place] = since = now_us
        if not self._up[place] and now_us - since >= monitor.row.time_s * 1e6:
            self._up[place] = True
            sentence = monitor.sentence.format(value=value, limit=monitor.row.threshold)
            found.append(Raised(monitor.row, value, sentence, now_us, monitor.tool))


class Frozen:
    """Seconds for which a reading has been exactly the same while others came: a sensor that is stuck.

    Real sensors are noisy. A link that repeats the last sample is another fault, so only new samples count.
    """

    def __init__(self, reading: Callable[[View], tuple[float, ...]]) -> None:
        self._reading, self._last, self._since_us, self._seq = reading, (), 0, -1

    def __call__(self, desk: Desk) -> float:
        """Seconds."""
        obs = desk.view.obs
        if obs.seq == self._seq:
            return math.nan
        self._seq = obs.seq
        now = self._reading(desk.view)
        if now != self._last:
            self._last, self._since_us = now, obs.time_us  # type: ignore[assignment]
        return (obs.time_us - self._since_us) * 1e-6


class Rate:
    """Rise of a counter per second over the last second."""

    def __init__(self, counter: Callable[[View], float]) -> None:
        self._counter, self._past = counter, [(0, 0.0)]

    def __call__(self, desk: Desk) -> float:
        """Per second."""
        now, value = desk.now_us, self._counter(desk.view)
        self._past.append((now, value))
        while len(self._past) > 2 and self._past[1][0] <= now - 1_000_000:
            self._past.pop(0)
        then, before = self._past[0]
        return (value - before) / max((now - then) * 1e-6, 1.0)


class ClockStep:
    """Difference between what device time and run time did since the last tick, s; negative when it went back."""

    def __init__(self) -> None:
        self._device_us = self._run_us = -1

    def __call__(self, desk: Desk) -> float:
        """Seconds, as a magnitude."""
        device, run = desk.view.obs.time_us, desk.now_us
        if self._device_us < 0:
            self._device_us, self._run_us = device, run
        step = max(device - self._device_us - (run - self._run_us), self._device_us - device, 0)
        self._device_us, self._run_us = device, run
        return step * 1e-6


class Highest:
    """How far a level lies below its highest so far; reset while one of `allowed` runs, which may lower it."""

    def __init__(self, level: Callable[[View], float], allowed: frozenset[str]) -> None:
        self._level, self._allowed, self._best = level, allowed, -math.inf

    def __call__(self, desk: Desk) -> float:
        """Drop, in the level's unit."""
        level = self._level(desk.view)
        if math.isnan(level):
            return level
        running = desk.running.task if desk.running is not None else ""
        self._best = level if running in self._allowed else max(self._best, level)
        return self._best - level


def age_s(desk: Desk) -> float:
    """Age of the newest reading."""
    return (desk.now_us - desk.view.obs.time_us) * 1e-6


def gaps(desk: Desk) -> float:
    """How many of the readings that tools rely on are no numbers."""
    obs = desk.view.obs
    scalars = (obs.weight_on_bit_n, obs.bin_fill, obs.propellant_kg, obs.bus_voltage_v, obs.energy_used_j)
    arrays = (obs.joint_position, obs.joint_effort, obs.imu_gyro_rad_s, obs.imu_accel_m_s2, obs.limb_force_n,
              obs.anchor_slip_m, obs.drum_fill)  # fmt: skip
    count = 0 if isfinite(sum(scalars)) else sum(not isfinite(each) for each in scalars)
    for array in arrays:
        # As lists: summing a few numbers in Python costs a third of a call into NumPy.
        if not isfinite(sum(array.ravel().tolist())):
            count += 1
    return float(count)


def standard_monitors(nominal_v: float, energy_limit_j: float, tools: frozenset[str]) -> tuple[Monitor, ...]:
    """What every mission watches.

    Args:
        nominal_v: bus voltage; energy_limit_j: what the mission may draw, infinite without a limit.
        tools: "drill", "collect", "sample": the tool tasks that the robot can do.
    """
    working = frozenset({"drill", "collect", "sample"})
    always: tuple[Monitor, ...] = (
        Monitor(find_fault("telemetry.stale"), age_s, "the newest reading is {value:.2f} s old", stale_too=True),
        Monitor(find_fault("telemetry.gap"), gaps, "{value:.0f} kinds of readings are no numbers"),
        Monitor(find_fault("imu.frozen"), Frozen(_imu), "the inertial sensors have said the same for {value:.2f} s"),
        Monitor(
            find_fault("power.bus_low"), lambda desk: desk.view.obs.bus_voltage_v / nominal_v,
            "the bus is at {value:.2f} of its nominal voltage, {limit:.2f} is needed", below=True,
        ),
        Monitor(
            find_fault("power.energy_low"), lambda desk: desk.view.obs.energy_used_j / energy_limit_j,
            "{value:.2f} of the energy that the mission may draw is used",
        ),
        Monitor(find_fault("command.refused"), _refused, "the device refuses what it is told"),
        Monitor(find_fault("clock.jump"), ClockStep(), "device time stepped by {value:.2f} s", stale_too=True),
        Monitor(
            find_fault("link.gaps"), Rate(lambda view: view.obs.health.dropped + view.obs.health.bad_frames),
            "{value:.0f} samples or frames a second are lost on the line", stale_too=True,
        ),
        Monitor(
            find_fault("collector.leak"), Highest(lambda view: view.obs.bin_fill, frozenset({"stow"})),
            "the bin has lost {value:.3f} of its capacity without being emptied",
            tool="sample" if "sample" in tools else "collect",
        ),
        Monitor(
            find_fault("anchor.overloaded"), lambda desk: desk.view.margin,
            "the worst anchor carries more than it may: margin {value:.2f}", below=True, tasks=working,
        ),
        Monitor(
            find_fault("robot.creep"), lambda desk: desk.view.estimate.residual_m,
            "the feet are {value:.4f} m from where they gripped", tasks=working,
        ),
    )  # fmt: skip
    if "sample" in tools:
        jet = Monitor(
            find_fault("sampler.valve_open"), _unasked_kg,
            "{value:.4f} kg of gas have left the tank without a pulse of the sampler", tasks=frozenset({"sample"}),
        )  # fmt: skip
        always = (*always, jet)
    if "drill" not in tools:
        return always
    return (
        *always,
        Monitor(
            find_fault("load_cell.frozen"), Frozen(lambda view: (view.obs.weight_on_bit_n,)),
            "the load cell of the feed has said the same for {value:.2f} s", tasks=frozenset({"drill"}), tool="drill",
        ),
        Monitor(
            find_fault("drill.over_weight"),
            lambda desk: desk.view.obs.weight_on_bit_n / max(desk.view.reserve_n, 1.0),
            "the bit bears {value:.2f} of what the anchors can pay", tasks=frozenset({"drill"}),
        ),
    )  # fmt: skip


def _imu(view: View) -> tuple[float, ...]:
    return (*view.obs.imu_gyro_rad_s.tolist(), *view.obs.imu_accel_m_s2.tolist())


def _unasked_kg(desk: Desk) -> float:
    controller = desk.controller
    return controller.unasked_kg if isinstance(controller, SampleController) else math.nan


def _refused(desk: Desk) -> float:
    return 1.0 if desk.view.obs.applied.refused else 0.0
