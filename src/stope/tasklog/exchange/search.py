"""The catalogue as tables for SQL. Types are fixed here, whatever a commit says."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from stope.tasklog.exchange.share import catalogue
from stope.tasklog.exchange.store import Store

_TEXT, _INT, _REAL = pa.string(), pa.int64(), pa.float64()
LOGS = pa.schema(
    [
        *((name, _TEXT) for name in ("name", "sha256", "mission", "body", "robot", "team", "licence", "stope_version")),
        ("start_utc", _TEXT),
        ("complete", pa.bool_()),
        *((name, _INT) for name in ("size", "messages", "seed", "commit", "seals")),
        ("duration_s", _REAL),
    ]
)
TOPICS = pa.schema(
    [("sha256", _TEXT), ("topic", _TEXT), ("schema", _TEXT), ("count", _INT), ("first_s", _REAL), ("last_s", _REAL)]
)


def catalogue_tables(store: Store) -> dict[str, pa.Table]:
    """Tables `logs` and `topics`.

    Raises:
        TaskLogError: the store cannot be read.
    """
    logs, topics = catalogue(store)
    return {"logs": _table(logs, LOGS), "topics": _table(topics, TOPICS)}


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = [pa.array([_fit(row.get(field.name), field.type) for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _fit(value: Any, kind: pa.DataType) -> Any:
    """The value, or null where a stranger's catalogue has something else in its place."""
    if kind == _TEXT:
        return value if isinstance(value, str) else None
    if kind == pa.bool_():
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if kind == _INT:
        return value if isinstance(value, int) and abs(value) < 2**63 else None
    return float(value)
