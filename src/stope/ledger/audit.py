"""The audit: do the books hold together, and does each promise of the agreement? Findings, then a page for people."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from stope.ledger.agreement import Agreement
from stope.ledger.balance import Books, add_up
from stope.ledger.claims import Shown, exceeded
from stope.ledger.entry import SERVICES, Entry
from stope.ledger.evidence import MEASURED, Trail, trails
from stope.ledger.journal import Journal
from stope.ledger.recomputed import AGREES, Files, absent_text, recompute
from stope.ledger.sharing import MG_PER_KG, allocate

CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(slots=True)
class SiteUse:
    """What was taken from a site, of what may be taken, and what of it was lost."""

    site: str
    commodity: str
    taken_mg: int
    limit_mg: int | None
    lost_mg: int

    @property
    def lost_fraction(self) -> float:
        """Of what left the ground."""
        return self.lost_mg / self.taken_mg if self.taken_mg > 0 else 0.0


@dataclass(slots=True)
class Share:
    """A partner's part of a commodity: what it got, and what the rule gives it of what was allocated."""

    partner: str
    commodity: str
    allocated_mg: int
    entitled_mg: int
    stock_mg: int


@dataclass(slots=True)
class Audit:
    """The outcome: `findings` is empty when the books hold and every promise was kept.

    `outcomes` says of each entry that states something measured what came of holding it against its logs.
    """

    journal: Journal
    agreement: Agreement
    books: Books
    findings: list[str] = field(default_factory=list)
    sites: list[SiteUse] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    contributions: dict[str, dict[str, int]] = field(default_factory=dict)
    trails: list[Trail] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)


def audit(
    journal: Journal,
    agreement: Agreement,
    agreement_sha256: str,
    shown: Shown = MappingProxyType({}),
    files: Files = MappingProxyType({}),
) -> Audit:
    """Add up the journal and hold it against the agreement, and what was measured against the logs that are here.

    Args:
        shown: what they show of contributions (`claims.shown_by`).
        files: what they hold of collected and weighed mass (`recomputed.files_of`).

    Raises:
        InputError: the journal itself cannot be added up.
    """
    books = add_up(journal)
    found = Audit(journal, agreement, books, contributions=contributions(journal, books), trails=trails(journal))
    _evidence(found)
    _claims(found, shown)
    _recomputed(found, files)
    _weighings(found)
    _adjustments(found)
    _times(found)
    _sites(found)
    _zones(found)
    _allocations(found, agreement_sha256)
    for number, entry in sorted(books.pending.items()):
        _tell(found, "transfer.open", f"entry {number}: a transfer by {entry.organisation} waits for the receiver's "
              "signature")  # fmt: skip
    if journal.torn:
        _tell(found, "journal.torn", f"the last {journal.torn} bytes are of an entry that was never completed")
    return found


def contributions(journal: Journal, books: Books, before: int | None = None) -> dict[str, dict[str, int]]:
    """By partner and kind, in the units of SERVICES; those that were reversed do not count."""
    found: dict[str, dict[str, int]] = {}
    for line in journal.lines:
        entry = line.entry
        if before is not None and entry.number >= before:
            break
        undone = books.reversed_by.get(entry.number)
        if entry.kind != "contribute" or (undone is not None and (before is None or undone < before)):
            continue
        for posting in entry.postings:
            root, _, name = posting.account.partition(":")
            if root == "service" and posting.commodity in SERVICES:
                row = found.setdefault(name, {})
                row[posting.commodity] = row.get(posting.commodity, 0) + posting.amount_mg
    return found


def allocated(entry: Entry) -> dict[str, dict[str, int]]:
    """What an entry gave to stocks, by commodity and partner."""
    found: dict[str, dict[str, int]] = {}
    for posting in entry.postings:
        root, _, name = posting.account.partition(":")
        if root == "stock":
            row = found.setdefault(posting.commodity, {})
            row[name] = row.get(name, 0) + posting.amount_mg
    return found


