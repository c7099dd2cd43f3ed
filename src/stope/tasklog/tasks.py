"""What is done with a stranger's log in a child process: text in, JSON out. See `confined`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def add_to_tables(folder: str, *parts: str) -> list[str]:
    """Add the parts of a log to Parquet tables; their SHA-256."""
    from stope.tasklog.query.tables import add_log

    return [add_log(Path(part), Path(folder)) for part in parts]


def catalogue_rows(*logs: str) -> list[dict[str, Any]]:
    """What the catalogue says of each log."""
    from stope.tasklog.exchange.catalogue import describe_log

    return [describe_log(Path(log)) for log in logs]


def verify_logs(policy: str, *logs_and_seals: str) -> list[dict[str, Any]]:
    """The outcomes of `stope log verify --json`, with the same in words as `text`."""
    from stope.tasklog.seal.dsse import load_envelope
    from stope.tasklog.seal.policy import load_policy
    from stope.tasklog.seal.verify import verify

    rules = load_policy(Path(policy))
    pairs = zip(logs_and_seals[::2], logs_and_seals[1::2], strict=True)
    found = [verify(Path(log), load_envelope(Path(seal)), rules, where=seal) for log, seal in pairs]
    return [{**json.loads(row.to_json()), "text": str(row)} for row in found]


def check_logs(*logs: str) -> list[dict[str, Any]]:
    """The outcomes of `stope log check --json`, with the same in words as `text`."""
    from stope.tasklog.conform import check

    found = [check(Path(log)) for log in logs]
    return [{**json.loads(row.to_json()), "text": str(row)} for row in found]
