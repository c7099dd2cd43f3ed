"""The pull test's policy: its worth is what simulated anchors earn by it, no other load earns more, and limits hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.belief.anchors import AnchorBelief
from stope.belief.hazards import Exposure
from stope.belief.pulltest import REGRIP_COST, plan_pull_test

TASK = Exposure(1800.0, 30.0)
N, T = 90.0, 105.0


def belief(anchors: int = 1, log_sd: float = 0.3) -> AnchorBelief:
    made = AnchorBelief(N, T, 0.6, log_sd=log_sd, anchors=anchors, exposure=TASK)
    for anchor in range(anchors):
        made.engaged(anchor, 1.0)
    return made


def test_what_the_task_does_not_need_is_not_tested():
    made = belief()
    plan = plan_pull_test(made, 0, 1e-3, 4, needed=0.9 * made.allowed_utilisation(1e-3, 4)[0])
    assert (plan.utilisation, plan.hold_probability) == (0.0, 1.0)


def test_a_test_doubles_what_an_anchor_may_be_asked_for():
    plan = plan_pull_test(belief(), 0, 1e-3, 4)
    assert plan.untested == pytest.approx(belief().allowed_utilisation(1e-3, 4)[0], rel=1e-2)
    assert plan.allowed > 1.8 * plan.untested
    assert 0.3 < plan.hold_probability < 0.9


def test_the_last_grip_is_tested_more_gently_than_one_that_can_be_made_again():
    pulls = [plan_pull_test(belief(), 0, 1e-3, 4, grips=grips).utilisation for grips in (1, 2, 4)]
    assert pulls == sorted(pulls)
    assert pulls[0] < pulls[2]


def test_the_pull_stays_below_what_the_others_can_pay_and_what_the_task_needs():
    assert plan_pull_test(belief(), 0, 1e-3, 4, most=0.4).utilisation <= 0.4
    modest = plan_pull_test(belief(), 0, 1e-3, 4, needed=0.35)
    free = plan_pull_test(belief(), 0, 1e-3, 4)
    assert 0.0 < modest.utilisation < 0.7 * free.utilisation
    assert modest.hold_probability > 0.97


def test_a_proven_anchor_is_not_pulled_at_again():
    made = belief()
    plan = plan_pull_test(made, 0, 1e-3, 4, needed=0.4)
    made.survived([[plan.utilisation * N, 0.0]], 2.0)
    again = plan_pull_test(made, 0, 1e-3, 4, needed=0.4)
    assert again.worth >= plan.worth - 1e-6
    assert again.utilisation == 0.0


@given(st.floats(0.15, 0.5), st.floats(0.2, 1.2), st.integers(1, 4), st.floats(0.0, 0.2))
@settings(max_examples=15, deadline=None)
def test_worth_grows_with_need_and_with_grips_and_never_falls_below_no_test(log_sd, needed, grips, cost):
    made = belief(log_sd=log_sd)
    plan = plan_pull_test(made, 0, 1e-3, 4, needed=needed, grips=grips, cost=cost)
    assert plan.worth >= min(plan.untested, needed) - 1e-12
    assert plan_pull_test(made, 0, 1e-3, 4, needed=needed, grips=grips + 1, cost=cost).worth >= plan.worth - 1e-3
    assert plan_pull_test(made, 0, 1e-3, 4, needed=1.2 * needed, grips=grips, cost=cost).worth >= plan.worth - 1e-9


@pytest.mark.parametrize("share", [1.0, 0.6, 1.4])
def test_the_worth_is_what_simulated_anchors_earn(share):
    """20,000 drawn anchors with two grips each, pulled to the plan's load: mean allowed load, as the plan says; and
    pulling less or more than planned earns less."""
    rng = np.random.default_rng(7)
    last = plan_pull_test(belief(), 0, 1e-3, 4, grips=1)
    plan = plan_pull_test(belief(), 0, 1e-3, 4, grips=2)
    earned = simulate(plan.utilisation * share, rng, else_earned=simulate(last.utilisation, rng, 0.0) - REGRIP_COST)
    if share == 1.0:
        assert earned == pytest.approx(plan.worth, rel=0.02)
    else:
        assert earned < plan.worth * 0.995


def simulate(pull: float, rng: np.random.Generator, else_earned: float, count: int = 20_000) -> float:
    """Mean utilisation allowed after pulling drawn anchors: if it held, else the better of rest and another grip."""
    made = belief(2)
    strength = np.exp(0.3 * rng.standard_normal(count))
    hold = rng.random(count) >= made.hazards.failure(np.log(strength / pull), Exposure(2.0))
    made.survived([[pull * N, 0.0], [0.0, 0.0]], 2.0)
    made.slipped(1, pull * N, 0.0)
    after_hold, after_slip = made.allowed_utilisation(1e-3, 4)
    return float(np.where(hold, after_hold, max(after_slip, else_earned)).mean())


@pytest.mark.parametrize("wrong", [{"grips": 0}, {"risk": 0.0}, {"needed": 0.0}, {"hold_s": -1.0}, {"cost": -0.1}])
def test_senseless_questions_are_refused(wrong):
    with pytest.raises(ValueError, match="no pull test"):
        plan_pull_test(belief(), 0, **({"risk": 1e-3, "count": 4} | wrong))
