"""Two organisations with keys and a policy: what the tests of seals have in common."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stope.tasklog.records import MessageRecord, Record
from stope.tasklog.rewrite import rewriting
from stope.tasklog.scan import scan
from stope.tasklog.seal.dsse import Envelope
from stope.tasklog.seal.keys import PrivateKey
from stope.tasklog.seal.policy import Policy, parse_policy
from stope.tasklog.seal.verify import verify

AT = "2027-01-15T12:00:00Z"


def key(seed: int) -> PrivateKey:
    return PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


OURS, SPARE, THEIRS, ROBOT, STRANGER = (key(i) for i in range(1, 6))


def rules(**changes: Any) -> dict[str, Any]:
    return {
        "format": "stope.policy/1",
        "version": 1,
        "organisations": {
            "ours": {
                "name": "Our lab",
                "keys": [
                    {"public": OURS.public.text, "roles": ["seal", "admin"]},
                    {"public": SPARE.public.text, "roles": ["seal", "witness"]},
                    {"public": ROBOT.public.text, "roles": ["robot"]},
                ],
            },
            "theirs": {"name": "Their lab", "keys": [{"public": THEIRS.public.text, "roles": ["witness", "admin"]}]},
        },
        **changes,
    }


def policy(**changes: Any) -> Policy:
    return parse_policy(json.dumps(rules(**changes)).encode(), "policy.json")


def states(log: Path, envelope: Envelope, using: Policy | None = None) -> dict[str, set[str]]:
    found = verify(log, envelope, using or policy())
    return {state: {row.name for row in found.having(state)} for state in ("verified", "withheld", "failed")}


def rewritten(log: Path, change: Callable[[Record], Record | None], name: str = "changed.mcap") -> Path:
    target = log.with_name(name)
    with rewriting(target) as copy:
        for record in scan(log):
            if (new := change(record)) is not None:
                copy.add(new)
    return target


def dropping(topic: str, index: int) -> Callable[[Record], Record | None]:
    seen = [0]

    def change(record: Record) -> Record | None:
        if isinstance(record, MessageRecord) and record.channel.topic == topic:
            seen[0] += 1
            return None if seen[0] - 1 == index else record
        return record

    return change
