"""A log that goes on in further files: nothing is lost between them, and together they are the log that it would be."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sample_log import START_NS, sample_header, sample_messages
from typer.testing import CliRunner

from stope.cli import app
from stope.tasklog import TaskLogError, TaskLogWriter
from stope.tasklog.appendfile import AppendFile
from stope.tasklog.digest import payload_digest
from stope.tasklog.parts import chain_problems, join, parts_of
from stope.tasklog.reader import read


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


@pytest.fixture(params=["foxglove", "python"])
def rotated(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return write(tmp_path / "run.mcap", backend=request.param, rotate_bytes=20_000)


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
    for number, part in enumerate(parts_of(rotated)):
        assert stope("log", "seal", part, "--key", key)[1].strip().endswith(f"number {number} of its chain")
    code, said = stope("log", "verify", rotated, "--policy", tmp_path / "p.json")
    assert (code, said.count(": GOOD")) == (0, len(parts_of(rotated)))
    (tmp_path / "run.0002.mcap.seal.json").unlink()
    code, said = stope("log", "verify", rotated, "--policy", tmp_path / "p.json")
    assert code == 2


def test_by_time_and_with_checkpoints(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from stope.tasklog.seal.keys import PrivateKey

    signer = PrivateKey(Ed25519PrivateKey.generate())
    path = write(tmp_path / "run.mcap", rotate_s=1e-6, signer=signer)
    parts = parts_of(path)
    assert len(parts) >= 3
    numbers = [[m.sequence for m in read(part) if m.topic == "/audit/checkpoint"] for part in parts]
    assert all(found == list(range(1, len(found) + 1)) for found in numbers)
    assert chain_problems(parts) == []


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
