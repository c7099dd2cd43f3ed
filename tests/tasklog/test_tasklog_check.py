"""The conformance checker: our logs pass, and each rule fires on a log that breaks it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st
from mcap.writer import CompressionType, Writer
from sample_log import START_NS, Sample

from stope.tasklog import messages, new
from stope.tasklog.conform import check
from stope.tasklog.conform.ucum import is_ucum
from stope.tasklog.header import utc_text
from stope.tasklog.info import describe
from stope.tasklog.topics import TOPICS
from stope.tasklog.writer import channel_metadata

RUN = {
    "format": "stope.log/1", "start_utc_ns": str(START_NS), "start_utc": utc_text(START_NS), "clock_scale": "UTC",
    "frames": "site", "mission": "m", "body": "b", "robot": "r", "seed": "1", "stope_version": "0", "licence": "MIT",
    "team": "t",
}  # fmt: skip


class Maker:
    """A partner's log, right by default; a test breaks one thing."""

    def __init__(self) -> None:
        self.run: dict[str, str] | None = dict(RUN)
        self.attachments = {"mission.resolved.json": b"{}", "robot.model.json": b'{"limbs": [{"name": "a"}]}'}
        self.topic, self.schema = "/mass/parcel", "stope.log.v1.MassParcel"
        self.definition = messages.schema_bytes(self.schema)
        self.metadata = channel_metadata(TOPICS[self.topic])
        self.encoding = "protobuf"
        self.data = new("MassParcel", amount_ug=5).SerializeToString()
        self.rows = [(i + 1, START_NS + i, START_NS + i) for i in range(3)]
        self.options: dict[str, Any] = {}
        self.profile = "stope"

    def own(self, **kinds: int) -> None:
        """Carry a message of a partner's own, with fields of these types."""
        files = descriptor_pb2.FileDescriptorSet()
        file = files.file.add(name="p.proto", package="p", syntax="proto3")
        message = file.message_type.add(name="Own")
        for number, (name, kind) in enumerate(kinds.items(), 1):
            message.field.add(name=name, number=number, label=1, type=kind)
        self.topic, self.schema, self.definition = "/own", "p.Own", files.SerializeToString()
        self.data, self.metadata = b"", {"deterministic": "true"}

    def write(self, path: Path) -> Path:
        with path.open("wb") as file:
            options = {"compression": CompressionType.ZSTD, "enable_data_crcs": True} | self.options
            writer: Any = Writer(file, **options)
            writer.start(profile=self.profile)
            if self.run is not None:
                writer.add_metadata("stope.run", self.run)
            for name, data in self.attachments.items():
                writer.add_attachment(START_NS, START_NS, name, "application/json", data)
            schema = writer.register_schema(self.schema, "protobuf", self.definition) if self.definition else 0
            channel = writer.register_channel(self.topic, self.encoding, schema, dict(self.metadata))
            for sequence, log_ns, publish_ns in self.rows:
                writer.add_message(channel, log_ns, self.data, publish_ns, sequence)
            writer.finish()
        return path


def rules(path: Path, level: str | None = None) -> set[str]:
    return {found.rule for found in check(path).findings if level is None or found.level == level}


@pytest.mark.parametrize("backend", ["foxglove", "python"])
def test_our_own_logs_conform_without_a_word(write_sample: Sample, backend: str) -> None:
    report = check(write_sample(backend=backend))
    assert report.findings == []
    assert report.conforms
    assert report.messages == 65


def test_a_right_log_of_a_partner(tmp_path: Path) -> None:
    assert check(Maker().write(tmp_path / "p.mcap")).findings == []


def _set(name: str, value: Any) -> Callable[[Maker], None]:
    return lambda maker: setattr(maker, name, value)


def _run(**values: str) -> Callable[[Maker], None]:
    return lambda maker: maker.__setattr__("run", {**RUN, **values})


def _without(key: str) -> Callable[[Maker], None]:
    return lambda maker: maker.__setattr__("metadata", {k: v for k, v in maker.metadata.items() if k != key})


def _rows(*rows: tuple[int, int, int]) -> Callable[[Maker], None]:
    return _set("rows", list(rows))


def _renumbered(maker: Maker) -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString(maker.definition)
    files.file[0].message_type[0].field[0].number = 9
    maker.definition = files.SerializeToString()


def _grown(maker: Maker) -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString(maker.definition)
    files.file[0].message_type[0].field.add(name="purity", number=5, type=1, label=1)
    maker.definition = files.SerializeToString()


def _pose_arrays(maker: Maker) -> None:
    maker.topic = "/belief/anchors"
    maker.schema = "stope.log.v1.AnchorBelief"
    maker.definition = messages.schema_bytes(maker.schema)
    maker.metadata = channel_metadata(TOPICS[maker.topic])
    maker.data = new("AnchorBelief", margin=[1.0, 2.0]).SerializeToString()


def _event(topic: str, **fields: Any) -> Callable[[Maker], None]:
    def change(maker: Maker) -> None:
        maker.topic, maker.schema = topic, TOPICS[topic].schema
        maker.definition = messages.schema_bytes(maker.schema)
        maker.metadata = channel_metadata(TOPICS[topic])
        maker.data = new(topic, **fields).SerializeToString()

    return change


_LARGE = b"\x0a\x80\x80\x80\x03" + bytes(6 << 20)