def _evidence(found: Audit) -> None:
    """Every amount goes back to sealed logs, its own or those of the entries that it came from."""
    for trail in found.trails:
        entry = trail.entry
        if not trail.entries:
            what = f"entry {entry.number}: {entry.kind} by {entry.organisation} "
            states = "states something measured and cites no log" if entry.kind in MEASURED else "rests on no log"
            _tell(found, "evidence.missing", what + states)


def _claims(found: Audit, shown: Shown) -> None:
    entries = [line.entry for line in found.journal.lines if line.entry.number not in found.books.reversed_by]
    beyond = exceeded(entries, shown)
    for entry in (
        line.entry for line in found.journal.lines if line.entry.kind == "contribute" and line.entry.evidence
    ):
        outcome = "DIFFERS" if entry.number in beyond else AGREES
        found.outcomes[entry.number] = _unshown(entry, shown) or outcome
    for number, text in beyond.items():
        _tell(found, "evidence.exceeded", f"entry {number}: {text}")


def _unshown(entry: Entry, shown: Shown) -> str:
    """Why a contribution could not be held against its logs; empty when it could."""
    for row in entry.evidence:
        here = shown.get((row.log_sha256, row.topic))
        if here is None:
            return absent_text(row)
        unknown = next((p.commodity for p in entry.postings if p.amount_mg > 0 and p.commodity not in here), None)
        if unknown is not None:
            return f"not checked: {row.topic} does not show {unknown}"
    return ""


def _recomputed(found: Audit, files: Files) -> None:
    again = recompute(found.journal, files, found.agreement.k_sigma)
    found.outcomes |= again.outcome
    for number, text in again.wrong:
        if number not in found.books.reversed_by:
            _tell(found, "evidence.differs", f"entry {number}: {text}")


def _weighings(found: Audit) -> None:
    for row in found.books.weighings:
        if not row.agrees(found.agreement.k_sigma):
            difference = row.measured_mg - row.book_mg
            _tell(
                found,
                "mass.weighing",
                f"entry {row.number}: {row.account} weighs {row.measured_mg} mg of {row.commodity}, the book says "
                f"{row.book_mg} mg: {difference:+d} mg is {abs(difference) / row.sigma_mg:.1f} sigma, allowed are "
                f"{found.agreement.k_sigma:g}; book the difference to an adjustment",
            )


def _sites(found: Audit) -> None:
    lost: dict[tuple[str, str], int] = {}
    for (account, commodity), balance in found.books.balances.items():
        if account.startswith("loss:ejecta."):
            key = (account.removeprefix("loss:ejecta."), commodity)
            lost[key] = lost.get(key, 0) + balance.amount_mg
    for (account, commodity), balance in sorted(found.books.balances.items()):
        root, _, site = account.partition(":")
        if root != "site":
            continue
        terms = found.agreement.sites.get(site)
        limit = terms.limit_kg.get(commodity) if terms else None
        use = SiteUse(
            site,
            commodity,
            -balance.amount_mg,
            round(limit * MG_PER_KG) if limit is not None else None,
            lost.get((site, commodity), 0),
        )
        found.sites.append(use)
        if terms is None:
            _tell(found, "site.unknown", f"site {site}: the agreement does not know it")
            continue
        if use.limit_mg is not None and use.taken_mg > use.limit_mg:
            text = f"site {site}: {use.taken_mg} mg of {commodity} taken, the limit is {use.limit_mg} mg"
            _tell(found, "site.depleted", text)
        if use.lost_fraction > terms.ejecta_fraction:
            text = f"site {site}: {use.lost_fraction:.1%} of the {commodity} was lost as ejecta, "
            _tell(found, "site.ejecta", f"{text}allowed are {terms.ejecta_fraction:.1%}")


