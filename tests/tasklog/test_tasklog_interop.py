"""Other formats: values survive the way there, by readers that are not ours; and a partner's tables become a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from mcap.reader import make_reader
from sample_log import COUNTS, START_NS, Sample, sample_header

from stope.tasklog import TaskLogError, TaskLogWriter, new
from stope.tasklog.conform import check
from stope.tasklog.interop.cdr import Cdr
from stope.tasklog.interop.from_csv import import_csv
from stope.tasklog.interop.lerobot import export_lerobot
from stope.tasklog.interop.mapping import load_mapping
from stope.tasklog.interop.rerun import export_rerun
from stope.tasklog.interop.ros2 import export_ros2
from stope.tasklog.query.export import export_parquet
from stope.tasklog.reader import read

EXPECTED = COUNTS | {"/recorder/stats": 1}


@pytest.mark.filterwarnings("ignore")
def test_a_ros2_bag_is_read_by_rosbags(write_sample: Sample, tmp_path: Path) -> None:
    typesys = pytest.importorskip("rosbags.typesys", reason="rosbags is not installed: ROS 2 bags were not read back")
    log = write_sample()
    assert export_ros2(log, tmp_path / "bag.mcap") == EXPECTED
    store = typesys.get_typestore(typesys.Stores.EMPTY)
    ours = [found for found in read(log) if found.message is not None]
    with (tmp_path / "bag.mcap").open("rb") as file:
        theirs = list(make_reader(file, validate_crcs=True).iter_messages(log_time_order=False))
    assert len(theirs) == len(ours)
    compared = 0
    for (schema, channel, message), found in zip(theirs, ours, strict=True):
        assert schema is not None
        assert (channel.topic, channel.message_encoding, schema.encoding) == (found.topic, "cdr", "ros2msg")
        if schema.name not in store.fielddefs:
            store.register(typesys.get_types_from_msg(schema.data.decode(), schema.name))
        decoded = store.deserialize_cdr(message.data, schema.name)
        compared += _same(decoded, found.message)
    assert compared > 1000


def _same(decoded: Any, message: Any) -> int:
    """Compare field by field; how many values."""
    count = 0
    for field in message.DESCRIPTOR.fields:
        theirs, ours = getattr(decoded, field.name), getattr(message, field.name)
        if field.message_type is not None:
            many = hasattr(ours, "append")
            for a, b in zip(theirs if many else [theirs], ours if many else [ours], strict=True):
                count += _same(a, b)
        elif isinstance(ours, bytes):
            assert theirs.tobytes() == ours
            count += 1
        elif hasattr(ours, "append"):
            assert list(theirs) == list(ours), field.name
            count += len(ours)
        else:
            assert theirs == ours, field.name
            count += 1
    return count


def test_numbers_are_aligned_to_their_size() -> None:
    out = Cdr()
    out.number("?", 1, True)
    out.number("d", 8, 1.0)
    out.text("ab")
    out.numbers("q", 8, [1, 2])
    data = out.bytes()[4:]
    assert data[:8] == b"\x01" + bytes(7)
    assert data[16:20] == b"\x03\x00\x00\x00"
    assert data[20:23] == b"ab\0"
    assert data[24:28] == b"\x02\x00\x00\x00"
    assert data[32:40] == b"\x01" + bytes(7)
    assert len(data) == 48


def test_parquet_export(write_sample: Sample, tmp_path: Path) -> None:
    log = write_sample()
    files = export_parquet(log, tmp_path / "out")
    assert {file.stem: pq.read_metadata(file).num_rows for file in files} == {
        topic.strip("/").replace("/", "_"): count for topic, count in EXPECTED.items()
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(file.name for file in files)
    assert [file.name for file in export_parquet(log, tmp_path / "some", ["/log"])] == ["log.parquet"]
    with pytest.raises(TaskLogError, match="no messages on /nothing"):
        export_parquet(log, tmp_path / "none", ["/nothing"])


MAPPING = """
[run]
team = "Their lab"
licence = "CC-BY-4.0"
mission = "drill test 7"
robot = "percussor"
body = "lab"
start_utc = "2027-01-15T08:00:00Z"

