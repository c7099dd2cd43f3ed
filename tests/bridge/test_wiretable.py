"""Every channel of the seam has its place on the wire, with its unit, its size and its codes."""

from __future__ import annotations

import math

import pytest

from stope.bridge.assemble import SAMPLE_MESSAGES
from stope.bridge.dialect import Dialect
from stope.bridge.wiretable import DOWN, UP, Carried
from stope.mission.shipped import shipped
from stope.robot.channels import COMMAND, OBSERVATION, Axis, Channel
from stope.robot.messages import SafetyState
from stope.robot.modelfile import load_robot

TABLE: dict[str, dict[str, Carried | None]] = {"up": {**UP}, "down": {**DOWN}}
#: UCUM of the seam -> how MAVLink writes it
MAVLINK_UNIT = {"1": "", "": "", "m/s2": "m/s/s"}
CARRIED = [
    (channel, place)
    for channel in (*OBSERVATION, *COMMAND)
    if (place := TABLE[channel.direction.value].get(channel.name)) is not None
]
IDS = [f"{channel.direction.value}-{channel.name}" for channel, _ in CARRIED]


def test_every_channel_has_a_line() -> None:
    assert list(UP) == [channel.name for channel in OBSERVATION]
    assert list(DOWN) == [channel.name for channel in COMMAND]
    assert [name for name, place in UP.items() if place is None] == ["health.bad_frames", "terrain_m"]


@pytest.mark.parametrize(("channel", "place"), CARRIED, ids=IDS)
def test_unit_and_codes_are_the_dialects(dialect: Dialect, channel: Channel, place: Carried) -> None:
    field = {f.name: f for f in dialect.messages[place.message].fields}[place.field]
    assert field.units == MAVLINK_UNIT.get(channel.unit, channel.unit)
    if channel.codes is not None:
        wire = dialect.enums[field.enum].entries
        assert dict(wire) == {code.name: code.value for code in channel.codes}


@pytest.mark.parametrize("robot", sorted(shipped("robot")))
@pytest.mark.parametrize(("channel", "place"), CARRIED, ids=IDS)
def test_the_field_has_room_for_every_shipped_robot(
    dialect: Dialect, channel: Channel, place: Carried, robot: str
) -> None:
    if place.how:
        return  # not carried element by element
    size = channel.size(load_robot(shipped("robot")[robot]))
    field = {f.name: f for f in dialect.messages[place.message].fields}[place.field]
    room = max(field.length, 1) * (place.parts if Axis.JOINTS in channel.axes else 1)
    assert math.prod(n or 0 for n in size) <= room
    assert bool(channel.axes) == bool(field.length)


def test_safety_states_are_the_seams(dialect: Dialect) -> None:
    assert dict(dialect.enums["SAFETY_STATE"].entries) == {state.name: state.value for state in SafetyState}


def test_a_sample_is_made_of_what_the_table_names() -> None:
    named = {place.message for place in UP.values() if place} - {"LINK_STATS"}
    assert named == set(SAMPLE_MESSAGES)
