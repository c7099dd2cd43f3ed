"""Add a signature to what others have signed, after looking at it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stope.tasklog.confined import confined
from stope.tasklog.newfile import write_new
from stope.tasklog.seal.dsse import Envelope, load_envelope, parse_envelope
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.keys import PrivateKey
from stope.tasklog.seal.policy import MAX_POLICY, PAYLOAD_TYPE, Policy, load_policy, parse_policy
from stope.tasklog.seal.small import read_small
from stope.tasklog.seal.verify import verify


def countersign(log: Path, seal: Path, key: PrivateKey, policy: Path) -> Envelope:
    """Verify the log, then add our signature to the seal's file, which is replaced in one step.

    The log is read in a process of its own with limits, which never sees the key.

    Raises:
        SealError: a part failed, nobody of the policy has signed yet, or our key is not in the policy.
        TaskLogError: the log cannot be read within limits.
    """
    rules = load_policy(policy)
    with _alone(seal):
        examined = confined("stope.tasklog.tasks:examine_seal", str(log), str(seal), str(policy))
        envelope = load_envelope(seal)
        if hashlib.sha256(envelope.payload).hexdigest() != examined:
            raise SealError(f"{seal}: not countersigned: it was replaced while the log was read")
        signed = envelope.signed(key)
        mine = next(row for row in rules.vouching(signed, ("seal", "witness"), "") if row.keyid == key.public.keyid)
        if not mine.organisation:
            raise SealError(f"{seal}: not countersigned: your key is nobody's in the policy")
        draft = seal.with_name(f"{seal.name}.{os.getpid()}.new")
        write_new(draft, signed.to_json().encode())
        os.replace(draft, seal)
    return signed


def examine(log: Path, seal: Path, policy: Policy) -> str:
    """SHA-256 of the seal's payload, which may be countersigned.

    The signatures present need not reach the threshold: reaching it is what countersigning is for. Withheld topics
    are accepted as the policy allows; who signs vouches for the seal, not for what they could not see.

    Raises:
        SealError: a part failed, or nobody of the policy has signed yet.
        NotALogError: the log cannot be read.
    """
    envelope = load_envelope(seal)
    found = verify(log, envelope, policy, where=str(seal))
    failed = found.having("failed")
    if failed or found.problem or found.checkpoints.problem:
        first = f"{failed[0].name}: {failed[0].why}" if failed else found.problem or found.checkpoints.problem
        raise SealError(f"{seal}: not countersigned: {first}")
    if not found.vouched:
        raise SealError(f"{seal}: not countersigned: nobody of the policy has signed it")
    return hashlib.sha256(envelope.payload).hexdigest()


@contextmanager
def _alone(seal: Path) -> Iterator[None]:
    """Two partners who sign in one folder must not replace each other's signature: the folder is locked meanwhile."""
    try:
        folder = os.open(seal.parent, os.O_RDONLY)
    except OSError as error:
        raise SealError(f"{seal}: cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def sign_policy(path: Path, key: PrivateKey) -> Envelope:
    """A policy, bare or signed by others, with our signature.

    Raises:
        SealError: it is no policy.
    """
    data = read_small(path, MAX_POLICY)
    if b'"payloadType"' in data:
        envelope = parse_envelope(data, str(path))
        envelope.content(PAYLOAD_TYPE, str(path))
    else:
        envelope = Envelope(data, PAYLOAD_TYPE)
    parse_policy(envelope.payload, str(path))
    return envelope.signed(key)
