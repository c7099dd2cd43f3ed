"""Sensor and anchor faults while the drill presses: noticed in the time that the table states, and survived."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_missions import drill_only

from stope.control.sensorwatch import PLANNED_N
from stope.executive.faults.table import load_faults
from stope.session.build import Run, build
from stope.session.loop import Detection, run_loop
from stope.session.reactions import compare_reactions
from stope.session.request import RunRequest

pytestmark = pytest.mark.mission
AFTER_TICKS = 150
ROWS = {row.id: row for row in load_faults()}


class EnoughSeenError(Exception):
    """The test has seen what it came for."""


@dataclass
class Seen:
    run: Run
    found: list[Detection]
    innovation_m_s: float
    weight_n: float
    anchored: np.ndarray
    loaded_us: int

    @property
    def injected_us(self) -> int:
        caused = self.found[0].injected_us
        assert caused is not None
        return caused

    def within_s(self, since_us: int) -> float:
        return (self.found[0].time_us - since_us) * 1e-6


def drilled_with(fault: str, folder: Path) -> Seen:
    """Drill, cause `fault`, and go on for 1.5 s after it was noticed."""
    run = build(RunRequest(drill_only(folder), inject=(f"{fault}@drill",)))
    seen, after = Seen(run, [], 0.0, 0.0, np.zeros(0), 0), [0]

    def watch(tick: Any, _sent: object, _executive: object) -> None:
        if not seen.found:
            loaded = -run.stack.planned_force_n[0, 2] > PLANNED_N
            seen.loaded_us = (seen.loaded_us or tick.view.obs.time_us) if loaded else 0
            return
        after[0] += 1
        if after[0] > 50:  # what was noticed has been mended
            seen.innovation_m_s = max(seen.innovation_m_s, float(np.linalg.norm(tick.view.estimate.innovation_m_s)))
        seen.weight_n, seen.anchored = tick.view.obs.weight_on_bit_n, tick.view.anchored
        if after[0] > AFTER_TICKS:
            raise EnoughSeenError

    try:
        with pytest.raises(EnoughSeenError):
            run_loop(run, [watch], seen.found.append)
    finally:
        run.robot.close()
    first = seen.found[0]
    assert not any(detection.alarm.blocking for detection in seen.found)
    assert first.moved_m < 5e-3
    return seen


def test_one_lost_anchor_is_noticed_and_the_others_hold(tmp_path: Path) -> None:
    seen = drilled_with("anchor.let_go", tmp_path)
    assert [detection.alarm.fault for detection in seen.found] == ["anchor.let_go"]
    assert seen.within_s(max(seen.loaded_us, seen.injected_us)) <= ROWS["anchor.let_go"].time_s
    assert seen.anchored.tolist() == [False, True, True, True]


def test_a_frozen_limb_force_sensor_is_noticed_and_the_hole_goes_on(tmp_path: Path) -> None:
    seen = drilled_with("limb_force.frozen", tmp_path)
    assert [detection.alarm.fault for detection in seen.found] == ["limb_force.dropout"]
    assert seen.within_s(seen.injected_us) <= ROWS["limb_force.dropout"].time_s
    assert seen.anchored.all()
    assert seen.weight_n > 5.0


def test_an_imu_bias_is_noticed_and_is_not_taken_for_lost_anchors(tmp_path: Path) -> None:
    seen = drilled_with("imu.biased", tmp_path)
    assert [detection.alarm.fault for detection in seen.found] == ["imu.biased"]
    assert seen.within_s(seen.injected_us) <= ROWS["imu.biased"].time_s
    assert seen.anchored.all()
    assert seen.weight_n > 5.0
    assert seen.innovation_m_s < 0.010  # the limit of anchors.lost


def test_the_ground_does_to_the_feet_what_the_distribution_plans(tmp_path: Path) -> None:
    found = compare_reactions(1, str(drill_only(tmp_path)))
    assert found.total_ratio == pytest.approx(1.0, abs=0.03)
    assert found.worst_excess_n < 2.0
    assert found.let_go == 0
