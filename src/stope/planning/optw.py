"""Orienteering with time windows: the public (T)OPTW files, read and solved by the same kind of search.

It is the core of the planning question without batteries, bins and shares, so published values apply. Files are those
of the KU Leuven sets: a head line `k v N t`, one more line, then per vertex `i x y d S f a list O C` with the number,
the place, the service time, the profit, and opening and closing times as the last two columns. Distances are truncated
to one decimal (Solomon's c, r, rc) or two (Cordeau's pr), as the published values assume.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stope.mission.errors import InputError
from stope.planning.dice import dice
from stope.planning.optw_search import Orienteering, improve_tours, new_tours


@dataclass(frozen=True, slots=True)
class Instance:
    """One file: tables in whole tenths (Solomon) or hundredths (Cordeau) of the file's unit, for the search."""

    name: str
    tables: Orienteering

    @property
    def places(self) -> int:
        """Vertices without the depot."""
        return len(self.tables.profit) - 1


def read_optw(file: Path) -> Instance:
    """Read one (T)OPTW file.

    Raises:
        InputError: missing, or not of that form, with the line.
    """
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(file), read=str(error), expected="a (T)OPTW file") from None
    rows: list[list[float]] = []
    for number, line in enumerate(lines, 1):
        try:
            cells = [float(cell) for cell in line.split()]
        except ValueError:
            raise InputError(str(file), read=f"'{line}'", expected="numbers", line=number) from None
        if number > 2 and cells:
            if len(cells) < 9:
                raise InputError(str(file), read=f"{len(cells)} columns", expected="at least 9", line=number)
            rows.append(cells)
        elif number == 1 and len(cells) < 3:
            raise InputError(str(file), read=f"'{line}'", expected="a head line 'k v N t'", line=1)
    if len(rows) < 2:
        raise InputError(str(file), read=f"{len(rows)} vertices", expected="a depot and at least one place")
    return Instance(file.stem, _tables(rows, 100 if file.stem.startswith("pr") else 10))


def solve_optw(instance: Instance, vehicles: int, iterations: int, seed: int = 0) -> tuple[int, list[list[int]]]:
    """Profit and tours of the best solution found: deterministic in its arguments.

    Iterations may be spent in several calls of the compiled search; nothing but their number ends it.
    """
    current, trial, best = (new_tours(instance.tables, vehicles) for _ in range(3))
    state = dice(seed, f"optw {instance.name} {vehicles}")
    profit = improve_tours(instance.tables, current, trial, best, 0, iterations, state)
    tours = [[int(i) for i in best.nodes[q, : best.length[q]]] for q in range(vehicles)]
    return int(profit), tours


def check_tours(instance: Instance, tours: list[list[int]]) -> int:
    """Profit of the tours, worked out from the instance alone.

    Raises:
        ValueError: a place twice, a window missed, or home too late.
    """
    t = instance.tables
    seen: set[int] = set()
    for tour in tours:
        time, at = 0, 0
        for i in tour:
            time = max(time + int(t.service[at]) + int(t.way[at, i]), int(t.opens[i]))
            if i in seen or time > t.closes[i]:
                raise ValueError(f"{instance.name}: place {i} twice or after its closing")
            seen.add(i)
            at = i
        if time + int(t.service[at]) + int(t.way[at, 0]) > t.closes[0]:
            raise ValueError(f"{instance.name}: a tour ends after the depot closes")
    return int(sum(int(t.profit[i]) for i in seen))


def _tables(rows: list[list[float]], scale: int) -> Orienteering:
    place = [(row[1], row[2]) for row in rows]
    way = [[math.floor(math.hypot(a[0] - b[0], a[1] - b[1]) * scale + 1e-9) for b in place] for a in place]

    def whole(column: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([round(row[column] * scale) for row in rows], np.int64)

    opens, closes = whole(-2), whole(-1)
    opens[0] = 0
    profit = np.array([round(row[4]) for row in rows], np.int64)
    return Orienteering(np.array(way, np.int64), whole(3), profit, opens, closes)
