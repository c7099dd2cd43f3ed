"""An answer as text: columns for people, JSON lines for programs."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from stope.tasklog.query.sql import Answer

_WIDEST = 48


def as_text(answer: Answer) -> str:
    """Columns, padded; long values are cut."""
    cells = [[_short(value) for value in row] for row in answer.rows]
    widths = [max(map(len, column)) for column in zip(answer.columns, *cells, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        for row in [answer.columns, *cells]
    ]
    if answer.more:
        lines.append(f"and more; these are the first {len(answer.rows)} rows")
    return "\n".join(line.rstrip() for line in lines)


def as_json(answer: Answer) -> str:
    """One object a row."""
    rows = (dict(zip(answer.columns, row, strict=True)) for row in answer.rows)
    return "\n".join(json.dumps(row, default=_plain, ensure_ascii=False) for row in rows)


def _short(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else str(value)
