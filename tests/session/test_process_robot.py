"""Firmware and plant as processes of their own, in real time: the same mission over two real lines."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from short_missions import run

from stope.mission.errors import InputError
from stope.robot.messages import Efforts, RawSensors
from stope.session.outcome import PASSED
from stope.session.plant_process import Shaken

compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="FIRMWARE NOT TESTED: no C compiler")


def at_rest(joints: int, limbs: int) -> RawSensors:
    still = np.zeros(joints)
    return RawSensors(
        0, still, still, still, np.zeros(3), np.zeros(3), np.zeros((limbs, 3)), np.zeros(limbs, dtype=np.int8),
        np.zeros(limbs), np.zeros(limbs), 0.0, 0.0, 0.0, np.zeros(0), 0.0, 24.0, 0.0,
    )  # fmt: skip


@compiler
@pytest.mark.mission
@pytest.mark.xdist_group("real-time")
def test_the_bench_rig_drills_with_the_firmware_as_a_process() -> None:
    outcome = run("lab_bench", ("tasks.drill.depth_m=0.002",), robot="native")
    if "HOST_TIMEOUT" in outcome.reason or "ENCODER" in outcome.reason:  # as it must: told with the measured silence
        pytest.skip(f"this machine stalled host or plant too long for a test in real time: {outcome.reason}")
    assert (outcome.verdict, outcome.reason) == (PASSED, "")
    assert outcome.detections == ()
    assert {row.state for row in outcome.tasks} == {"succeeded"}
    assert outcome.depth_m == pytest.approx(0.002, abs=3e-4)
    assert 8.0 < outcome.peak_weight_on_bit_n < 15.0  # 2 mm end while the bit still spuds, with 10 N
    assert outcome.mass_error_ug is None  # nobody in this process knows the truth
    assert outcome.escaped_kg is None


def test_the_mean_of_readings_keeps_a_shock() -> None:
    shaken = Shaken()
    raw = at_rest(2, 1)
    for accel in (0.0, 8.0, 0.0, 0.0):
        shaken.feel(raw._replace(imu_accel_m_s2=np.array((0.0, 0.0, accel))))
    assert shaken.mean(raw).imu_accel_m_s2.tolist() == [0.0, 0.0, 2.0]
    assert shaken.mean(raw).imu_accel_m_s2.tolist() == [0.0, 0.0, 0.0]  # nothing since: what the wire says now


def test_a_fault_cannot_be_caused_where_the_world_is_not_at_hand() -> None:
    with pytest.raises(InputError, match="--inject"):
        run("lab_bench", inject=("anchors.lost@drill",), robot="native")


def test_drives_close_the_joint_loops_inside_their_limits() -> None:
    from stope.bridge.drives import Drives
    from stope.bridge.plant_link import References
    from stope.mission.shipped import find_data
    from stope.robot.modelfile import load_robot

    model = load_robot(find_data("robot", "bench_rig"))
    count, limbs = len(model.joints), len(model.limbs)
    told = References(
        mode=np.array([1, 2], dtype=np.int8), position=np.array([1.0, 0.0]), velocity=np.array([0.0, 1.0]),
        effort=np.zeros(count), effort_limit=np.array([20.0, 2.0]), brake=np.array([False, False]),
        anchor=np.zeros(limbs, dtype=np.int8), thrust_n=np.zeros(0), enabled=True, hammer=0.4,
    )  # fmt: skip
    raw = at_rest(count, limbs)
    efforts: Efforts = Drives(model).efforts(told, raw)
    assert efforts.joint[0] == 20.0  # the set-point's own limit
    assert 0.0 < efforts.joint[1] <= 2.0
    assert efforts.hammer == 0.4
    import dataclasses

    off = Drives(model).efforts(dataclasses.replace(told, enabled=False), raw)
    assert not off.joint.any()
    assert off.brake.all()
