"""One anchor of a weak boulder gives way under a pull test, in PyBullet: it alone is given up, and gripped again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stope.session.build import build
from stope.session.loop import Detection, run_loop
from stope.session.request import RunRequest

pytestmark = pytest.mark.mission
MISSION = Path(__file__).parents[2] / "benchmarks" / "spread" / "grip_mission.yaml"
WEAK_SEED = 5  # its first limb bears less than the 25 N that it is pulled with
UNTIL_S = 15.0


class Seen(Exception):  # noqa: N818  # an interruption of the loop, not an error
    """Enough was seen."""


def test_an_anchor_that_yields_is_not_taken_for_all_of_them() -> None:
    run = build(RunRequest(str(MISSION), seed=WEAK_SEED, attended=False))
    plant = run.plant
    assert plant is not None
    found: list[Detection] = []
    anchored: list[bool] = []

    def watch(tick: Any, _sent: object, _executive: object) -> None:
        if tick.view.time_s > UNTIL_S:
            anchored[:] = tick.view.anchored.tolist()
            raise Seen

    with pytest.raises(Seen):
        run_loop(run, [watch], found.append)
    health = np.asarray(plant.footing.state.health)
    run.robot.close()
    assert [(each.alarm.fault, each.alarm.blocking) for each in found] == [("anchor.let_go", False)]
    assert anchored == [False, True, True, True]
    assert health[0] < 0.9
    assert health[1:].tolist() == [1.0, 1.0, 1.0]
