"""Coverage-guided fuzzing of the log's readers with atheris; `tests/test_fuzzing.py` runs it short and seeded.

Run: python hostile_corpus.py SEEDS; python fuzz_log.py -max_total_time=600 FOUND SEEDS. What it finds becomes a file of
`hostile_corpus`, which the tests replay.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["stope.tasklog"]):
    from log_readers import READERS

    from stope.tasklog import TaskLogError

SLOW = ("reads_tables", "reads_lerobot", "reads_verify")
FOLDER = Path(tempfile.mkdtemp(prefix="stope-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


def one(data: bytes) -> None:
    """Any exception but ours is a finding."""
    path, out = FOLDER / "fuzzed.mcap", FOLDER / "out"
    path.write_bytes(data)
    for reader in READERS:
        if reader.__name__ in SLOW:
            continue
        out.mkdir()
        try:
            reader(path, out)
        except TaskLogError:
            pass
        finally:
            shutil.rmtree(out)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
