"""What every entry rests on: parts of sealed logs, its own or those of the entries that its amounts came from.

Who states something measured (mass collected, a weighing, a contribution) cites logs. Everything else moves what was
measured before: its evidence is that of the entries which filled the accounts that it takes from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from stope.ledger.entry import Entry, Posting
from stope.ledger.journal import Journal

#: Kinds that state something measured; each cites the logs that show it.
MEASURED = ("collect", "weigh", "contribute")


@dataclass(frozen=True, slots=True)
class Trail:
    """An entry, and the numbers of the entries whose logs give account of it; its own among them where it cites any."""

    entry: Entry
    entries: tuple[int, ...]


@dataclass(slots=True)
class _Sources:
    """By account and commodity: the entries whose logs account for what is in it, or that have weighed it."""

    filled: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    weighed: dict[tuple[str, str], set[int]] = field(default_factory=dict)

    def of(self, postings: Iterable[Posting]) -> set[int]:
        """What the amounts rest on: where they come from, or, of a difference, who has weighed the accounts."""
        found: set[int] = set()
        rows = tuple(postings)
        for row in rows:
            if row.amount_mg < 0:
                found |= self.filled.get((row.account, row.commodity), set())
        differences = {row.commodity for row in rows if row.account.startswith("adjustment:")}
        for row in rows:
            if row.commodity in differences:
                found |= self.weighed.get((row.account, row.commodity), set())
        return found

    def fill(self, postings: Iterable[Posting], by: set[int]) -> None:
        """What came in rests on the logs of `by`."""
        for row in postings:
            if row.amount_mg > 0:
                self.filled.setdefault((row.account, row.commodity), set()).update(by)


def trails(journal: Journal) -> list[Trail]:
    """For each entry of a journal that adds up, in order, what it rests on."""
    sources, found = _Sources(), dict[int, Trail]()
    for line in journal.lines:
        entry = line.entry
        own = {entry.number} if entry.evidence else set()
        if entry.refers_to:
            referred = found[entry.refers_to]
            own |= set(referred.entries)
            if entry.kind == "accept":
                sources.fill(referred.entry.postings, own)
        elif entry.kind not in MEASURED:
            own |= sources.of(entry.postings)
        if entry.kind != "transfer":
            sources.fill(entry.postings, own)
        if entry.weighing is not None:
            place = (entry.weighing.account, entry.weighing.commodity)
            sources.weighed.setdefault(place, set()).update(own)
        found[entry.number] = Trail(entry, tuple(sorted(own)))
    return list(found.values())
