"""A policy: which organisations there are, which keys are theirs, how many must vouch, what may be withheld.

A policy is handed on as a DSSE envelope. The next one is accepted when enough organisations of the present one have
signed it with an `admin` key: that is how keys are rotated and revoked without anybody's server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from stope.tasklog.seal.dsse import Envelope, json_object, parse_envelope
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.keys import PublicKey
from stope.tasklog.seal.small import read_small

PAYLOAD_TYPE = "application/vnd.stope.policy+json"
MAX_POLICY = 1024 * 1024
Role = Literal["robot", "seal", "witness", "ledger", "admin"]
#: What a policy does not say may be withheld is never: who did what, when it was unsafe, and the masses.
NEVER_WITHHELD = ("/audit/*", "/ledger/*", "/task/*", "/safety/*", "/mass/*")
Short = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Key(_Strict):
    """A key of an organisation.

    Attributes:
        public: 32 raw bytes in base64.
        roles: what it may sign.
        not_before, not_after: seals that say a time of sealing outside do not count; ISO 8601 with zone, or empty.
        revoked: why nothing that it signed counts any more, whatever time it claims; empty while it is good.
    """

    public: Short
    roles: tuple[Role, ...] = Field(min_length=1, strict=False)
    not_before: str = ""
    not_after: str = ""
    revoked: str = Field(default="", max_length=500)

    @field_validator("public")
    @classmethod
    def _is_key(cls, text: str) -> str:
        PublicKey.from_text(text)
        return text

    @field_validator("not_before", "not_after")
    @classmethod
    def _is_time(cls, text: str) -> str:
        if text and datetime.fromisoformat(text).tzinfo is None:
            raise ValueError("a time without zone; write 2027-01-31T00:00:00Z")
        return text

    def refusal(self, role: Role, at: str) -> str:
        """Why a signature at the claimed time `at` does not count; empty when it does."""
        if self.revoked:
            return f"the key was revoked: {self.revoked}"
        if role not in self.roles:
            return f"the key may sign as {', '.join(self.roles)}, not as {role}"
        if self.not_before or self.not_after:
            try:
                moment = datetime.fromisoformat(at)
            except ValueError:
                return f"the time {at[:40]!r} cannot be read, and the key has a term"
            if moment.tzinfo is None:
                return f"the time {at[:40]!r} has no zone, and the key has a term"
            if self.not_before and moment < datetime.fromisoformat(self.not_before):
                return f"the key is good from {self.not_before}"
            if self.not_after and moment > datetime.fromisoformat(self.not_after):
                return f"the key was good until {self.not_after}"
        return ""


class Organisation(_Strict):
    """Who stands behind keys."""

    name: Short
    keys: tuple[Key, ...] = Field(max_length=100, strict=False)


class Rules(_Strict):
    """The file: organisations by short name, and how many of them must vouch.

    Attributes:
        version: counts up; `previous` is the SHA-256 of the payload of the policy before.
        threshold: organisations, not keys, that must have signed a seal.
        admins: organisations that must sign the next policy.
        never_withheld: patterns of topics that a redacted log must hold.
    """

    format: Literal["stope.policy/1"]
    version: int = Field(ge=1)
    previous: str = ""
    organisations: dict[Short, Organisation] = Field(min_length=1, max_length=200)
    threshold: int = Field(default=1, ge=1)
    admins: int = Field(default=1, ge=1)
    never_withheld: tuple[str, ...] = Field(default=NEVER_WITHHELD, strict=False)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        publics = [key.public for org in self.organisations.values() for key in org.keys]
        if len(set(publics)) != len(publics):
            raise ValueError("a key belongs to one organisation, once")
        if self.threshold > len(self.organisations) or self.admins > len(self.organisations):
            raise ValueError("threshold and admins are at most the number of organisations")
        return self


@dataclass(frozen=True)
class Vouching:
    """One signature, judged: the organisation counts when `refusal` is empty."""

    keyid: str
    organisation: str
    refusal: str


@dataclass(frozen=True)
class Policy:
    """Rules, and the bytes that they were read from."""

    rules: Rules
    payload: bytes

    @property
    def sha256(self) -> str:
        """Names this version; pin it where you first got it from."""
        return hashlib.sha256(self.payload).hexdigest()

    def may_withhold(self, topic: str) -> bool:
        """True when a redacted log may leave the topic out."""
        return not any(fnmatchcase(topic, pattern) for pattern in self.rules.never_withheld)

    def vouching(self, envelope: Envelope, roles: Iterable[Role], at: str = "") -> list[Vouching]:
        """Each signature of the envelope with its organisation, or the reason why it does not count."""
        known = {
            PublicKey.from_text(key.public).keyid: (name, key)
            for name, org in self.rules.organisations.items()
            for key in org.keys
        }
        found = []
        for signature in envelope.signatures:
            name, key = known.get(signature.keyid, ("", None))
            if key is None:
                refusal = "the key is nobody's in the policy"
            elif not PublicKey.from_text(key.public).verifies(signature.sig, envelope.signed_bytes):
                refusal = "the signature does not fit the content"
            else:
                reasons = [key.refusal(role, at) for role in roles]
                refusal = "" if "" in reasons else reasons[0]
            found.append(Vouching(signature.keyid, name, refusal))
        return found

    def organisations(self, envelope: Envelope, roles: Iterable[Role], at: str = "") -> set[str]:
        """The organisations whose signature counts: an organisation with two keys counts once."""
        return {found.organisation for found in self.vouching(envelope, roles, at) if not found.refusal}


def load_policy(path: Path) -> Policy:
    """Read a policy, bare JSON or in an envelope. That this is the right one is up to who chose the file.

    Raises:
        SealError: it cannot be read, or breaks a rule; names the field.
    """
    data = read_small(path, MAX_POLICY)
    if b'"payloadType"' in data:
        envelope = parse_envelope(data, str(path))
        envelope.content(PAYLOAD_TYPE, str(path))
        data = envelope.payload
    return parse_policy(data, str(path))


def parse_policy(data: bytes, where: str) -> Policy:
    """Read a policy's JSON.

    Raises:
        SealError: it breaks a rule; names the field.
    """
    try:
        return Policy(Rules.model_validate(json_object(data, where)), data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"]) or "policy"
        read = repr(first.get("input"))[:80]
        raise SealError(f"{where}: {field}: read {read}: {first['msg']}") from None


def accept(present: Policy, envelope: Envelope, where: str, at: str) -> Policy:
    """The next policy, when the present one's organisations agree to it; `at` is now, for admin keys with a term.

    Raises:
        SealError: it does not follow the present one, or too few have signed it.
    """
    envelope.content(PAYLOAD_TYPE, where)
    following = parse_policy(envelope.payload, where)
    if following.rules.previous != present.sha256 or following.rules.version != present.rules.version + 1:
        read = f"read version {following.rules.version} after {following.rules.previous[:16] or 'none'}"
        raise SealError(f"{where}: {read}, expected {present.rules.version + 1} after {present.sha256[:16]}")
    agreed = present.organisations(envelope, ("admin",), at)
    if len(agreed) < present.rules.admins:
        names = ", ".join(sorted(agreed)) or "nobody"
        raise SealError(f"{where}: signed by {names}, expected {present.rules.admins} organisations with an admin key")
    return following
