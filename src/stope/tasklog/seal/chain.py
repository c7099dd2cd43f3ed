"""What a new seal says of the one before it and of the agreement."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stope.tasklog.fingerprint import file_sha256
from stope.tasklog.seal.dsse import load_envelope
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.keys import PublicKey
from stope.tasklog.seal.statement import Claims, read_statement


def newest_seal(folder: Path, key: PublicKey, topmost: int = 10_000) -> Path | None:
    """The seal in `folder` that `key` signed with the highest counter: what the next one follows unless told otherwise.

    Raises:
        SealError: more than `topmost` seals there; name the previous one.
    """
    newest: tuple[int, str] | None = None
    for number, path in enumerate(sorted(folder.glob("*.seal.json"))):
        if number >= topmost:
            raise SealError(f"{folder}: more than {topmost} seals; say which is the previous one (--previous)")
        try:
            envelope = load_envelope(path)
            counter = read_statement(envelope, str(path)).predicate.get("counter", 0)
        except SealError:
            continue  # not ours to judge here
        if isinstance(counter, int) and envelope.signed_by(key) and (newest is None or counter > newest[0]):
            newest = (counter, path.name)
    return folder / newest[1] if newest else None


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
