"""Per-topic salts: 32 random bytes that enter every digest of a topic, so that its content cannot be guessed from them.

They lie in the log, so that whoever has the topic can check it; who withholds a topic withholds its salt. They are the
one thing in a log that must not come from the run's seed, and they are not in the payload digest.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping

#: Metadata record with the salts: topic to 64 hex digits.
SALTS = "stope.salts"
_HEX = re.compile(r"[0-9a-f]{64}")


def new_salts(topics: Iterable[str]) -> dict[str, str]:
    """The record for these topics."""
    return {topic: secrets.token_hex(32) for topic in topics}


def salt_of(record: Mapping[str, str], topic: str) -> bytes:
    """The topic's salt; empty where a writer gave none or one that is none."""
    text = record.get(topic, "")
    return bytes.fromhex(text) if _HEX.fullmatch(text) else b""
