"""What goes in comes out, from both backends; the queue, the flush and the errors."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import foxglove
import numpy as np
import pytest
from sample_log import COUNTS, START_NS, Sample, sample_messages

from stope.clock import HostClock
from stope.tasklog import RunHeader, TaskLogError, TaskLogWriter, new
from stope.tasklog.appendfile import AppendFile
from stope.tasklog.info import describe
from stope.tasklog.reader import read

BACKENDS = ("foxglove", "python")


@pytest.mark.parametrize("backend", BACKENDS)
def test_round_trip(write_sample: Sample, backend: str) -> None:
    path = write_sample(backend=backend)
    written = list(sample_messages())
    found = [m for m in read(path) if m.topic != "/recorder/stats"]
    assert [(m.topic, m.time_us, m.log_time_ns) for m in found] == [
        (topic, time_us, START_NS + time_us * 1000) for topic, _, time_us in written
    ]
    for m, (_, message, _) in zip(found, written, strict=True):
        assert m.message == message
        assert m.data == message.SerializeToString()
    assert [m.sequence for m in found if m.topic == "/mass/parcel"] == list(range(1, COUNTS["/mass/parcel"] + 1))


@pytest.mark.parametrize("backend", BACKENDS)
def test_small_chunks_however_fast_it_comes(tmp_path: Path, header: RunHeader, backend: str) -> None:
    path = tmp_path / "fast.mcap"
    cloud = new("/terrain", frame_id="site", data=np.random.default_rng(1).bytes(5000))
    with TaskLogWriter(path, header, start_utc_ns=START_NS, backend=backend) as log:
        for i in range(100):
            log.write("/terrain", cloud, i)
    data = path.read_bytes()
    assert data.count(b"\x04\x00\x00\x00zstd") > 500_000 // (3 * 64 * 1024)  # chunk heads, not one large chunk
    assert sum(1 for m in read(path) if m.topic == "/terrain") == 100


def test_an_existing_file_is_never_overwritten(write_sample: Sample) -> None:
    path = write_sample()
    before = path.read_bytes()
    with pytest.raises(TaskLogError, match=r"log\.mcap: exists; a log is never overwritten"):
        write_sample()
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path: Path, header: RunHeader) -> None:
    with pytest.raises(TaskLogError, match="cannot be created: No such file"):
        TaskLogWriter(tmp_path / "no" / "log.mcap", header, start_utc_ns=START_NS)


def test_a_bad_start_leaves_nothing_half_written(tmp_path: Path, header: RunHeader) -> None:
    with pytest.raises(TaskLogError, match="no log backend called 'rust'"):
        TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS, backend="rust")
    with pytest.raises(TaskLogError, match="does not fit 63 bits"):
        TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=-1)
    assert list(tmp_path.iterdir()) == []


def test_mistakes_of_the_caller(tmp_path: Path, header: RunHeader) -> None:
    with TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS) as log:
        with pytest.raises(TaskLogError, match=r"no topic '/task/events' .*did you mean '/task/event'"):
            log.write("/task/events", new("/task/event"), 0)
        with pytest.raises(TaskLogError, match=r"/task/event carries stope\.log\.v1\.TaskEvent, not .*MassParcel"):
            log.write("/task/event", new("MassParcel"), 0)
        with pytest.raises(TypeError):
            log.write("/task/event", new("/task/event"), 0.5)
        log.write("/mass/parcel", new("MassParcel", amount_ug=5).SerializeToString(), np.int64(3))
    log.close()
    assert [m.message.amount_ug for m in read(log.path, ["/mass/parcel"])] == [5]
    with pytest.raises(TaskLogError, match="the log is closed"):
        log.write("/task/event", new("/task/event"), 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_flush_puts_everything_so_far_on_the_disk(tmp_path: Path, header: RunHeader, backend: str) -> None:
    log = TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS, backend=backend, flush_s=3600.0)
    for i in range(10):
        log.write("/mass/parcel", new("MassParcel", amount_ug=i), i)
    log.flush()
    copy = tmp_path / "copy.mcap"
    copy.write_bytes(log.path.read_bytes())
    log.close()
    assert [m.message.amount_ug for m in read(copy, allow_truncated=True)] == list(range(10))


class FakeClock(HostClock):
    """A host clock that stands still until told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now_s(self) -> float:
        return self.seconds


def _count_on_disk(path: Path, wanted: int, patience_s: float) -> int:
    """Messages readable in `path` once there are `wanted` of them, or when patience is over."""
    deadline = time.perf_counter() + patience_s
    while True:
        count = sum(1 for m in read(path, ["/mass/parcel"], allow_truncated=True))
        if count >= wanted or time.perf_counter() > deadline:
            return count
        threading.Event().wait(0.01)


def test_the_flush_is_bounded_in_host_time(tmp_path: Path, header: RunHeader) -> None:
    clock = FakeClock()
    with TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS, clock=clock) as log:
        log.write("/mass/parcel", new("MassParcel", amount_ug=1), 0)
        assert _count_on_disk(log.path, 1, patience_s=0.2) == 0
        clock.seconds += 0.89
        assert _count_on_disk(log.path, 1, patience_s=0.2) == 0
        clock.seconds += 0.02
        assert _count_on_disk(log.path, 1, patience_s=5.0) == 1


