"""`stope log join`: the parts of a log as one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stope.tasklog.errors import TruncatedLogError
from stope.tasklog.parts import parts_of, scan_log
from stope.tasklog.records import MessageRecord
from stope.tasklog.rewrite import rewriting


@dataclass(frozen=True, slots=True)
class Joined:
    """What was put together: messages by topic, from so many parts; `problem` says why the end is missing."""

    parts: int
    counts: dict[str, int]
    problem: str = ""


def join(first: Path, target: Path) -> Joined:
    """Write all parts of the log that begins in `first` as one log, sequences going on: what it would have been in one
    file, with the same payload digest. A last part that was cut off by a kill is taken as far as it goes.

    Raises:
        TaskLogError: the parts are not those of one log, one is damaged, or the target cannot be written.
    """
    counts: dict[str, int] = {}
    problem = ""
    with rewriting(target) as copy:
        try:
            for record in scan_log(first):
                if isinstance(record, MessageRecord):
                    counts[record.channel.topic] = counts.get(record.channel.topic, 0) + 1
                copy.add(record)
        except TruncatedLogError as error:
            problem = str(error)
    return Joined(len(parts_of(first)), counts, problem)
