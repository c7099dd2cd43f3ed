"""Every fault bit of the wire is a row of the fault table; the cable pulled while drilling, on device time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from core_bench import CONTROL_US, Bench
from still_world import StillWorld

from stope.bridge.dialect import Dialect
from stope.bridge.errors import LinkLostError
from stope.bridge.faultbits import seam_bits
from stope.bridge.impair import Faults
from stope.bridge.lockstep import LockStep
from stope.bridge.pump import BadTransport
from stope.bridge.shared_core import CoreEfforts, CoreSensors
from stope.executive.faults.table import load_faults
from stope.robot.messages import SafetyState
from stope.robot.model import RobotModel
from stope.session.devicewatch import FLAG_ROWS

FEED, SPINDLE = 12, 13
PUSH_N = 40.0


def test_every_bit_that_a_device_can_raise_has_a_row(dialect: Dialect) -> None:
    rows = {row.id for row in load_faults()}
    known = dict.fromkeys(bit for _, bit in seam_bits(dialect))
    assert set(FLAG_ROWS) <= set(known)
    assert set(FLAG_ROWS.values()) <= rows
    without = {
        name
        for (name, _), (_, bit) in zip(dialect.enums["FAULT"].entries.items(), seam_bits(dialect), strict=True)
        if bit not in FLAG_ROWS
    }
    assert without == {"OVERCURRENT", "OVERTEMP", "COLLECTOR_JAM", "STACK"}  # reserved: no code raises them


class Rock(StillWorld):
    """The bit stands on rock: what the feed pushes is what the load cell reads, and the spindle cuts."""

    def advance(self, now_us: int, efforts: CoreEfforts, sensors: CoreSensors) -> None:
        self.velocity[FEED] = 0.0
        self.weight_on_bit_n = max(0.0, efforts.effort[FEED])
        super().advance(now_us, efforts, sensors)
        self.position[FEED], self.velocity[FEED] = self._model.stance[FEED], 0.0


@pytest.mark.parametrize("turns", [40, 57, 83])
def test_a_cable_pulled_while_drilling(core_libraries: dict[str, Path], miner: RobotModel, turns: int) -> None:
    assert [miner.joints[at].role for at in (FEED, SPINDLE)] == ["feed", "spindle"]
    bench = Bench(core_libraries["miner"], miner)
    bench.world = Rock(miner)
    bench.world.phase = [2, 2, 2, 2]
    bench.core._world = bench.world
    line = BadTransport(LockStep(bench.core), LockStep(bench.core), Faults(), Faults())
    bench.robot = bench.another(opener=lambda: line)
    bench.armed()
    mode, effort, velocity = bench.command().joint_mode.copy(), np.zeros(16), np.zeros(16)
    mode[FEED], effort[FEED], velocity[SPINDLE] = 3, PUSH_N, 10.0
    bench.ticks(turns, joint_mode=mode, joint_effort=effort, joint_velocity=velocity)
    assert bench.world.weight_on_bit_n == pytest.approx(PUSH_N)
    assert abs(bench.world.velocity[SPINDLE]) > 5.0
    line.cut = True
    pulled_us = bench.core.now_us
    with pytest.raises(LinkLostError):
        bench.ticks(1)
    since_us = bench.core.now_us
    assert since_us - pulled_us <= CONTROL_US
    stopped_us = 0
    while bench.core.safety_state != SafetyState.FAULT:
        bench.core.step()
        assert list(bench.core.efforts.anchor) == [0, 0, 0, 0]  # nobody lets go
        if bench.core.safety_state == SafetyState.SAFING and not stopped_us:
            stopped_us = bench.core.now_us
        assert bench.core.now_us < pulled_us + 3_000_000
    # the last sign of life went out at most one turn before the cable was pulled
    assert 250_000 - 2 * CONTROL_US <= stopped_us - pulled_us <= 255_000
    assert bench.core.now_us - stopped_us <= 2_000_000
    assert abs(bench.world.velocity[SPINDLE]) <= 0.5
    assert bench.world.weight_on_bit_n < 1.0
