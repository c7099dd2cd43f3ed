"""The payload digest: what "bit-identical" means for two runs."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from stope.tasklog.parts import scan_log
from stope.tasklog.records import MessageRecord

_HEAD = struct.Struct("<QQQ")


class PayloadDigest(dict[str, str]):
    """SHA-256 (hex) by topic, for the topics that the log marks `deterministic=true`."""

    @property
    def total(self) -> str:
        """SHA-256 over the lines "topic digest", sorted by topic."""
        lines = "".join(f"{topic} {digest}\n" for topic, digest in sorted(self.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


class PayloadHasher:
    """Computes the digest while messages pass by, in file order."""

    def __init__(self) -> None:
        self._hashes: dict[str, hashlib._Hash] = {}

    def add(self, record: MessageRecord) -> None:
        """Take one message; those of topics that are not deterministic are ignored."""
        channel = record.channel
        if channel.metadata.get("deterministic") != "true":
            return
        if channel.topic not in self._hashes:
            self._hashes[channel.topic] = hashlib.sha256()
        self._hashes[channel.topic].update(
            _HEAD.pack(record.sequence, record.log_time_ns, len(record.data)) + record.data
        )

    def digest(self) -> PayloadDigest:
        """The digest of what was added so far."""
        return PayloadDigest({topic: found.hexdigest() for topic, found in sorted(self._hashes.items())})


def payload_digest(path: Path) -> PayloadDigest:
    """SHA-256 by deterministic topic over (sequence, log time, length, data) of its messages, u64 little-endian each.

    It depends on neither chunks, compression, backend, host speed, nor on whether the log went on in further files.

    Raises:
        TaskLogError: see `stope.tasklog.parts.scan_log`; half a log has no digest.
    """
    hasher = PayloadHasher()
    for record in scan_log(path):
        if isinstance(record, MessageRecord):
            hasher.add(record)
    return hasher.digest()
