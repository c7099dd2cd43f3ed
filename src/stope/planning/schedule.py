"""Schedule: the search's routes become activities, task by task; and a Plan with its value and its seed."""

from __future__ import annotations

from collections.abc import Iterator

from stope.mission.expedition import Margins
from stope.mission.planfile import DEPOT, Activity, Plan
from stope.planning.problem import Problem
from stope.planning.solver import Solution
from stope.planning.tables import (
    ARRIVE,
    BEGIN,
    CHARGE_AT,
    CHARGE_MINUTES,
    DEPART,
    DOWNLINK_AT,
    NODE,
    TOP_AT,
    TOP_MINUTES,
    Ints,
)  # fmt: skip


def activities(problem: Problem, solution: Solution) -> tuple[Activity, ...]:
    """Everything that every robot does, by robot and start."""
    return tuple(
        activity
        for robot, route in enumerate(solution.routes)
        if solution.home
        for activity in robot_activities(problem, robot, solution.rows[robot, : len(route) + 2])
    )


def robot_activities(problem: Problem, robot: int, rows: Ints) -> Iterator[Activity]:
    """One robot's activities from its simulated rows: start, elements, way home."""
    for k in range(1, len(rows)):
        before, row, last = int(rows[k - 1, NODE]), rows[k], k == len(rows) - 1
        node = 0 if last else int(row[NODE])
        if row[TOP_MINUTES]:
            yield _charge(problem, robot, before, int(row[TOP_AT]), int(row[TOP_MINUTES]))
        if before != node:
            energy = problem.travel_energy[before][node]
            yield _did(robot, "approach", place_name(problem, node), int(row[DEPART]), int(row[ARRIVE]), energy)
        if not last:
            yield from _at_node(problem, robot, node, row)


def _at_node(problem: Problem, robot: int, node: int, row: Ints) -> Iterator[Activity]:
    fleet, name, parked = problem.fleet, place_name(problem, node), []
    if row[CHARGE_MINUTES]:
        parked.append(_charge(problem, robot, node, int(row[CHARGE_AT]), int(row[CHARGE_MINUTES])))
    if row[DOWNLINK_AT] >= 0:
        start = int(row[DOWNLINK_AT])
        parked.append(_did(robot, "downlink", name, start, start + fleet.downlink_minutes, fleet.downlink_energy))
    yield from sorted(parked, key=lambda each: each.start_min)
    time = int(row[BEGIN])
    if node == 0:
        yield _did(robot, "unload", name, time, time + fleet.unload_minutes, fleet.unload_energy)
        return
    for step in problem.site(node).steps:
        yield _did(robot, step.task, name, time, time + step.minutes, step.energy)
        time += step.minutes


def make_plan(problem: Problem, solution: Solution, digest: str, seed: int, iterations: int, margins: Margins) -> Plan:
    """The plan file's content for `solution`."""
    plan = Plan.model_validate(
        {
            "schema": "stope.plan/1",
            "expedition": problem.name,
            "expedition_sha256": digest,
            "seed": seed,
            "iterations": iterations,
            "margins": margins,
            "value": solution.value / 100,
            "unfair_kg": solution.unfair_mg / 1_000_000,
            "activities": activities(problem, solution),
        }
    )
    return plan.model_copy(update={"sha256": str(plan.document()["sha256"])})


def place_name(problem: Problem, node: int) -> str:
    """The name that plans and people use for a node."""
    return problem.site(node).name if node else DEPOT


def _charge(problem: Problem, robot: int, node: int, start: int, minutes: int) -> Activity:
    return _did(robot, "charge", place_name(problem, node), start, start + minutes, minutes * problem.fleet.charge_w)


def _did(robot: int, task: str, site: str, start: int, end: int, energy: int) -> Activity:
    fields = {"robot": robot, "task": task, "site": site, "start_min": start, "end_min": end}
    return Activity.model_validate(fields | {"energy_wh": round(energy / 60, 3)})


__all__ = ["activities", "make_plan", "place_name", "robot_activities"]
