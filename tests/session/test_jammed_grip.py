"""Spines that stick when they are to let go, in PyBullet: they are worked to and fro until they come free."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_missions import drill_only

from stope.robot.messages import AnchorPhase
from stope.session.build import build
from stope.session.loop import run_loop
from stope.session.request import RunRequest

pytestmark = pytest.mark.mission


class Sticky:
    """Dice of `TrueGround.release_sticks`: the first grip sticks for so many periods, nothing after it."""

    def __init__(self, periods: int) -> None:
        self.left = periods

    def random(self) -> float:
        self.left -= 1
        return 0.0 if self.left >= 0 else 1.0


def test_a_grip_that_sticks_is_worked_free(tmp_path: Path) -> None:
    mission = drill_only(tmp_path)
    text = mission.read_text(encoding="utf-8")
    mission.write_text(text.replace("  - task: drill\n    depth_m: 0.005\n", ""), encoding="utf-8")
    run = build(RunRequest(mission, seed=1))
    assert run.plant is not None
    dice, jammed = Sticky(4), np.zeros(4, dtype=int)
    run.plant.grippers._ground = replace(run.plant.ground, _release=dice)

    def watch(tick: Any, _sent: object, _executive: object) -> None:
        jammed[:] += tick.view.obs.anchor_phase == AnchorPhase.JAMMED

    try:
        result = run_loop(run, [watch], lambda _found: None)
    finally:
        run.robot.close()
    states = {each.task: each.state for each in result.executive.activities}
    assert states["release"] == "succeeded"
    assert dice.left < 0
    assert np.count_nonzero(jammed) == 1
    assert (run.plant.grippers.phase == AnchorPhase.OPEN).all()
