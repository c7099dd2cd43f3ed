"""`stope bridge unjam` below its words, over the compiled core in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest
from core_bench import Bench

from stope.bridge.errors import DeniedError
from stope.bridge.service import estop
from stope.bridge.unjam import unjam
from stope.robot.messages import SafetyState
from stope.robot.model import RobotModel


@pytest.mark.parametrize("speed_rad_s", [-2.0, -1.0, 0.5])
def test_the_spindle_turns_for_a_second_and_the_device_is_disarmed(
    core_libraries: dict[str, Path], rig: RobotModel, speed_rad_s: float
) -> None:
    bench = Bench(core_libraries["bench_rig"], rig)
    bench.robot.connect()
    feed_m = bench.robot.read().joint_position[0]
    turned = unjam(bench.robot, speed_rad_s)
    assert turned.angle_rad == pytest.approx(speed_rad_s, rel=0.1)  # a second of it, less how fast it starts
    assert turned.speed_rad_s == pytest.approx(speed_rad_s, rel=0.05)
    seen = bench.robot.read()
    assert seen.safety is SafetyState.DISARMED
    assert not bench.core.outputs_enabled
    assert seen.joint_position[0] == pytest.approx(feed_m, abs=1e-4)


def test_a_device_that_was_stopped_is_not_turned(core_libraries: dict[str, Path], rig: RobotModel) -> None:
    bench = Bench(core_libraries["bench_rig"], rig)
    bench.robot.connect()
    estop(bench.robot.driver)
    with pytest.raises(DeniedError, match="ESTOP"):
        unjam(bench.robot, -1.0)
    assert not bench.core.outputs_enabled
