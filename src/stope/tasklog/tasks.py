"""What is done with a stranger's log in a child process: text in, JSON out. See `confined`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def add_to_tables(log: str, folder: str) -> str:
    """Add a log to Parquet tables; its SHA-256."""
    from stope.tasklog.query.tables import add_log

    return add_log(Path(log), Path(folder))


def catalogue_row(log: str) -> dict[str, Any]:
    """What the catalogue says of a log."""
    from stope.tasklog.exchange.catalogue import describe_log

    return describe_log(Path(log))


def verify_log(log: str, seal: str, policy: str) -> dict[str, Any]:
    """The outcome of `stope log verify --json`."""
    from stope.tasklog.seal.dsse import load_envelope
    from stope.tasklog.seal.policy import load_policy
    from stope.tasklog.seal.verify import verify

    found: dict[str, Any] = json.loads(
        verify(Path(log), load_envelope(Path(seal)), load_policy(Path(policy))).to_json()
    )
    return found


def check_log(log: str) -> dict[str, Any]:
    """The outcome of `stope log check --json`."""
    from stope.tasklog.conform import check

    found: dict[str, Any] = json.loads(check(Path(log)).to_json())
    return found
