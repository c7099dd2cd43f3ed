"""An alarm says that the anchors are gone, and some of them hold: none that holds is opened, in PyBullet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_missions import drill_only

from stope.executive.tree import Executive
from stope.session.build import Run, build
from stope.session.loop import run_loop
from stope.session.request import RunRequest

pytestmark = pytest.mark.mission
PRESSED_N = 5.0


@dataclass
class Raiser:
    """Tears some feet off while the drill presses, says that all anchors are lost, and watches what is opened."""

    run: Run
    torn: tuple[int, ...]
    raised: bool = False
    opened_while_holding: set[int] = field(default_factory=set)
    adrift_ticks: int = 0
    farthest_m: float = 0.0
    at_m: np.ndarray = field(default_factory=lambda: np.zeros(3))

    def __call__(self, tick: Any, _sent: object, executive: Executive) -> None:
        plant = self.run.plant
        assert plant is not None
        state = plant.footing.state
        if not self.raised:
            if tick.view.obs.weight_on_bit_n > PRESSED_N:
                self.raised, self.at_m = True, plant.truth().position_m
                for foot in self.torn:
                    plant.footing.tear_off(foot)
                self.run.stack.give_up_anchors()
                executive.raise_fault("anchors.lost")
            return
        held = [foot for foot in range(4) if foot not in self.torn]
        self.opened_while_holding |= {foot for foot in held if state.engagement[foot] < 1.0 or state.health[foot] == 0}
        tied = bool(((state.engagement > 0.0) & (state.health > 0.0)).any())
        self.adrift_ticks += not (tied or tick.goal.hold_down_n > 0.0)
        self.farthest_m = max(self.farthest_m, float(np.linalg.norm(plant.truth().position_m - self.at_m)))


@pytest.mark.parametrize("torn", [(), (0, 1)], ids=["false alarm", "near pair left"])
def test_no_grip_that_holds_is_opened(torn: tuple[int, ...], tmp_path: Path) -> None:
    run = build(RunRequest(drill_only(tmp_path), seed=1))
    seen = Raiser(run, torn)
    try:
        result = run_loop(run, [seen], lambda _found: None)
    finally:
        run.robot.close()
    recovery = result.executive.recovery
    assert seen.raised
    assert seen.opened_while_holding == set()
    assert seen.adrift_ticks == 0
    assert recovery.state == "succeeded", recovery.reason
    assert seen.farthest_m < 0.02
    if not torn:
        assert "4 of 4 grips still carry load and stay closed" in recovery.reason
