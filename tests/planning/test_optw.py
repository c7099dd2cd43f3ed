"""Orienteering with time windows: the reader's errors, tours that keep their windows, and optima by brute force."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from stope.mission.errors import InputError
from stope.planning.optw import Instance, check_tours, read_optw, solve_optw


def write(folder: Path, places: int, seed: int, name: str = "x101") -> Path:
    """A made-up instance in the public form: eight columns, then opening and closing as the last two."""
    draw = np.random.default_rng(seed)
    lines = [f"1 1 {places} 1", "0 60"]
    for i in range(places + 1):
        x, y = draw.uniform(0, 30, 2)
        opens = 0 if i == 0 else int(draw.integers(0, 60))
        closes = 90 if i == 0 else opens + int(draw.integers(5, 40))
        head = f"{i} {x:.2f} {y:.2f} {0 if i == 0 else 5:.2f} {0 if i == 0 else draw.integers(1, 40):.2f} 0 0"
        lines.append(f"{head} {closes if i == 0 else f'{opens} {closes}'}" if i else f"{head} 0 {closes}")
    file = folder / f"{name}.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


def best_by_brute_force(instance: Instance) -> int:
    t, best = instance.tables, 0
    for length in range(1, instance.places + 1):
        for tour in permutations(range(1, instance.places + 1), length):
            try:
                best = max(best, check_tours(instance, [list(tour)]))
            except ValueError:
                continue
    assert best <= int(t.profit.sum())
    return best


@pytest.mark.parametrize("seed", range(4))
def test_optimum_of_small_instances(tmp_path: Path, seed: int) -> None:
    instance = read_optw(write(tmp_path, 6, seed))
    profit, tours = solve_optw(instance, 1, 400)
    assert check_tours(instance, tours) == profit == best_by_brute_force(instance)


def test_more_vehicles_collect_more_and_keep_windows(tmp_path: Path) -> None:
    instance = read_optw(write(tmp_path, 60, 9))
    profits = []
    for vehicles in (1, 2, 3):
        profit, tours = solve_optw(instance, vehicles, 300)
        assert len(tours) == vehicles
        assert check_tours(instance, tours) == profit
        profits.append(profit)
    assert profits[0] < profits[1] < profits[2]


def test_deterministic(tmp_path: Path) -> None:
    instance = read_optw(write(tmp_path, 50, 3))
    assert solve_optw(instance, 1, 200, seed=4) == solve_optw(instance, 1, 200, seed=4)


def test_cordeau_files_have_two_decimals(tmp_path: Path) -> None:
    tenths, hundredths = (read_optw(write(tmp_path, 4, 1, name)) for name in ("c101", "pr01"))
    assert int(hundredths.tables.closes[0]) == 10 * int(tenths.tables.closes[0]) == 9000


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [("1 1 2 1\n0 9\n0 1 1 x\n", 3, "numbers"), ("1 1 2 1\n0 9\n0 1 1\n", 3, "columns"), ("1\n", 1, "head line")],
)
def test_errors_name_the_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        read_optw(file)
    assert caught.value.line == line


def test_late_and_double_tours_are_refused(tmp_path: Path) -> None:
    instance = read_optw(write(tmp_path, 6, 0))
    _, tours = solve_optw(instance, 1, 100)
    with pytest.raises(ValueError, match="twice"):
        check_tours(instance, [[*tours[0], tours[0][0]]])
