"""`recover`: cut, flip, zero and kill a log; what is restored was written, in order, and what is missing is said."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from mcap.writer import CompressionType, Writer
from sample_log import Sample

from stope.tasklog import NotALogError, TaskLogError, new
from stope.tasklog.digest import payload_digest
from stope.tasklog.info import describe
from stope.tasklog.reader import read
from stope.tasklog.records import AttachmentRecord, MessageRecord, MetadataRecord
from stope.tasklog.recover import RECOVERED, recover
from stope.tasklog.salvage import salvaging
from stope.tasklog.scan import scan

BACKENDS = ("foxglove", "python")


def parcel(record: MessageRecord) -> int | None:
    """The amount of a parcel; None for another message."""
    if record.channel.topic != "/mass/parcel":
        return None
    amount: int = new("MassParcel").FromString(record.data).amount_ug
    return amount


def amounts(path: Path) -> list[int]:
    return [found.message.amount_ug for found in read(path, ["/mass/parcel"])]


def restored(source: Path, data: bytes, at: int) -> tuple[list[int], object]:
    """Recover `data`; the result must itself be a whole log."""
    source.write_bytes(data)
    target = source.with_name(f"out{at}.mcap")
    found = recover(source, target)
    values = amounts(target)
    assert found.messages == sum(1 for _ in read(target))
    target.unlink()
    return values, found


def test_a_whole_log_is_copied_and_nothing_is_missing(write_sample: Sample, tmp_path: Path) -> None:
    source = write_sample()
    found = recover(source, tmp_path / "out.mcap")
    assert found.complete
    assert found.missing == found.ignored == 0
    assert "nothing is missing" in str(found)
    assert payload_digest(tmp_path / "out.mcap") == payload_digest(source)
    kept = [r for r in scan(source) if isinstance(r, MetadataRecord | AttachmentRecord)]
    assert [r for r in scan(tmp_path / "out.mcap") if isinstance(r, MetadataRecord | AttachmentRecord)] == kept


def test_cut_at_every_byte(tiny: Path, tmp_path: Path) -> None:
    whole, counts = tiny.read_bytes(), []
    cut = tmp_path / "cut.mcap"
    for size in range(8, len(whole)):
        cut.write_bytes(whole[:size])
        pass_, file = salvaging(cut)
        with file:
            values = [parcel(r) for r in pass_.records() if isinstance(r, MessageRecord) and parcel(r) is not None]
        assert values == list(range(len(values)))
        assert not pass_.complete
        assert pass_.losses
        if size % 97 == 0:  # a new file costs an fsync
            assert restored(cut, whole[:size], size)[0] == values
        counts.append(len(values))
    assert counts == sorted(counts)
    assert set(counts) == {0, 3, 6, 9, 12}
    for size in range(8):
        cut.write_bytes(whole[:size])
        with pytest.raises(TaskLogError):
            recover(cut, tmp_path / "out.mcap")
        assert not (tmp_path / "out.mcap").exists()
        assert not list(tmp_path.glob("*.part"))


def test_a_flipped_bit_anywhere(tiny: Path, tmp_path: Path) -> None:
    whole, rng = tiny.read_bytes(), random.Random(5)
    chunk = whole.index(b"\x04\x00\x00\x00zstd") - 40
    places = {*range(8, len(whole), 41), *range(chunk, chunk + 120, 3)}
    gaps = 0
    for at in sorted(places):
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        values, found = restored(tmp_path / "flipped.mcap", bytes(data), at)
        assert set(values) <= set(range(12))
        assert values == sorted(values)
        assert not found.complete
        assert found.losses
        inner = [v for v in values if v < max(values, default=0)]
        if inner and len(values) <= max(values):
            gaps += 1
            assert found.missing == max(values) + 1 - len(values)
    assert gaps > 2


def test_a_bad_chunk_costs_its_own_messages_alone(tiny: Path, tmp_path: Path) -> None:
    data = bytearray(tiny.read_bytes())
    second = data.index(b"\x04\x00\x00\x00zstd", data.index(b"\x04\x00\x00\x00zstd") + 8)
    data[second + 30] ^= 4
    values, found = restored(tmp_path / "bad.mcap", bytes(data), 0)
    assert values == [0, 1, 2, 6, 7, 8, 9, 10, 11]
    assert found.topics["/mass/parcel"].missing == 3
    assert "/mass/parcel: 3 missing (first 4 to 6)" in str(found)
    assert found.verified < second


@pytest.mark.parametrize("zeros", [1, 8, 4096])
def test_a_tail_of_zeros(tiny: Path, tmp_path: Path, zeros: int) -> None:
    whole = tiny.read_bytes()
    last = whole.rindex(b"\x04\x00\x00\x00zstd")
    for keep in (last - 45, last + 20, len(whole) - 8):
        values, found = restored(tmp_path / "padded.mcap", whole[:keep] + bytes(zeros), keep)
        assert values == list(range(len(values)))
        assert len(values) >= 9
        assert not found.complete


def test_the_recovered_log_says_what_it_is(tiny: Path, tmp_path: Path) -> None:
    whole = tiny.read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(whole[: whole.rindex(b"\x04\x00\x00\x00zstd") + 11])
    found = recover(cut, tmp_path / "out.mcap")
    said = next(r.values for r in scan(tmp_path / "out.mcap") if isinstance(r, MetadataRecord) and r.name == RECOVERED)
    assert said["source_sha256"] == found.sha256
    assert int(said["messages"]) == found.messages >= 9
    assert amounts(tmp_path / "out.mcap") == list(range(found.topics["/mass/parcel"].count))
    assert int(said["ignored_bytes"]) + int(said["verified_bytes"]) == cut.stat().st_size
    assert describe(tmp_path / "out.mcap").complete
    assert cut.exists()
    with pytest.raises(TaskLogError, match=r"out\.mcap: exists"):
        recover(cut, tmp_path / "out.mcap")


def test_messages_without_checksum_are_taken_on_request_alone(tmp_path: Path) -> None:
    path = tmp_path / "loose.mcap"
    with path.open("wb") as file:
        writer = Writer(file, use_chunking=False, compression=CompressionType.NONE, enable_data_crcs=True)
        writer.start()
        channel = writer.register_channel("/x", "json", 0)
        for i in range(5):
            writer.add_message(channel, i, b"{}", i, i + 1)
        writer.finish()
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"{}")])
    found = recover(path, tmp_path / "none.mcap")
    assert (found.messages, found.unchecked) == (0, 4)
    assert "4 messages are covered by no checksum" in str(found)
    assert recover(path, tmp_path / "all.mcap", take_unchecked=True).messages == 4


def test_no_log_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.mcap"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(NotALogError, match="not an MCAP file"):
        recover(path, tmp_path / "out.mcap")
    assert list(tmp_path.iterdir()) == [path]


_STEADY = """
import sys, time
from pathlib import Path
from stope.tasklog import RunHeader, TaskLogWriter, new
header = RunHeader("0", 1, "m", "{}", "r", "{}", "", "bennu", "CC-BY-4.0", "t")
log = TaskLogWriter(Path(sys.argv[1]), header, start_utc_ns=1, backend=sys.argv[2], flush_s=0.25)
begin = time.perf_counter()
for i in range(10_000):
    log.write("/mass/parcel", new("MassParcel", amount_ug=i), i)
    print(i, flush=True)
    time.sleep(max(0.0, begin + i / 200 - time.perf_counter()))
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_kill_9_then_recover(tmp_path: Path, backend: str) -> None:
    path = tmp_path / "killed.mcap"
    child = subprocess.Popen([sys.executable, "-c", _STEADY, str(path), backend], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "0\n"
    threading.Event().wait(random.uniform(0.6, 1.2))
    child.send_signal(signal.SIGKILL)
    said = [int(line) for line in child.stdout if line.endswith("\n")][-1]
    child.wait()
    child.stdout.close()
    found = recover(path, tmp_path / "out.mcap")
    values = amounts(tmp_path / "out.mcap")
    assert values == list(range(len(values)))
    assert said + 1 - len(values) <= 200 * 1.0  # flush_s 0.25 s and one flush, on a busy machine
    assert values
    assert found.has_header
    assert not found.complete
