"""The audit: do the books hold together, and does each promise of the agreement? Findings, then a page for people."""

from __future__ import annotations

from dataclasses import dataclass, field

from stope.ledger.agreement import Agreement
from stope.ledger.balance import Books, add_up
from stope.ledger.entry import SERVICES, Entry
from stope.ledger.journal import Journal
from stope.ledger.sharing import MG_PER_KG, allocate


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
    """The outcome: `findings` is empty when the books hold and every promise was kept."""

    journal: Journal
    agreement: Agreement
    books: Books
    findings: list[str] = field(default_factory=list)
    sites: list[SiteUse] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    contributions: dict[str, dict[str, int]] = field(default_factory=dict)


def audit(journal: Journal, agreement: Agreement, agreement_sha256: str) -> Audit:
    """Add up the journal and hold it against the agreement.

    Raises:
        InputError: the journal itself cannot be added up.
    """
    books = add_up(journal)
    found = Audit(journal, agreement, books, contributions=contributions(journal, books))
    _weighings(found)
    _sites(found)
    _allocations(found, agreement_sha256)
    for number, entry in sorted(books.pending.items()):
        found.findings.append(f"entry {number}: a transfer by {entry.organisation} waits for the receiver's signature")
    if journal.torn:
        found.findings.append(f"the last {journal.torn} bytes are of an entry that was never completed")
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


def _weighings(found: Audit) -> None:
    for row in found.books.weighings:
        if not row.agrees(found.agreement.k_sigma):
            difference = row.measured_mg - row.book_mg
            found.findings.append(
                f"entry {row.number}: {row.account} weighs {row.measured_mg} mg of {row.commodity}, the book says "
                f"{row.book_mg} mg: {difference:+d} mg is {abs(difference) / row.sigma_mg:.1f} sigma, allowed are "
                f"{found.agreement.k_sigma:g}; book the difference to an adjustment"
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
            found.findings.append(f"site {site}: the agreement does not know it")
            continue
        if use.limit_mg is not None and use.taken_mg > use.limit_mg:
            found.findings.append(
                f"site {site}: {use.taken_mg} mg of {commodity} taken, the limit is {use.limit_mg} mg"
            )
        if use.lost_fraction > terms.ejecta_fraction:
            found.findings.append(
                f"site {site}: {use.lost_fraction:.1%} of the {commodity} was lost as ejecta, "
                f"allowed are {terms.ejecta_fraction:.1%}"
            )
        if terms.reserved_for:
            _reserved(found, site, terms.reserved_for)


def _reserved(found: Audit, site: str, holder: str) -> None:
    for line in found.journal.lines:
        entry = line.entry
        here = any(posting.account == f"site:{site}" for posting in entry.postings)
        if entry.kind == "collect" and here and entry.organisation != holder:
            found.findings.append(
                f"entry {entry.number}: {entry.organisation} collected at {site}, which is reserved for {holder}"
            )


def _allocations(found: Audit, agreement_sha256: str) -> None:
    got: dict[tuple[str, str], int] = {}
    entitled: dict[tuple[str, str], int] = {}
    for line in found.journal.lines:
        entry = line.entry
        if entry.kind != "allocate" or entry.number in found.books.reversed_by:
            continue
        if entry.agreement != agreement_sha256:
            found.findings.append(f"entry {entry.number}: allocated under another agreement ({entry.agreement[:12]})")
            continue
        given = contributions(found.journal, found.books, entry.number)
        for commodity, shares in allocated(entry).items():
            right = allocate(found.agreement, given, commodity, sum(shares.values()))
            for partner in sorted(right.keys() | shares.keys()):
                key = (partner, commodity)
                got[key] = got.get(key, 0) + shares.get(partner, 0)
                entitled[key] = entitled.get(key, 0) + right.get(partner, 0)
                if shares.get(partner, 0) != right.get(partner, 0):
                    found.findings.append(
                        f"entry {entry.number}: {partner} got {shares.get(partner, 0)} mg of {commodity}, "
                        f"the rule {found.agreement.rule} gives {right.get(partner, 0)} mg"
                    )
    for partner, commodity in sorted(got):
        stock = found.books.amount(f"stock:{partner}", commodity)
        found.shares.append(Share(partner, commodity, got[partner, commodity], entitled[partner, commodity], stock))
