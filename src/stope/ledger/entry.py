"""An entry of the shared ledger: double entry in whole milligrams, with the evidence for every posting."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: What may happen. Nothing is ever edited: a mistake is reversed by an entry of its own.
Kind = Literal["collect", "weigh", "adjust", "transfer", "accept", "allocate", "contribute", "reverse"]
#: First part of an account's name, "stock:lab-a". Mass comes out of `site` and `opening`, so only they may go below 0;
#: `adjustment` takes what weighings correct, in either direction.
ROOTS = ("site", "opening", "hopper", "container", "tank", "loss", "adjustment", "stock", "service")
NO_FLOOR = ("site", "opening", "adjustment")
#: Contributions are counted in these units and not in milligrams; their counter-account is `opening`.
SERVICES = {"hardware": "h", "energy": "kJ", "data": "kB", "mass": "g"}
LARGEST = 2**63 - 1
_LARGEST_STD = 1e15  # a thousand tonnes; squares of it stay finite, so no weighing "agrees" because of an infinity
_TIME = r"^\d{4}-\d\d-\d\dT[0-9:.,]+(Z|[+-]\d\d:?\d\d)$"  # it goes into exports, so nothing else may be in it
_ACCOUNT = re.compile(rf"(?:{'|'.join(ROOTS)}):[A-Za-z0-9][A-Za-z0-9_.-]{{0,99}}")
_COMMODITY = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
Amount = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
Text = Annotated[str, Field(max_length=500)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Posting(_Strict):
    """So many milligrams (or service units) of a commodity to an account, or from it when negative."""

    account: Text
    commodity: Text
    amount_mg: Amount
    std_mg: float = Field(default=0.0, ge=0, le=_LARGEST_STD)

    @model_validator(mode="after")
    def _named(self) -> Self:
        _check_names(self.account, self.commodity)
        return self


class Evidence(_Strict):
    """Where an amount comes from: segments of a topic of a sealed log, all of which verified.

    `log_sha256` is of the log's file as it was sealed. `content_sha256` is over the digests of the segments: the same
    log sealed again is the same log.
    """

    log_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    seal_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    content_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    topic: Text
    segments: tuple[int, ...] = Field(default=(), max_length=100_000)
    messages: int = Field(default=0, ge=0)


class Weighing(_Strict):
    """What a balance showed for an account."""

    account: Text
    commodity: Text
    measured_mg: Amount
    std_mg: float = Field(gt=0, le=_LARGEST_STD)

    @model_validator(mode="after")
    def _named(self) -> Self:
        _check_names(self.account, self.commodity)
        return self


class Entry(_Strict):
    """One line of the journal.

    Attributes:
        number: from 1; `previous` is the SHA-256 of the payload before, which chains the lines.
        at: UTC, by the signer's clock.
        organisation: who says so; must be the signer's.
        agreement: SHA-256 of the agreement's file, where one governs the entry.
        postings: sum to zero for every commodity.
        refers_to: number of the entry that is accepted or reversed; 0 for none.
    """

    format: Literal["stope.ledger-entry/1"] = "stope.ledger-entry/1"
    number: int = Field(ge=1)
    previous: str = Field(pattern=r"^([0-9a-f]{64})?$")
    kind: Kind
    at: str = Field(max_length=40, pattern=_TIME)
    organisation: Text
    agreement: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    memo: Text = ""
    postings: tuple[Posting, ...] = Field(default=(), max_length=10_000)
    evidence: tuple[Evidence, ...] = Field(default=(), max_length=100)
    weighing: Weighing | None = None
    refers_to: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        sums: dict[str, int] = {}
        for posting in self.postings:
            sums[posting.commodity] = sums.get(posting.commodity, 0) + posting.amount_mg
        for commodity, total in sums.items():
            if total:
                raise ValueError(f"the postings of {commodity} sum to {total} mg, expected 0")
        if bool(self.postings) != (self.kind not in ("weigh", "accept")):
            raise ValueError(f"an entry of kind {self.kind} with {len(self.postings)} postings")
        if (self.weighing is not None) != (self.kind == "weigh"):
            raise ValueError("a weighing belongs to an entry of kind weigh, and to no other")
        if bool(self.refers_to) != (self.kind in ("accept", "reverse")):
            raise ValueError("refers_to belongs to accept and reverse, and to no other")
        if datetime.fromisoformat(self.at).tzinfo is None:
            raise ValueError(f"a time without zone, {self.at!r}; write 2027-01-31T00:00:00Z")
        if self.kind == "collect" and not self.evidence:
            raise ValueError("what was collected needs a sealed log as evidence")
        return self

    def payload(self) -> bytes:
        """The bytes that are signed and chained."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()


def _check_names(account: str, commodity: str) -> None:
    if not _ACCOUNT.fullmatch(account):
        raise ValueError(f"account {account[:40]!r}; expected one of {', '.join(ROOTS)}, a colon and a name")
    if not _COMMODITY.fullmatch(commodity):
        raise ValueError(f"commodity {commodity[:40]!r}; expected a lower-case name")


def move(commodity: str, source: str, target: str, amount_mg: int, std_mg: float = 0.0) -> tuple[Posting, Posting]:
    """Both sides of a transfer."""
    return (
        Posting(account=source, commodity=commodity, amount_mg=-amount_mg, std_mg=std_mg),
        Posting(account=target, commodity=commodity, amount_mg=amount_mg, std_mg=std_mg),
    )


def reversed_postings(postings: Sequence[Posting]) -> tuple[Posting, ...]:
    """What undoes them."""
    return tuple(posting.model_copy(update={"amount_mg": -posting.amount_mg}) for posting in postings)
