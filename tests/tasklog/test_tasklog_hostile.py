"""Files that nobody vouches for: bounded memory, one clear error."""

from __future__ import annotations

import random
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from hostile_corpus import TEXT, chunk, message, record, recursive_schema, schema_and_channel, text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_log import Sample

from stope.tasklog import DamagedLogError, NotALogError, TaskLogError, TruncatedLogError
from stope.tasklog.export import export_csv
from stope.tasklog.info import describe
from stope.tasklog.reader import read
from stope.tasklog.records import MAGIC
from stope.tasklog.scan import MIB, Limits, scan


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    """A path; when the test is over, at most 90 MiB must have been held at any time."""
    tracemalloc.start()
    yield tmp_path / "hostile.mcap"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 90 * MIB, f"{peak / MIB:.0f} MiB for a small file"


GIB = 1 << 30


def streamed_zeros(size: int) -> bytes:
    """A zstd frame of `size` zeros that does not say its size."""
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("says 1.5 GiB", lambda: chunk("zstd", zstandard.compress(bytes(MIB)), 3 * GIB // 2)),
        ("says 1 MiB, frame is 200", lambda: chunk("zstd", zstandard.compress(bytes(200 * MIB)), MIB)),
        ("says 1 MiB, frame does not say", lambda: chunk("zstd", streamed_zeros(200 * MIB), MIB)),
        ("the same in lz4", lambda: chunk("lz4", lz4.frame.compress(bytes(200 * MIB)), MIB)),
        ("says more than it holds", lambda: chunk("lz4", lz4.frame.compress(bytes(MIB)), 2 * MIB)),
    ],
)
def test_unpacking_bombs(tmp_path: Path, name: str, content) -> None:
    path = tmp_path / "bomb.mcap"
    path.write_bytes(MAGIC + content())  # packed before memory is watched
    tracemalloc.start()
    with pytest.raises((NotALogError, DamagedLogError), match=r"limit|unpack|holds"):
        list(read(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * MIB, f"{peak / MIB:.0f} MiB for a file of {path.stat().st_size} bytes"


def test_a_record_longer_than_the_file(hostile: Path) -> None:
    hostile.write_bytes(MAGIC + struct.pack("<BQ", 0x06, 2**64 - 1) + bytes(100))
    with pytest.raises(TaskLogError, match=r"truncated: .* inside a record of 18446744073709551615 bytes"):
        list(read(hostile))


def test_definitions_that_pile_up(hostile: Path) -> None:
    """Each chunk is within limits; together they would be kept for ever."""
    whole = MAGIC
    for number in range(4):
        body = record(0x03, struct.pack("<H", 1) + text(f"a{number}") + text("b") + TEXT.pack(6 * MIB) + bytes(6 * MIB))
        whole += chunk("zstd", zstandard.compress(body), len(body), zlib.crc32(body))
    hostile.write_bytes(whole)
    with pytest.raises(NotALogError, match=r"its schemas and channels take \d+ bytes, the limit is"):
        list(scan(hostile))


def test_definitions_that_every_chunk_repeats_do_not_pile_up(hostile: Path) -> None:
    """Some writers do so, that a chunk may be read alone: an hour of it is no attack."""
    body = record(0x03, struct.pack("<H", 1) + text("a") + text("b") + TEXT.pack(6 * MIB) + bytes(6 * MIB))
    hostile.write_bytes(MAGIC + chunk("zstd", zstandard.compress(body), len(body), zlib.crc32(body)) * 40)
    with pytest.raises(TruncatedLogError):
        list(scan(hostile))


def test_limits_can_be_set(write_sample: Sample) -> None:
    path = write_sample()
    with pytest.raises(NotALogError, match="the limit is 100"):
        list(scan(path, limits=Limits(chunk=100)))
    assert [r for r in scan(path, limits=Limits(attachment=10)) if getattr(r, "data", b"") is None]


def test_a_message_that_holds_itself_makes_a_finite_table(hostile: Path, tmp_path: Path) -> None:
    inner = b"\x19" + struct.pack("<d", 2.5)  # value
    for _ in range(5):
        inner = b"\x0a" + bytes([len(inner)]) + inner  # left
    hostile.write_bytes(MAGIC + schema_and_channel("p.Node", recursive_schema()) + message(inner))
    [table] = export_csv(hostile, tmp_path / "out")
    head, row = table.read_text().splitlines()
    assert head == "time_s [s],utc," + ",".join("left." * depth + "value" for depth in range(5, -1, -1))
    assert row.split(",")[2:] == ["2.5", "0.0", "0.0", "0.0", "0.0", "0.0"]


@pytest.mark.parametrize("definition", [b"\xff\xff", b"", recursive_schema()[:-3]])
def test_a_schema_that_cannot_be_used(hostile: Path, definition: bytes) -> None:
    hostile.write_bytes(MAGIC + schema_and_channel("p.Missing", definition) + message(b""))
    with pytest.raises(DamagedLogError, match=r"schema p\.Missing cannot be used"):
        list(read(hostile))


def test_names_of_topics_stay_in_the_folder(hostile: Path, tmp_path: Path) -> None:
    parts = schema_and_channel("p.Node", recursive_schema(), topic="../../etc/cron.d/x")
    hostile.write_bytes(MAGIC + parts + message(b""))
    assert export_csv(hostile, tmp_path / "out") == [tmp_path / "out" / "etc_cron_d_x.csv"]


def test_not_a_log_at_all(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(NotALogError, match=r"photo\.png: not an MCAP file"):
        describe(path)
    with pytest.raises(NotALogError, match="cannot be read: No such file"):
        describe(tmp_path / "missing.mcap")
    with pytest.raises(NotALogError, match="cannot be read"):
        describe(tmp_path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=400), wrap=st.sampled_from(["plain", "record", "chunk"]), opcode=st.integers(1, 16))
def test_random_bytes_never_surprise(tmp_path: Path, body: bytes, wrap: str, opcode: int) -> None:
    inner = {"plain": body, "record": record(opcode, body), "chunk": chunk("", record(opcode, body), len(body) + 9)}
    path = tmp_path / "random.mcap"
    path.write_bytes(MAGIC + inner[wrap])
    with pytest.raises(TaskLogError):
        list(read(path))


def test_random_damage_never_surprises(write_sample: Sample, tmp_path: Path) -> None:
    """Checksums off, so that wrong bytes get as deep as they can."""
    whole, rng = write_sample().read_bytes(), random.Random(11)
    path = tmp_path / "damaged.mcap"
    failures = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            for _ in read(path, validate_crcs=False):
                pass
        except TaskLogError:
            failures += 1
    assert 0 < failures < 150
