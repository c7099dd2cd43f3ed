"""Views written by hand: what a controller would see, without a simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stope.belief.anchors import AnchorBelief
from stope.control.estimator import BaseEstimate
from stope.control.goal import Goal, TaskController, View
from stope.control.kinematics import Kinematics
from stope.mission.shipped import find_data
from stope.robot.messages import AnchorPhase, Applied, Health, Observation, SafetyState
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot


def robot(name: str = "miner") -> RobotModel:
    """A shipped robot."""
    return load_robot(find_data("robot", name))


def observation(model: RobotModel, **given: Any) -> Observation:
    """A reading of a robot at rest in its stance with everything at zero, but for what is given."""
    limbs, joints = len(model.limbs), len(model.joints)
    reading: dict[str, Any] = {
        "time_us": 0,
        "seq": 0,
        "joint_position": np.array(model.stance),
        "joint_velocity": np.zeros(joints),
        "joint_effort": np.zeros(joints),
        "imu_gyro_rad_s": np.zeros(3),
        "imu_accel_m_s2": np.zeros(3),
        "limb_force_n": np.zeros((limbs, 3)),
        "anchor_phase": np.zeros(limbs, dtype=np.int8),
        "anchor_engagement": np.zeros(limbs),
        "anchor_slip_m": np.zeros(limbs),
        "weight_on_bit_n": 0.0,
        "spindle_current_a": 0.0,
        "bin_fill": 0.0,
        "drum_fill": np.zeros(len(model.drums.joints) if model.drums else 0),
        "propellant_kg": model.propellant_kg,
        "bus_voltage_v": model.bus_voltage_v,
        "energy_used_j": 0.0,
        "safety": SafetyState.ARMED,
        "fault_flags": 0,
        "applied": Applied(),
        "health": Health(),
    }
    return Observation(**(reading | given))


def estimate(limbs: int = 4, **given: Any) -> BaseEstimate:
    """A base at rest at the origin, level, anchored, nothing loaded, but for what is given."""
    believed: dict[str, Any] = {
        "position_m": np.zeros(3),
        "rotation": np.eye(3),
        "velocity_m_s": np.zeros(3),
        "angular_rad_s": np.zeros(3),
        "innovation_m_s": np.zeros(3),
        "residual_m": 0.0,
        "limb_force_n": np.zeros((limbs, 3)),
        "contact": np.zeros(limbs, dtype=bool),
        "anchored": True,
    }
    return BaseEstimate(**(believed | given))


@dataclass
class Scene:
    """A world of a few numbers that a test changes between ticks; `view()` is how a controller sees it."""

    model: RobotModel
    anchored: np.ndarray
    reserve_n: float = 100.0
    margin: float = 1.0
    time_s: float = 0.0
    dt_s: float = 0.01
    obs: dict[str, Any] = field(default_factory=dict)
    est: dict[str, Any] = field(default_factory=dict)
    kinematics: Kinematics = field(init=False)
    belief: AnchorBelief = field(init=False)

    def __post_init__(self) -> None:
        self.kinematics = Kinematics(self.model)
        self.belief = AnchorBelief(90.0, 105.0, friction=0.6, log_sd=0.3, anchors=len(self.model.limbs))

    def view(self) -> View:
        """What a controller sees now."""
        phase = np.where(self.anchored, int(AnchorPhase.ENGAGED), int(AnchorPhase.OPEN)).astype(np.int8)
        obs = observation(self.model, **({"time_us": round(self.time_s * 1e6), "anchor_phase": phase} | self.obs))
        self.kinematics.update(obs.joint_position)
        return View(
            obs=obs,
            estimate=estimate(len(self.model.limbs), **self.est),
            kinematics=self.kinematics,
            belief=self.belief,
            model=self.model,
            anchored=self.anchored.copy(),
            reserve_n=self.reserve_n,
            margin=self.margin,
            margins=np.ones(len(self.anchored)),
            dt_s=self.dt_s,
            reserve_nm=40.0,
            torque_per_weight_m=0.02,
        )

    def run(self, controller: TaskController, seconds: float, react: Callable[[Goal], None] | None = None) -> Goal:
        """Tick `controller` for a time, or until its outcome is known; `react` lets the world answer each goal."""
        goal = controller.update(self.view())
        for _ in range(round(seconds / self.dt_s)):
            if controller.progress.outcome.value != "running":
                break
            if react:
                react(goal)
            self.time_s += self.dt_s
            goal = controller.update(self.view())
        return goal


def anchored_miner(**given: Any) -> Scene:
    """The miner on all four anchors."""
    return Scene(robot(), np.ones(4, dtype=bool), **given)


def free_miner(**given: Any) -> Scene:
    """The miner on none."""
    return Scene(robot(), np.zeros(4, dtype=bool), **given)
