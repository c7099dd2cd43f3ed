"""Kill writers with signal 9 at random times and count what is lost: used by the tests (10) and by `make bench` (100).

Run: python kill_trials.py FOLDER TRIALS BACKEND SEED. A line per trial: messages written and found, and host seconds
that a flush had gone on for at the kill. The parent has no threads, so that it may fork: a child costs no import.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Literal, cast

from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.reader import read
from stope.tasklog.recorder import Recorder

RATE = 200  # messages per second
AT_ONCE = 5
HEADER = RunHeader("0", 1, "kill", "{}", "r", "{}", "", "bennu", "CC0-1.0", "t")
_FLUSH = struct.Struct("<d")  # when the flush that is under way began; 0 when none is


def until(moment: float) -> None:
    """Wait for a moment of `time.perf_counter`."""
    threading.Event().wait(max(0.0, moment - time.perf_counter()))


def writes(path: Path, backend: str, told: int, shared: mmap.mmap) -> None:
    """Log at `RATE` until somebody ends it; say after each message that it was handed over."""
    flush = Recorder._flush_to_disk

    def watched(recorder: Recorder) -> None:
        _FLUSH.pack_into(shared, 0, time.perf_counter())
        flush(recorder)
        _FLUSH.pack_into(shared, 0, 0.0)

    Recorder._flush_to_disk = watched
    log = TaskLogWriter(path, HEADER, start_utc_ns=1, backend=cast(Literal["foxglove", "python"], backend))
    begin = time.perf_counter()
    for i in range(1_000_000):
        log.write("/mass/parcel", new("MassParcel", amount_ug=i), i)
        os.write(told, i.to_bytes(4, "little"))
        until(begin + i / RATE)


def trial(path: Path, backend: str) -> tuple[int, int, mmap.mmap]:
    """Start a child; its process number, the descriptor on which it counts, and the memory that says if it flushes."""
    (heard, told), shared = os.pipe(), mmap.mmap(-1, _FLUSH.size)
    child = os.fork()
    if child == 0:
        os.close(heard)
        try:
            writes(path, backend, told, shared)
        finally:
            os._exit(1)
    os.close(told)
    return child, heard, shared


def main() -> None:
    """All trials, some at a time."""
    folder, trials, backend = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    rng = random.Random(int(sys.argv[4]))
    for first in range(0, trials, AT_ONCE):
        names = [folder / f"{backend}_{i}.mcap" for i in range(first, min(first + AT_ONCE, trials))]
        running = [trial(path, backend) for path in names]
        for _, heard, _ in running:
            os.read(heard, 4)  # it writes
        begin, flushing = time.perf_counter(), []
        for at_s, (child, _, shared) in zip(sorted(rng.uniform(0.2, 3.2) for _ in running), running, strict=True):
            until(begin + at_s)
            os.kill(child, signal.SIGKILL)
            since = _FLUSH.unpack_from(shared)[0]
            flushing.append(time.perf_counter() - since if since else 0.0)
        for path, (child, heard, _), flush_s in zip(names, running, flushing, strict=True):
            os.waitpid(child, 0)
            written = 1
            while data := os.read(heard, 65536):
                written += len(data) // 4
            os.close(heard)
            sys.stdout.write(f"{written} {found(path)} {flush_s:.3f}\n")
            sys.stdout.flush()


def found(path: Path) -> int:
    """Messages that are left of it: they must be the first ones, without a hole."""
    count = 0
    for message in read(path, ["/mass/parcel"], allow_truncated=True):
        if message.message.amount_ug != count:
            raise SystemExit(f"{path}: message {message.message.amount_ug} where {count} was expected")
        count += 1
    return count


if __name__ == "__main__":
    main()
