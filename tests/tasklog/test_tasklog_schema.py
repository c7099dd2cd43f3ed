"""The schema keeps its promises: units everywhere, numbers never reused, small when embedded."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pb2

from stope.tasklog import TaskLogError, message_class, messages, new
from stope.tasklog.compile_schema import LOCK, broken_promises, compile_protos, lock_table
from stope.tasklog.schema_page import reference_page
from stope.tasklog.topics import TOPICS
from stope.tasklog.writer import channel_metadata

FIELD = descriptor_pb2.FieldDescriptorProto
NUMERIC = set(range(1, 19)) - {
    FIELD.TYPE_BOOL,
    FIELD.TYPE_STRING,
    FIELD.TYPE_GROUP,
    FIELD.TYPE_MESSAGE,
    FIELD.TYPE_BYTES,
    FIELD.TYPE_ENUM,
}
UCUM = {"1", "m", "m/s", "m/s2", "rad", "rad/s", "N", "N.m", "N.s", "kg", "ug", "s", "us", "A", "V", "J", "By"}
OWN_ROWS = {"{joint}", "{joint}/s", "{joint_effort}", "{unit}"}
DOCS = Path(__file__).parents[2] / "docs" / "format" / "messages.md"


def own_fields() -> list[tuple[str, descriptor_pb2.FieldDescriptorProto]]:
    return [(name, item) for name, file in messages.own_files().items() for item in file.message_type[0].field]


def test_every_number_has_a_unit_and_nothing_else_has() -> None:
    for name, item in own_fields():
        unit = messages.field_units(name).get(item.name, "")
        if item.type in NUMERIC:
            assert unit in UCUM | OWN_ROWS, f"{name}.{item.name}: unit {unit!r}"
        else:
            assert not unit, f"{name}.{item.name} has a unit but is no number"


def test_a_unit_in_the_name_is_the_unit_of_the_field() -> None:
    suffixes = {"_n": "N", "_m": "m", "_kg": "kg", "_us": "us", "_ug": "ug", "_a": "A", "_v": "V", "_j": "J", "_s": "s"}
    checked = 0
    for name, item in own_fields():
        found = re.search(r"_(n|m|kg|us|ug|a|v|j|s)$", item.name)
        if found and item.type in NUMERIC:
            assert messages.field_units(name)[item.name] == suffixes[found.group()], f"{name}.{item.name}"
            checked += 1
    assert checked > 20


def test_axes_are_on_arrays_alone_and_known() -> None:
    for name, file in messages.own_files().items():
        items = {item.name: item for item in file.message_type[0].field}
        for field, axes in messages.field_axes(name).items():
            assert items[field].label == FIELD.LABEL_REPEATED
            for axis in axes.split(","):
                assert axis in {"joint", "limb", "drum", "thruster", "xyz", "xyzw"} | items.keys()


def test_the_unit_in_a_message_has_its_field() -> None:
    for name, _ in own_fields():
        if "{unit}" in messages.field_units(name).values():
            assert "unit" in message_class(name).DESCRIPTOR.fields_by_name


def test_recompiling_gives_what_is_committed() -> None:
    pytest.importorskip("grpc_tools")
    fresh = descriptor_pb2.FileDescriptorSet.FromString(compile_protos())
    kept = descriptor_pb2.FileDescriptorSet.FromString(messages.DESCRIPTOR_SET.read_bytes())
    ours = "stope/log/v1/"
    assert {f.name: f for f in fresh.file if f.name.startswith(ours)} == {
        f.name: f for f in kept.file if f.name.startswith(ours)
    }


def test_the_reference_page_is_up_to_date() -> None:
    pytest.importorskip("grpc_tools")
    page = reference_page(compile_protos(comments=True))
    assert page == DOCS.read_text(), "run: python -m stope.tasklog.compile_schema --docs docs/format/messages.md"


def test_the_lock_table_only_grows() -> None:
    locked = json.loads(LOCK.read_text())
    assert broken_promises(locked) == []
    assert locked == lock_table(), "run: python -m stope.tasklog.compile_schema"


@pytest.mark.parametrize(
    ("field", "change"), [("number", 99), ("unit", "g"), ("type", "TYPE_FLOAT"), ("repeated", 1), ("axis", "limb")]
)
def test_the_lock_notices(field: str, change: str | int) -> None:
    locked = copy.deepcopy(lock_table())
    locked["stope.log.v1.TaskProgress"]["mass_collected_kg"][field] = change
    assert len(broken_promises(locked)) == 1
    gone = copy.deepcopy(lock_table())
    gone["stope.log.v1.TaskProgress"]["gone"] = {"number": 44}
    gone["stope.log.v1.Gone"] = {"x": {"number": 1}}
    assert len(broken_promises(gone)) == 2


def test_embedded_schemas_are_small_and_self_contained() -> None:
    for topic, row in TOPICS.items():
        data = messages.schema_bytes(row.schema)
        files = descriptor_pb2.FileDescriptorSet.FromString(data)
        names = {file.name for file in files.file}
        assert len(data) < 2000, topic
        assert not names & {"stope/log/v1/unit.proto", "google/protobuf/descriptor.proto"}
        assert all(set(file.dependency) <= names for file in files.file)


def test_topic_table() -> None:
    assert {row.schema for row in TOPICS.values()} >= messages.own_files().keys()
    assert {topic for topic, row in TOPICS.items() if not row.deterministic} == {"/recorder/stats", "/audit/checkpoint"}
    assert {topic for topic, row in TOPICS.items() if row.truth} == {"/sim/truth"}
    assert channel_metadata(TOPICS["/sim/truth"])["truth"] == "simulation-only"
    assert channel_metadata(TOPICS["/robot/observation"])["unit.weight_on_bit_n"] == "N"
    assert channel_metadata(TOPICS["/robot/observation"])["axis.limb_force"] == "limb,xyz"
    assert channel_metadata(TOPICS["/robot/pose"])["unit.pose.position.x"] == "m"


def test_units_of_well_known_schemas_name_real_fields() -> None:
    for row in TOPICS.values():
        for path in row.units:
            kind = message_class(row.schema).DESCRIPTOR
            for step in path.split("."):
                kind = kind.fields_by_name[step].message_type or kind


def test_messages_by_topic_short_and_full_name() -> None:
    assert message_class("/estimate") is message_class("BaseEstimate") is message_class("stope.log.v1.BaseEstimate")
    estimate = new("/estimate", position=np.array([1.0, 2.0, 3.0]), valid=True)
    assert list(estimate.position) == [1.0, 2.0, 3.0]
    forces = new("RobotObservation", limb_force=np.arange(6.0).reshape(2, 3), anchor_phase=np.array([2, 0], np.int8))
    assert list(forces.limb_force) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert list(forces.anchor_phase) == [2, 0]


def test_messages_that_are_not_there() -> None:
    with pytest.raises(TaskLogError, match="did you mean 'BaseEstimate'"):
        message_class("BaseEstimat")
    with pytest.raises(TaskLogError, match="among Foxglove's"):
        message_class("foxglove.Unknown")
    with pytest.raises(ValueError, match="nonsense"):
        new("BaseEstimate", nonsense=1)
