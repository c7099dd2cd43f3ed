"""Drilling against a scripted rock: refused without reserve, bounded by it, stalled, and always out of the hole."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scripted import Scene, anchored_miner, robot

from stope.belief.rock import RockEstimate
from stope.control.drilling import BOUND_SHARE, STALLED_S, DrillController, unknown_rock
from stope.control.goal import Goal, Outcome, Progress, WindsUp
from stope.control.stance import Stance
from stope.control.weight_law import HOT, RUB_WEIGHT_N, SLOWEST, SPEED_STEP_RAD_S2, AdaptiveLaw, FixedLaw, Hole
from stope.mission.missionfile import DrillTask

TORQUE_PER_WEIGHT_M = 6e-3  # between rubbing and cutting of the miner's bit
GROUND_M = 0.02  # feed at which the scripted bit meets the ground


class Rock:
    """Answers a drill: resists what it is pushed with, gives way at a constant rate."""

    def __init__(self, scene: Scene, rate_m_s: float, noise_m: float = 0.0, drag_nm: float = 0.0) -> None:
        assert scene.model.drill is not None
        self._scene, self._rate, self._noise, self._drag_nm = scene, rate_m_s, noise_m, drag_nm
        self._drill = scene.model.drill
        self.feed_m = self.depth_m = self.pushed_n = 0.0
        self._rng = np.random.default_rng(0)

    def __call__(self, goal: Goal) -> None:
        """One tick of the world."""
        feed, spindle, dt_s = self._drill.feed, self._drill.spindle, self._scene.dt_s
        bottom = GROUND_M + self.depth_m
        push = goal.feed_push_n + 600.0 * goal.feed_velocity_m_s  # the feed's velocity servo against standing rock
        pressed = self.feed_m >= bottom and push > 0.0
        if pressed:
            self.depth_m += self._rate * dt_s if goal.spindle_rad_s > 0.0 else 0.0
            self.feed_m = GROUND_M + self.depth_m
        else:
            self.feed_m = min(max(0.0, self.feed_m + goal.feed_velocity_m_s * dt_s), bottom)
        weight = min(push, goal.feed_limit_n) if pressed else 0.0
        self.pushed_n = max(self.pushed_n, weight)
        joints, rates = np.array(self._scene.model.stance), np.zeros(len(self._scene.model.joints))
        squeezed_m = weight / self._drill.string_stiffness_n_m
        joints[feed] = self.feed_m + squeezed_m + self._noise * self._rng.standard_normal()
        rates[spindle] = goal.spindle_rad_s
        efforts = np.zeros(len(rates))
        torque = TORQUE_PER_WEIGHT_M * weight + (self._drag_nm if pressed else 0.0)
        efforts[spindle] = math.copysign(torque, goal.spindle_rad_s)
        self._scene.obs |= {
            "joint_position": joints, "joint_velocity": rates, "joint_effort": efforts, "weight_on_bit_n": weight,
        }  # fmt: skip


def drill(scene: Scene, depth_m: float = 0.01) -> DrillController:
    assert scene.model.drill is not None
    task = DrillTask(task="drill", depth_m=depth_m, weight_on_bit_max_n=60.0)
    return DrillController(task, Stance(scene.model), unknown_rock(scene.model.drill, 1.0), 6.0)


@pytest.mark.parametrize(
    ("reserve", "text"), [(0.0, "bound is 0.0 N"), (3.2, "bound is 3.0 N"), (5.1, "bound is 4.8 N")]
)
def test_drilling_is_refused_with_the_bound_that_refuses_it(reserve: float, text: str) -> None:
    scene = anchored_miner(reserve_n=reserve)
    made = drill(scene)
    goal = scene.run(made, 1.0)
    assert made.progress.outcome is Outcome.REFUSED
    assert text in made.progress.reason
    assert (made.progress.code, made.progress.unit) == ("drill.no_reserve", "N")
    assert made.progress.value == pytest.approx(BOUND_SHARE * reserve)
    assert goal.feed_limit_n == 0.0
    assert goal.spindle_rad_s == 0.0


def test_a_hole_reaches_its_depth_and_the_bit_comes_home() -> None:
    scene = anchored_miner(reserve_n=40.0, dt_s=0.02)
    made, rock = drill(scene), Rock(scene, rate_m_s=2e-4, noise_m=1e-4)
    scene.run(made, 120.0, rock)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert made.progress.depth_m == pytest.approx(0.01, abs=5e-4)
    assert rock.depth_m == pytest.approx(0.01, abs=4e-4)  # the string is 0.7 mm shorter under 40 N
    assert rock.feed_m < 2e-3


@pytest.mark.parametrize("depth_m", [0.002, 0.01])
def test_depth_is_counted_from_where_the_unloaded_bit_touched(depth_m: float) -> None:
    """The feed meets the ground with 9 N, which squeeze the string by 0.15 mm."""
    scene = anchored_miner(reserve_n=40.0, dt_s=0.02)
    made, rock = drill(scene, depth_m), Rock(scene, rate_m_s=5e-5)
    assert made.touched_m is None
    scene.run(made, 300.0, rock)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert made.touched_m == pytest.approx(GROUND_M, abs=2e-5)
    assert rock.depth_m == pytest.approx(depth_m, abs=5e-5)


def test_weight_on_bit_never_passes_the_bound() -> None:
    scene = anchored_miner(reserve_n=25.0)
    rock = Rock(scene, rate_m_s=1e-4)
    scene.run(drill(scene), 60.0, rock)
    assert 20.0 < rock.pushed_n < 1.1 * 25.0


def test_weight_on_bit_is_held_to_what_the_worst_anchor_is_felt_to_have_left() -> None:
    scene = anchored_miner(reserve_n=80.0)
    made, rock = drill(scene, 0.05), Rock(scene, 2e-4)

    def uneven(goal: Goal) -> None:
        """One anchor bears a third of its allowance in preload, and the rest of it at 20 N."""
        rock(goal)
        scene.margin = 1.0 - 0.33 - scene.obs["weight_on_bit_n"] / 30.0

    scene.run(made, 40.0, uneven)
    assert 16.0 < scene.obs["weight_on_bit_n"] < 20.0
    assert scene.margin > 0.05
    assert made.progress.phase == "drill, limited by anchors"


@pytest.mark.parametrize(
    ("reserve_n", "rate_m_s", "retained_rad_s", "said"),
    [(100.0, 5e-5, math.inf, "task"), (30.0, 5e-5, math.inf, "anchors"), (100.0, 9.5e-4, math.inf, "chips"),
     (100.0, 9.5e-4, 11.0, "ejecta")],
)  # fmt: skip
def test_the_progress_says_what_limits_the_hole(
    reserve_n: float, rate_m_s: float, retained_rad_s: float, said: str
) -> None:
    scene = anchored_miner(reserve_n=reserve_n)
    assert scene.model.drill is not None
    task = DrillTask(task="drill", depth_m=0.05, weight_on_bit_max_n=60.0, weight_law="fixed")
    belief = unknown_rock(scene.model.drill, 1.0)
    law = FixedLaw(weight_n=100.0)
    made = DrillController(task, Stance(scene.model), belief, 6.0, law=law, retained_rad_s=retained_rad_s)
    phases = set()
    rock = Rock(scene, rate_m_s)

    def look(goal: Goal) -> None:
        rock(goal)
        phases.add(made.progress.phase)
        assert goal.spindle_rad_s <= min(12.0, retained_rad_s)

    scene.run(made, 30.0 if rate_m_s > 1e-4 else 80.0, look)
    assert f"drill, limited by {said}" in phases


@pytest.mark.parametrize(
    ("ucs_pa", "warmth", "turns"), [(5e6, 0.6, 1.0), (1e8, 0.6, SLOWEST), (1e8, 0.1, 1.0), (1e8, 0.99, SLOWEST)]
)
def test_a_bit_that_only_rubs_and_warms_turns_no_faster_than_its_chips_need(
    ucs_pa: float, warmth: float, turns: float
) -> None:
    """Threshold thrust of the new bit: 7 N in rock of 5 MPa, 132 N in rock of 100 MPa; there are 60 N."""
    drill = robot().drill
    assert drill is not None
    rock = RockEstimate(ucs_pa, ucs_pa, 6e-3, 3e-3, 4.4e-4, 1.8)
    hole = Hole(
        drill, bound_n=60.0, weight_n=60.0, torque_nm=0.3, spindle_rad_s=12.0, depth_m=0.01, rate_m_s=4e-5, rock=rock,
        feed_max_m_s=7e-4, spindle_max_rad_s=12.0, levels=(0.05, 1.0), warmth=warmth, wear=0.0, dt_s=0.02,
    )  # fmt: skip
    law, before = AdaptiveLaw(), 12.0
    for _ in range(1_000):
        setting = law.choose(hole)
        asked = setting.spindle_rad_s
        assert abs(asked - before) <= SPEED_STEP_RAD_S2 * hole.dt_s + 1e-9
        before = asked
    assert before == pytest.approx(12.0 * turns)
    assert setting.weight_n == pytest.approx(60.0 if ucs_pa == 5e6 else RUB_WEIGHT_N)
    assert setting.hammer == pytest.approx(0.2 if warmth > HOT else 1.0)  # no weaker than heat asks for


def test_a_bound_that_falls_away_ends_the_hole() -> None:
    scene = anchored_miner(reserve_n=40.0)
    made, rock = drill(scene), Rock(scene, rate_m_s=1e-4)
    scene.run(made, 15.0, rock)
    scene.reserve_n = 2.0
    scene.run(made, 10.0, rock)
    assert made.progress.outcome is Outcome.FAILED
    assert made.progress.code == "drill.no_reserve"
    assert "1.9 N" in made.progress.reason
    assert rock.feed_m < 2e-3


def test_no_progress_ends_the_hole_with_its_rate() -> None:
    """0.5 mm/min under encoder noise of 0.1 mm: stalled after three minutes, bit home, rate told."""
    scene = anchored_miner(dt_s=0.05)
    made, rock = drill(scene), Rock(scene, rate_m_s=0.5e-3 / 60.0, noise_m=1e-4)
    scene.run(made, STALLED_S + 30.0, rock)
    progress = made.progress
    assert (progress.outcome, progress.code, progress.unit) == (Outcome.FAILED, "drill.stalled", "mm/min")
    assert progress.value == pytest.approx(0.5, abs=0.1)
    assert STALLED_S < scene.time_s < STALLED_S + 20.0
    assert rock.feed_m < 2e-3


def test_a_hole_that_chokes_whenever_the_bit_is_down_ends_as_stalled() -> None:
    """Cleared and tried again every few seconds it would go on until the task's time is out."""
    scene = anchored_miner(dt_s=0.05)
    made, rock = drill(scene), Rock(scene, rate_m_s=2e-3 / 60.0, drag_nm=1.5)
    scene.run(made, STALLED_S + 60.0, rock)
    assert (made.progress.outcome, made.progress.code) == (Outcome.FAILED, "drill.stalled")
    assert sum(event.code == "drill.choked" for event in made.events) > 10
    assert rock.feed_m < 2e-3


