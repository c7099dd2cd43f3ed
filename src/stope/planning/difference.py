"""What changed between two plans, in words that a log line or a partner can carry."""

from __future__ import annotations

from collections.abc import Sequence

from stope.planning.problem import Problem
from stope.planning.schedule import place_name

Routes = Sequence[Sequence[tuple[int, int]]]


def difference(problem: Problem, old: Routes, new: Routes) -> tuple[str, ...]:
    """One sentence a change: sites dropped, added, given to another robot, or visited in another order."""
    before, after = _where(old), _where(new)
    told = [f"drops {place_name(problem, n)} (robot {r})" for n, r in before.items() if n not in after]
    told += [f"adds {place_name(problem, n)} (robot {r})" for n, r in after.items() if n not in before]
    told += [
        f"gives {place_name(problem, n)} to robot {after[n]} instead of {r}"
        for n, r in before.items()
        if n in after and after[n] != r
    ]
    for robot, (was, now) in enumerate(zip(old, new, strict=True)):
        common = {n for n, _ in was if n} & {n for n, _ in now if n}
        order = [n for n, _ in now if n in common]
        if [n for n, _ in was if n in common] != order:
            told.append(f"robot {robot} goes " + ", ".join(place_name(problem, n) for n in order))
    return tuple(told)


def _where(routes: Routes) -> dict[int, int]:
    return {node: robot for robot, route in enumerate(routes) for node, _ in route if node}
