"""Planted impossibilities: the group that was made to bind is named, and the smallest relaxation is one that helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from stope.planning.explain import impossible_sentence, why_no_plan, why_not_site
from stope.planning.minebench import minebench
from stope.planning.problem import Problem
from stope.planning.relaxing import relaxed
from stope.planning.solver import Ask, solve
from stope.planning.whynot import why_impossible

BASE = minebench(20, 1, 0)


def fleet(**changes: int) -> Problem:
    return replace(BASE, fleet=replace(BASE.fleet, **changes))


def site(number: int, **changes: object) -> Problem:
    return replace(BASE, sites=tuple(replace(s, **changes) if s.number == number else s for s in BASE.sites))


def weak_sun() -> Problem:
    start = replace(BASE.robots[0], level=4000)
    return replace(fleet(charge_w=8), robots=(start,))


ROCKS = frozenset(s.number for s in BASE.sites if s.material == "rock")
PLANTED: dict[str, tuple[Callable[[], Problem], frozenset[int]]] = {
    "thermal": (lambda: site(6, cut_windows=((300, 310),)), frozenset({6})),
    "deadline": (lambda: site(6, deadline=60), frozenset({6})),
    "battery": (weak_sun, frozenset({1, 4})),
    "bin": (lambda: fleet(bin_g=900), frozenset({6})),
    "wear": (lambda: BASE, ROCKS),
    "log_store": (lambda: fleet(store_mb=70), frozenset({6})),
    "shares": (lambda: BASE, frozenset([s.number for s in BASE.sites if s.partner == 0][:4])),
    "horizon": (lambda: replace(BASE, horizon=150, sites=tuple(replace(s, deadline=150) for s in BASE.sites)),
                frozenset({1, 4, 6})),
}  # fmt: skip


@pytest.mark.parametrize("group", PLANTED)
def test_planted_group_is_named_and_its_relaxation_helps(group: str) -> None:
    make, sites = PLANTED[group]
    problem = make()
    found = why_impossible(problem, sites)
    assert found is not None
    assert found.conflict == (group,)
    smallest = next(each for each in found.relaxations if each.group == group)
    assert why_impossible(relaxed(problem, {group: smallest.amount}), sites) is None
    assert group in impossible_sentence(found)


def test_nothing_is_wrong_with_what_is_possible() -> None:
    assert why_impossible(BASE, frozenset({1, 4, 6})) is None


def test_deadline_relaxation_is_the_smallest() -> None:
    found = why_impossible(site(6, deadline=60), frozenset({6}))
    assert found is not None
    enough = next(each.amount for each in found.relaxations if each.group == "deadline")
    earliest = int(solve(BASE, Ask(1, only=frozenset({6}))).rows[0, 1, 1])
    assert earliest - 60 <= enough <= earliest - 60 + max(1, enough // 50)


def test_keep_out_zone_and_poor_sites_are_told() -> None:
    plan = solve(BASE, Ask(200))
    closed = site(6, forbidden="it lies in the keep-out zone 'array'")
    told = why_not_site(closed, solve(closed, Ask(200)), Ask(200), 6)
    assert "keep-out zone 'array'" in told
    poor = next(s for s in BASE.sites if s.number not in plan.visited)
    told = why_not_site(BASE, plan, Ask(200), poor.number)
    assert poor.name in told
    assert f"{poor.gain / 100:.1f}" in told


def test_demands_that_conflict_are_told() -> None:
    problem = replace(BASE, sites=tuple(replace(s, demanded=s.number in ROCKS) for s in BASE.sites))
    assert solve(problem, Ask(300)).missing
    told = why_no_plan(problem)
    assert told is not None
    assert "wear" in told
