"""What sealing, verifying, querying and sharing cost.

Run: python benchmarks/log_exchange.py [--logs 100] [--messages 2000]
Rates are per second of this process's processor time, except push and pull, which wait for children and disks and are
in wall time. Pushing a log starts a process with limits on memory and time; that is most of its cost.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.exchange.share import pull, push
from stope.tasklog.exchange.store import Store
from stope.tasklog.query.sql import query
from stope.tasklog.query.tables import add_log, compact, datasets
from stope.tasklog.recover import recover
from stope.tasklog.seal.keys import PrivateKey
from stope.tasklog.seal.policy import parse_policy
from stope.tasklog.seal.statement import Claims, seal
from stope.tasklog.seal.verify import verify

AT = "2027-01-15T12:00:00Z"
KEY = PrivateKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
POLICY = json.dumps(
    {
        "format": "stope.policy/1",
        "version": 1,
        "organisations": {"o": {"name": "O", "keys": [{"public": KEY.public.text, "roles": ["seal"]}]}},
    }
)
SQL = "select log, max(weight_on_bit_n), count(*) from robot_observation group by log"


def write(path: Path, messages: int, seed: int) -> Path:
    """A log of observations of 16 joints."""
    header = RunHeader("0", seed, "m", "{}", "r", "{}", "", "bennu", "CC-BY-4.0", "t")
    with TaskLogWriter(path, header, start_utc_ns=1_800_000_000_000_000_000) as log:
        for i in range(messages):
            position = [0.001 * ((i * 7 + j + seed) % 997) for j in range(16)]
            message = new("RobotObservation", device_seq=i, joint_position=position, weight_on_bit_n=0.1 * (i % 600))
            log.write("/robot/observation", message, i * 10_000)
    return path


def timed(work: Callable[[], Any], clock: Callable[[], float] = time.process_time) -> tuple[float, Any]:
    """Seconds and result."""
    begin = clock()
    result = work()
    return clock() - begin, result


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, default=100)
    parser.add_argument("--messages", type=int, default=2000, help="per log")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        big = write(here / "big.mcap", 50_000, 0)
        spent, envelope = timed(lambda: seal(big, KEY, Claims(AT)))
        print(f"seal      {50_000 / spent:>12,.0f} messages/CPU-s")
        policy = parse_policy(POLICY.encode(), "policy")
        spent, found = timed(lambda: verify(big, envelope, policy))
        assert found.good
        print(f"verify    {50_000 / spent:>12,.0f} messages/CPU-s")
        spent, _ = timed(lambda: recover(big, here / "copy.mcap"))
        print(f"recover   {50_000 / spent:>12,.0f} messages/CPU-s")
        spent, _ = timed(lambda: add_log(big, here / "one"))
        print(f"tables    {50_000 / spent:>12,.0f} rows/CPU-s")
        logs = [write(here / f"{n}.mcap", arguments.messages, n) for n in range(arguments.logs)]
        for log in logs:
            add_log(log, here / "tables")
        spent, answer = timed(lambda: query(SQL, datasets(here / "tables")), time.perf_counter)
        assert len(answer.rows) == arguments.logs
        print(f"query     {spent * 1e3:>12,.0f} ms over {arguments.logs} logs in as many files")
        compact(here / "tables")
        spent, _ = timed(lambda: query(SQL, datasets(here / "tables")), time.perf_counter)
        print(f"query     {spent * 1e3:>12,.0f} ms after compaction")
        store = Store(str(here / "store"), create=True)
        spent, _ = timed(lambda: push(store, logs, AT), time.perf_counter)
        print(f"push      {spent / arguments.logs * 1e3:>12,.0f} ms/log, local folder")
        spent, _ = timed(lambda: pull(store, here / "in"), time.perf_counter)
        print(f"pull      {spent / arguments.logs * 1e3:>12,.0f} ms/log, digests alone")


if __name__ == "__main__":
    main()
