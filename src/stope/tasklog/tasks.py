"""What is done with a stranger's log in a child process: text in, JSON out. See `confined`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from stope.tasklog.errors import TaskLogError
from stope.tasklog.parts import begun_problem, chain_problems, parts_of


def info_log(log: str) -> dict[str, Any]:
    """What `stope log info` says, in words and as JSON."""
    from stope.tasklog.info import describe_parts, to_json

    info = describe_parts(Path(log))
    return {"complete": info.complete, "text": str(info), "json": to_json(info)}


def check_log(log: str) -> dict[str, Any]:
    """The outcomes of `stope log check --json` for each part, with the same in words as `text`."""
    from stope.tasklog.conform import check

    parts = parts_of(Path(log))
    found = [check(part) for part in parts]
    return {"parts": [{**json.loads(row.to_json()), "text": str(row)} for row in found], "problems": _problems(parts)}


def verify_log(policy: str, log: str, seal: str = "") -> dict[str, Any]:
    """The outcomes of `stope log verify --json` for each part, each by the seal beside it, or for one by `seal`."""
    from stope.tasklog.seal.dsse import load_envelope
    from stope.tasklog.seal.policy import load_policy
    from stope.tasklog.seal.statement import seal_path
    from stope.tasklog.seal.verify import verify

    rules = load_policy(Path(policy))
    parts = [Path(log)] if seal else parts_of(Path(log))
    pairs = [(part, Path(seal) if seal else seal_path(part)) for part in parts]
    bare = next((part for part, by in pairs if not seal and not by.exists()), None)
    if bare is not None:
        expected = "one, or --seal with that of the log that this was redacted from"
        raise TaskLogError(f"{bare}: read no seal beside it ({seal_path(bare).name}), expected {expected}")
    found = [verify(part, load_envelope(by), rules, where=str(by)) for part, by in pairs]
    problems = [] if seal else _problems(parts)
    return {"parts": [{**json.loads(row.to_json()), "text": str(row)} for row in found], "problems": problems}


def state_log(log: str, claims: str) -> str:
    """What is to be signed of the log; `claims` is JSON."""
    from stope.tasklog.seal.statement import Claims, statement_of

    return statement_of(Path(log), Claims(**json.loads(claims)))


def examine_seal(log: str, seal: str, policy: str) -> str:
    """SHA-256 of the seal that may be countersigned."""
    from stope.tasklog.seal.countersign import examine
    from stope.tasklog.seal.policy import load_policy

    return examine(Path(log), Path(seal), load_policy(Path(policy)))


def pack_log(log: str, folder: str, published: str, organisation: str, *authors: str) -> list[str]:
    """Pack a log for an archive; the paths written."""
    from stope.tasklog.exchange.crate import pack

    written = pack(Path(log), Path(folder), authors=authors, organisation=organisation, published=published)
    return [str(path) for path in written]


def read_through(log: str, *topics: str) -> dict[str, Any]:
    """Read and decode these topics to the end, as somebody will who then reads them outside; the log's run header.

    A truncated log is read as far as it goes; the texts are empty where there is no header.
    """
    from stope.tasklog.info import describe_parts
    from stope.tasklog.reader import read_log

    for _ in read_log(Path(log), topics, allow_truncated=True):
        pass
    header = describe_parts(Path(log)).header
    said = ("robot", "stope_version", "limits_hash")
    return {name: getattr(header, name) if header else "" for name in said}


def recover_log(log: str, out: str, unchecked: str) -> dict[str, Any]:
    """What `stope log recover` says; `unchecked` is "yes" to take what no checksum covers."""
    from stope.tasklog.recover import recover

    found = recover(Path(log), Path(out), take_unchecked=unchecked == "yes")
    return {"complete": found.complete, "text": str(found)}


def join_log(log: str, out: str) -> dict[str, Any]:
    """Messages and parts that were put together, and why the end is missing."""
    from stope.tasklog.join import join

    found = join(Path(log), Path(out))
    return {"messages": sum(found.counts.values()), "parts": found.parts, "problem": found.problem}


def redact_log(log: str, out: str, *topics: str) -> dict[str, int]:
    """Messages that were left out, by topic."""
    from stope.tasklog.seal.redact import redact

    return redact(Path(log), Path(out), topics)


def import_tables(mapping: str, folder: str, out: str) -> dict[str, int]:
    """Rows that were taken, by topic."""
    from stope.tasklog.interop.from_csv import import_csv
    from stope.tasklog.interop.mapping import load_mapping

    return import_csv(load_mapping(Path(mapping)), Path(folder), Path(out))


def export_log(log: str, targets: str, *topics: str) -> list[str]:
    """Write the log in other formats, its parts as one; `targets` is JSON, a path by format. The paths written."""
    first = Path(log)
    if len(parts_of(first)) == 1:
        return _exported(first, json.loads(targets), topics)
    from stope.tasklog.join import join

    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / first.name
        join(first, whole)
        return _exported(whole, json.loads(targets), topics)


def _exported(log: Path, targets: dict[str, str], topics: tuple[str, ...]) -> list[str]:
    written: list[Path] = []
    for kind, target in targets.items():
        path = Path(target)
        if kind == "csv":
            from stope.tasklog.export import export_csv

            written += export_csv(log, path, topics=topics or None)
        elif kind == "parquet":
            from stope.tasklog.query.export import export_parquet

            written += export_parquet(log, path, topics or None)
        elif kind == "ros2":
            from stope.tasklog.interop.ros2 import export_ros2

            export_ros2(log, path)
            written.append(path)
        elif kind == "rerun":
            from stope.tasklog.interop.rerun import export_rerun

            export_rerun(log, path)
            written.append(path)
        elif kind == "lerobot":
            from stope.tasklog.interop.lerobot import export_lerobot

            written += export_lerobot(log, path)
    return [str(path) for path in written]


def add_to_tables(folder: str, log: str) -> list[str]:
    """Add the parts of a log to Parquet tables; their SHA-256."""
    from stope.tasklog.query.tables import add_log

    return [add_log(part, Path(folder)) for part in _chained(Path(log))]


def log_parts(log: str) -> list[str]:
    """The files of a log, which belong together."""
    return [str(part) for part in _chained(Path(log))]


def catalogue_rows(*logs: str) -> list[tuple[str, dict[str, Any]]]:
    """Each file of each log, and what the catalogue says of it."""
    from stope.tasklog.exchange.catalogue import describe_log

    found: list[tuple[str, dict[str, Any]]] = []
    for log in logs:
        if log in {path for path, _ in found}:
            continue  # a part that came with its log
        first = ""
        for number, part in enumerate(_chained(Path(log)), 1):
            row = describe_log(part)
            first = first or row["sha256"]
            found.append((str(part), row | ({"part": number, "first": first} if number > 1 else {})))
    return found


def _chained(log: Path) -> list[Path]:
    parts = parts_of(log)
    if problems := chain_problems(parts):
        raise TaskLogError(f"{log}: its parts are not those of one log: {problems[0]}")
    return parts


def _problems(parts: list[Path]) -> list[str]:
    """What is wrong between the parts."""
    begun = begun_problem(parts)
    return [*chain_problems(parts), *([begun] if begun else [])]
