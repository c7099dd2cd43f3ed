"""Checkpoints: once a second the recorder signs what it has written, so that a log is provable up to a kill.

Each holds, per topic, the number of messages and a running SHA-256 (salted), and the digest of the checkpoint before:
none can be taken out, and a file cut anywhere is proven up to its last one.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stope.tasklog.header import RECORD, utc_text
from stope.tasklog.messages import message_class
from stope.tasklog.records import MessageRecord, MetadataRecord, Record
from stope.tasklog.seal.dsse import Envelope, parse_envelope
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.keys import PrivateKey, load_private
from stope.tasklog.seal.policy import Policy
from stope.tasklog.seal.salts import SALTS, salt_of

TOPIC = "/audit/checkpoint"
PAYLOAD_TYPE = "application/vnd.stope.checkpoint+json"
KEY_VARIABLE = "STOPE_ROBOT_KEY"
_MESSAGE = struct.Struct("<QQQ")
_MAX_ENVELOPE = 256 * 1024


class _Running:
    """Digest of one topic so far."""

    __slots__ = ("count", "hash")

    def __init__(self, salt: bytes) -> None:
        self.hash, self.count = hashlib.sha256(b"stope.running/1\n" + salt), 0

    def add(self, sequence: int, time_ns: int, data: bytes) -> None:
        self.hash.update(_MESSAGE.pack(sequence, time_ns, len(data)))
        self.hash.update(data)
        self.count += 1

    def row(self) -> dict[str, Any]:
        return {"count": self.count, "sha256": self.hash.hexdigest()}


class CheckpointWriter:
    """Watches what the recorder writes and signs it."""

    def __init__(self, key: PrivateKey, run: Mapping[str, str], salts: Mapping[str, str]) -> None:
        self._key, self._run, self._salts = key, run_digest(run), salts
        self._topics: dict[str, _Running] = {}
        self._number, self._previous = 0, ""

    def add(self, topic: str, time_ns: int, data: bytes) -> None:
        """Take one message that was written."""
        running = self._topics.get(topic)
        if running is None:
            running = self._topics[topic] = _Running(salt_of(self._salts, topic))
        running.add(running.count + 1, time_ns, data)

    def message(self) -> bytes:
        """The next checkpoint, as the bytes of its message."""
        self._number += 1
        payload = json.dumps(
            {
                "format": "stope.checkpoint/1",
                "number": self._number,
                "run": self._run,
                "previous": self._previous,
                "topics": {topic: running.row() for topic, running in sorted(self._topics.items())},
            }
        ).encode()
        self._previous = hashlib.sha256(payload).hexdigest()
        envelope = Envelope(payload, PAYLOAD_TYPE).signed(self._key)
        data: bytes = message_class("Checkpoint")(envelope=envelope.to_json()).SerializeToString()
        return data


@dataclass(slots=True)
class Checkpoints:
    """What the chain proves.

    Attributes:
        count: checkpoints that verify, from the first on.
        proven: messages covered by the last of them.
        after: messages written after it: readable and unproven.
        problem: what broke the chain; empty when nothing did.
    """

    count: int = 0
    proven: int = 0
    after: int = 0
    problem: str = ""

    def __str__(self) -> str:
        text = f"checkpoints: {self.count} verified, {self.proven} messages proven, {self.after} after the last"
        return f"{text}; THEN: {self.problem}" if self.problem else text


class CheckpointReader:
    """Follows the chain while records pass by."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._topics: dict[str, _Running] = {}
        self._salts: Mapping[str, str] = {}
        self._run, self._previous = "", ""
        self._found = Checkpoints()
        self._seen = 0
        self._open: list[tuple[int, set[str]]] = []  # checkpoint number, topics that differ so far

    def add(self, record: Record) -> None:
        """Take one record."""
        if isinstance(record, MetadataRecord):
            if record.name == SALTS:
                self._salts = record.values
            elif record.name == RECORD:
                self._run = run_digest(record.values)
        elif isinstance(record, MessageRecord):
            if record.channel.topic == TOPIC:
                self._checkpoint(record)
                return
            topic = record.channel.topic
            running = self._topics.get(topic)
            if running is None:
                running = self._topics[topic] = _Running(salt_of(self._salts, topic))
            running.add(record.sequence, record.log_time_ns, record.data)
            self._seen += 1

    def outcome(self, withheld: set[str]) -> Checkpoints:
        """What is proven; topics in `withheld` are allowed to be absent."""
        found = self._found
        for number, differing in self._open:
            if not found.problem and (left := sorted(differing - withheld)):
                found.problem = f"checkpoint {number}: {', '.join(left[:5])} not as the recorder signed"
        found.after = self._seen - found.proven
        return found

    def _checkpoint(self, record: MessageRecord) -> None:
        if self._found.problem:
            return
        number = self._found.count + 1
        try:
            plain = self._content(record, number)
        except SealError as error:
            self._found.problem = str(error)
            return
        rows = plain.get("topics")
        if not isinstance(rows, dict):
            self._found.problem = f"checkpoint {number}: no topics"
            return
        mine = {topic: running.row() for topic, running in self._topics.items()}
        differing = {topic for topic in rows.keys() | mine.keys() if rows.get(topic) != mine.get(topic)}
        if differing & mine.keys():
            names = ", ".join(sorted(differing & mine.keys())[:5])
            self._found.problem = f"checkpoint {number}: {names} not as the recorder signed"
            return
        if differing:
            self._open.append((number, differing))
        self._found.count, self._found.proven = number, self._seen

    def _content(self, record: MessageRecord, number: int) -> dict[str, Any]:
        where = f"checkpoint {number}"
        if len(record.data) > _MAX_ENVELOPE:
            raise SealError(f"{where}: {len(record.data)} bytes, the limit is {_MAX_ENVELOPE}")
        try:
            text = message_class("Checkpoint").FromString(record.data).envelope
        except Exception as error:
            raise SealError(f"{where}: does not parse: {error}") from error
        envelope = parse_envelope(text.encode(), where)
        plain = envelope.content(PAYLOAD_TYPE, where)
        for row in self._policy.vouching(envelope, ("robot",), utc_text(record.log_time_ns)):
            if row.refusal:
                raise SealError(f"{where}: {row.refusal}")
        if not envelope.signatures:
            raise SealError(f"{where}: nobody has signed it")
        if (plain.get("number"), plain.get("previous"), plain.get("run")) != (number, self._previous, self._run):
            raise SealError(f"{where}: does not follow the one before, or belongs to another run")
        self._previous = hashlib.sha256(envelope.payload).hexdigest()
        return plain


def run_digest(run: Mapping[str, str]) -> str:
    """Binds a checkpoint to its run: SHA-256 of the run header as sorted JSON."""
    return hashlib.sha256(json.dumps(dict(sorted(run.items()))).encode()).hexdigest()


def key_from_environment() -> PrivateKey | None:
    """The robot's key, where STOPE_ROBOT_KEY names its file.

    Raises:
        SealError: it names one that cannot be used; a log without checkpoints would be worse than none.
    """
    path = os.environ.get(KEY_VARIABLE, "")
    return load_private(Path(path)) if path else None