[[topic]]
topic = "/percussor/drill"
file = "drill.csv"
separator = ";"
time = {column = "t_ms", unit = "ms"}
field = [
  {name = "weight_on_bit_n", column = "WOB [kN]", unit = "N", scale = 1000.0},
  {name = "temperature_k", column = "T [C]", unit = "K", offset = 273.15},
  {name = "blows", column = "blows", type = "int64", unit = "1"},
  {name = "note", column = "note", type = "string"},
]
"""
TABLE = "t_ms;WOB [kN];T [C];blows;note;unused\n0;0.05;20;0;start;x\n10;0.06;;7;;x\n20;0.0;21.5;12;=1+1;x\n"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    (tmp_path / "drill.csv").write_text(TABLE)
    (tmp_path / "map.toml").write_text(MAPPING)
    return tmp_path


def test_a_partners_tables_become_a_log(theirs: Path) -> None:
    out = theirs / "theirs.mcap"
    assert import_csv(load_mapping(theirs / "map.toml"), theirs, out) == {"/percussor/drill": 3}
    rows = [(found.time_us, found.message) for found in read(out)]
    assert [time for time, _ in rows] == [0, 10_000, 20_000]
    assert [row.weight_on_bit_n for _, row in rows] == [50.0, 60.0, 0.0]
    assert [row.HasField("temperature_k") for _, row in rows] == [True, False, True]  # a gap stays a gap
    assert rows[2][1].temperature_k == pytest.approx(294.65)
    assert [row.blows for _, row in rows] == [0, 7, 12]
    assert [row.note for _, row in rows] == ["start", "", "=1+1"]
    report = check(out)
    assert report.conforms, str(report)
    assert not report.findings


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("t_ms;WOB [kN];T [C];blows\n", r"drill\.csv:1: no column 'note'"),
        (TABLE.replace("0.06", "abc"), r"drill\.csv:3: WOB \[kN\]: read 'abc', expected a number"),
        (TABLE.replace("0.06", "nan"), r"drill\.csv:3: WOB \[kN\]: read 'nan', expected a finite number"),
        (TABLE.replace(";7;", ";7.5;"), r"drill\.csv:3: blows: read '7\.5', expected a whole number"),
        (TABLE.replace(";7;", f";{2**64};"), "fits in 64 bits"),
        (TABLE.replace("10;", "-10;"), "expected time since the start"),
        ("", r"drill\.csv:1: no column"),
        (TABLE + "x" * 1_100_000, "is no CSV table"),
        (None, "cannot be read: No such file"),
    ],
)
def test_tables_that_are_not_what_the_mapping_says(theirs: Path, table: str | None, sentence: str) -> None:
    (theirs / "drill.csv").unlink()
    if table is not None:
        (theirs / "drill.csv").write_text(table)
    with pytest.raises(TaskLogError, match=sentence):
        import_csv(load_mapping(theirs / "map.toml"), theirs, theirs / "out.mcap")
    assert not (theirs / "out.mcap").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (('"drill.csv"', '"../../etc/passwd"'), r"topic\.0\.file: read '\.\./\.\./etc/passwd'"),
        (('unit = "K"', 'unit = "kelvins"'), "expected a UCUM code"),
        (("08:00:00Z", "08:00:00"), "a time without zone"),
        (('team = "Their lab"', ""), r"run\.team"),
        (("[run]", "[run"), "is not TOML"),
        (('name = "blows"', 'name = "note"'), "two fields of one name"),
        (("scale = 1000.0", "scale = 1000.0, run = 1"), r"field\.0\.run"),
    ],
)
def test_mappings_that_cannot_be_used(theirs: Path, change: tuple[str, str], sentence: str) -> None:
    (theirs / "map.toml").write_text(MAPPING.replace(*change))
    with pytest.raises(TaskLogError, match=rf"map\.toml: .*{sentence}"):
        load_mapping(theirs / "map.toml")


def test_our_topics_are_not_taken(theirs: Path) -> None:
    (theirs / "map.toml").write_text(MAPPING.replace("/percussor/drill", "/estimate"))
    with pytest.raises(TaskLogError, match="has a message of its own"):
        import_csv(load_mapping(theirs / "map.toml"), theirs, theirs / "out.mcap")


def _robot_log(path: Path) -> Path:
    """Readings at 50 Hz with a hole of 100 ms, each beside the command before it, and a task that changes."""
    with TaskLogWriter(path, sample_header(), start_utc_ns=START_NS) as log:
        for i in (*range(20), *range(25, 40)):
            time_us = i * 20_000
            fields = {f"joint_{kind}": np.full(2, float(i)) for kind in ("position", "velocity", "effort")}
            log.write("/robot/observation", new("RobotObservation", imu_gyro=np.zeros(3), **fields), time_us)
            log.write("/robot/command", new("RobotCommand", **fields), time_us)
            if i == 10:
                log.write("/task/progress", new("TaskProgress", task="drill"), time_us)
    return path


def test_a_lerobot_dataset(tmp_path: Path) -> None:
    written = export_lerobot(_robot_log(tmp_path / "a.mcap"), tmp_path / "set")
    assert {str(path.relative_to(tmp_path / "set")) for path in written} == {
        "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet", "meta/info.json",
        "meta/stats.json", "meta/tasks.parquet",
    }  # fmt: skip
    info = json.loads((tmp_path / "set/meta/info.json").read_text())
    data = pq.read_table(tmp_path / "set" / info["data_path"].format(chunk_index=0, file_index=0))
    assert (info["codebase_version"], info["fps"], info["total_episodes"]) == ("v3.0", 50, 2)
    assert info["total_frames"] == data.num_rows == 34  # 35 readings; no command came after the last
    assert set(info["features"]) == set(data.column_names)
    assert info["features"]["action"]["names"][:2] == ["hip.position", "feed.position"]
    rows = data.to_pylist()
    assert [row["index"] for row in rows] == list(range(34))
    assert {row["episode_index"] for row in rows[:20]} == {0}
    for row in rows:
        assert row["timestamp"] == pytest.approx(row["frame_index"] / 50)
    assert (rows[3]["observation.state"], rows[3]["action"][:2]) == ([3.0, 3.0], [4.0, 4.0])
    assert rows[19]["action"][:2] == [25.0, 25.0]  # the command after the hole
    assert [rows[20]["frame_index"], rows[20]["observation.time_s"]] == [0, 0.5]
    tasks = pq.read_table(tmp_path / "set/meta/tasks.parquet")
    assert tasks.to_pylist() == [
        {"task_index": 0, "task": "bennu_core"}, {"task_index": 1, "task": "bennu_core: drill"},
    ]  # fmt: skip
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]  # as LeRobot looks them up
    episodes = pq.read_table(tmp_path / "set/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [(e["dataset_from_index"], e["dataset_to_index"], e["length"]) for e in episodes] == [
        (0, 20, 20),
        (20, 34, 14),
    ]
    stats = json.loads((tmp_path / "set/meta/stats.json").read_text())
    assert set(stats) == set(info["features"])
    assert stats["observation.state"]["max"] == [38.0, 38.0]
    with pytest.raises(TaskLogError, match="exists; nothing is overwritten"):
        export_lerobot(tmp_path / "a.mcap", tmp_path / "set")


def test_a_log_without_commands_is_no_dataset(write_sample: Sample, tmp_path: Path) -> None:
    with pytest.raises(TaskLogError, match="read 0 readings with a command"):
        export_lerobot(write_sample(), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_rerun_recording(write_sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write_sample()
    export_rerun(log, tmp_path / "a.rrd")
    assert (tmp_path / "a.rrd").read_bytes()[:4] in (b"RRF2", b"RRIO")
    with pytest.raises(TaskLogError, match="exists"):
        export_rerun(log, tmp_path / "a.rrd")
    log.write_bytes(log.read_bytes()[:-30])
    with pytest.raises(TaskLogError, match="Rerun would drop the rest silently"):
        export_rerun(log, tmp_path / "b.rrd")
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(TaskLogError, match="pip install rerun-sdk"):
        export_rerun(log, tmp_path / "b.rrd")
