"""The plant link: readings arrive within half a count or saturate, references come back in the robot file's signs."""

from __future__ import annotations

import dataclasses
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.bridge.codec import Codec
from stope.bridge.dialect import load_dialect
from stope.bridge.plant_link import COUNTS, PlantLink
from stope.mission.shipped import find_data
from stope.robot.messages import RawSensors
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot

MINER = load_robot(find_data("robot", "miner"))
MIRRORED = dataclasses.replace(MINER, joints=tuple(dataclasses.replace(j, sign=-1) for j in MINER.joints))


def reading(**given: object) -> RawSensors:
    plain = RawSensors(
        time_us=1_000, joint_position=np.array(MINER.stance), joint_velocity=np.zeros(16), joint_effort=np.zeros(16),
        imu_gyro_rad_s=np.zeros(3), imu_accel_m_s2=np.zeros(3), limb_force_n=np.zeros((4, 3)),
        anchor_phase=np.zeros(4, dtype=np.int8), anchor_engagement=np.zeros(4), anchor_slip_m=np.zeros(4),
        weight_on_bit_n=0.0, spindle_current_a=0.0, bin_fill=0.0, drum_fill=np.zeros(2), propellant_kg=0.5,
        bus_voltage_v=28.0, energy_used_j=12.5,
    )  # fmt: skip
    return plain._replace(**given)


def heard(oracle: ModuleType, data: bytes) -> object:
    ear = oracle.MAVLink(None)
    return ear.parse_buffer(data)[0]


@given(st.lists(st.floats(-1.2, 1.2), min_size=16, max_size=16), st.floats(-300.0, 300.0))
@settings(max_examples=40)
def test_a_reading_arrives_within_half_a_count(oracle: ModuleType, position: list[float], weight_n: float) -> None:
    where = np.array(position)
    message = heard(oracle, PlantLink(MINER, Codec(load_dialect())).tell(
        reading(joint_position=where, weight_on_bit_n=weight_n)))  # fmt: skip
    scale = np.array([COUNTS[joint.kind][0] for joint in MINER.joints])
    fits = np.abs(where) <= 32767 * scale
    assert np.allclose(np.array(message.position)[fits] * scale[fits], where[fits], atol=0.5 * scale.max() + 1e-9)
    assert (np.abs(np.array(message.position)) <= 32768).all()
    assert message.weight_on_bit * 0.01 == pytest.approx(weight_n, abs=0.005 + 1e-9)  # half a count
    assert (message.seq, message.energy_used_j, message.bus_voltage) == (1, 12.5, 28_000)


def test_what_does_not_fit_saturates_and_turns_wrap(oracle: ModuleType) -> None:
    drum = MINER.joint("drum_fore")
    position, velocity = np.array(MINER.stance), np.zeros(16)
    position[drum], velocity[0] = 40.0, 1e9  # 40 rad are 40 000 counts: past 16 bits by a turn of the counter
    message = heard(oracle, PlantLink(MINER, Codec(load_dialect())).tell(
        reading(joint_position=position, joint_velocity=velocity, limb_force_n=np.full((4, 3), -1e6))))  # fmt: skip
    assert message.position[drum] == 40_000 - 65_536
    assert message.velocity[0] == 32_767
    assert set(message.force) == {-32_767}


@pytest.mark.parametrize("model", [MINER, MIRRORED])
def test_references_come_back_in_the_robot_files_signs(oracle: ModuleType, model: RobotModel) -> None:
    mouth = oracle.MAVLink(None, srcSystem=1, srcComponent=1)
    sent = oracle.MAVLink_plant_efforts_message(
        5, 1, 1 | 2 << 2, [0] * 16, [1000] * 16, [10] * 16, [-20] * 16, [100] * 16,
        [10_000, 0, 0, 0], 0b100, [1, 0, -1, 0], 1, 51,
    )  # fmt: skip
    told = PlantLink(model, Codec(load_dialect())).hear(sent.pack(mouth), 0)
    assert told is not None
    sign = model.joints[0].sign
    assert told.mode.tolist()[:3] == [1, 2, 0]
    assert told.position[0] == pytest.approx(sign * 0.1)
    assert told.effort[0] == pytest.approx(-sign * 0.04)
    assert told.effort_limit[0] == pytest.approx(0.2)
    assert told.thrust_n.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert told.brake.tolist() == [False, False, True] + [False] * 13
    assert (told.anchor.tolist(), told.enabled) == ([1, 0, -1, 0], True)
    assert told.hammer == pytest.approx(0.2)


def test_half_a_frame_says_nothing(oracle: ModuleType) -> None:
    mouth = oracle.MAVLink(None, srcSystem=1, srcComponent=1)
    data = oracle.MAVLink_plant_efforts_message(
        5, 1, 0, [0] * 16, [0] * 16, [0] * 16, [0] * 16, [0] * 16, [0] * 4, 0, [0] * 4, 1, 0
    ).pack(mouth)
    link = PlantLink(MINER, Codec(load_dialect()))
    assert link.hear(data[:20], 0) is None
    assert link.hear(data[20:], 1000) is not None
