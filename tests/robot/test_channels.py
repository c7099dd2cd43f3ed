"""The channel table covers exactly what the messages hold."""

import dataclasses
from typing import Any, get_type_hints

import numpy as np
import pytest

from stope.mission.shipped import find_data
from stope.robot import messages
from stope.robot.channels import COMMAND, OBSERVATION, Axis, Channel, Direction
from stope.robot.messages import Applied, Command, Health, Observation
from stope.robot.modelfile import load_robot

UCUM = {"us", "1", "rad", "m", "rad/s", "m/s", "N.m", "N", "m/s2", "A", "kg", "V", "J", ""}


def fields_of(message: type[Any]) -> list[str]:
    hints = get_type_hints(message, vars(messages))
    names = []
    for field in dataclasses.fields(message):
        if dataclasses.is_dataclass(hints[field.name]):
            names += [f"{field.name}.{inner}" for inner in fields_of(hints[field.name])]
        else:
            names.append(field.name)
    return names


@pytest.mark.parametrize(("table", "message"), [(OBSERVATION, Observation), (COMMAND, Command)])
def test_the_table_is_the_message_field_by_field(table: tuple[Channel, ...], message: type[Any]) -> None:
    assert [channel.name for channel in table] == fields_of(message)


@pytest.mark.parametrize(("table", "direction"), [(OBSERVATION, Direction.UP), (COMMAND, Direction.DOWN)])
def test_every_row_is_complete(table: tuple[Channel, ...], direction: Direction) -> None:
    for channel in table:
        assert channel.direction is direction
        assert {channel.unit, channel.unit_sliding} <= UCUM, channel.name
        assert channel.meaning, channel.name
        assert (channel.unit == channel.unit_sliding) or channel.axes == (Axis.JOINTS,), channel.name


@pytest.mark.parametrize("channel", [*OBSERVATION, *COMMAND], ids=lambda channel: channel.name)
def test_a_name_that_ends_in_a_unit_has_that_unit(channel: Channel) -> None:
    suffixes = {
        "_us": "us", "_rad_s": "rad/s", "_m_s2": "m/s2", "_n": "N", "_m": "m", "_a": "A", "_kg": "kg", "_v": "V",
        "_j": "J",
    }  # fmt: skip
    stated = [unit for suffix, unit in suffixes.items() if channel.name.endswith(suffix)]
    assert not stated or channel.unit in stated


def test_units_follow_the_joint_kind_and_sizes_the_model() -> None:
    miner = load_robot(find_data("robot", "miner"))
    rows = {channel.name: channel for channel in OBSERVATION}
    feed, knee = miner.joints[miner.joint("drill_feed")], miner.joints[miner.joint("fl_knee")]
    assert rows["joint_velocity"].unit_of(feed) == "m/s"
    assert rows["joint_velocity"].unit_of(knee) == "rad/s"
    assert rows["limb_force_n"].size(miner) == (4, 3)
    assert rows["limb_force_n"].shape == "limbs x 3"
    assert rows["drum_fill"].size(miner) == (2,)
    assert rows["terrain_m"].size(miner) == (None, 3)
    assert rows["bus_voltage_v"].size(miner) == ()
    assert rows["bus_voltage_v"].shape == "scalar"


def test_sizes_are_those_of_a_message_for_the_rig() -> None:
    rig = load_robot(find_data("robot", "bench_rig"))
    observation = Observation(
        0, 0, np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(3), np.zeros(3), np.zeros((1, 3)),
        np.zeros(1, np.int8), np.zeros(1), np.zeros(1), 0.0, 0.0, 0.0, np.zeros(0), 0.0, 24.0, 0.0,
        messages.SafetyState.BOOT, 0, Applied(), Health(),
    )  # fmt: skip
    for channel in OBSERVATION:
        if "." not in channel.name and channel.name != "terrain_m":
            assert np.shape(getattr(observation, channel.name)) == channel.size(rig), channel.name
