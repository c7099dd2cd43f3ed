"""What an anchor should be felt to pull: less self-stress, bumps and hollows, but not less when gone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import robot

from stope.control.answers import STRESS_MOST_N, Answers
from stope.control.impedance import FootImpedance
from stope.control.kinematics import Kinematics
from stope.control.sensorwatch import ANSWER_SHARE, PLANNED_N

MODEL = robot()
ALL = np.ones(4, dtype=bool)
TWISTED = np.array((1.0, -1.0, -1.0, 1.0))  # over the diagonals: four feet that pull at one another
DT = 0.01


class Lab:
    """A miner on four anchors whose forces are written by hand."""

    def __init__(self) -> None:
        self.kinematics, self.answers = Kinematics(MODEL), Answers(MODEL, DT)
        self.answers.stand(self.kinematics, ALL)

    def expect(
        self, planned_pull_n: np.ndarray, felt_n: np.ndarray, seconds: float = DT, proof: int = -1
    ) -> np.ndarray:
        for _ in range(round(seconds / DT)):
            out = self.answers.expected_n(upward(-planned_pull_n), felt_n, self.kinematics.feet_m, ALL, proof)
        return out


def upward(force_n: np.ndarray) -> np.ndarray:
    return np.outer(force_n, (0.0, 0.0, 1.0))


def silent(expected_n: np.ndarray, felt_n: np.ndarray) -> list[bool]:
    """As `SensorWatch` judges."""
    return ((expected_n > PLANNED_N) & (-felt_n[:, 2] < ANSWER_SHARE * expected_n)).tolist()


@given(st.floats(0.0, 40.0))
def test_what_is_planned_and_felt_is_expected(pull_n: float) -> None:
    pulls = np.full(4, pull_n)
    assert Lab().expect(pulls, upward(-pulls)) == pytest.approx(pulls, abs=1e-9)


@pytest.mark.parametrize("stress_n", [3.0, -3.0])
@settings(max_examples=30)
@given(planned_n=st.floats(0.5, 30.0))
def test_self_stress_of_three_newtons_is_no_lost_anchor_and_a_lost_one_is_still_seen(
    stress_n: float, planned_n: float
) -> None:
    lab, stress, plan = Lab(), upward(-stress_n * TWISTED), np.full(4, planned_n)
    lab.expect(np.zeros(4), stress, seconds=3.0)
    felt = upward(-plan) + stress
    assert not any(silent(lab.expect(plan, felt), felt))
    gone = upward(-plan * (0.0, 2.0, 2.0, 0.0))  # three feet carry four feet's load: the one across goes slack too
    enough_n = PLANNED_N + max(0.0, -stress_n)  # one that was pressed on is asked for that much less
    if abs(planned_n - enough_n) > 0.05:
        assert silent(lab.expect(plan, gone), gone)[0] == (planned_n > enough_n)


def test_a_bump_that_presses_all_feet_on_is_no_lost_anchor() -> None:
    lab, plan = Lab(), np.full(4, 5.0)
    wrench = np.array((0.0, 0.0, -24.0, 3.0, -2.0, 0.0))  # on the base; the feet pay the opposite
    shares = FootImpedance(MODEL).shares(lab.kinematics, ALL)
    pads = np.cross(lab.kinematics.feet_m, -shares @ wrench).sum(axis=0) + wrench[3:]  # what forces alone do not pay
    felt = upward(-plan) - shares @ wrench
    assert np.abs(pads).max() < 0.5
    assert not any(silent(lab.expect(plan, felt), felt))
    assert any(silent(plan, felt))


def test_a_hollow_below_the_bit_asks_for_nothing() -> None:
    assert Lab().expect(np.full(4, 12.0), np.zeros((4, 3))) == pytest.approx(np.zeros(4), abs=1e-6)


def test_an_anchor_under_test_and_one_that_is_not_relied_on_owe_nothing() -> None:
    lab, pulls = Lab(), np.full(4, 12.0)
    assert lab.expect(pulls, upward(-pulls), proof=2).tolist() == pytest.approx([12.0, 12.0, 0.0, 12.0])
    some = np.array((True, False, True, True))
    out = lab.answers.expected_n(upward(-pulls), upward(-pulls), lab.kinematics.feet_m, some, -1)
    assert out == pytest.approx(np.array((12.0, 0.0, 12.0, 12.0)))


def test_a_foot_that_is_pressed_on_hard_is_not_forgiven_everything() -> None:
    lab = Lab()
    lab.expect(np.zeros(4), upward(40.0 * TWISTED), seconds=10.0)
    felt = upward(-np.full(4, 12.0))
    assert lab.expect(np.full(4, 12.0), felt).min() == pytest.approx(12.0 - STRESS_MOST_N)


def test_the_stiffness_is_that_of_the_present_grips() -> None:
    lab, pulls = Lab(), np.full(4, 12.0)
    three = np.array((True, True, False, True))
    lab.answers.stand(lab.kinematics, three)
    felt = np.where(
        three[:, None], upward(-pulls) + FootImpedance(MODEL).shares(lab.kinematics, three)[:, :, 2] * 9.0, 0.0
    )
    expected = lab.answers.expected_n(upward(-pulls), felt, lab.kinematics.feet_m, three, -1)
    assert expected[three] == pytest.approx(np.minimum(12.0, -felt[three, 2]), abs=0.3)
