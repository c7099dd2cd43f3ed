"""Closed loop on the activity-level simulator: shares stay fair, limits hold, and replanning pays. A seeded tenth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stope.planning.closedloop import Name, Outcome, run_mission, situation
from stope.planning.groundbelief import GroundBelief
from stope.planning.luck import Spread, draw_luck, value_at
from stope.planning.minebench import minebench
from stope.planning.replanner import Policy, Replanner
from stope.planning.spreadfile import usual_spread
from stope.planning.world import Leg, World

MODELLED = replace(usual_spread(), strength=1.0)
WEAK = replace(usual_spread(), strength=0.75)
MISSIONS = 20


def missions(name: Name, policy: Policy, spread: Spread) -> list[Outcome]:
    found = []
    for k in range(MISSIONS):
        problem = minebench(20, 1, k % 5)
        found.append(run_mission(problem, draw_luck(problem, 100 + k, spread), name, policy, k))
    return found


@pytest.fixture(scope="module")
def replanned() -> list[Outcome]:
    return missions("replan", Policy(iterations=200, rollouts=5), WEAK)


def test_shares_stay_fair_with_anchors_worse_than_modelled(replanned: list[Outcome]) -> None:
    """The trial kept 77 to 80 % of missions fair here; open loop on the same luck does no better than that."""
    assert sum(each.failures for each in replanned) > 2 * MISSIONS
    assert sum(each.good for each in replanned) == MISSIONS
    blind = missions("open_loop", Policy(iterations=600, rollouts=0, keep_fair=False), WEAK)
    assert sum(each.good for each in blind) < MISSIONS
    gain = np.array([a.value - b.value for a, b in zip(replanned, blind, strict=True)])
    assert gain.mean() > 0


def test_greedy_is_fair_too_but_earns_less() -> None:
    greedy = missions("greedy", Policy(time=1.1, energy=1.15), MODELLED)
    ours = missions("replan", Policy(iterations=300, rollouts=0), MODELLED)
    assert all(each.fair for each in greedy)
    gain = np.array([a.value - b.value for a, b in zip(ours, greedy, strict=True)])
    assert gain.mean() > 0  # benchmarks/planning.py has 200 missions and the interval


def test_same_seed_same_mission() -> None:
    problem = minebench(20, 2, 1)
    luck = draw_luck(problem, 3, MODELLED)
    one, again = (run_mission(problem, luck, "replan", Policy(iterations=60, rollouts=3), 1) for _ in range(2))
    assert one == again
    assert len(one.log) > 5


def test_each_decision_says_what_changed_and_why(replanned: list[Outcome]) -> None:
    log = replanned[0].log
    assert log[0].reason.startswith("start: ")
    assert all(each.swapped == bool(each.changes) for each in log)
    failed = [each for mission in replanned for each in mission.log if each.reason.startswith("failed ")]
    assert failed
    assert any(each.changes for each in failed)
    assert all("%" in each.shares and "kg" in each.shares for each in log)


def test_least_violation_is_reported_when_nothing_is_fair() -> None:
    problem = minebench(20, 1, 0)
    problem = replace(problem, agreement=replace(problem.agreement, collected_g=(40000, 0, 0)))
    decision = Replanner(problem, Policy(iterations=200, rollouts=0), 1).replan(
        situation(World(problem, draw_luck(problem, 1, Spread()))), ((),), "start"
    )
    assert decision.unfair_mg > 0
    assert decision.legs[0]
    assert "least violation" in decision.reason


def test_stranded_robot_keeps_its_plan_and_says_so() -> None:
    problem = minebench(20, 1, 0)
    far = replace(problem.robots[0], node=5, time=problem.horizon - 1)
    decision = Replanner(problem, Policy(iterations=20), 1).replan(
        situation(World(replace(problem, robots=(far,)), draw_luck(problem, 1, Spread()))), (((3, 1),),), "anomaly"
    )
    assert not decision.swapped
    assert decision.routes == (((3, 1),),)
    assert "no plan passes the validator" in decision.reason


def test_tests_at_some_sites_change_the_belief_about_others() -> None:
    problem = minebench(20, 1, 0)
    rock = next(s for s in problem.sites if s.material == "rock")
    ice = next(s for s in problem.sites if s.material == "ice")
    failed = GroundBelief([("rock", 0.9, False)] * 3)
    passed = GroundBelief([("rock", 0.6, True)] * 5)
    assert failed.hold(rock) < rock.hold - 0.05
    assert rock.hold - failed.hold(rock) > ice.hold - failed.hold(ice) > 0 or ice.hold in (0.0, 1.0)
    assert passed.hold(rock) > failed.hold(rock)
    assert GroundBelief().applied_to(problem) is problem


def test_belief_finds_out_that_anchors_are_worse() -> None:
    """After 60 tests at 0.75 of the modelled chance, the predicted chance is nearer to the truth than the model."""
    draw = np.random.default_rng(2)
    site = minebench(20, 1, 0).sites[0]
    site = replace(site, hold=0.9)
    tests = [(site.material, 0.9, bool(draw.random() < 0.9 * 0.75)) for _ in range(60)]
    assert abs(GroundBelief(tests).hold(site) - 0.675) < 0.1


def test_two_robots_never_meet_inside_a_zone_and_the_mission_ends() -> None:
    for seed in range(5):
        problem = minebench(12, 2, seed)
        near = frozenset((i, j) for i in range(1, 13) for j in range(i, 13) if problem.travel_minutes[i][j] < 15)
        problem = replace(problem, zones=near)
        ended = run_mission(problem, draw_luck(problem, seed, Spread()), "replan", Policy(iterations=60, rollouts=0), 1)
        assert not ended.violations
        assert ended.visited > 2


def test_cutting_stops_when_its_window_closes() -> None:
    problem = minebench(8, 1, 0)
    luck = draw_luck(problem, 1, Spread())
    site = problem.sites[0]
    short = replace(site, cut_windows=((0, 1548),))
    world = World(replace(problem, sites=(short, *problem.sites[1:])), replace(luck, holds=[True] * 9))
    assert world.carry_out(0, Leg(1, 0)).what == "visited"
    assert sum(world.collected) == pytest.approx(luck.mass[1] * site.mass_g)
    rover = World(problem, luck).rovers[0]
    closing = replace(site, cut_windows=((0, site.cut_from + site.cut_minutes // 2),))
    share = World(problem, luck)._cut_share(rover, closing, 1.0)
    assert share == pytest.approx((site.cut_minutes // 2) / site.cut_minutes)


@given(st.lists(st.floats(0.1, 5.0), min_size=2, max_size=20), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=20))
def test_draws_rise_with_chance_and_stay_inside_the_quantiles(values: list[float], chances: list[float]) -> None:
    quantiles = tuple(sorted(values))
    drawn = value_at(quantiles, sorted(chances))
    assert (np.diff(drawn) >= -1e-12).all()
    assert quantiles[0] <= drawn[0]
    assert drawn[-1] <= quantiles[-1]


def test_luck_follows_the_spread_and_long_visits_are_hungry() -> None:
    problem = minebench(60, 1, 0)
    spread = Spread(time=(0.9, 1.0, 1.4), energy=(0.8, 1.0, 1.2), way=(1.0, 1.0), yields=(0.5, 0.5))
    drawn = [draw_luck(problem, seed, spread) for seed in range(40)]
    times = np.concatenate([each.work_time for each in drawn])
    energies = np.concatenate([each.work_energy for each in drawn])
    assert np.quantile(times, [0.25, 0.5, 0.75]) == pytest.approx([0.95, 1.0, 1.2], abs=0.01)
    assert (np.argsort(times) == np.argsort(energies)).all()
    assert set(drawn[0].way) == {1.0}
    assert set(drawn[0].mass) == {0.5}


def test_a_bin_that_is_full_takes_no_more() -> None:
    problem = minebench(8, 1, 0)
    luck = replace(draw_luck(problem, 1, Spread(yields=(3.0, 3.0))), holds=[True] * 9)
    site = problem.sites[0]
    world = World(replace(problem, fleet=replace(problem.fleet, bin_g=site.mass_g + 100)), luck)
    value = world.value
    world.visit(0, site)
    assert sum(world.collected) == site.mass_g + 100
    assert world.rovers[0].load_g == site.mass_g + 100
    assert world.value - value < 1.5 * site.worth
