"""The gas sampler against a scripted ground: lower, blow, listen, raise; and the reasons why not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scene, robot

from stope.belief.bed import LooseBed
from stope.control.goal import Goal, Outcome, Progress
from stope.control.sampling import KEPT_GAS_KG, MOST_REACTION, PUSH_SHARE, REACH_M, SINK_M, SampleController
from stope.control.stance import Stance
from stope.control.thrust import HoldDown
from stope.mission.material import Distribution
from stope.mission.missionfile import Sample

SKIRT_N_M, JET_M_S = 300.0, 588.4


class Bed:
    """Ground `surface_m` below the head that gives `ratio` of the gas as catch until `holds_kg` are out."""

    def __init__(self, scene: Scene, surface_m: float, holds_kg: float, ratio: float = 50.0) -> None:
        self._scene, self._nominal = scene, Stance(scene.model).feet_m
        self._surface_m, self._left_kg, self._ratio = surface_m, holds_kg, ratio
        self.leak_n = self.impulse_n_s = self.deepest_m = self.hardest_n = self.held_kg = 0.0
        scene.obs |= {"bin_fill": 0.0, "propellant_kg": scene.model.propellant_kg, "weight_on_bit_n": 0.0}

    def __call__(self, goal: Goal) -> None:
        scene, dt_s = self._scene, self._scene.dt_s
        down_m = float((goal.feet_base_m - self._nominal)[:, 2].mean())
        self.deepest_m, self.hardest_n = max(self.deepest_m, down_m), max(self.hardest_n, goal.jet_n)
        touching = down_m > self._surface_m
        jet_n = max(goal.jet_n, self.leak_n)
        gas_kg = jet_n * dt_s / JET_M_S
        gain_kg = min(self._ratio * gas_kg, self._left_kg) if touching else 0.0
        self._left_kg -= gain_kg
        self.held_kg += gain_kg
        self.impulse_n_s += goal.jet_n * dt_s
        scene.obs["bin_fill"] = self.held_kg / scene.model.bin_capacity_kg
        scene.obs["propellant_kg"] = scene.obs["propellant_kg"] - gas_kg
        scene.obs["weight_on_bit_n"] = SKIRT_N_M * max(0.0, down_m - self._surface_m) + 1.5 * jet_n


def anchored(**given: float) -> Scene:
    return Scene(robot("sampler"), np.ones(4, dtype=bool), **given)


def sample(
    scene: Scene, surface_m: float = 0.05, holds_kg: float = 5.0, **given: float
) -> tuple[SampleController, Bed]:
    task = Sample(task="sample", **({"mass_kg": 0.06} | given))
    return SampleController(task, Stance(scene.model), 6.0), Bed(scene, surface_m, holds_kg)


def test_it_catches_what_was_asked_and_rises() -> None:
    scene = anchored()
    made, bed = sample(scene)
    goal = scene.run(made, 100.0, bed)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert bed.held_kg == pytest.approx(0.06, rel=0.06)
    assert made.caught_kg == pytest.approx(bed.held_kg, abs=1e-4)
    assert bed.deepest_m <= 0.05 + SINK_M + 1e-3
    assert np.allclose(goal.feet_base_m, Stance(scene.model).feet_m, atol=1e-6)
    assert goal.jet_n == 0.0


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"holding": 2}, "sample.no_anchor", "2 anchors hold, the sampler needs 3"),
        ({"reserve_n": 0.8}, "sample.no_reserve", "the anchors pay a jet of 0.14 N, sampling needs at least 0.3 N"),
        ({"propellant_kg": 0.1}, "sample.no_gas", "the tank holds 0.100 kg, 0.10 kg are kept"),
        ({"propellant_kg": math.nan}, "sample.no_gas", "the tank holds nan kg"),
    ],
)
def test_it_is_refused_with_the_value(change: dict[str, float], code: str, words: str) -> None:
    scene = anchored(reserve_n=change.get("reserve_n", 100.0))
    scene.anchored[int(change.get("holding", 4)) :] = False
    made, bed = sample(scene)
    scene.obs["propellant_kg"] = change.get("propellant_kg", 0.5)
    scene.run(made, 1.0, bed)
    assert (made.progress.outcome, made.progress.code) == (Outcome.REFUSED, code)
    assert words in made.progress.reason
    assert bed.impulse_n_s == 0.0


@settings(max_examples=8, deadline=None)
@given(reserve_n=st.floats(0.0, 60.0), thrust_max_n=st.floats(0.1, 6.0), surface_m=st.floats(0.02, 0.1))
def test_head_and_jet_never_push_with_more_than_half_of_the_reserve(
    reserve_n: float, thrust_max_n: float, surface_m: float
) -> None:
    scene = anchored(reserve_n=reserve_n, dt_s=0.02)
    made, bed = sample(scene, surface_m, thrust_max_n=thrust_max_n)
    lain_n, worst_n = 0.0, 0.0

    def look(goal: Goal) -> None:
        nonlocal lain_n, worst_n
        bed(goal)
        lain_n = scene.obs["weight_on_bit_n"] - 1.5 * goal.jet_n
        worst_n = max(worst_n, lain_n + MOST_REACTION * goal.jet_n)

    scene.run(made, 25.0, look)
    assert worst_n <= PUSH_SHARE * reserve_n + 0.7 or bed.impulse_n_s == 0.0  # 0.7 N: a soft skirt in one more step
    assert bed.hardest_n <= min(thrust_max_n, 4.0)
    if made.progress.outcome is Outcome.REFUSED:
        assert min(PUSH_SHARE * reserve_n * 0.7 / MOST_REACTION, thrust_max_n) < 0.3


def test_a_reserve_that_goes_shuts_the_valve_at_once() -> None:
    scene = anchored()
    made, bed = sample(scene, mass_kg=1.0)
    fired = 0

    def weaken(goal: Goal) -> None:
        nonlocal fired
        bed(goal)
        fired += goal.jet_n > 0.0
        if fired == 3:
            scene.reserve_n = 0.5

    scene.run(made, 100.0, weaken)
    assert fired == 3
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "sample.no_reserve")


def test_anchors_that_are_at_their_bound_shut_it_too() -> None:
    scene = anchored(margin=0.05)
    made, bed = sample(scene)
    made._phase, made._touch_m = "pulse", 0.0
    scene.run(made, 60.0, bed)
    assert (made.progress.code, bed.impulse_n_s) == ("sample.no_reserve", 0.0)


def test_gas_is_kept_for_coming_back() -> None:
    scene = anchored()
    made, bed = sample(scene, mass_kg=1.0)
    scene.obs["propellant_kg"] = KEPT_GAS_KG + 2e-3
    scene.run(made, 200.0, bed)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "sample.no_gas")
    assert scene.obs["propellant_kg"] >= KEPT_GAS_KG


def test_no_ground_within_reach_is_said() -> None:
    scene = anchored(dt_s=0.05)
    made, bed = sample(scene, surface_m=0.5)
    scene.run(made, 100.0, bed)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "sample.no_ground")
    assert bed.deepest_m <= REACH_M + 1e-3
    assert bed.impulse_n_s == 0.0


def test_ground_that_gives_no_more_is_said() -> None:
    scene = anchored()
    made, bed = sample(scene, holds_kg=0.02)
    scene.run(made, 200.0, bed)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "sample.exhausted")
    assert made.progress.value == pytest.approx(0.02, abs=1e-4)


def test_grains_that_would_not_come_back_are_not_thrown() -> None:
    """A bed of which a tenth of the usual comes loose: the same momentum makes its grains ten times as fast."""
    scene = anchored()
    stance, task = Stance(scene.model), Sample(task="sample", mass_kg=0.3, thrust_max_n=2.0)
    bed = Bed(scene, 0.05, 5.0, ratio=10.0)
    made = SampleController(task, stance, 6.0, most_m_s=0.17)
    scene.run(made, 200.0, bed)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "sample.ejecta")
    assert made.progress.value == pytest.approx(0.05 * JET_M_S * 0.2 / 10.0, rel=0.05)
    assert bed.impulse_n_s < 0.5


@pytest.mark.parametrize(
    ("cohesion_pa", "log_sd", "most_m_s", "lasts_s"),
    [(1.0, 0.7, 0.5, 0.1), (1.0, 0.7, 0.09, 0.05), (0.1875, 0.0, 0.5, 0.075)],
)
def test_the_first_pulse_is_as_short_as_the_believed_ground_asks_for(
    cohesion_pa: float, log_sd: float, most_m_s: float, lasts_s: float
) -> None:
    """Bennu's cover: the usual pulse; grains that may be too fast: the shortest; none too weak: what brings 60 g."""
    scene = anchored()
    stance, task = Stance(scene.model), Sample(task="sample", mass_kg=0.06)
    cohesion = Distribution(median=cohesion_pa, log_sd=log_sd)
    ground, bed = Bed(scene, 0.05, 5.0, ratio=1.0), LooseBed(cohesion, 600.0, 5e-5)
    made, blown, first = SampleController(task, stance, 6.0, most_m_s, bed), 0.0, 0.0

    def look(goal: Goal) -> None:
        nonlocal blown, first
        ground(goal)
        blown += scene.dt_s if goal.jet_n > 0.0 else 0.0
        first = blown if blown > 0.0 and goal.jet_n == 0.0 and first == 0.0 else first

    scene.run(made, 20.0, look)
    assert first == pytest.approx(lasts_s, abs=0.011)


