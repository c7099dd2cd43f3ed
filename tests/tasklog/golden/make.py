"""Makes the golden files: small logs of each version of the format, which every later version must read the same.

Run once per version of the format and commit the result; never again for an old one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(Path(__file__).parents[1]))
from sample_log import START_NS, sample_header, sample_messages

from stope.tasklog import TaskLogWriter
from stope.tasklog.digest import payload_digest
from stope.tasklog.info import describe
from stope.tasklog.seal.keys import PrivateKey
from stope.tasklog.seal.statement import Claims, seal

HERE = Path(__file__).parent
KEY = PrivateKey(Ed25519PrivateKey.from_private_bytes(b"golden key, of no secrecy at all"))


def main(version: str) -> None:
    """Write VERSION.mcap, VERSION.mcap.seal.json, VERSION.policy.json and VERSION.expected.json."""
    path = HERE / f"{version}.mcap"
    with TaskLogWriter(path, sample_header(), start_utc_ns=START_NS, backend="python", signer=KEY) as log:
        for topic, message, time_us in sample_messages():
            log.write(topic, message, time_us)
    path.with_name(f"{path.name}.seal.json").write_text(seal(path, KEY, Claims("2027-01-15T12:00:00Z")).to_json())
    keys = [{"public": KEY.public.text, "roles": ["seal", "robot"]}]
    policy = {"format": "stope.policy/1", "version": 1, "organisations": {"golden": {"name": "Golden", "keys": keys}}}
    (HERE / f"{version}.policy.json").write_text(json.dumps(policy, indent=1) + "\n")
    expected = {
        "digest": payload_digest(path).total,
        "counts": {row.topic: row.count for row in describe(path).topics},
    }
    (HERE / f"{version}.expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