def test_urgent_topics_do_not_wait(tmp_path: Path, header: RunHeader) -> None:
    with TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS, clock=FakeClock()) as log:
        log.write("/mass/parcel", new("MassParcel", amount_ug=1), 0)
        log.write("/safety/event", new("/safety/event", fault="anchors.lost"), 1)
        assert _count_on_disk(log.path, 1, patience_s=5.0) == 1


def test_a_storm_of_urgent_messages_is_no_storm_of_syncs(
    tmp_path: Path, header: RunHeader, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, syncs = FakeClock(), []
    with TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS, clock=clock) as log:
        monkeypatch.setattr(AppendFile, "sync", lambda self: syncs.append(clock.seconds))
        for i in range(300):
            log.write("/task/event", new("/task/event", activity=i), i)
            clock.seconds += 0.01
            threading.Event().wait(0.001)
        assert 2 <= len(syncs) <= 31
        assert min(np.diff(syncs)) >= 0.1 - 1e-9
    stats = [m.message for m in read(log.path, ["/recorder/stats"])]
    assert 2 <= len(stats) <= 4  # one per second at most, and the last


class StuckDisk:
    """Holds every sync until `go`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.stuck = threading.Event(), threading.Event()
        monkeypatch.setattr(AppendFile, "sync", self._sync)

    def _sync(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            self.stuck.set()
            self.go.wait(10)


def test_hardware_never_waits_and_every_loss_is_counted(
    tmp_path: Path, header: RunHeader, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = StuckDisk(monkeypatch)
    with TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS, when_full="drop", capacity=8) as log:
        log.write("/task/event", new("/task/event", task="first"), 0)
        assert disk.stuck.wait(5)
        begin = time.perf_counter()
        for i in range(50):
            log.write("/mass/parcel", new("MassParcel", amount_ug=i), i)
        assert time.perf_counter() - begin < 1.0
        assert log.dropped == {"/mass/parcel": 42}
        disk.go.set()
    kept = [m.message.amount_ug for m in read(log.path, ["/mass/parcel"])]
    stats = [m.message for m in read(log.path, ["/recorder/stats"])][-1]
    assert kept == list(range(8))
    assert (list(stats.dropped_topic), list(stats.dropped_count), stats.dropped) == (["/mass/parcel"], [42], 42)
    assert stats.written == sum(t.count for t in describe(log.path).topics)
    assert describe(log.path).dropped == 42


def test_simulation_waits_and_loses_nothing(tmp_path: Path, header: RunHeader, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = StuckDisk(monkeypatch)
    log = TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS, capacity=8)
    log.write("/task/event", new("/task/event", task="first"), 0)
    assert disk.stuck.wait(5)

    def produce() -> None:
        for i in range(50):
            log.write("/mass/parcel", new("MassParcel", amount_ug=i), i)

    producer = threading.Thread(target=produce)
    producer.start()
    producer.join(0.2)
    assert producer.is_alive()  # blocked, the queue is full
    disk.go.set()
    producer.join(5)
    log.close()
    assert [m.message.amount_ug for m in read(log.path, ["/mass/parcel"])] == list(range(50))
    assert log.dropped == {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_logs_at_once_do_not_hear_each_other(tmp_path: Path, header: RunHeader, backend: str) -> None:
    logs = [TaskLogWriter(tmp_path / n, header, start_utc_ns=START_NS, backend=backend) for n in ("a.mcap", "b.mcap")]
    for i in range(20):
        logs[i % 2].write("/mass/parcel", new("MassParcel", amount_ug=i), i)
    for log in logs:
        log.close()
    for parity, log in enumerate(logs):
        assert [m.message.amount_ug for m in read(log.path, ["/mass/parcel"])] == list(range(parity, 20, 2))


def test_a_closed_log_leaves_nothing_in_the_sdk(write_sample: Sample) -> None:
    registry = vars(foxglove.channel)["_channels_by_id"]
    before = len(registry)
    write_sample()
    assert len(registry) == before


def test_a_recorder_that_dies_is_not_silent(tmp_path: Path, header: RunHeader, monkeypatch: pytest.MonkeyPatch) -> None:
    died = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    log = TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=START_NS, backend="python")
    monkeypatch.setattr(log._recorder._part.sink, "write", lambda *_: 1 / 0)
    log.write("/task/event", new("/task/event"), 0)
    with pytest.raises(TaskLogError, match="the recorder stopped early"):
        log.close()
    assert len(died) == 1
    with pytest.raises(TaskLogError, match="the log is closed"):
        log.write("/task/event", new("/task/event"), 0)


def test_no_time_before_1970(tmp_path: Path, header: RunHeader) -> None:
    with (
        TaskLogWriter(tmp_path / "log.mcap", header, start_utc_ns=1000) as log,
        pytest.raises(TaskLogError, match="run time -2 us is before 1970"),
    ):
        log.write("/task/event", new("/task/event"), -2)
