"""Header, info and CSV: what a person sees of a log."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sample_log import COUNTS, START_NS, Sample, sample_messages

from stope.tasklog import RunHeader, TaskLogError, TaskLogWriter, new
from stope.tasklog.export import export_csv, file_names
from stope.tasklog.header import CLOCK_SCALE, utc_text
from stope.tasklog.info import describe, format_info, to_json


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_header_comes_back_whole(write_sample: Sample, header: RunHeader) -> None:
    found = describe(write_sample()).header
    assert found == replace(header, start_utc="2027-01-15T08:00:00.000000000Z", extra={"start_utc_ns": str(START_NS)})
    assert found.clock_scale == CLOCK_SCALE
    assert found.joints[1].unit == "m"
    assert found.axis_names("limb") == ("fore", "hind")
    assert found.axis_names("thruster") == ()


def test_header_refuses_what_nobody_could_read(header: RunHeader) -> None:
    with pytest.raises(TaskLogError, match="the resolved mission is not JSON"):
        replace(header, mission_json="{")
    with pytest.raises(TaskLogError, match="each joint needs name, unit and sign"):
        replace(header, robot_json='{"joints": [{"name": "hip"}]}')
    with pytest.raises(TaskLogError, match="extra keys \\['seed'\\] are taken"):
        replace(header, extra={"seed": "8"}).metadata()


def test_header_and_writer_must_agree_on_the_start(tmp_path: Path, header: RunHeader) -> None:
    with pytest.raises(TaskLogError, match="run header says start 2001"):
        TaskLogWriter(tmp_path / "a.mcap", replace(header, start_utc="2001"), start_utc_ns=START_NS)


def test_utc_text_is_exact() -> None:
    assert utc_text(0) == "1970-01-01T00:00:00.000000000Z"
    assert utc_text(1_800_000_000_123_456_789) == "2027-01-15T08:00:00.123456789Z"
    with pytest.raises(TaskLogError):
        utc_text(2**70)


def test_info(write_sample: Sample) -> None:
    path = write_sample()
    info = describe(path)
    assert {t.topic: t.count for t in info.topics} == COUNTS | {"/recorder/stats": 1}
    assert (info.complete, info.problem, info.dropped) == (True, "", 0)
    assert info.duration_s == pytest.approx(0.4)
    assert info.size_bytes == path.stat().st_size
    assert info.attachments["mission.resolved.json"] == 22
    [truth] = [t for t in info.topics if t.truth]
    assert (truth.topic, truth.first_s, truth.last_s) == ("/sim/truth", 0.0, pytest.approx(0.3))
    sizes = {t.topic: t.bytes for t in info.topics}
    assert sizes["/terrain"] == len(next(sample_messages())[1].SerializeToString())
    text = format_info(info)
    assert str(info) == text
    for word in ("bennu_core", "complete", "CC-BY-4.0", "/robot/observation", info.digest_total, "2027-01-15T08"):
        assert word in text
    plain = json.loads(to_json(info))
    assert plain["header"]["seed"] == 7
    assert plain["digest_total"] == info.digest_total


def test_info_of_a_cut_log_says_so(write_sample: Sample) -> None:
    path = write_sample()
    path.write_bytes(path.read_bytes()[:-100])
    info = describe(path)
    assert not info.complete
    assert "NOT COMPLETE" in format_info(info)
    assert "truncated" in format_info(info)
    assert info.digest_total not in format_info(info)  # half a log has no digest
    assert {t.topic: t.count for t in info.topics} == COUNTS | {"/recorder/stats": 1}


def test_csv(write_sample: Sample, tmp_path: Path) -> None:
    written = export_csv(write_sample(), tmp_path / "out")
    assert {p.name for p in written} == {t.strip("/").replace("/", "_") + ".csv" for t in [*COUNTS, "/recorder/stats"]}
    observations = rows(tmp_path / "out" / "robot_observation.csv")
    messages = [m for topic, m, _ in sample_messages() if topic == "/robot/observation"]
    assert len(observations) == len(messages)
    for row, message in zip(observations, messages, strict=True):
        assert float(row["joint_position.hip [rad]"]) == message.joint_position[0]
        assert float(row["joint_velocity.feed [m/s]"]) == message.joint_velocity[1]
        assert float(row["joint_effort.hip [N.m]"]) == message.joint_effort[0]
        assert float(row["joint_effort.feed [N]"]) == message.joint_effort[1]
        assert float(row["limb_force.hind.y [N]"]) == message.limb_force[4]
        assert float(row["weight_on_bit_n [N]"]) == message.weight_on_bit_n
        assert row["anchor_phase.hind"] == "ANCHOR_PHASE_SLIPPING"
        assert row["safety_state"] == "SAFETY_STATE_ARMED"
        assert row["applied_limited.0"] == "".join(message.applied_limited)
        assert int(row["device_seq [1]"]) == message.device_seq
    assert observations[3]["time_s [s]"] == "0.030000"
    assert observations[3]["utc"] == "2027-01-15T08:00:00.030000000Z"
    poses = rows(tmp_path / "out" / "robot_pose.csv")
    assert float(poses[0]["pose.position.z [m]"]) > 0
    assert int(rows(tmp_path / "out" / "terrain.csv")[0]["data.length [By]"]) == 3600


def test_csv_of_some_topics_and_of_a_cut_log(write_sample: Sample, tmp_path: Path) -> None:
    path = write_sample()
    path.write_bytes(path.read_bytes()[:-100])
    [table] = export_csv(path, tmp_path / "out", ["/mass/parcel"])
    assert len(rows(table)) == COUNTS["/mass/parcel"]
    with pytest.raises(TaskLogError, match="no messages on /nothing; there is /log, /mass/parcel"):
        export_csv(path, tmp_path / "out", ["/nothing"])
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(TaskLogError, match="cannot be written"):
        export_csv(path, blocked)


def test_long_arrays_and_texts_that_look_like_formulas(tmp_path: Path, header: RunHeader) -> None:
    with TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS) as log:
        log.write("/task/event", new("/task/event", message="=1+1", reason="-", value=-0.0), 0)
        log.write("/estimate", new("/estimate", position=[1.0] * 300), -5_000)
        log.write("/estimate", new("/estimate", position=[1.0] * 2), 0)
    export_csv(log.path, tmp_path)
    [event] = rows(tmp_path / "task_event.csv")
    assert (event["message"], event["reason"], event["value [{unit}]"]) == ("'=1+1", "'-", "-0.0")
    estimates = rows(tmp_path / "estimate.csv")
    assert [row["position.length [1]"] for row in estimates] == ["300", "2"]
    assert estimates[0]["time_s [s]"] == "-0.005000"
    assert not list(tmp_path.glob("*.part"))


def test_shorter_arrays_leave_gaps(tmp_path: Path, header: RunHeader) -> None:
    with TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS) as log:
        log.write("/estimate", new("/estimate", position=[1.0, 2.0, 3.0]), 0)
        log.write("/estimate", new("/estimate"), 1)
    export_csv(log.path, tmp_path)
    assert [row["position.z [m]"] for row in rows(tmp_path / "estimate.csv")] == ["3.0", ""]


def test_two_topics_never_share_a_file() -> None:
    names = file_names(["/a/b", "/a_b", "/A/B", "//", "..", "é" * 300])
    assert len({name.lower() for name in names.values()}) == len(names)
    assert all("/" not in name and not name.startswith(".") for name in names.values())
