"""What a kill -9 costs: 100 writers per backend at 200 messages a second, killed at random times.

Run: python benchmarks/log_kill.py [--trials 100]
The promise is one second and one flush. "lost" is what was handed to `write` before the kill and is not in the file,
in seconds of messages, less how long a flush had been under way at the kill.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

RATE = 200.0
TRIALS = Path(__file__).parents[1] / "tests" / "tasklog" / "kill_trials.py"


def main() -> None:
    """Print a row per backend."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    trials = parser.parse_args().trials
    print(f"{'backend':<10} {'trials':>7} {'kept the promise':>17} {'lost, median s':>15} {'worst s':>8}")
    for backend in ("foxglove", "python"):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, str(TRIALS), folder, str(trials), backend, "1"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows = [line.split() for line in done.stdout.splitlines()]
        lost = sorted((int(written) - int(found)) / RATE - float(flush_s) for written, found, flush_s in rows)
        kept = sum(seconds <= 1.0 for seconds in lost)
        print(f"{backend:<10} {len(lost):>7} {kept:>17} {lost[len(lost) // 2]:>15.2f} {lost[-1]:>8.2f}")


if __name__ == "__main__":
    main()
