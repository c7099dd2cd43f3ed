"""What a new seal says of the one before it and of the agreement."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.seal.dsse import load_envelope
from stope.tasklog.seal.statement import Claims, read_statement


def claims(sealed_at: str, previous: Path | None, agreement: Path | None) -> Claims:
    """The claims of a seal that follows `previous`.

    Raises:
        SealError: `previous` is no seal.
        TaskLogError: the agreement cannot be read.
    """
    digest, counter = "", 0
    if previous is not None:
        envelope = load_envelope(previous)
        statement = read_statement(envelope, str(previous))
        digest = hashlib.sha256(envelope.payload).hexdigest()
        said = statement.predicate.get("counter", 0)
        counter = (said if isinstance(said, int) else 0) + 1
    return Claims(sealed_at, digest, counter, file_sha256(agreement) if agreement is not None else "")
