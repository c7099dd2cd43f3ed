"""The solver of the wrench distribution: the minimiser, its multipliers, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxsuite import proxqp

from stope.control.qp import Solution, solve

SIZES = st.tuples(st.integers(2, 12), st.integers(0, 1), st.integers(1, 40), st.integers(0, 2**32 - 1))


def problem(variables: int, equalities: int, rows: int, seed: int) -> tuple[np.ndarray, ...]:
    """A programme with an inner point, as those of `control.distribution` have."""
    rng = np.random.default_rng(seed)
    inside = rng.normal(size=variables)
    equal, inequal = rng.normal(size=(equalities, variables)), rng.normal(size=(rows, variables))
    slack = rng.uniform(0.1, 1.0, (2, rows))
    lower = np.where(rng.random(rows) < 0.5, -np.inf, inequal @ inside - slack[0])
    return (
        rng.uniform(0.1, 10.0, variables), rng.normal(size=variables) * 5.0,
        equal, equal @ inside, inequal, lower, inequal @ inside + slack[1],
    )  # fmt: skip


def solved(
    weights: np.ndarray, gradient: np.ndarray, equal: np.ndarray, target: np.ndarray, *inequalities: np.ndarray
) -> Solution | None:
    rows, lower, upper = inequalities
    both = np.concatenate((lower, target)), np.concatenate((upper, target))
    return solve(weights, gradient, np.concatenate((rows, equal)), *both, equalities=len(target))


@given(SIZES)
def test_the_minimiser_is_feasible_and_its_multipliers_explain_it(sizes: tuple[int, int, int, int]) -> None:
    weights, gradient, equal, target, rows, lower, upper = problem(*sizes)
    found = solved(weights, gradient, equal, target, rows, lower, upper)
    assert found is not None
    used, duals = rows @ found.x, found.duals[: len(rows)]
    assert (used <= upper + 1e-6).all()
    assert (used >= lower - 1e-6).all()
    assert equal @ found.x == pytest.approx(target, abs=1e-6)
    # Karush, Kuhn and Tucker: the gradient is paid by rows that bind, above with a positive sign, below with a negative
    left = weights * found.x + gradient + rows.T @ found.duals[: len(rows)]
    paid = equal.T @ np.linalg.lstsq(equal.T, left, rcond=None)[0] if len(equal) else np.zeros_like(left)
    assert left == pytest.approx(paid, abs=1e-5 * (1.0 + np.abs(gradient).max()))
    assert np.abs(duals[(used < upper - 1e-5) & (used > lower + 1e-5)]) == pytest.approx(0.0, abs=1e-9)
    assert (duals[used < upper - 1e-5] <= 1e-9).all()
    assert (duals[used > lower + 1e-5] >= -1e-9).all()


@pytest.mark.parametrize("seed", range(10))
def test_a_second_solver_finds_the_same(seed: int) -> None:
    weights, gradient, equal, target, rows, lower, upper = problem(13, 6, 113, seed)
    qp = proxqp.dense.QP(13, 6, 113)
    qp.settings.eps_abs = 1e-9
    qp.init(np.diag(weights), gradient, equal, target, rows, np.maximum(lower, -1e6), upper)
    qp.solve()
    found = solved(weights, gradient, equal, target, rows, lower, upper)
    assert found is not None
    assert found.x == pytest.approx(np.asarray(qp.results.x), abs=1e-6)
    assert found.duals[:113] == pytest.approx(np.asarray(qp.results.z), abs=1e-4)


def test_what_cannot_be_met_or_is_no_number_has_no_answer() -> None:
    one, row = np.ones(1), np.ones((1, 1))
    assert solve(one, one, np.vstack((row, row)), np.array((2.0, -np.inf)), np.array((3.0, 1.0))) is None
    for bad in ({"gradient": np.array((np.nan,))}, {"upper": np.array((np.nan,))}, {"rows": row * np.inf}):
        told = {"gradient": one, "upper": one, "rows": row} | bad
        assert solve(one, told["gradient"], told["rows"], -one, told["upper"]) is None
