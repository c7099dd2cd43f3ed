"""A log that goes on in further files: nothing is lost between them, and together they are the log that it would be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sample_log import START_NS, sample_header, sample_messages
from typer.testing import CliRunner

from stope.cli import app
from stope.tasklog import TaskLogError, TaskLogWriter
from stope.tasklog.appendfile import AppendFile
from stope.tasklog.digest import payload_digest
from stope.tasklog.info import describe
from stope.tasklog.join import join
from stope.tasklog.part_limits import part_limits
from stope.tasklog.parts import chain_problems, parts_of
from stope.tasklog.reader import read, read_log
from stope.tasklog.seal.keys import PrivateKey


def stope(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.output


def write(path: Path, **options: Any) -> Path:
    with TaskLogWriter(path, sample_header(), start_utc_ns=START_NS, flush_s=0.0, **options) as log:
        for seed in range(4):
            for topic, message, time_us in sample_messages(seed):
                log.write(topic, message, seed * 400_000 + time_us)
            log.flush()
    return path


@pytest.fixture
def rotated(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return write(tmp_path / "run.mcap", backend=getattr(request, "param", "foxglove"), rotate_bytes=20_000)


@pytest.mark.parametrize("rotated", ["foxglove", "python"], indirect=True)
def test_parts_are_the_log_that_it_would_be_in_one_file(rotated: Path, tmp_path: Path) -> None:
    parts = parts_of(rotated)
    assert [part.name for part in parts][:3] == ["run.mcap", "run.0002.mcap", "run.0003.mcap"]
    assert chain_problems(parts) == []
    single = write(tmp_path / "single.mcap")
    assert parts_of(single) == [single]
    done = join(rotated, tmp_path / "whole.mcap")
    assert done.parts == len(parts)
    assert payload_digest(tmp_path / "whole.mcap") == payload_digest(single)
    counted: Counter[str] = Counter()
    for part in parts:
        counted.update(message.topic for message in read(part))
    assert counted == Counter(message.topic for message in read(tmp_path / "whole.mcap"))


def test_check_and_query_take_all_parts(rotated: Path) -> None:
    code, said = stope("log", "check", rotated)
    assert (code, said.count("conforms")) == (0, len(parts_of(rotated)))
    code, said = stope("log", "query", "select count(*) as n from robot_observation", rotated, "--json")
    assert (code, "160" in said) == (0, True)


def test_a_part_that_is_missing_or_another_one_is_told(rotated: Path, tmp_path: Path) -> None:
    parts = parts_of(rotated)
    kept = parts[1].read_bytes()
    parts[1].write_bytes(parts[2].read_bytes())
    code, said = stope("log", "check", rotated)
    assert code == 1
    assert "says that it is part 3, expected 2" in said
    with pytest.raises(TaskLogError, match="expected 2"):
        join(rotated, tmp_path / "whole.mcap")
    assert not (tmp_path / "whole.mcap").exists()
    parts[1].write_bytes(kept)
    other = write(tmp_path / "other.mcap", rotate_bytes=20_000)
    shutil.copyfile(parts_of(other)[1], parts[1])
    assert any("does not follow run.mcap as it is now" in problem for problem in chain_problems(parts))
    parts[1].unlink()
    assert parts_of(rotated) == [rotated]  # what follows a hole is not of this log; its own number says so


def test_seals_of_parts_are_a_chain(rotated: Path, tmp_path: Path) -> None:
    key = tmp_path / "team.key"
    code, said = stope("key", "new", key)
    public = said.split()[-1]
    rules = '{"format": "stope.policy/1", "version": 1, "organisations": {"us": {"name": "us", "keys": ['
    (tmp_path / "p.json").write_text(rules + f'{{"public": "{public}", "roles": ["seal"]}}]}}}}}}')
    sealed = stope("log", "seal", rotated, "--key", key)[1].splitlines()
    for number, part in enumerate(parts_of(rotated)):
        assert sealed[number].startswith(f"{part}.seal.json: signed by")
        assert sealed[number].endswith(f"number {number} of its chain")
    code, said = stope("log", "verify", rotated, "--policy", tmp_path / "p.json")
    assert (code, said.count(": GOOD")) == (0, len(parts_of(rotated)))
    assert stope("log", "pack", rotated, "--out", tmp_path / "crate")[0] == 0
    packed = {path.name for path in (tmp_path / "crate").iterdir()} - {"ro-crate-metadata.json"}
    assert packed == {f"{part.name}{end}" for part in parts_of(rotated) for end in ("", ".seal.json")}
    code, said = stope("log", "redact", rotated, "--topic", "/terrain", "--out", tmp_path / "open.mcap")
    assert (code, "further files; redact each" in said) == (0, True)
    (tmp_path / "run.0002.mcap.seal.json").unlink()
    code, said = stope("log", "verify", rotated, "--policy", tmp_path / "p.json")
    assert code == 2


def test_a_pushed_log_takes_its_parts_along_and_they_arrive_as_one(rotated: Path, tmp_path: Path) -> None:
    parts, store, there = parts_of(rotated), tmp_path / "store", tmp_path / "in"
    assert f"commit 1; {len(parts)} uploaded" in stope("share", "push", store, parts[1], rotated)[1]
    assert "nothing new" in stope("share", "push", store, *parts)[1]
    assert f"{len(parts)} taken" in stope("share", "pull", store, there)[1]
    [first] = (path for path in there.glob("*.mcap") if ".0" not in path.name)
    assert [part.read_bytes() for part in parts_of(first)] == [part.read_bytes() for part in parts]
    assert stope("log", "check", first)[0] == 0
    changed = parts_of(first)[1]
    changed.write_bytes(b"x")
    (there / ".stope-share.json").unlink()
    code, said = stope("share", "pull", store, there)
    assert (code, f"{changed.name}: another file is there" in said) == (1, True)
    parts[1].write_bytes(parts[2].read_bytes())
    code, said = stope("share", "push", store, rotated)
    assert (code, "its parts are not those of one log" in said) == (2, True)


def test_by_run_time_and_with_checkpoints(tmp_path: Path) -> None:
    """Cut before the same messages whatever the host does, here with and without a flush between."""
    signer = PrivateKey(Ed25519PrivateKey.generate())
    parts = parts_of(write(tmp_path / "run.mcap", rotate_s=0.25, signer=signer))
    with TaskLogWriter(tmp_path / "b.mcap", sample_header(), start_utc_ns=START_NS, rotate_s=0.25) as log:
        for seed in range(4):
            for topic, message, time_us in sample_messages(seed):
                log.write(topic, message, seed * 400_000 + time_us)
    again = parts_of(tmp_path / "b.mcap")
    for number, (part, same) in enumerate(zip(parts, again, strict=True)):
        times = [m.time_us for m in read(part) if m.topic not in ("/audit/checkpoint", "/recorder/stats")]
        assert number * 250_000 <= min(times)
        assert max(times) < (number + 1) * 250_000
        assert payload_of(part) == payload_of(same)
    numbers = [[m.sequence for m in read(part) if m.topic == "/audit/checkpoint"] for part in parts]
    assert all(found == list(range(1, len(found) + 1)) for found in numbers)
    assert chain_problems(parts) == []


def payload_of(part: Path) -> list[tuple[str, int, bytes]]:
    return [(m.topic, m.sequence, m.data) for m in read(part) if m.channel.metadata["deterministic"] == "true"]


def test_info_and_export_take_all_parts(rotated: Path, tmp_path: Path) -> None:
    code, said = stope("log", "info", rotated, "--json")
    whole = json.loads(said)
    single = describe(write(tmp_path / "single.mcap"))
    assert (code, whole["complete"], len(whole["parts"])) == (0, True, len(parts_of(rotated)))
    assert whole["digest_total"] == single.digest_total == payload_digest(rotated).total
    assert "parts " in stope("log", "info", rotated)[1]
    code, said = stope("log", "export", rotated, "--csv", tmp_path / "tables", "--topic", "/robot/observation")
    assert (code, said.strip()) == (0, str(tmp_path / "tables" / "robot_observation.csv"))
    assert len((tmp_path / "tables" / "robot_observation.csv").read_text().splitlines()) == 161
    assert [m.sequence for m in read_log(rotated, ["/robot/observation"])] == list(range(1, 161))


KILLED = """
import os, signal, sys
from pathlib import Path
from sample_log import START_NS, sample_header, sample_messages
from stope.tasklog import TaskLogWriter, recorder, writer

