"""An agreement: partners, the rule by which they share, and the limits of what a site may be asked for. A YAML file."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stope.ledger.entry import SERVICES
from stope.mission.source import FileModel, Mismatch, read_yaml

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Commodity = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
Part = Annotated[float, Field(ge=0, le=1)]
Rule = Literal["equal", "proportional", "floor", "priority", "auction"]


class Partner(FileModel):
    """A partner.

    Attributes:
        name: in full.
        country: ISO 3166 code.
        developing: a new or developing spacefaring nation; rule `floor` gives it at least `floor_share`.
        claim_kg: by commodity, what rule `priority` serves first.
    """

    name: str = Field(min_length=1, max_length=200)
    country: str = Field(default="", pattern=r"^([A-Z]{2})?$")
    developing: bool = False
    claim_kg: dict[Commodity, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)


class Bid(FileModel):
    """What a partner pays per kilogram, for at most so much; the money is settled elsewhere."""

    partner: Name
    commodity: Commodity
    amount_kg: float = Field(gt=0, le=1e9)
    price_per_kg: float = Field(ge=0)


class SiteTerms(FileModel):
    """What the partners promised for a site.

    Attributes:
        limit_kg: by commodity, the most that may ever be taken (sustainable use).
        ejecta_fraction: largest part of what leaves the ground that may be lost.
        reserved_for: the one partner who may work here; empty where all may.
        safety_zone_m: at other sites within, nobody works but `reserved_for`, or, where it is empty, who first worked
            here.
        position_m: of the site in the body's fixed frame; safety zones are measured between these.
    """

    limit_kg: dict[Commodity, Annotated[float, Field(gt=0, le=1e9)]] = Field(default_factory=dict)
    ejecta_fraction: Part = 1.0
    safety_zone_m: float = Field(default=0.0, ge=0)
    position_m: tuple[float, float, float] | None = Field(default=None, strict=False)
    reserved_for: str = ""


class Agreement(FileModel):
    """The file.

    Attributes:
        rule: how what is collected is shared: `equal`; `proportional` to weighted contributions; `floor`: proportional,
            and each developing partner gets `floor_share` at least; `priority`: claims in the order of `priority`, the
            rest proportional; `auction`: the highest bids first, the rest equal.
        weights: value of one unit of each contribution: hardware h, energy kJ, data kB, mass g.
        k_sigma: weighings agree with the book within so many standard deviations.
    """

    agreement: Name
    partners: dict[Name, Partner] = Field(min_length=1, max_length=200)
    rule: Rule
    weights: dict[Literal["hardware", "energy", "data", "mass"], Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict
    )
    floor_share: Part = 0.0
    priority: tuple[Name, ...] = ()
    bids: tuple[Bid, ...] = Field(default=(), max_length=10_000)
    sites: dict[Name, SiteTerms] = Field(default_factory=dict)
    k_sigma: float = Field(default=3.0, gt=0, le=10)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        names = self.partners.keys()
        for at, used in (("priority", self.priority), ("bids", tuple(bid.partner for bid in self.bids))):
            unknown = next((name for name in used if name not in names), None)
            if unknown is not None:
                raise Mismatch(unknown, f"one of the partners {', '.join(names)}", at=(at,))
        developing = sum(partner.developing for partner in self.partners.values())
        if developing * Fraction(repr(self.floor_share)) > 1:
            read = f"a floor of {self.floor_share:g} for {developing} partners"
            raise Mismatch(read, "floors that sum to 1 at most", at=("floor_share",))
        if self.rule in ("proportional", "floor") and not any(self.weights.values()):
            raise Mismatch("no weight above 0", f"weights for some of {', '.join(SERVICES)}", at=("weights",))
        for site, terms in self.sites.items():
            if terms.reserved_for and terms.reserved_for not in names:
                raise Mismatch(terms.reserved_for, "one of the partners", at=("sites", site, "reserved_for"))
        return self


def load_agreement(path: Path) -> tuple[Agreement, str]:
    """The agreement and the SHA-256 of its file, by which entries cite it.

    Raises:
        InputError: it cannot be read or contradicts itself; names file, line and field.
    """
    found = read_yaml(path, Agreement)
    return found, hashlib.sha256(Path(path).read_bytes()).hexdigest()
