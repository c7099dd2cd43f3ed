"""What goes wrong at activity level: the log store fills up, the sun does not come back."""

from __future__ import annotations

from dataclasses import replace

from stope.planning.luck import Luck
from stope.planning.minebench import minebench
from stope.planning.problem import Problem
from stope.planning.world import Leg, World

PROBLEM = minebench(8, 1, 0)


def lucky(problem: Problem) -> World:
    nodes = len(problem.sites) + 1
    return World(problem, Luck([1.0] * nodes, [1.0] * nodes, [1.0] * nodes, [1.0] * nodes, [True] * nodes))


def test_a_full_log_store_waits_for_its_window() -> None:
    world = lucky(PROBLEM)
    rover = world.rovers[0]
    site = next(site for site in PROBLEM.sites if not site.forbidden and site.data_mb)
    rover.data_mb = PROBLEM.fleet.store_mb - site.data_mb + 1
    event = world.carry_out(0, Leg(site.number, 0))
    opened = min(begin for begin, _ in PROBLEM.comm)
    assert event.what == "visited"
    assert rover.time > opened
    assert rover.data_mb == site.data_mb
    silent = lucky(replace(PROBLEM, comm=()))
    silent.rovers[0].data_mb = PROBLEM.fleet.store_mb
    assert silent.carry_out(0, Leg(site.number, 0)).what == "skipped"
    assert silent.rovers[0].data_mb == PROBLEM.fleet.store_mb  # nothing was thrown away


def test_without_sun_a_robot_does_not_start_what_it_cannot_end() -> None:
    site = max(PROBLEM.sites, key=lambda each: each.energy)
    dark = lucky(replace(PROBLEM, sun=()))
    rover = dark.rovers[0]
    way = PROBLEM.travel_energy[0][site.number]
    rover.level = PROBLEM.fleet.reserve + 1.3 * way + 0.5 * site.energy
    assert dark.carry_out(0, Leg(site.number, 0)).what == "skipped"
    assert dark.violations == []
    lit = lucky(PROBLEM)
    lit.rovers[0].level = rover.level
    assert lit.carry_out(0, Leg(site.number, 0)).what == "visited"
    assert lit.violations == []
