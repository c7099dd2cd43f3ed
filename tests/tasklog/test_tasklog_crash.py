"""Kill, cut, flip, full disk: what is left can be read, and what is wrong is said."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from stope.tasklog import DamagedLogError, NotALogError, TaskLogError, TruncatedLogError
from stope.tasklog.info import describe
from stope.tasklog.reader import read

BACKENDS = ("foxglove", "python")

_HEADER = """
import os, sys, time
from pathlib import Path
from stope.tasklog import RunHeader, TaskLogError, TaskLogWriter, new
header = RunHeader(stope_version="0", seed=1, mission="m", mission_json="{}", robot="r", robot_json="{}",
                   limits_hash="", body="bennu", licence="CC-BY-4.0", team="t")
"""
SCHEDULING_S = 0.25  #: a machine with other work wakes the recorder late; measured 0.1 s at a load of 10
_FULL = (
    _HEADER
    + """
import resource
for backend, when_full in (("foxglove", "block"), ("python", "block"), ("foxglove", "drop")):
    log = TaskLogWriter(Path(sys.argv[1]) / f"{backend}_{when_full}.mcap", header, start_utc_ns=1, backend=backend,
                        when_full=when_full)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    told = 0
    try:
        for i in range(2000):
            log.write("/terrain", new("/terrain", data=i.to_bytes(2, "big") + os.urandom(1000)), i)
            if i % 20 == 0:
                time.sleep(0.001)
    except TaskLogError as error:
        told += "File too large" in str(error)
    try:
        log.close()
    except TaskLogError as error:
        told += 2 * ("File too large" in str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(backend, when_full, told, sum(log.dropped.values()))
"""
)


@pytest.mark.parametrize(("backend", "trials"), [("foxglove", 10), ("python", 3)])
def test_kill_9_loses_a_second_and_a_flush_at_most(tmp_path: Path, backend: str, trials: int) -> None:
    """A tenth of what benchmarks/log_kill.py does, from other times each day would show nothing: the seed is fixed."""
    script = Path(__file__).with_name("kill_trials.py")
    command = [sys.executable, str(script), str(tmp_path), str(trials), backend, "20270301"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == trials
    for written, found, flush_s in rows:
        lost_s = (int(written) - int(found)) / 200
        assert lost_s <= 1.0 + float(flush_s) + SCHEDULING_S, f"{written} written, {found} found"
    assert any(int(found) for _, found, _ in rows)
    info = describe(tmp_path / f"{backend}_0.mcap")
    assert not info.complete
    assert info.header is not None
    assert info.header.mission == "kill"


def test_a_full_disk_is_told_and_leaves_a_readable_prefix(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [["foxglove", "block"], ["python", "block"], ["foxglove", "drop"]]
    assert [int(line[2]) for line in lines] == [3, 3, 2]  # hardware is not disturbed by it, but told at the end
    assert int(lines[2][3]) > 0
    for line in lines:
        path = tmp_path / f"{line[0]}_{line[1]}.mcap"
        assert path.stat().st_size <= 100_000
        numbers = [int.from_bytes(m.message.data[:2], "big") for m in read(path, ["/terrain"], allow_truncated=True)]
        assert numbers == list(range(len(numbers)))
        assert numbers


def _read_until_error(path: Path) -> tuple[list[int], TaskLogError | None]:
    found: list[int] = []
    try:
        for m in read(path, ["/mass/parcel"]):
            found.append(m.message.amount_ug)  # noqa: PERF401 (what was read before the error counts)
    except TaskLogError as error:
        return found, error
    return found, None


def _places(whole: bytes) -> list[int]:
    """Every byte of the last chunk, every eleventh elsewhere."""
    chunk_end = whole.rindex(b"/mass/parcel")
    last_chunk = whole.rindex(b"\x04\x00\x00\x00zstd", 0, chunk_end) - 40
    return [*range(0, last_chunk, 11), *range(last_chunk, last_chunk + 130), *range(last_chunk + 130, len(whole), 11)]


def test_cut_at_many_bytes(tiny: Path, tmp_path: Path) -> None:
    whole = tiny.read_bytes()
    assert _read_until_error(tiny) == (list(range(12)), None)
    cut, counts = tmp_path / "cut.mcap", []
    for size in _places(whole):
        cut.write_bytes(whole[:size])
        found, error = _read_until_error(cut)
        assert isinstance(error, TruncatedLogError if size else NotALogError)
        assert found == list(range(len(found)))
        counts.append(len(found))
    assert counts == sorted(counts)
    assert set(counts) == {0, 3, 6, 9, 12}


def test_a_tail_of_zeros_is_a_truncation(tiny: Path, tmp_path: Path) -> None:
    whole = tiny.read_bytes()
    last_chunk = whole.rindex(b"\x04\x00\x00\x00zstd")
    for size in (last_chunk, len(whole) - 8):
        padded = tmp_path / "padded.mcap"
        padded.write_bytes(whole[:size] + bytes(4096))
        found, error = _read_until_error(padded)
        assert isinstance(error, TaskLogError)
        assert found == list(range(len(found)))
    torn = tmp_path / "torn.mcap"
    torn.write_bytes(whole[: last_chunk - 8 * 3 - 4 - 9] + bytes(4096))  # from the chunk's first byte on
    assert isinstance(_read_until_error(torn)[1], TruncatedLogError)


def test_every_flipped_bit_is_noticed(tiny: Path, tmp_path: Path) -> None:
    whole, rng = tiny.read_bytes(), random.Random(3)
    flipped = tmp_path / "flipped.mcap"
    kinds = set()
    for at in _places(whole):
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        flipped.write_bytes(data)
        found, error = _read_until_error(flipped)
        assert error is not None, f"bit flip at byte {at} went unnoticed"
        assert set(found) <= set(range(12))  # never a wrong value,
        assert found == sorted(found)  # though a chunk whose type was flipped is missed
        kinds.add(type(error))
    assert DamagedLogError in kinds


def test_without_checksums_damage_can_pass(tiny: Path, tmp_path: Path) -> None:
    """Why validate_crcs is on by default: the same file, read without."""
    whole = bytearray(tiny.read_bytes())
    whole[whole.index(b"CC-BY-4.0")] ^= 1
    damaged = tmp_path / "damaged.mcap"
    damaged.write_bytes(whole)
    assert sum(1 for _ in read(damaged, validate_crcs=False)) == sum(1 for _ in read(tiny))
    with pytest.raises(DamagedLogError, match="the data section fails its checksum"):
        list(read(damaged))
    assert "fails its checksum" in describe(damaged).problem
