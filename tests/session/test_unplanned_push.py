"""A push that nobody planned is split over the anchored feet by stiffness: predicted against truth in PyBullet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_missions import drill_only

from stope.control.anchoring import preload
from stope.control.drilling import DrillController
from stope.control.goal import Goal
from stope.control.impedance import FootImpedance
from stope.robot.messages import Observation, Vector
from stope.session.build import Run, build
from stope.session.loop import run_loop
from stope.session.request import RunRequest

pytestmark = pytest.mark.mission
PRELOAD_N = 6.0
REST_TICKS, PUSHED_TICKS, AVERAGED = 150, 100, 40
PUSHES = ((20.0, 0.0, 0.0, 0.0, 0.0, 0.0), (10.0, 5.0, 20.0, 2.0, -4.0, 3.0))  # N and N m, base frame


class EnoughSeenError(Exception):
    """The test has seen what it came for."""


class Bumped:
    """Once the robot hangs on four anchors, pushes the base and compares what the feet then carry more."""

    def __init__(self, run: Run) -> None:
        assert run.plant is not None
        self.run, self.plant = run, run.plant
        self.more_n: list[Vector] = []
        self.plan_moved_n: list[float] = []
        self.shares = np.zeros(0)

    def __call__(self, tick: Any, _sent: object, executive: Any) -> None:
        if not (tick.view.anchored.all() and isinstance(executive.desk.controller, DrillController)):
            return
        obs, rest, plan = self.held(self.run.robot.read(), REST_TICKS)
        kinematics = self.run.stack.kinematics
        self.shares = FootImpedance(self.run.robot.model).shares(kinematics, np.ones(4, dtype=bool))
        for push in np.array(PUSHES):
            turn = self.plant.pose()[1]
            self.plant.push(np.concatenate((turn @ push[:3], turn @ push[3:])))
            obs, pushed, planned = self.held(obs, PUSHED_TICKS)
            self.more_n.append(pushed - rest)
            self.plan_moved_n.append(float(np.abs(planned - plan).max()))
        raise EnoughSeenError

    def held(self, obs: Observation, ticks: int) -> tuple[Observation, Vector, Vector]:
        """Stand on the preloaded anchors; mean of true and of planned forces on the feet at the end, base frame."""
        run, true, planned = self.run, [], []
        for _ in range(ticks):
            view, _ = run.stack.observe(obs)
            goal = Goal.still(run.stance.feet_m, run.robot.model)
            goal.foot_force_n = preload(view, run.stance, PRELOAD_N)
            run.robot.write(run.stack.command(view, goal))
            run.robot.wait(obs.time_us + run.control_us)
            obs = run.robot.read()
            true.append(self.plant.truth().foot_force_n @ self.plant.pose()[1])
            planned.append(run.stack.planned_force_n)
        return obs, np.mean(true[-AVERAGED:], axis=0), np.mean(planned[-AVERAGED:], axis=0)


def test_an_unplanned_push_is_split_by_stiffness_and_not_as_a_plan_would(tmp_path: Path) -> None:
    run = build(RunRequest(str(drill_only(tmp_path))))
    bumped = Bumped(run)
    try:
        with pytest.raises(EnoughSeenError):
            run_loop(run, [bumped], lambda _found: None)
    finally:
        run.robot.close()
    assert max(bumped.plan_moved_n) < 0.1  # nobody planned it
    for push, more in zip(np.array(PUSHES), bumped.more_n, strict=True):
        elastic = -bumped.shares @ push
        assert np.linalg.norm(more - elastic) < 0.04 * np.linalg.norm(more)
        arms = run.stack.kinematics.feet_m
        least_force = -_least_squares(arms, push)
        assert np.linalg.norm(more - least_force) > 5.0 * np.linalg.norm(more - elastic)


def _least_squares(arms_m: Vector, wrench: Vector) -> Vector:
    """(L, 3) the split of least force, which the distribution plans with where no limit binds."""
    pay = np.zeros((6, 3 * len(arms_m)))
    for i, (x, y, z) in enumerate(arms_m):
        pay[:3, 3 * i : 3 * i + 3] = np.eye(3)
        pay[3:, 3 * i : 3 * i + 3] = ((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0))
    return np.asarray((np.linalg.pinv(pay) @ wrench).reshape(-1, 3))
