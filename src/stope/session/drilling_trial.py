"""Drilling without PyBullet: the drilling controller, its belief and the simulated bit, on anchors as a strength each.

For comparing weight laws over many sites. The same controller, weight law, belief, wrench distribution and bit as in a
run; left out are the robot's compliance and motion, which cost PyBullet's time and change the hole little
(`benchmarks/drilling_time.py` confirms some sites with PyBullet).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from stope.belief.anchors import AnchorBelief, AnchorState
from stope.control.bitcare import BitCare
from stope.control.distribution import Footholds, WrenchDistribution
from stope.control.drilling import DrillController, Event, unknown_rock
from stope.control.estimator import BaseEstimate
from stope.control.goal import Goal, Outcome, View
from stope.control.kinematics import Kinematics
from stope.control.stack import ONE_NEWTON_METRE, TORQUE_PER_WEIGHT_M
from stope.control.stance import Stance
from stope.control.weight_law import LEVELS, WeightLaw
from stope.mission.material import Material
from stope.mission.missionfile import DrillTask
from stope.mission.streams import random_stream
from stope.robot.messages import AnchorPhase, Applied, Health, Observation, SafetyState, Vector
from stope.robot.model import RobotModel
from stope.sim.bit import Layers
from stope.sim.stand import DrillStand, Drive
from stope.sim.truth import TrueGround

PRELOAD_N = 6.0
LOOK_EVERY = 25  # control ticks between looks at the reserve
PULL_TEST_N = 20.0


@dataclass(frozen=True, slots=True)
class Trial:
    """How one hole went.

    Attributes:
        seconds: from the first touch until the true hole was as deep as asked; infinite if it never was.
        task_s: of the whole task, bit home again.
        outcome, code: of the controller; depth_m: true.
        detached: anchors whose true strength was passed.
        events: what the controller noticed, in trial time.
        hammer: mean share of the blow energy while the bit was pressed, in the second half of the hole.
    """

    seconds: float
    task_s: float
    outcome: Outcome
    code: str
    depth_m: float
    peak_weight_n: float
    detached: int
    events: tuple[Event, ...]
    hottest_k: float
    core_m: float
    hammer: float

    def count(self, code: str) -> int:
        """How often an event was noticed."""
        return sum(event.code == code for event in self.events)


class Anchorage:
    """Anchors of one site: true strengths, and what is believed of them after a pull test.

    Args:
        rock: material that the truth is drawn from and that the prior is about.
        risk: that the drill task may put on all anchors together.
    """

    def __init__(self, model: RobotModel, rock: Material, seed: int, risk: float) -> None:
        limbs, rng = len(model.limbs), random_stream(seed, "truth.grips")
        scale = np.exp(rock.spine_log_sd * rng.standard_normal(limbs))
        self.true_n = np.stack((rock.spine_normal_n * scale, rock.spine_shear_n * scale), axis=1)
        self._risk = risk
        self._arms = Kinematics(model).feet_m.copy()
        self._distribution = WrenchDistribution(model)
        self._drilling = np.array((0.0, 0.0, 1.0, 0.0, 0.0, TORQUE_PER_WEIGHT_M))
        self.friction = rock.foot_friction
        self.belief = AnchorBelief(
            rock.spine_normal_n, rock.spine_shear_n, rock.foot_friction, max(rock.spine_log_sd, 0.05), anchors=limbs
        )
        for limb in range(limbs):
            self.belief.engaged(limb, 1.0)
            if self._holds(limb, PULL_TEST_N, PRELOAD_N):
                loads = np.zeros((limbs, 2))
                loads[limb] = PULL_TEST_N, PRELOAD_N
                self.belief.survived(loads)
            else:
                self.belief.lost(limb)
        self._known, self._reserves = -1, (0.0, 0.0)

    @property
    def anchored(self) -> np.ndarray:
        """(L,) bool."""
        return np.asarray(self.belief.state == AnchorState.ENGAGED)

    def carry(self, weight_n: float) -> int:
        """The anchors carry this weight on bit; how many it was too much for. The belief hears of all of it."""
        anchored, lost = self.anchored, 0
        count = max(1, int(anchored.sum()))
        loads = np.zeros((len(anchored), 2))
        loads[anchored] = weight_n / count, PRELOAD_N
        for limb in np.flatnonzero(anchored):
            if not self._holds(int(limb), *loads[limb]):
                self.belief.lost(int(limb))
                lost += 1
        self.belief.survived(loads)
        return lost

    def reserves(self) -> tuple[float, float]:
        """Believed reserve of weight on bit (N) and of torque (N m)."""
        if self._known != self.belief.version:
            self._known = self.belief.version
            anchored = self.anchored
            allowed = self.belief.allowed_utilisation(self._risk, max(1, int(anchored.sum())))
            self._reserves = self._solve(
                self.belief.normal_median_n, self.belief.shear_median_n, np.where(anchored, allowed, 0.0)
            )
        return self._reserves

    def true_reserve_n(self) -> float:
        """Weight on bit for one who knows each strength, at the same risk: what is left is the scatter no test sees."""
        count = max(1, int(self.anchored.sum()))
        share = float(np.exp(self.belief.scatter_log_sd * NormalDist().inv_cdf(self._risk / count)))
        return self._solve(self.true_n[:, 0], self.true_n[:, 1], np.where(self.anchored, share, 0.0))[0]

    def _solve(self, pull_n: Vector, shear_n: Vector, allowed: Vector) -> tuple[float, float]:
        if int(self.anchored.sum()) < 3:
            return 0.0, 0.0
        feet = Footholds(self._arms, pull_n, shear_n, allowed, self.anchored, self.friction)
        weight = self._distribution.reserve(feet, np.zeros(6), self._drilling)
        return weight, self._distribution.reserve(feet, np.zeros(6), ONE_NEWTON_METRE)

    def _holds(self, limb: int, pull_n: float, shear_n: float) -> bool:
        return bool(np.hypot(pull_n / self.true_n[limb, 0], shear_n / self.true_n[limb, 1]) < 1.0)


def drill_trial(
    model: RobotModel,
    ground: TrueGround,
    task: DrillTask,
    anchorage: Anchorage | tuple[float, float],
    *,
    law: WeightLaw | None = None,
    layers: Layers | None = None,
    seed: int = 0,
    period_s: float = 0.01,
    energy_ratio: float = 1.0,
    disturb: Callable[[DrillStand, float], None] | None = None,
    care: BitCare | None = None,
) -> Trial:
    """Drill one hole.

    Args:
        anchorage: what holds the robot; or fixed reserves of weight (N) and torque (N m), known exactly.
        law: instead of the task's own.
        layers: column of ground instead of the ground's rock (see `sim.bit`).
        seed: of the sensors' noise; care: of a bit that has drilled before.
        disturb: called in each tick with stand and time: causes what a test wants to see noticed.
    """
    drill = model.drill
    assert drill is not None
    stand = DrillStand(model, ground, layers)
    made = DrillController(
        task, Stance(model), unknown_rock(drill, energy_ratio), 0.0, care or BitCare(drill), law, levels=LEVELS
    )
    sight = _Sight(model, period_s, seed)
    touched = reached = None
    peak = hammered = pressed_s = 0.0
    detached, tick = 0, 0
    reserves = anchorage if isinstance(anchorage, tuple) else anchorage.reserves()
    while tick * period_s < task.timeout_s:
        if not isinstance(anchorage, tuple) and tick % LOOK_EVERY == 0:
            detached += anchorage.carry(max(stand.weight_on_bit_n, 0.0))
            reserves = anchorage.reserves()
        goal = made.update(sight.view(stand, tick, reserves))
        if made.progress.outcome is not Outcome.RUNNING:
            break
        if disturb is not None:
            disturb(stand, tick * period_s)
        stand.run(_drive(goal), period_s)
        tick += 1
        weight = stand.weight_on_bit_n
        peak = max(peak, weight)
        if weight > 1.0 and stand.bit.depth_m > 0.5 * task.depth_m:
            pressed_s += period_s
            hammered += goal.hammer * period_s
        if weight > 1.0:
            touched = tick if touched is None else touched
        if reached is None and stand.bit.depth_m >= task.depth_m - 5e-4:
            reached = tick
    seconds = np.inf if reached is None or touched is None else (reached - touched) * period_s
    bit = stand.bit
    return Trial(
        seconds, tick * period_s, made.progress.outcome, made.progress.code, bit.depth_m, peak, detached,
        tuple(made.events), bit.hottest_k, bit.core_held_m,
        hammered / pressed_s if pressed_s else 0.0,
    )  # fmt: skip


def _drive(goal: Goal) -> Drive:
    return Drive(
        goal.feed_velocity_m_s, goal.feed_push_n, goal.feed_limit_n, goal.spindle_rad_s, goal.spindle_limit_nm,
        goal.hammer,
    )  # fmt: skip


class _Sight:
    """What the controller sees of the stand: encoders, load cell and motor torque with the robot's sensor noise."""

    def __init__(self, model: RobotModel, period_s: float, seed: int) -> None:
        self._model, self._dt, self._rng = model, period_s, random_stream(seed, "sensor.stand")
        joints, limbs = len(model.joints), len(model.limbs)
        self._kinematics = SimpleNamespace(bit_tip_m=np.zeros(3))
        self._estimate = BaseEstimate(
            np.zeros(3), np.eye(3), np.zeros(3), np.zeros(3), np.zeros(3), 0.0, np.zeros((limbs, 3)),
            np.ones(limbs, dtype=bool), True,
        )  # fmt: skip
        self._anchored, self._margins = np.ones(limbs, dtype=bool), np.ones(limbs)
        self._still: dict[str, Any] = {
            "imu_gyro_rad_s": np.zeros(3), "imu_accel_m_s2": np.zeros(3), "limb_force_n": np.zeros((limbs, 3)),
            "anchor_phase": np.full(limbs, int(AnchorPhase.ENGAGED), dtype=np.int8),
            "anchor_engagement": np.ones(limbs), "anchor_slip_m": np.zeros(limbs), "spindle_current_a": 0.0,
            "bin_fill": 0.0, "drum_fill": np.zeros(2), "propellant_kg": 0.0, "bus_voltage_v": model.bus_voltage_v,
            "energy_used_j": 0.0, "safety": SafetyState.ARMED, "fault_flags": 0, "applied": Applied(),
            "health": Health(),
        }  # fmt: skip
        self._zero = np.zeros(joints)

    def view(self, stand: DrillStand, tick: int, reserves: tuple[float, float]) -> View:
        """The view of one tick."""
        drill, sensors = self._model.drill, self._model.sensors
        assert drill is not None
        one, two, three = self._rng.standard_normal(3).tolist()
        position, velocity, effort = self._zero.copy(), self._zero.copy(), self._zero.copy()
        position[drill.feed] = stand.feed_m + sensors.joint_position.noise * one
        velocity[drill.feed] = stand.feed_m_s + sensors.joint_velocity.noise * two
        velocity[drill.spindle], effort[drill.spindle] = stand.spindle_rad_s, stand.spindle_nm
        self._kinematics.bit_tip_m = np.array((0.0, 0.0, -position[drill.feed]))
        obs = Observation(
            time_us=round(tick * self._dt * 1e6), seq=tick, joint_position=position, joint_velocity=velocity,
            joint_effort=effort, weight_on_bit_n=stand.weight_on_bit_n + sensors.load_cell.noise * three, **self._still,
        )  # fmt: skip
        return View(
            obs, self._estimate, cast(Kinematics, self._kinematics), cast(AnchorBelief, None), self._model,
            self._anchored, reserves[0], 1.0, self._margins, self._dt, reserve_nm=reserves[1],
            torque_per_weight_m=TORQUE_PER_WEIGHT_M,
        )  # fmt: skip
