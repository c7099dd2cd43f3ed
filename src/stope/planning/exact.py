"""Proofs and bounds by CP-SAT, for the extra `exact`: is this plan the best, could all demanded sites be visited?

Without the extra the planner plans, replans and explains all the same; it then says "not found" instead of "proved".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stope.planning.problem import Problem


@dataclass(frozen=True, slots=True)
class Proof:
    """What CP-SAT found.

    Attributes:
        status: "optimal", "feasible", "infeasible" or "unknown".
        value: hundredths, of the best plan it found; None without one.
        bound: no plan is worth more (hundredths); None when infeasible.
        visited: sites in that plan.
    """

    status: str
    value: int | None
    bound: int | None
    visited: tuple[int, ...] = ()


def available() -> bool:
    """Whether the extra is installed."""
    try:
        import ortools  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def prove(problem: Problem, effort: float = 10.0, seed: int = 1, only: frozenset[int] | None = None) -> Proof:
    """The best plan with a proof, or a bound. One worker and a deterministic effort: the same answer every time.

    Args:
        effort: CP-SAT's deterministic time, about seconds of a core.
    """
    from ortools.sat.python import cp_model

    from stope.planning.exact_model import build

    model = build(problem, only)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % 2**31
    solver.parameters.max_deterministic_time = effort
    status = solver.solve(model.cp)
    if status == cp_model.INFEASIBLE:
        return Proof("infeasible", None, None)
    bound = round(solver.best_objective_bound)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Proof("unknown", None, bound)
    visited = tuple(stop.site.number for stop in model.stops if stop.site is not None and solver.value(stop.used))
    name = "optimal" if status == cp_model.OPTIMAL else "feasible"
    return Proof(name, round(solver.objective_value), bound, visited)


def can_visit(problem: Problem, sites: frozenset[int], effort: float = 5.0) -> bool | None:
    """Whether one plan can visit exactly these sites; None if the effort does not tell."""
    demanded = tuple(replace(s, demanded=s.number in sites, gain=0) for s in problem.sites)
    question = replace(problem, sites=demanded, travel_cost=tuple(tuple(0 for _ in row) for row in problem.travel_cost))
    status = prove(question, effort, only=sites).status
    return {"optimal": True, "feasible": True, "infeasible": False}.get(status)
