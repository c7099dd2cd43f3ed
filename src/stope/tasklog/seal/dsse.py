"""DSSE: a payload with its type and signatures over both (github.com/secure-systems-lab/dsse, protocol 1.0).

Forty lines over Ed25519 in place of a library: the bytes that are signed are defined in one function, and OpenSSL and
Node check them in the tests.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.keys import PrivateKey, PublicKey
from stope.tasklog.seal.small import read_small

MAX_ENVELOPE = 64 * 1024 * 1024
MAX_SIGNATURES = 64


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature; `keyid` says whose it claims to be."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload, its media type, and who signed both."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...] = ()

    @property
    def signed_bytes(self) -> bytes:
        """Pre-authentication encoding: what a signature is over."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)

    def signed(self, key: PrivateKey) -> Envelope:
        """The same with a signature by `key`; one that this key made before is replaced."""
        kept = tuple(found for found in self.signatures if found.keyid != key.public.keyid)
        mine = Signature(key.public.keyid, key.sign(self.signed_bytes))
        return Envelope(self.payload, self.payload_type, (*kept, mine))

    def signed_by(self, key: PublicKey) -> bool:
        """True when a signature that names `key` is good."""
        data = self.signed_bytes
        return any(key.verifies(found.sig, data) for found in self.signatures if found.keyid == key.keyid)

    def to_json(self) -> str:
        """The envelope as it is stored."""
        return json.dumps(
            {
                "payloadType": self.payload_type,
                "payload": base64.b64encode(self.payload).decode(),
                "signatures": [
                    {"keyid": found.keyid, "sig": base64.b64encode(found.sig).decode()} for found in self.signatures
                ],
            }
        )

    def content(self, payload_type: str, where: str) -> dict[str, Any]:
        """The payload, a JSON object of the given type.

        Raises:
            SealError: another type, or no JSON object.
        """
        if self.payload_type != payload_type:
            raise SealError(f"{where}: read payload type {self.payload_type[:80]!r}, expected {payload_type!r}")
        return json_object(self.payload, f"{where}: payload")


def parse_envelope(data: bytes, where: str) -> Envelope:
    """Read an envelope; `where` is the file that errors name.

    Raises:
        SealError: not a DSSE envelope.
    """
    plain = json_object(data, where)
    rows = plain.get("signatures")
    kind, payload = plain.get("payloadType"), plain.get("payload")
    if not isinstance(rows, list) or not isinstance(kind, str) or not isinstance(payload, str):
        raise SealError(f"{where}: expected a DSSE envelope with payloadType, payload and signatures")
    if len(rows) > MAX_SIGNATURES:
        raise SealError(f"{where}: {len(rows)} signatures, the limit is {MAX_SIGNATURES}")
    signatures = []
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("sig"), str):
            raise SealError(f"{where}: signatures: expected objects with keyid and sig")
        signatures.append(Signature(str(row.get("keyid", ""))[:128], _decoded(row["sig"], f"{where}: sig")))
    return Envelope(_decoded(payload, f"{where}: payload"), kind, tuple(signatures))


def load_envelope(path: Path) -> Envelope:
    """Read an envelope file.

    Raises:
        SealError: it cannot be read, is larger than 64 MiB, or no envelope.
    """
    return parse_envelope(read_small(path, MAX_ENVELOPE), str(path))


def json_object(data: bytes, where: str) -> dict[str, Any]:
    """Parse a JSON object; a key that stands twice is refused, since two readers could take different ones.

    Raises:
        SealError: it is none.
    """
    try:
        plain = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise SealError(f"{where}: is not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise SealError(f"{where}: expected a JSON object, read {type(plain).__name__}")
    return plain


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) != len(pairs):
        raise ValueError("a key stands twice")
    return plain


def _decoded(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SealError(f"{where}: is not base64: {error}") from error
