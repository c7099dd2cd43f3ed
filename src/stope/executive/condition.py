"""Condition: one thing that can be true, false or unknown; what tasks are gated by and monitors look at.

Three-valued logic after Kleene, as PLEXIL has it: a stale or missing reading makes a condition unknown, never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stope.control.goal import Outcome, Progress, View

Known = bool | None  #: None is unknown

STALE_US = 300_000  # a reading older than this says nothing of now: three times what a set-point lives at 100 Hz
PATIENCE_US = 500_000  # an unknown invariant is put up with for so long (planner.md 5.2)


@dataclass(frozen=True, slots=True)
class Condition:
    """`least` <= `measure(view)` <= `most`; unknown when the view is stale or the measure is no number.

    Attributes:
        code: row of the fault table, or reason code, when it is false.
        what: what is measured, as a noun for sentences.
        unit: UCUM code of measure and limits.
    """

    code: str
    what: str
    measure: Callable[[View], float]
    least: float = -math.inf
    most: float = math.inf
    unit: str = "1"

    def holds(self, view: View, now_us: int) -> Known:
        """Whether it is true now."""
        if stale(view, now_us):
            return None
        value = self.measure(view)
        return None if math.isnan(value) else self.least <= value <= self.most

    def broken(self, view: View, phase: str = "stopped", outcome: Outcome = Outcome.FAILED) -> Progress:
        """Why it is not true, with the value that says so."""
        value = self.measure(view)
        low = value < self.least
        limit, side = (self.least, "at least") if low else (self.most, "at most")
        unit = "" if self.unit == "1" else f" {self.unit}"
        reason = f"{self.what} is {value:.4g}{unit}, {side} {limit:.4g}{unit} is needed"
        return Progress(phase, outcome, self.code, reason, value, self.unit)

    def unknown(self, phase: str = "stopped", outcome: Outcome = Outcome.FAILED) -> Progress:
        """Why it cannot be said."""
        return Progress(phase, outcome, "telemetry.unknown", f"{self.what} is not known: no fresh reading of it")


def stale(view: View, now_us: int) -> bool:
    """Whether the newest reading is too old to say anything of `now_us` (run time)."""
    return now_us - view.obs.time_us > STALE_US


def every(values: Iterable[Known]) -> Known:
    """Kleene's and: false beats unknown beats true."""
    found: Known = True
    for value in values:
        if value is False:
            return False
        if value is None:
            found = None
    return found


def some(values: Iterable[Known]) -> Known:
    """Kleene's or: true beats unknown beats false."""
    found: Known = False
    for value in values:
        if value:
            return True
        if value is None:
            found = None
    return found


def first_broken(conditions: Iterable[Condition], view: View, now_us: int) -> tuple[Known, Condition | None]:
    """`every` of the conditions, with the one that decided: the first false one, else the first unknown one."""
    unknown: Condition | None = None
    for condition in conditions:
        held = condition.holds(view, now_us)
        if held is False:
            return False, condition
        if held is None and unknown is None:
            unknown = condition
    return (None, unknown) if unknown is not None else (True, None)
