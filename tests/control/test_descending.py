"""Descent: falls at the speed that was asked, presses from the first touch, ends when it stands still."""

from __future__ import annotations

import numpy as np
import pytest
from scripted import free_miner

from stope.control.descending import DescendController
from stope.control.goal import Goal, Outcome
from stope.control.stance import Stance
from stope.mission.missionfile import Descend

TASK = Descend(task="descend", hold_down_n=8.0, contact_speed_m_s=0.05)


def test_it_reaches_the_contact_speed_touches_and_stands() -> None:
    scene = free_miner(dt_s=0.02)
    state = {"height": 0.3, "speed": -0.03}
    fastest: list[float] = []

    def world(goal: Goal) -> None:
        assert goal.hold_down_n <= 8.0
        landed = state["height"] <= 0.0
        state["speed"] = 0.0 if landed else state["speed"] - goal.hold_down_n / 52.0 * scene.dt_s
        state["height"] += state["speed"] * scene.dt_s
        fastest.append(-state["speed"])
        scene.est["velocity_m_s"] = np.array((0.0, 0.0, state["speed"]))
        scene.est["contact"] = np.full(4, landed)

    made = DescendController(TASK, Stance(scene.model))
    goal = scene.run(made, 60.0, world)
    assert made.progress.outcome is Outcome.SUCCEEDED
    assert max(fastest) == pytest.approx(0.05, rel=0.1)
    assert goal.hold_down_n == 8.0  # kept until the grippers hold


def test_touching_it_stops_a_rebound_and_does_not_drive_the_other_feet_in() -> None:
    """Full hold-down at rest and on the way up, less the faster it falls, none at the contact speed; limbs soft."""
    scene = free_miner()
    scene.est["contact"] = np.array((True, False, False, False))
    asked: dict[float, float] = {}
    for climb in (0.03, 0.0, -0.025, -0.05, -0.2):
        scene.est["velocity_m_s"] = np.array((0.0, 0.0, climb))
        goal = DescendController(TASK, Stance(scene.model)).update(scene.view())
        asked[climb] = goal.hold_down_n
        assert goal.stiffness == scene.model.contact_stiffness_share < 1.0
    assert asked == pytest.approx({0.03: 8.0, 0.0: 8.0, -0.025: 4.0, -0.05: 0.0, -0.2: 0.0})


def test_one_foot_is_not_standing() -> None:
    scene = free_miner(dt_s=0.02)
    scene.est["contact"] = np.array((True, False, False, False))
    made = DescendController(TASK, Stance(scene.model))
    scene.run(made, 5.0)
    assert made.progress.outcome is Outcome.RUNNING
