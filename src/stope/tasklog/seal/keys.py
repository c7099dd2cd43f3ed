"""Ed25519 keys in PEM files, as OpenSSL writes them. A key is named by the SHA-256 of its public half (SPKI, DER)."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stope.tasklog.newfile import write_new
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.small import read_small

_MAX_PEM = 64 * 1024
#: The points of small order in all their encodings (RFC 8032 does not refuse them; Chalkias et al. 2020, table 1).
_SMALL_ORDER = frozenset(
    bytes.fromhex(text)
    for text in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    )
)
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


@dataclass(frozen=True)
class PublicKey:
    """The half that everybody may have."""

    key: Ed25519PublicKey

    @cached_property
    def keyid(self) -> str:
        """SHA-256 (hex) of the key in DER: `openssl pkey -pubin -in key.pub -outform DER | sha256sum`."""
        return hashlib.sha256(self.key.public_bytes(serialization.Encoding.DER, _SPKI)).hexdigest()

    @property
    def pem(self) -> str:
        """PEM text."""
        return self.key.public_bytes(serialization.Encoding.PEM, _SPKI).decode()

    @property
    def text(self) -> str:
        """The 32 raw bytes in base64, as policies have it."""
        raw = self.key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """True when `signature` over `data` is good."""
        try:
            self.key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    @classmethod
    def from_text(cls, text: str) -> PublicKey:
        """From 32 raw bytes in base64, in the one way of writing them.

        Raises:
            ValueError: they are none, or a point of small order, whose "signatures" anybody can make.
        """
        raw = base64.b64decode(text, validate=True)
        if base64.b64encode(raw).decode() != text:  # unused bits of the last letter: one key, several texts
            raise ValueError("base64 that is not canonical")
        if raw in _SMALL_ORDER:
            raise ValueError("a public key of small order")
        return cls(Ed25519PublicKey.from_public_bytes(raw))


@dataclass(frozen=True)
class PrivateKey:
    """The half that signs."""

    key: Ed25519PrivateKey

    @cached_property
    def public(self) -> PublicKey:
        """The other half."""
        return PublicKey(self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        """64 bytes over `data`."""
        return self.key.sign(data)


def new_key(path: Path) -> PublicKey:
    """Make a key pair: the private half to `path`, for its owner alone, the public half to `path`.pub.

    Raises:
        TaskLogError: a file exists or cannot be written.
    """
    private = PrivateKey(Ed25519PrivateKey.generate())
    pem = private.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    umask = os.umask(0o077)
    try:
        write_new(path, pem)
    finally:
        os.umask(umask)
    write_new(path.with_name(path.name + ".pub"), private.public.pem.encode())
    return private.public


def load_private(path: Path) -> PrivateKey:
    """Read a private key.

    Raises:
        SealError: it cannot be read, or is no unencrypted Ed25519 key in PEM.
    """
    try:
        key = serialization.load_pem_private_key(read_small(path, _MAX_PEM), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SealError(f"{path}: expected an unencrypted Ed25519 private key in PEM; {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SealError(f"{path}: expected an Ed25519 key, read {type(key).__name__}")
    return PrivateKey(key)


def load_public(path: Path) -> PublicKey:
    """Read a public key.

    Raises:
        SealError: it cannot be read, or is no Ed25519 key in PEM.
    """
    try:
        key = serialization.load_pem_public_key(read_small(path, _MAX_PEM))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SealError(f"{path}: expected an Ed25519 public key in PEM; {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SealError(f"{path}: expected an Ed25519 key, read {type(key).__name__}")
    return PublicKey(key)