CASES: Mapping[str, tuple[str, Callable[[Maker], None]]] = {
    "container.chunks": ("error", _set("options", {"use_chunking": False})),
    "container.checksums": ("error", _set("options", {"enable_crcs": False})),
    "container.profile": ("warning", _set("profile", "ros2")),
    "container.chunk_size": (
        "warning",
        lambda maker: (maker.own(a=12), _set("data", _LARGE)(maker))[0],
    ),
    "header.present": ("error", _set("run", None)),
    "header.format": ("error", _run(format="stope.log/9")),
    "header.licence": ("error", _run(licence="ask us")),
    "header.team": ("error", _run(team="")),
    "header.mission": ("warning", _run(mission="")),
    "header.seed": ("error", _run(seed="-1")),
    "header.start": ("error", _run(start_utc="2020-01-01T00:00:00.000000000Z")),
    "header.attachment": ("error", _set("attachments", {})),
    "header.json": ("error", _set("attachments", {"mission.resolved.json": b"{", "robot.model.json": b"{}"})),
    "header.joints": (
        "error",
        _set(
            "attachments",
            {"mission.resolved.json": b"{}", "robot.model.json": b'{"joints":[{"name":"j","unit":"deg","sign":1}]}'},
        ),
    ),
    "topic.name": ("error", lambda maker: (maker.own(a=9), _set("topic", "no slash")(maker))[0]),
    "topic.schema": ("error", _set("topic", "/estimate")),
    "schema.encoding": ("error", _set("encoding", "json")),
    "schema.changed": ("error", _renumbered),
    "schema.newer": ("warning", _grown),
    "channel.metadata": ("error", _without("unit.amount_ug")),
    "unit.present": ("error", lambda maker: maker.own(force=1)),
    "unit.ucum": (
        "error",
        lambda maker: (maker.own(force=1), maker.__setattr__("metadata", {"unit.force": "newtons"}))[0],
    ),
    "sequence.gap": ("error", _rows((1, START_NS, START_NS), (3, START_NS, START_NS))),
    "sequence.zero": ("warning", _rows((0, START_NS, START_NS))),
    "time.order": ("warning", _rows((1, START_NS + 9, START_NS + 9), (2, START_NS, START_NS))),
    "time.mixed": ("error", _rows((1, START_NS, START_NS), (2, 9, 9))),
    "time.start": ("error", _rows((1, START_NS - 1, START_NS - 1))),
    "time.publish": ("warning", _rows((1, START_NS, START_NS + 1))),
    "array.length": ("error", _pose_arrays),
    "message.decodes": ("error", _set("data", b"\xff")),
    "code.grammar": ("error", _event("/task/event", phase=3, reason="It broke")),
    "code.unit": ("error", _event("/safety/event", fault="anchors.lost", unit="newtons")),
    "mass.negative": ("error", _set("data", new("MassParcel", amount_ug=-5).SerializeToString())),
    "log.empty": ("warning", _rows()),
}


@pytest.mark.parametrize("rule", CASES)
def test_each_rule_fires(tmp_path: Path, rule: str) -> None:
    level, breaking = CASES[rule]
    maker = Maker()
    breaking(maker)
    path = maker.write(tmp_path / "p.mcap")
    assert rule in rules(path, level)
    assert check(path).conforms == (level == "warning")


@pytest.mark.parametrize("topic", ["/recorder/stats", "/mass/parcel", "/estimate"])
def test_another_message_under_our_topics_name_is_told_and_nothing_breaks(tmp_path: Path, topic: str) -> None:
    maker = Maker()
    maker.own(dropped=9, amount_ug=9)
    maker.topic, maker.data = topic, b"\x0a\x01x\x12\x01y"
    maker.metadata = {"axis.dropped": "limb", "unit.force": "N"}
    path = maker.write(tmp_path / "p.mcap")
    assert "topic.schema" in rules(path, "error")
    assert describe(path).messages == 3


def test_a_cut_log_is_not_whole(write_sample: Sample) -> None:
    path = write_sample()
    path.write_bytes(path.read_bytes()[:-50])
    report = check(path)
    assert "container.whole" in {found.rule for found in report.findings}
    assert "stope log recover" in str(report)
    assert json.loads(report.to_json())["conforms"] is False


def test_every_rule_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "format" / "conformance.md").read_text()
    source = "".join(p.read_text() for p in Path(check.__code__.co_filename).parent.glob("*.py"))
    families = {rule.split(".")[0] for rule in CASES}
    named = {word for word in re.findall(r'"([a-z]+\.[a-z_]+)"', source) if word.split(".")[0] in families}
    assert named >= CASES.keys() - {"header.team", "header.mission"}
    for rule in named | CASES.keys():
        assert f"`{rule}`" in page or (rule.startswith("header.") and "`header.<key>`" in page), rule


@pytest.mark.parametrize(
    "unit",
    ["N", "N.m", "m/s2", "rad/s", "kg", "mg", "ug", "1", "%", "Cel", "kPa", "W/m2", "{joint}", "/s", "m.s-1", "us"],
)
def test_ucum_units(unit: str) -> None:
    assert is_ucum(unit)


@pytest.mark.parametrize("unit", ["", "newtons", "kgs", "m^2", "N m", "degC", "percent", "m//s", "kg.", "xs"])
def test_what_is_no_ucum_unit(unit: str) -> None:
    assert not is_ucum(unit)


@given(st.text(max_size=80))
def test_any_text_is_judged_quickly(unit: str) -> None:
    assert is_ucum(unit) in (True, False)