def test_ground_whose_grains_would_not_come_back_is_not_blown_at() -> None:
    scene = anchored()
    bed = LooseBed(Distribution(median=27.1, log_sd=0.3), 400.0, 5e-5)
    made = SampleController(Sample(task="sample", mass_kg=0.06), Stance(scene.model), 6.0, 0.17, bed)
    ground = Bed(scene, 0.05, 5.0)
    scene.run(made, 1.0, ground)
    assert (made.progress.outcome, made.progress.code) == (Outcome.REFUSED, "sample.ejecta")
    assert "throws its grains at 0.29 m/s at least, 0.17 m/s come back" in made.progress.reason
    assert ground.impulse_n_s == 0.0


def test_gas_that_leaves_without_a_pulse_is_counted() -> None:
    scene = anchored()
    made, bed = sample(scene)
    scene.run(made, 30.0, bed)
    assert abs(made.unasked_kg) < 1e-6
    made, bed = sample(scene)

    def leak(goal: Goal) -> None:
        bed.leak_n = max(bed.leak_n, goal.jet_n)
        bed(goal)

    scene.run(made, 14.0, leak)
    assert made.unasked_kg > 4e-3


def test_out_of_time_the_head_is_raised_first() -> None:
    scene = anchored()
    made, bed = sample(scene, mass_kg=1.0)
    scene.run(made, 12.0, bed)
    late = Progress("pulse", Outcome.FAILED, "task.timeout", "not done after 12 s", 12.0, "s")
    made.wind_up(late)
    goal = scene.run(made, 60.0, bed)
    assert made.progress == late
    assert np.allclose(goal.feet_base_m, Stance(scene.model).feet_m, atol=1e-6)


def test_the_jet_holds_nothing_down() -> None:
    model = robot("sampler")
    assert model.sampler is not None
    thrust = HoldDown(model, np.eye(3)).thrusts(8.0, np.eye(3), np.zeros(3), steer=True)
    assert thrust[model.sampler.jet] == 0.0
    pushes = sum(n * np.array(t.direction) for n, t in zip(thrust, model.thrusters, strict=True))
    turns = sum(n * np.cross(t.position_m, t.direction) for n, t in zip(thrust, model.thrusters, strict=True))
    assert pushes == pytest.approx((0.0, 0.0, -8.0))
    assert turns[:2] == pytest.approx((0.0, 0.0), abs=1e-9)
    only = replace(model, thrusters=model.thrusters[-1:], sampler=replace(model.sampler, jet=0))
    assert only.hold_down_nozzles == ()
    assert HoldDown(only, np.eye(3)).thrusts(8.0, np.eye(3), np.zeros(3), steer=True).tolist() == [0.0]