moment, path = sys.argv[1], Path(sys.argv[2])
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "opened":  # the next file is there, the present one not finished
    recorder.Recorder._finish = staticmethod(die)
elif moment == "finished":  # the present one is whole, the next has no head
    writer.part_record = die
elif moment == "begun":
    begin = writer._Head.write
    def write(head, part, more):
        begin(head, part, more)
        die() if more else None
    writer._Head.write = write
with TaskLogWriter(path, sample_header(), start_utc_ns=START_NS, rotate_s=0.2) as log:
    for topic, message, time_us in sample_messages():
        log.write(topic, message, time_us)
    log.flush()
"""


@pytest.mark.parametrize(
    ("moment", "parts", "told"),
    [
        ("opened", 1, "truncated: the file ends without its end mark"),
        ("finished", 1, "run.0002.mcap: was begun and holds nothing: the recorder was killed"),
        ("begun", 2, "truncated: the file ends without its end mark"),
    ],
)
def test_killed_between_two_parts(tmp_path: Path, moment: str, parts: int, told: str) -> None:
    """Whatever the moment: nothing before the cut is lost once it was flushed, and what is missing is said."""
    path = tmp_path / "run.mcap"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, moment, str(path)], env=environment, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "run.0002.mcap").is_file()
    assert len(parts_of(path)) == parts
    code, said = stope("log", "info", path)
    assert (code, told in said) == (1, True), said
    code, said = stope("log", "check", path)
    assert code == 1
    assert "was begun and holds nothing" in said or moment == "begun"
    code, said = stope("log", "join", path, "--out", tmp_path / "whole.mcap")
    assert (code, told in said) == (1, True), said
    found = [m.message.device_seq for m in read(tmp_path / "whole.mcap", ["/robot/observation"])]
    assert found == list(range(len(found)))
    assert len(found) == 20 or moment == "opened"  # those before the cut: a finished part holds them all


@pytest.mark.parametrize("text", ["", "60s", "10min", "2h", "64MB", "1 GiB"])
def test_limits_of_parts_as_people_write_them(text: str) -> None:
    expected = {"": (None, None), "60s": (60, None), "10min": (600, None), "2h": (7200, None)}
    sizes = {"64MB": (None, 64_000_000), "1 GiB": (None, 2**30)}
    found = part_limits(text)
    assert (found.time_s, found.size_bytes) == (expected | sizes)[text]


@pytest.mark.parametrize("text", ["0s", "60", "-5s", "1.5min", "ten s", "64mb", "5kB", "s"])
def test_limits_of_parts_that_are_none(text: str) -> None:
    with pytest.raises(TaskLogError, match="expected a time from 1s"):
        part_limits(text)


def test_a_next_file_that_cannot_be_made_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "run.0002.mcap").write_bytes(b"somebody else's")
    path = write(tmp_path / "run.mcap", rotate_bytes=20_000)
    assert sum(1 for m in read(path) if m.topic == "/robot/observation") == 160
    assert (tmp_path / "run.0002.mcap").read_bytes() == b"somebody else's"


def test_two_writers_on_one_path(tmp_path: Path) -> None:
    with TaskLogWriter(tmp_path / "run.mcap", sample_header(), start_utc_ns=START_NS) as log:
        with pytest.raises(TaskLogError, match="exists; a log is never overwritten"):
            TaskLogWriter(tmp_path / "run.mcap", sample_header(), start_utc_ns=START_NS)
        log.write("/log", next(m for t, m, _ in sample_messages() if t == "/log"), 0)
    assert next(m.topic for m in read(tmp_path / "run.mcap")) == "/log"


def test_a_disk_that_is_full_at_the_change_of_files_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = AppendFile.write

    def full(file: AppendFile, data: bytes) -> int:
        if ".0002" in file.path.name:
            file.failure = OSError(28, "No space left on device")
        return whole(file, data)

    monkeypatch.setattr(AppendFile, "write", full)
    with pytest.raises(TaskLogError, match=r"run\.0002\.mcap: cannot be written after 0 bytes: No space left"):
        write(tmp_path / "run.mcap", rotate_bytes=20_000)
    monkeypatch.undo()
    assert next(iter(read(tmp_path / "run.mcap"))).topic == "/terrain"  # the first file is whole