def test_two_millimetres_a_minute_is_no_stall() -> None:
    scene = anchored_miner(dt_s=0.05)
    made, rock = drill(scene, depth_m=0.010), Rock(scene, rate_m_s=2e-3 / 60.0, noise_m=1e-4)
    scene.run(made, 600.0, rock)
    assert made.progress.outcome is Outcome.SUCCEEDED


def test_no_ground_within_the_feed_is_said() -> None:
    scene = anchored_miner()
    made = drill(scene)
    assert scene.model.drill is not None
    joints = np.array(scene.model.stance)
    joints[scene.model.drill.feed] = 0.399
    scene.obs["joint_position"] = joints
    scene.run(made, 0.1)
    scene.obs.clear()
    scene.run(made, 0.1)
    assert made.progress.code == "drill.no_ground"


def test_out_of_time_the_bit_comes_home_first() -> None:
    scene = anchored_miner()
    made, rock = drill(scene), Rock(scene, rate_m_s=1e-4)
    assert isinstance(made, WindsUp)
    scene.run(made, 20.0, rock)
    late = Progress("drill", Outcome.FAILED, "task.timeout", "not done after 20 s", 20.0, "s")
    made.wind_up(late)
    scene.run(made, 0.05, rock)
    assert made.progress.outcome is Outcome.RUNNING
    scene.run(made, 10.0, rock)
    assert made.progress == late
    assert rock.feed_m < 2e-3


def test_the_reaction_of_the_bit_is_handed_to_the_feet() -> None:
    scene = anchored_miner(reserve_n=40.0)
    made, rock = drill(scene), Rock(scene, rate_m_s=5e-4)  # it cuts: one that rubs would be pressed with less
    goal = scene.run(made, 20.0, rock)
    assert goal.tool_wrench[2] == pytest.approx(40.0, rel=0.05)
    assert np.allclose(goal.foot_force_n.sum(axis=0), 0.0, atol=1e-9)  # preload cancels
    assert np.allclose(np.linalg.norm(goal.foot_force_n, axis=1), 6.0)
