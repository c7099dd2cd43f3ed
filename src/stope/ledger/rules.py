"""What an entry may do, given the books before it: who may take from which account, and what refers to what.

A signature says who posts; it does not say that what is taken is theirs. So each kind of entry has its own accounts,
and nobody but its owner takes from a stock or a service account, except by reversing an entry of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stope.ledger.entry import SERVICES, Entry, Posting, reversed_postings

if TYPE_CHECKING:
    from stope.ledger.balance import Books

Refusal = tuple[str, str]  #: what was read, what was expected

#: Accounts that an entry of a kind may touch, besides its signer's own stock and service.
_TOUCHES = {
    "collect": ("site", "opening", "hopper", "container", "tank", "loss"),
    "adjust": ("hopper", "container", "tank", "loss", "adjustment", "stock"),
    "transfer": ("stock",),
    "allocate": ("hopper", "container", "stock"),
    "contribute": ("opening", "service"),
}


def refusal(books: Books, entry: Entry) -> Refusal | None:
    """Why the books cannot take the entry; None when they can."""
    if entry.kind == "accept":
        return _accept(books, entry)
    if entry.kind == "reverse":
        return _reverse(books, entry)
    allowed = _TOUCHES.get(entry.kind, ())
    outside = next((p.account for p in entry.postings if _root(p) not in allowed), None)
    if outside is not None:
        return f"an entry of kind {entry.kind} on {outside}", f"accounts {', '.join(f'{root}:' for root in allowed)}"
    if entry.kind == "transfer":
        return _transfer(entry)
    if entry.kind == "allocate":
        return _allocate(entry)
    if entry.kind == "contribute":
        return _contribute(entry)
    if entry.kind == "adjust":
        return _adjust(entry)
    if entry.kind == "collect":
        return _collect(books, entry)
    return None


def receiver(entry: Entry) -> str:
    """The organisation whose stock a transfer fills; empty when it is not one."""
    found = {p.account.removeprefix("stock:") for p in entry.postings if p.amount_mg > 0}
    return found.pop() if len(found) == 1 else ""


def log_keys(entry: Entry) -> list[str]:
    """By what a log is known again: its seal, and its content, which another seal of the same log does not change."""
    if entry.kind != "collect":
        return []
    return [key for row in entry.evidence for key in (row.seal_sha256, row.content_sha256) if key]


def _root(posting: Posting) -> str:
    return posting.account.partition(":")[0]


def _accept(books: Books, entry: Entry) -> Refusal | None:
    if entry.refers_to not in books.pending:
        return f"an acceptance of entry {entry.refers_to}", "a transfer that waits for one"
    expected = receiver(books.pending[entry.refers_to])
    if entry.organisation != expected:
        return f"an acceptance by {entry.organisation}", f"one by {expected}, who receives"
    return None


def _transfer(entry: Entry) -> Refusal | None:
    givers = {p.account for p in entry.postings if p.amount_mg < 0}
    if givers != {f"stock:{entry.organisation}"} or receiver(entry) in ("", entry.organisation):
        return "a transfer from " + ", ".join(sorted(givers)), f"from stock:{entry.organisation} to one other stock"
    return None


def _allocate(entry: Entry) -> Refusal | None:
    wrong = next((p for p in entry.postings if (_root(p) == "stock") != (p.amount_mg >= 0)), None)
    if wrong is not None:
        return f"an allocation of {wrong.amount_mg} mg to {wrong.account}", "one from hoppers or containers to stocks"
    if not entry.agreement:
        return "an allocation that cites no agreement", "the SHA-256 of the agreement by whose rule it shares"
    return None


def _contribute(entry: Entry) -> Refusal | None:
    own = {f"opening:{entry.organisation}": -1, f"service:{entry.organisation}": 1}
    for p in entry.postings:
        if p.amount_mg * own.get(p.account, 0) <= 0 or p.commodity not in SERVICES:
            read = f"a contribution by {entry.organisation} of {p.amount_mg} {p.commodity} to {p.account}"
            return read, f"{', '.join(SERVICES)} from opening:{entry.organisation} to service:{entry.organisation}"
    return None


def _adjust(entry: Entry) -> Refusal | None:
    """The signer's own stock may be corrected or given up; it is filled by allocations and transfers."""
    own = f"stock:{entry.organisation}"
    other = next((p.account for p in entry.postings if _root(p) == "stock" and p.account != own), None)
    if other is not None:
        return f"an adjustment of {other} by {entry.organisation}", f"one of {own}, or a transfer"
    filled = {p.commodity for p in entry.postings if p.account == own and p.amount_mg > 0}
    source = next((p.account for p in entry.postings if p.commodity in filled and p.amount_mg < 0
                   and _root(p) != "adjustment"), None)  # fmt: skip
    if source is not None:
        return f"an adjustment that fills {own} from {source}", "an allocation by the agreement's rule"
    return None


def _collect(books: Books, entry: Entry) -> Refusal | None:
    used = next((key for key in log_keys(entry) if key in books.logs), None)
    if used is not None:
        return f"the log known as {used[:12]} again", f"each log once; entry {books.logs[used]} has it"
    return None


def _reverse(books: Books, entry: Entry) -> Refusal | None:
    referred = books.entries.get(entry.refers_to)
    if referred is None or referred.kind in ("accept", "weigh", "reverse", "transfer"):
        return f"a reversal of entry {entry.refers_to}", "one that booked something, and no reversal"
    if entry.refers_to in books.reversed_by:
        return f"a second reversal of entry {entry.refers_to}", "one at most"
    if referred.organisation != entry.organisation:
        return f"a reversal by {entry.organisation}", f"one by {referred.organisation}, who posted it"
    if _amounts(entry.postings) != _amounts(reversed_postings(referred.postings)):
        return "a reversal with other amounts", f"those of entry {entry.refers_to} with the sign changed"
    return None


def _amounts(postings: tuple[Posting, ...]) -> list[tuple[str, str, int]]:
    return sorted((p.account, p.commodity, p.amount_mg) for p in postings)
