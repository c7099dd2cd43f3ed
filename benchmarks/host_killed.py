"""Safe alone: the host dies at a random instant of drilling; when SAFING began and ended, on device time.

    python benchmarks/host_killed.py [--runs 200] [--processes 20]

Two sets of trials. `--runs`: those of tests/hil/test_host_lost.py, the compiled core in virtual time, a spindle that
cuts, a feed that presses, the last sign of life anywhere within a control period. `--processes`: those of
tests/session/test_host_killed.py, host and rover (firmware with PyBullet plant) in processes of their own, the host
killed with SIGKILL while it drills and started again, five times in each mission, which then has to end right.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
A_MISSION = 5  # kills


def main() -> int:
    """Run the trials; exit code 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="in virtual time")
    parser.add_argument("--processes", type=int, default=20, help="with processes; a multiple of five")
    asked = parser.parse_args()
    alone = {"STOPE_HOST_LOST_RUNS": str(asked.runs)}
    again = {
        "STOPE_HOST_KILLED_RUNS": str(asked.processes // A_MISSION),
        "STOPE_HOST_KILLED_KILLS": str(A_MISSION),
        "STOPE_HOST_KILLED_DEPTH_M": "0.003",
    }
    good = not asked.runs or trials("virtual time", "tests/hil/test_host_lost.py", alone, asked.runs)
    if asked.processes:
        test = "tests/session/test_host_killed.py::test_a_host_that_is_killed_again_and_again_goes_on_where_it_was"
        good &= trials("processes", test, again, asked.processes)
    return 0 if good else 1


def trials(name: str, test: str, environment: dict[str, str], count: int) -> bool:
    """Run one set of trials and print what its tests told; whether all of them were good."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-rA", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)
    rows = re.findall(r"SAFING after ([\d.]+) ms, at rest and FAULT ([\d.]+) ms later", done.stdout)
    print(f"{name}: {len(rows)} of {count} trials entered SAFING in time, kept their anchors and ended in FAULT")
    for what, column in (("SAFING after the last sign of life", 0), ("FAULT after SAFING began", 1)):
        numbers = [float(row[column]) for row in rows]
        if numbers:
            print(f"{name}: {what}: {min(numbers):.0f} to {max(numbers):.0f} ms of device time")
    if done.returncode:
        print(done.stdout[-3000:])
    return done.returncode == 0 and len(rows) == count


if __name__ == "__main__":
    sys.exit(main())
