"""Three-valued logic: Kleene's tables, and what is stale or no number is unknown."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_tasks import at

from stope.control.goal import View
from stope.executive.condition import STALE_US, Condition, every, first_broken, some

KNOWN = st.lists(st.sampled_from([True, False, None]), max_size=6)


def as_number(value: bool | None) -> float:
    return {False: 0.0, None: 0.5, True: 1.0}[value]


@given(KNOWN)
def test_every_is_the_least_and_some_the_most(values: list[bool | None]) -> None:
    """Kleene's connectives are minimum and maximum of false < unknown < true."""
    numbers = [as_number(value) for value in values]
    assert as_number(every(values)) == min(numbers, default=1.0)
    assert as_number(some(values)) == max(numbers, default=0.0)


@given(KNOWN)
def test_what_decides_is_named(values: list[bool | None]) -> None:
    conditions = [Condition(f"c.{k}", str(k), _saying(value), 0.5) for k, value in enumerate(values)]
    held, which = first_broken(conditions, at(1.0), 1_000_000)
    assert held == every(values)
    assert (which is None) == (held is True)
    if which is not None:
        assert values[int(which.what)] is held
        assert held not in values[: int(which.what)]


@pytest.mark.parametrize(("value", "held"), [(0.99, False), (1.0, True), (2.0, True), (2.01, False), (math.nan, None)])
def test_limits_are_inclusive_and_no_number_is_unknown(value: float, held: bool | None) -> None:
    condition = Condition("c.x", "pull", lambda _view: value, 1.0, 2.0, "N")
    assert condition.holds(at(1.0), 1_000_000) is held


def test_a_stale_view_is_unknown_whatever_it_says() -> None:
    condition = Condition("c.x", "pull", lambda _view: 5.0, 1.0)
    assert condition.holds(at(1.0), 1_000_000 + STALE_US) is True
    assert condition.holds(at(1.0), 1_000_001 + STALE_US) is None


def test_the_reason_has_value_and_limit() -> None:
    view = cast(View, SimpleNamespace(obs=SimpleNamespace(time_us=0)))
    why = Condition("anchor.too_few", "pull", lambda _view: 3.25, 5.0, unit="N").broken(view)
    assert (why.code, why.value, why.unit) == ("anchor.too_few", 3.25, "N")
    assert why.reason == "pull is 3.25 N, at least 5 N is needed"
    assert "at most 2" in Condition("c.x", "grips", lambda _view: 3.0, most=2).broken(view).reason


def _saying(value: bool | None) -> Any:
    return lambda _view: math.nan if value is None else float(value)
