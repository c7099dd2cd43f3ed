"""The statistics of a campaign, and whether they keep to the scenario's acceptance limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stope.campaign.job import MEASURED, Row
from stope.mission.scenario import VERDICTS, Limit, Scenario

Z95 = 1.959964  # two-sided 95 %


@dataclass(frozen=True, slots=True)
class Judged:
    """One acceptance limit: the statistic's value, its 95 % interval if it is a share, and whether it keeps to it."""

    limit: Limit
    value: float | None
    interval: tuple[float, float] | None
    holds: bool


def values_of(rows: Sequence[Row], quantity: str) -> list[float]:
    """The quantity in every run that measured it, in the order of the rows."""
    found = (row.measured.get(quantity) for row in rows)
    return [float(value) for value in found if value is not None]


def judge(limit: Limit, rows: Sequence[Row]) -> Judged:
    """Hold one limit against all rows."""
    if limit.statistic == "share":
        hits = sum(row.verdict.lower() == limit.quantity for row in rows)
        value = hits / len(rows) if rows else None
        return Judged(limit, value, wilson(hits, len(rows)), limit.holds(value))
    values = values_of(rows, limit.quantity)
    found = statistic(limit.statistic, values) if values else None
    return Judged(limit, found, None, limit.holds(found))


def statistic(name: str, values: Sequence[float]) -> float:
    """Mean, min, max, or a percentile "p05" by linear interpolation."""
    if name.startswith("p"):
        return float(np.percentile(values, float(name[1:])))
    array = np.array(values)
    return float(array.mean() if name == "mean" else array.min() if name == "min" else array.max())


def wilson(hits: int, of: int) -> tuple[float, float] | None:
    """95 % interval of a share (Wilson 1927): honest for few runs and for shares of 0 and 1."""
    if of == 0:
        return None
    share, z2 = hits / of, Z95 * Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def summary(scenario: Scenario, rows: Sequence[Row]) -> dict[str, Any]:
    """The campaign as one JSON-ready document."""
    judged = [judge(limit, rows) for limit in scenario.acceptance]
    spread = {}
    for name in MEASURED:
        values = values_of(rows, name)
        if values:
            spread[name] = {each: statistic(each, values) for each in ("mean", "min", "p05", "p50", "p95", "max")}
            spread[name] |= {"sd": float(np.std(values)), "runs": len(values)}
    return {
        "scenario": scenario.name,
        "mission": scenario.mission,
        "seeds": len(rows),
        "verdicts": {name: sum(row.verdict.lower() == name for row in rows) for name in VERDICTS},
        "accepted": all(each.holds for each in judged),
        "acceptance": [
            {"limit": str(each.limit), "value": each.value, "interval_95": each.interval, "holds": each.holds}
            for each in judged
        ],
        "spread": spread,
        "not_passed": [
            {"seed": row.seed, "verdict": row.verdict, "reason": row.reason} for row in rows if row.verdict != "PASSED"
        ],
    }