def _zones(found: Audit) -> None:
    """Reservations and safety zones: who collected where another one's site forbids it."""
    sites = found.agreement.sites
    holder = {name: terms.reserved_for for name, terms in sites.items()}
    worked = [
        (line.entry.number, line.entry.organisation, posting.account.removeprefix("site:"))
        for line in found.journal.lines
        if line.entry.kind == "collect"
        for posting in line.entry.postings
        if posting.account.startswith("site:")
    ]
    for number, organisation, site in dict.fromkeys(worked):
        if holder.get(site) and holder[site] != organisation:
            text = f"entry {number}: {organisation} collected at {site}, which is reserved for {holder[site]}"
            _tell(found, "site.reserved", text)
        elif site in holder:
            holder[site] = holder[site] or organisation
        for other, terms in sites.items():
            if other == site or site not in sites or not terms.safety_zone_m or holder[other] in ("", organisation):
                continue
            here, there = sites[site].position_m, terms.position_m
            if here is None or there is None:
                text = (
                    f"entry {number}: whether {site} is in the safety zone of {other} is not known without position_m"
                )
                _tell(found, "zone.unknown", text)
            elif math.dist(here, there) < terms.safety_zone_m:
                text = (
                    f"entry {number}: {organisation} collected at {site}, {math.dist(here, there):.1f} m from {other}"
                )
                _tell(
                    found,
                    "zone.entered",
                    f"{text}, whose safety zone of {terms.safety_zone_m:g} m is {holder[other]}'s",
                )


def _adjustments(found: Audit) -> None:
    """A difference may be booked to an adjustment where somebody has weighed before."""
    weighed: set[tuple[str, str]] = set()
    for line in found.journal.lines:
        entry = line.entry
        if entry.weighing is not None:
            weighed.add((entry.weighing.account, entry.weighing.commodity))
        if entry.kind != "adjust" or entry.number in found.books.reversed_by:
            continue
        corrected = {p.commodity for p in entry.postings if p.account.startswith("adjustment:")}
        for commodity in sorted(corrected):
            others = {p.account for p in entry.postings if p.commodity == commodity}
            if not any((account, commodity) in weighed for account in others):
                text = f"entry {entry.number}: an adjustment of {commodity} without a weighing before it"
                _tell(found, "mass.adjusted", text)


def _times(found: Audit) -> None:
    """Clocks of partners differ by minutes; an entry that is an hour older than the one before it was dated back."""
    newest, number = None, 0
    for line in found.journal.lines:
        at = datetime.fromisoformat(line.entry.at)
        if newest is not None and at < newest - CLOCKS_DIFFER:
            text = f"entry {line.entry.number} says {line.entry.at}, which is before entry {number}"
            _tell(found, "journal.time", text)
        if newest is None or at > newest:
            newest, number = at, line.entry.number


def _tell(found: Audit, code: str, text: str) -> None:
    found.findings.append(f"{code}: {text}")


def _allocations(found: Audit, agreement_sha256: str) -> None:
    got: dict[tuple[str, str], int] = {}
    entitled: dict[tuple[str, str], int] = {}
    for line in found.journal.lines:
        entry = line.entry
        if entry.kind != "allocate" or entry.number in found.books.reversed_by:
            continue
        if entry.agreement != agreement_sha256:
            text = f"entry {entry.number}: allocated under another agreement ({entry.agreement[:12]})"
            _tell(found, "share.agreement", text)
            continue
        given = contributions(found.journal, found.books, entry.number)
        for commodity, shares in allocated(entry).items():
            right = allocate(found.agreement, given, commodity, sum(shares.values()))
            for partner in sorted(right.keys() | shares.keys()):
                key = (partner, commodity)
                got[key] = got.get(key, 0) + shares.get(partner, 0)
                entitled[key] = entitled.get(key, 0) + right.get(partner, 0)
                if shares.get(partner, 0) != right.get(partner, 0):
                    text = f"entry {entry.number}: {partner} got {shares.get(partner, 0)} mg of {commodity}, "
                    _tell(
                        found, "share.unfair", f"{text}the rule {found.agreement.rule} gives {right.get(partner, 0)} mg"
                    )
    for partner, commodity in sorted(got):
        stock = found.books.amount(f"stock:{partner}", commodity)
        found.shares.append(Share(partner, commodity, got[partner, commodity], entitled[partner, commodity], stock))
