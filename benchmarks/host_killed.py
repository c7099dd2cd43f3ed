"""Safe alone: the host dies at a random instant of drilling, 200 times; when SAFING began and ended, on device time.

    python benchmarks/host_killed.py [--runs 200]

The trials are those of tests/hil/test_host_lost.py, which asserts them and runs 20 in CI: the compiled core in virtual
time, a spindle that cuts, a feed that presses, the last sign of life anywhere within a control period.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Run the trials; exit code 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    environment = {**os.environ, "STOPE_HOST_LOST_RUNS": str(runs)}
    test = str(ROOT / "tests" / "hil" / "test_host_lost.py")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-rP", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    rows = re.findall(r"SAFING after ([\d.]+) ms, at rest and FAULT ([\d.]+) ms later", done.stdout)
    print(f"{len(rows)} of {runs} runs entered SAFING in time, kept their anchors and ended in FAULT")
    for what, column in (("SAFING after the last sign of life", 0), ("FAULT after SAFING began", 1)):
        numbers = [float(row[column]) for row in rows]
        if numbers:
            print(f"{what}: {min(numbers):.0f} to {max(numbers):.0f} ms of device time")
    if done.returncode:
        print(done.stdout[-3000:])
    return 0 if done.returncode == 0 and len(rows) == runs else 1


if __name__ == "__main__":
    sys.exit(main())
