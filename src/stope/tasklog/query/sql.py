"""SQL over tables, from anybody: it sees the tables and nothing else, and it ends.

DuckDB's doors are shut before the query runs: no files, no network, no extensions, no settings changed back.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from stope.tasklog.errors import TaskLogError


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a query may take.

    Attributes:
        memory_mb, threads, seconds: of the machine.
        rows: of the answer; more are cut off, and that is said.
    """

    memory_mb: int = 1024
    threads: int = 2
    seconds: float = 60.0
    rows: int = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of a query. `more` when there were more than the bounds allow."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool


def query(sql: str, tables: Mapping[str, Any], bounds: Bounds | None = None) -> Answer:
    """Run one `select` over `tables` (Arrow tables or datasets by name).

    Raises:
        TaskLogError: not one select, wrong SQL, or over its bounds; says what DuckDB said.
    """
    bounds = bounds or Bounds()
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": bounds.threads,
            "memory_limit": f"{bounds.memory_mb}MB",
            "max_temp_directory_size": "0MB",
            "python_enable_replacements": False,  # names of Python variables are no tables
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    timer = threading.Timer(bounds.seconds, connection.interrupt)
    try:
        for name, table in tables.items():
            connection.register(name, table)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        _one_select(connection, sql)
        timer.start()
        cursor = connection.execute(sql)
        columns = tuple(str(row[0]) for row in cursor.description or ())
        rows = cursor.fetchmany(bounds.rows + 1)
        return Answer(columns, rows[: bounds.rows], len(rows) > bounds.rows)
    except duckdb.InterruptException:
        raise TaskLogError(f"the query took more than {bounds.seconds:g} s; ask for less") from None
    except duckdb.Error as error:
        sentence = " ".join(str(error).split())[:500]
        raise TaskLogError(f"the query cannot be answered: {sentence}") from None
    finally:
        timer.cancel()
        connection.close()


def _one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    kinds = [str(statement.type).rpartition(".")[2] for statement in statements]
    if kinds != ["SELECT"]:
        read = " and ".join(kinds) or "nothing"
        raise TaskLogError(f"the query: read {read}, expected one SELECT")
