"""Two logs of one mission side by side: whether two robots, or two versions, did the same within stated tolerances.

Made for parity between the simulated device, the firmware in lock step, the emulated board and hardware: depth, forces,
durations, masses. What only one of the two logs has is a difference too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stope.tasklog.reader import read_log

TOPICS = ("/task/event", "/task/progress", "/robot/observation", "/mass/balance", "/sim/truth")
ENDINGS = {"PHASE_SUCCEEDED", "PHASE_FAILED", "PHASE_REFUSED", "PHASE_SKIPPED", "PHASE_INTERRUPTED"}
PRESSED_N = 5.0  # weight on bit above which the drill is at work
MATERIAL_KG = 1e-3  # less than a gram of a material in an account is not worth a row


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two figures may lie apart: the larger of a share of the larger one and an absolute difference."""

    share: float
    absolute: float

    def holds(self, a: float, b: float) -> bool:
        """Whether `a` and `b` count as the same."""
        return abs(a - b) <= max(self.share * max(abs(a), abs(b)), self.absolute)


#: By the kind of figure: devices differ in servo rate, word length and latency, so tasks may take a little longer.
TOLERANCES: Mapping[str, Tolerance] = {
    "duration": Tolerance(0.10, 2.0),
    "depth": Tolerance(0.02, 1.0e-3),
    "force": Tolerance(0.10, 1.0),
    "mass": Tolerance(0.10, 2.0e-3),
    "energy": Tolerance(0.10, 50.0),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both logs; `a` or `b` is None (or empty text) where a log does not have it."""

    what: str
    unit: str
    a: float | str | None
    b: float | str | None
    tolerance: Tolerance | None
    same: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A quantity over run time since the first task began: what the figure draws."""

    time_s: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)

    def at(self, time_s: float) -> float:
        """The last value at or before a time; 0 before the first."""
        index = bisect_right(self.time_s, time_s)
        return self.value[index - 1] if index else 0.0


@dataclass(slots=True)
class Summary:
    """What one log says of a mission.

    Attributes:
        tasks: (name, ending, duration in s) in order.
        masses_kg: final amount by "account: material"; figures: (kind, unit, value) by name.
        depth_m, weight_n: over time.
    """

    path: Path
    tasks: list[tuple[str, str, float]] = field(default_factory=list)
    masses_kg: dict[str, float] = field(default_factory=dict)
    figures: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    depth_m: Curve = field(default_factory=Curve)
    weight_n: Curve = field(default_factory=Curve)


def summarise(path: Path) -> Summary:
    """Read what `compare` needs from a log.

    Raises:
        TaskLogError: not a log, or damaged.
    """
    found = Summary(path)
    started: dict[int, float] = {}
    zero_s: float | None = None
    energy: list[float] = []
    pressed: list[float] = []
    balance: Any = None
    for item in read_log(path, TOPICS):
        now_s, message = item.time_us * 1e-6, item.message
        if item.topic == "/task/event":
            zero_s = now_s if zero_s is None else zero_s
            _take_event(found, message, now_s, started)
        elif item.topic == "/robot/observation":
            energy.append(message.energy_used_j)
            found.weight_n.time_s.append(now_s)
            found.weight_n.value.append(message.weight_on_bit_n)
            if message.weight_on_bit_n > PRESSED_N:
                pressed.append(message.weight_on_bit_n)
        elif item.topic == "/task/progress":
            found.depth_m.time_s.append(now_s)
            found.depth_m.value.append(message.depth_m)
        elif item.topic == "/mass/balance":
            balance = message
    for curve in (found.depth_m, found.weight_n):
        curve.time_s[:] = [time_s - (zero_s or 0.0) for time_s in curve.time_s]
    if balance is not None:
        rows = zip(balance.account, balance.material, balance.amount_ug, strict=True)
        found.masses_kg = {f"{account}: {material}": amount * 1e-9 for account, material, amount in rows}
    _take_figures(found, energy, pressed)
    return found


def summarise_plain(log: str) -> dict[str, Any]:
    """The summary as JSON takes it."""
    return asdict(summarise(Path(log))) | {"path": log}


def summary_of(plain: dict[str, Any]) -> Summary:
    """The summary that `summarise_plain` said."""
    return Summary(
        Path(plain["path"]),
        [(name, ending, duration_s) for name, ending, duration_s in plain["tasks"]],
        plain["masses_kg"],
        {name: (kind, unit, value) for name, (kind, unit, value) in plain["figures"].items()},
        Curve(**plain["depth_m"]),
        Curve(**plain["weight_n"]),
    )


def compare(a: Summary, b: Summary) -> list[Row]:
    """One row per figure that either log has, tasks first."""
    rows: list[Row] = []
    for index in range(max(len(a.tasks), len(b.tasks))):
        ours = a.tasks[index] if index < len(a.tasks) else None
        theirs = b.tasks[index] if index < len(b.tasks) else None
        name = (ours or theirs or ("", "", 0.0))[0]
        if ours and theirs and ours[0] != theirs[0]:
            rows.append(Row(f"task {index + 1}", "", ours[0], theirs[0], None, same=False))
            continue
        endings = (ours[1] if ours else None, theirs[1] if theirs else None)
        rows.append(Row(f"{name}: outcome", "", *endings, None, endings[0] == endings[1]))
        rows.append(_row(f"{name}: duration", "s", "duration", ours and ours[2], theirs and theirs[2]))
    for what in dict.fromkeys((*a.figures, *b.figures)):
        kind, unit, _ = a.figures.get(what) or b.figures[what]
        values = [log.figures[what][2] if what in log.figures else None for log in (a, b)]
        rows.append(_row(what, unit, kind, *values))
    for what in sorted({*a.masses_kg, *b.masses_kg}):
        values = [log.masses_kg.get(what) for log in (a, b)]
        if max(abs(value or 0.0) for value in values) >= MATERIAL_KG:
            rows.append(_row(f"mass, {what}", "kg", "mass", *(value or 0.0 for value in values)))
    return rows


def _row(what: str, unit: str, kind: str, a: float | None, b: float | None) -> Row:
    tolerance = TOLERANCES[kind]
    return Row(what, unit, a, b, tolerance, a is not None and b is not None and tolerance.holds(a, b))


def _take_event(found: Summary, message: Any, now_s: float, started: dict[int, float]) -> None:
    phase = message.DESCRIPTOR.fields_by_name["phase"].enum_type.values_by_number[message.phase].name
    if phase == "PHASE_STARTED":
        started.setdefault(message.activity, now_s)  # a suspended or retried one began when it first did
    elif phase in ENDINGS:
        duration_s = now_s - started.get(message.activity, now_s)
        found.tasks.append((message.task, phase.removeprefix("PHASE_").lower(), duration_s))


def _take_figures(found: Summary, energy: list[float], pressed: list[float]) -> None:
    if found.depth_m.value:
        found.figures["hole depth"] = ("depth", "m", max(found.depth_m.value))
    if found.weight_n.value:
        found.figures["largest weight-on-bit"] = ("force", "N", max(found.weight_n.value))
    if pressed:
        found.figures["median weight-on-bit at work"] = ("force", "N", sorted(pressed)[len(pressed) // 2])
    if energy:
        found.figures["energy"] = ("energy", "J", energy[-1] - energy[0])
