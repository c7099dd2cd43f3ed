"""What an entry takes from sealed logs, read in a process of its own with limits: they may be a stranger's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stope.ledger.collected import checked_seal, cited, collected_of
from stope.ledger.entry import Evidence, Posting
from stope.mission.errors import InputError
from stope.tasklog.confined import confined
from stope.tasklog.errors import TaskLogError
from stope.tasklog.parts import chain_problems, parts_of
from stope.tasklog.seal.dsse import Envelope, load_envelope
from stope.tasklog.seal.policy import load_policy
from stope.tasklog.seal.statement import seal_path


def collected_from(
    log: Path, seal: Path | None, policy: Path, *, site: str, robot: str, extra_accounts: Mapping[str, str]
) -> tuple[tuple[Posting, ...], tuple[Evidence, ...]]:
    """What a log, with the parts that it went on in, collected; each part by the seal beside it, or one by `seal`.

    Raises:
        TaskLogError: it does not verify, cannot be read within limits, or cannot be booked.
    """
    words = (json.dumps(dict(extra_accounts)), *([str(seal)] if seal else []))
    said = confined("stope.ledger.from_logs:collected_plain", str(log), str(policy), site, robot, *words)
    postings = tuple(Posting.model_validate_json(json.dumps(row)) for row in said["postings"])
    return postings, _evidence(said["evidence"])


def evidence_from(logs: Sequence[Path], topic: str, policy: Path) -> tuple[Evidence, ...]:
    """The segments of `topic` in logs with the seals beside them, all of which must verify.

    Raises:
        TaskLogError: one does not verify, cannot be read within limits, or holds nothing on the topic.
    """
    return _evidence(confined("stope.ledger.from_logs:cited_plain", topic, str(policy), *map(str, logs)))


def collected_plain(log: str, policy: str, site: str, robot: str, extra: str, seal: str = "") -> dict[str, Any]:
    """The child's part of `collected_from`."""
    try:
        parts = _sealed_parts(Path(log), seal)
        postings, evidence = collected_of(
            parts, load_policy(Path(policy)), site=site, robot=robot, extra_accounts=json.loads(extra)
        )
    except (InputError, ValueError) as error:
        raise TaskLogError(str(error)) from error
    return {
        "postings": [row.model_dump(mode="json") for row in postings],
        "evidence": [row.model_dump(mode="json") for row in evidence],
    }


def cited_plain(topic: str, policy: str, *logs: str) -> list[dict[str, Any]]:
    """The child's part of `evidence_from`."""
    rules, found = load_policy(Path(policy)), []
    for log in logs:
        try:
            rows = [
                cited(path, envelope, checked_seal(path, envelope, rules), topic)
                for path, envelope in _sealed_parts(Path(log), "")
            ]
        except InputError as error:
            raise TaskLogError(str(error)) from error
        if not any(row.messages for row in rows):
            raise TaskLogError(
                f"{log}: read no verified messages on {topic}, expected some: stope log info lists the topics"
            )
        found += [row.model_dump(mode="json") for row in rows if row.messages]
    return found


def _sealed_parts(log: Path, seal: str) -> list[tuple[Path, Envelope]]:
    parts = [log] if seal else parts_of(log)
    if problems := chain_problems(parts):
        raise TaskLogError(problems[0])
    return [(part, load_envelope(Path(seal) if seal else seal_path(part))) for part in parts]


def _evidence(rows: list[dict[str, Any]]) -> tuple[Evidence, ...]:
    return tuple(Evidence.model_validate_json(json.dumps(row)) for row in rows)
