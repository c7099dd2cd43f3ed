"""Tables and SQL: the values are those of the log, and a query reaches nothing but the tables and ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sample_log import COUNTS, START_NS, Sample

from stope.tasklog import TaskLogError, TaskLogWriter, new
from stope.tasklog.confined import Ceiling, confined
from stope.tasklog.query.answer import as_json, as_text
from stope.tasklog.query.sql import Bounds, query
from stope.tasklog.query.tables import add_log, compact, datasets, table_name
from stope.tasklog.reader import read


def test_tables_hold_what_the_log_holds(write_sample: Sample, tmp_path: Path) -> None:
    log = write_sample()
    digest = add_log(log, tmp_path / "t")
    tables = datasets(tmp_path / "t")
    assert {name: table.count_rows() for name, table in tables.items()} == {
        **{table_name(topic): count for topic, count in COUNTS.items()},
        "recorder_stats": 1,
    }
    rows = tables["robot_observation"].to_table().to_pylist()
    for row, found in zip(rows, read(log, ["/robot/observation"]), strict=True):
        assert row["log"] == digest
        assert (row["sequence"], row["utc_ns"]) == (found.sequence, found.log_time_ns)
        assert row["time_s"] == pytest.approx(found.time_us * 1e-6)
        assert row["joint_position"] == list(found.message.joint_position)
        assert row["weight_on_bit_n"] == found.message.weight_on_bit_n
    pose = tables["robot_pose"].to_table().to_pylist()[0]["pose"]
    assert pose["orientation"]["w"] == 1.0
    assert tables["terrain"].to_table().to_pylist()[0]["data"] > 0  # bytes are their length
    [file] = (tmp_path / "t" / "robot_observation").iterdir()
    assert pq.read_schema(file).field("weight_on_bit_n").metadata == {b"unit": b"N"}
    phases = [found.message.phase for found in read(log, ["/task/event"])]
    names = new("TaskEvent").DESCRIPTOR.enum_types_by_name["Phase"].values_by_number
    assert query("select phase from task_event", tables).rows == [(names[phase].name,) for phase in phases]


def test_many_logs_once_each_and_compacted(write_sample: Sample, tmp_path: Path) -> None:
    logs = [write_sample(f"{seed}.mcap", seed=seed) for seed in range(4)]
    for log in [*logs, logs[0]]:
        add_log(log, tmp_path / "t")
    sql = "select log, count(*), sum(amount_ug)::varchar from mass_parcel group by log order by log"
    before = query(sql, datasets(tmp_path / "t"))
    assert [row[1] for row in before.rows] == [8] * 4
    assert compact(tmp_path / "t")["mass_parcel"] == 4
    [merged] = (tmp_path / "t" / "mass_parcel").iterdir()
    assert pq.ParquetFile(merged).num_row_groups == 1  # a group a log would be as slow as a file a log
    assert query(sql, datasets(tmp_path / "t")) == before
    add_log(write_sample("9.mcap", seed=9), tmp_path / "t")
    assert len(query(sql, datasets(tmp_path / "t")).rows) == 5
    compact(tmp_path / "t")
    assert len(query(sql, datasets(tmp_path / "t")).rows) == 5


def test_an_older_log_lacks_a_column_and_gets_null(write_sample: Sample, tmp_path: Path) -> None:
    add_log(write_sample(), tmp_path / "t")
    folder = tmp_path / "t" / "mass_parcel"
    [file] = folder.iterdir()
    older = pq.read_table(file).drop_columns(["material"])
    pq.write_table(older, folder / "older.parquet")
    answer = query("select count(*), count(material) from mass_parcel", datasets(tmp_path / "t"))
    assert answer.rows == [(16, 8)]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_parquet('{here}')",
        "select * from '{here}'",
        "select * from read_text('/etc/hostname')",
        "select * from glob('/*')",
        "copy (select 1) to '{out}'",
        "attach '{out}' as x",
        "install httpfs",
        "set enable_external_access = true",
        "pragma database_list",
        "create table x as select 1",
        "select 1; select 2",
        "",
        "select * from secret",
        "select getenv('HOME')",
        "nonsense",
    ],
)
def test_a_query_reaches_nothing_but_the_tables(write_sample: Sample, tmp_path: Path, sql: str) -> None:
    add_log(write_sample(), tmp_path / "t")
    secret = datasets(tmp_path / "t")["log"].to_table()  # a Python variable is no table
    assert secret.num_rows
    here = next((tmp_path / "t" / "log").iterdir())
    out = tmp_path / "out.db"
    with pytest.raises(TaskLogError, match="the query"):
        query(sql.format(here=here, out=out), datasets(tmp_path / "t"))
    assert not out.exists()


def test_a_query_is_bounded(write_sample: Sample, tmp_path: Path) -> None:
    add_log(write_sample(), tmp_path / "t")
    tables = datasets(tmp_path / "t")
    with pytest.raises(TaskLogError, match=r"took more than 0\.5 s"):
        query("select sum(a.range * b.range) from range(10000000) a, range(10000000) b", tables, Bounds(seconds=0.5))
    with pytest.raises(TaskLogError, match=r"(?i)memory"):
        query("select list(range) from range(100000000)", tables, Bounds(memory_mb=64))
    answer = query("select * from range(100)", tables, Bounds(rows=10))
    assert (len(answer.rows), answer.more) == (10, True)
    assert "and more" in as_text(answer)


def test_answers_as_text_and_json(write_sample: Sample, tmp_path: Path) -> None:
    add_log(write_sample(), tmp_path / "t")
    tables = datasets(tmp_path / "t")
    answer = query("select sequence, utc, null as nothing from mass_parcel order by sequence limit 2", tables)
    assert as_text(answer).splitlines()[0].split() == ["sequence", "utc", "nothing"]
    assert '"sequence": 1' in as_json(answer).splitlines()[0]
    shifted = query("select (utc + interval 1 hour) > utc from mass_parcel limit 1", tables)
    assert shifted.rows == [(True,)]


def test_two_schemas_on_one_topic_and_odd_names(tmp_path: Path) -> None:
    assert table_name("/../../etc/passwd") == "etc_passwd"
    assert table_name("/9/é") == "t_9"
    assert table_name("///") == "topic"
    with TaskLogWriter(tmp_path / "x.mcap", _header(), start_utc_ns=START_NS) as log:
        log.write("/log", new("/log", message="hello"), 0)
    add_log(tmp_path / "x.mcap", tmp_path / "t")
    assert query("select message from log", datasets(tmp_path / "t")).rows == [("hello",)]


def _header():
    from sample_log import sample_header

    return sample_header()


def _fat(folder: Path) -> Path:
    """A log that cannot be read in a megabyte beyond what is there already."""
    header = replace(_header(), mission_json=json.dumps("x" * 20_000_000))
    with TaskLogWriter(folder / "fat.mcap", header, start_utc_ns=START_NS) as log:
        log.write("/log", new("/log", message="hello"), 0)
    return folder / "fat.mcap"


def test_a_child_reads_and_its_ceiling_holds(write_sample: Sample, tmp_path: Path) -> None:
    log = write_sample()
    assert confined("stope.tasklog.tasks:check_log", str(log))["parts"][0]["conforms"] is True
    with pytest.raises(TaskLogError, match=r"nothing\.mcap: cannot be read"):
        confined("stope.tasklog.tasks:check_log", str(tmp_path / "nothing.mcap"))
    with pytest.raises(TaskLogError, match=r"took more than 1 MB or .*; nothing of it was taken"):
        confined("stope.tasklog.tasks:check_log", str(_fat(tmp_path)), ceiling=Ceiling(memory_mb=1))
    with pytest.raises(TaskLogError, match="took more than 0"):
        confined("stope.tasklog.tasks:check_log", str(log), ceiling=Ceiling(wall_s=0.01))
    with pytest.raises(ValueError, match="not among the tasks"):
        confined("os:system", "true")
