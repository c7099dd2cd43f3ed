"""The validator catches every mutation of a good plan, and names the constraint that it breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from stope.mission.planfile import Activity
from stope.planning.margins import widen
from stope.planning.minebench import minebench
from stope.planning.problem import Problem
from stope.planning.schedule import activities
from stope.planning.solver import Ask, solve
from stope.planning.validator import MOST, check_plan, plan_unfair_mg, plan_value, unavoidable_mg

Plan = list[Activity]


@pytest.fixture(scope="module")
def good() -> tuple[Problem, Plan, int]:
    problem = minebench(20, 1, 0)
    found = solve(problem, Ask(300, seed=3))
    return problem, list(activities(problem, found)), found.value


def groups(problem: Problem, plan: Plan) -> set[str]:
    return {complaint.group for complaint in check_plan(problem, plan)}


def shift(plan: Plan, index: int, start: int, end: int | None = None) -> Plan:
    a = plan[index]
    later = start if end is None else end
    moved = a.model_copy(update={"start_min": a.start_min + start, "end_min": a.end_min + later})
    return [*plan[:index], moved, *plan[index + 1 :]]


def first(plan: Plan, task: str) -> int:
    return next(k for k, a in enumerate(plan) if a.task == task)


def drop_site(plan: Plan, site: str) -> Plan:
    return [a for a in plan if a.site != site]


def test_good_plan_and_its_value(good: tuple[Problem, Plan, int]) -> None:
    problem, plan, value = good
    assert check_plan(problem, plan) == []
    assert plan_value(problem, plan) == value


MUTATIONS: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    "starts before the one before it ends": (lambda p: shift(p, first(p, "survey"), -5, 0), "duration"),
    "drilled too briefly": (lambda p: shift(p, first(p, "drill"), 0, -5), "duration"),
    "drives faster than it can": (lambda p: shift(p, first(p, "approach"), 0, -3), "travel"),
    "charges in the dark": (lambda p: [*p, p[0].model_copy(update={"task": "charge", "site": "depot",
                            "start_min": 1535, "end_min": 1540})], "sun"),
    "no release": (lambda p: [a for a in p if a.task != "release"], "order"),
    "never goes home": (lambda p: p[:-1], "travel"),
    "a robot that is not there": (lambda p: [p[0].model_copy(update={"robot": 3}), *p[1:]], "unknown"),
    "a site that is not there": (lambda p: [p[0].model_copy(update={"site": "atlantis"}), *p[1:]], "unknown"),
    "everything a day later": (lambda p: [a.model_copy(update={"start_min": a.start_min + 258,
                               "end_min": a.end_min + 258}) for a in p], "horizon"),
    "pull test and drill exchanged": (lambda p: exchange(p, first(p, "pull_test")), "order"),
    "downlink outside its window": (lambda p: shift(p, first(p, "downlink"), -60), "comm"),
    "unloads nowhere": (lambda p: [a for a in p if a.task != "unload"], "bin"),
    "never sends": (lambda p: [a for a in p if a.task != "downlink"], "log_store"),
    "never charges": (lambda p: [a for a in p if a.task != "charge"], "battery"),
}  # fmt: skip


def exchange(plan: Plan, k: int) -> Plan:
    a, b = plan[k], plan[k + 1]
    later = a.model_copy(update={"start_min": b.end_min - (a.end_min - a.start_min), "end_min": b.end_min})
    sooner = b.model_copy(update={"start_min": a.start_min, "end_min": a.start_min + b.end_min - b.start_min})
    return [*plan[:k], sooner, later, *plan[k + 2 :]]


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutation_is_caught(good: tuple[Problem, Plan, int], name: str) -> None:
    problem, plan, _ = good
    mutate, group = MUTATIONS[name]
    assert group in groups(problem, mutate(plan))


def test_every_task_shifted_alone_is_caught(good: tuple[Problem, Plan, int]) -> None:
    """An hour earlier, inside a visit, collides with the task before it, whichever it is."""
    problem, plan, _ = good
    inside = ("anchor", "pull_test", "drill", "collect", "stow", "release")
    tasks = [k for k, a in enumerate(plan) if a.task in inside and a.start_min >= 60]
    assert len(tasks) > 30
    assert all(groups(problem, shift(plan, k, -60)) for k in tasks)


@pytest.mark.parametrize(
    ("change", "group"),
    [
        (lambda s: replace(s, deadline=100), "deadline"),
        (lambda s: replace(s, not_before=1500), "deadline"),
        (lambda s: replace(s, cut_windows=((0, 1),)), "thermal"),
        (lambda s: replace(s, forbidden="it is holy ground"), "forbidden"),
        (lambda s: replace(s, wear=100), "wear"),
    ],
)
def test_a_plan_for_another_problem_is_caught(good: tuple[Problem, Plan, int], change, group: str) -> None:
    problem, plan, _ = good
    last = next(a.site for a in reversed(plan) if a.task == "survey")
    sites = tuple(change(s) if s.name == last else s for s in problem.sites)
    assert group in groups(replace(problem, sites=sites), plan)


def test_shares_deposits_demands(good: tuple[Problem, Plan, int]) -> None:
    problem, plan, _ = good
    visited = {a.site for a in plan if a.task == "release"}
    strict = replace(problem.agreement, slack_g=0, tolerance=0)
    assert "shares" in groups(replace(problem, agreement=strict), plan)
    sites = tuple(replace(s, deposit=0) for s in problem.sites)
    mined = replace(problem.agreement, deposits=("pit",), deposit_left_g=(5000,))
    assert "deposits" in groups(replace(problem, sites=sites, agreement=mined), plan)
    sites = tuple(replace(s, demanded=s.name not in visited) for s in problem.sites)
    assert "demanded" in groups(replace(problem, sites=sites), plan)


def test_no_plan_may_miss_the_band_further_than_cannot_be_helped(good: tuple[Problem, Plan, int]) -> None:
    """What a plan claims of its shares is not asked: the validator works out what nobody could have avoided."""
    problem, plan, _ = good
    strict = replace(problem, agreement=replace(problem.agreement, slack_g=0, tolerance=0))
    assert unavoidable_mg(strict) == 0  # staying at home is fair
    assert plan_unfair_mg(strict, plan) > 0
    assert groups(strict, plan) == {"shares"}
    mass = sum(s.mass_g for s in problem.sites if s.name in {a.site for a in plan if a.task == "release"})
    owed = replace(strict, agreement=replace(strict.agreement, collected_g=(10 * mass, 0, 0)))
    assert unavoidable_mg(owed) > plan_unfair_mg(owed, plan) - 2000 * mass > 0
    mended = solve(owed, Ask(300, seed=3))
    assert 0 < mended.unfair_mg < unavoidable_mg(owed)
    assert check_plan(owed, activities(owed, mended)) == []
    rich = [a for a in plan if a.site not in {s.name for s in owed.sites if s.partner != 0}]
    assert "shares" in groups(owed, rich)  # more for whom has too much already
    needed = {a.site for a in plan if a.task == "release"}
    demanded = replace(strict, sites=tuple(replace(s, demanded=s.name in needed) for s in strict.sites))
    assert unavoidable_mg(demanded) == plan_unfair_mg(demanded, plan)
    assert check_plan(demanded, plan) == []


def test_margins_make_an_unmargined_plan_wrong(good: tuple[Problem, Plan, int]) -> None:
    problem, plan, _ = good
    assert {"duration", "travel"} <= groups(widen(problem, 1.2, 1.25), plan)


def test_two_robots_in_one_zone_are_caught() -> None:
    problem = minebench(20, 2, 1)
    found = solve(problem, Ask(200, seed=1))
    everywhere = frozenset((i, j) for i in range(1, 21) for j in range(i, 21))
    plan = list(activities(problem, found))
    assert check_plan(problem, plan) == []
    assert "zones" in groups(replace(problem, zones=everywhere), plan)


def test_a_hostile_plan_is_judged_in_little_time_and_room(good: tuple[Problem, Plan, int]) -> None:
    """As many activities as a plan file of 1 MB holds: rows that overlap, charges that never end, ways to nowhere."""
    problem, plan, _ = good
    site = problem.sites[0].name
    ways = [
        plan[0].model_copy(update={"robot": k % 2, "task": "approach", "site": site, "start_min": 0, "end_min": 0})
        for k in range(15_000)
    ]
    charges = [each.model_copy(update={"task": "charge", "site": "depot", "end_min": 40_000}) for each in ways]
    for hostile in (ways, charges):
        assert 0 < len(check_plan(problem, hostile)) <= MOST


def test_dawdling_on_the_way_draws_idle_power(good: tuple[Problem, Plan, int]) -> None:
    """A way that is planned longer than it takes is no way to hide from the battery."""
    problem, _, _ = good
    node = problem.sites[0].number
    there, back = problem.travel_minutes[0][node], problem.travel_minutes[node][0]
    cost = problem.travel_energy[0][node] + problem.travel_energy[node][0]
    fleet, start = problem.fleet, problem.robots[0].time
    slow = 60
    spare = problem.robots[0].level - fleet.reserve - cost
    asked = replace(problem, fleet=replace(fleet, idle_w=spare // slow + 1))
    ways = [("approach", problem.sites[0].name, start, there), ("approach", "depot", start + there, back)]

    def drive(late: int) -> Plan:
        fields = [
            {
                "robot": 0,
                "task": task,
                "site": name,
                "start_min": at + late * k,
                "end_min": at + late * k + takes + late * (1 - k),
            }
            for k, (task, name, at, takes) in enumerate(ways)
        ]
        return [Activity.model_validate(each) for each in fields]

    assert "battery" not in groups(asked, drive(0))
    assert "battery" in groups(asked, drive(slow))
