"""Balances: who has what, by adding up the journal; and the rules that one entry cannot see."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from stope.ledger.entry import LARGEST, NO_FLOOR, Entry, Posting, reversed_postings
from stope.ledger.journal import Journal, Line
from stope.mission.errors import InputError

Place = tuple[str, str]  # account, commodity


@dataclass(slots=True)
class Balance:
    """An account's amount of one commodity with its standard deviation (independent errors)."""

    amount_mg: int = 0
    variance_mg2: float = 0.0

    @property
    def std_mg(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.variance_mg2)


@dataclass(slots=True)
class Weighed:
    """A weighing beside the book at that moment: they agree when the difference is within k sigma."""

    number: int
    account: str
    commodity: str
    measured_mg: int
    book_mg: int
    sigma_mg: float

    def agrees(self, k: float) -> bool:
        """Within `k` standard deviations."""
        return abs(self.measured_mg - self.book_mg) <= k * self.sigma_mg


@dataclass(slots=True)
class Books:
    """The journal, added up.

    Attributes:
        balances: by account and commodity; transfers count when they are accepted.
        pending: numbers of transfers that the receiver has not signed.
        seals: seal by number of the entry that used it: a log is booked once.
        reversed_by: number of the reversal by number of what it reversed.
    """

    balances: dict[Place, Balance] = field(default_factory=dict)
    pending: dict[int, Entry] = field(default_factory=dict)
    weighings: list[Weighed] = field(default_factory=list)
    seals: dict[str, int] = field(default_factory=dict)
    reversed_by: dict[int, int] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)

    def amount(self, account: str, commodity: str) -> int:
        """Milligrams; 0 where nothing was booked."""
        found = self.balances.get((account, commodity))
        return found.amount_mg if found else 0

    def total(self, root: str, commodity: str) -> int:
        """Milligrams over all accounts `root:*`."""
        return sum(b.amount_mg for (a, c), b in self.balances.items() if c == commodity and a.startswith(f"{root}:"))


def add_up(journal: Journal) -> Books:
    """The books after the last entry.

    Raises:
        InputError: an entry breaks a rule; the line is named.
    """
    books = Books()
    for line in journal.lines:
        _book(books, line, journal)
    return books


def check_next(journal: Journal, line: Line) -> None:
    """Refuse an entry that the books cannot take.

    Raises:
        InputError: why not.
    """
    _book(add_up(journal), line, journal)


def receiver(entry: Entry) -> str:
    """The organisation whose stock a transfer fills; empty when it is not one."""
    found = {p.account.removeprefix("stock:") for p in entry.postings if p.amount_mg > 0}
    return found.pop() if len(found) == 1 else ""


def _book(books: Books, line: Line, journal: Journal) -> None:
    entry = line.entry
    error = _refusal(books, entry)
    if error:
        raise InputError(str(journal.path), read=error[0], expected=error[1], line=entry.number)
    books.entries[entry.number] = entry
    if entry.kind == "transfer":
        books.pending[entry.number] = entry
    elif entry.kind == "accept":
        _post(books, books.pending.pop(entry.refers_to).postings, entry.number, journal)
    elif entry.kind == "weigh" and entry.weighing is not None:
        weighing = entry.weighing
        book = books.balances.get((weighing.account, weighing.commodity), Balance())
        sigma = math.hypot(book.std_mg, weighing.std_mg)
        books.weighings.append(
            Weighed(entry.number, weighing.account, weighing.commodity, weighing.measured_mg, book.amount_mg, sigma)
        )
    else:
        _post(books, entry.postings, entry.number, journal)
    if entry.kind == "reverse":
        books.reversed_by[entry.refers_to] = entry.number
        for row in books.entries[entry.refers_to].evidence:
            books.seals.pop(row.seal_sha256, None)
    for row in entry.evidence:
        books.seals[row.seal_sha256] = entry.number


def _refusal(books: Books, entry: Entry) -> tuple[str, str] | None:
    """(what was read, what was expected), or None."""
    used = next((row.seal_sha256 for row in entry.evidence if row.seal_sha256 in books.seals), None)
    if used is not None:
        return f"the log sealed as {used[:12]} again", f"each log once; entry {books.seals[used]} has it"
    referred = books.entries.get(entry.refers_to)
    if entry.kind == "accept":
        if entry.refers_to not in books.pending:
            return f"an acceptance of entry {entry.refers_to}", "a transfer that waits for one"
        expected = receiver(books.pending[entry.refers_to])
        if entry.organisation != expected:
            return f"an acceptance by {entry.organisation}", f"one by {expected}, who receives"
    if entry.kind == "transfer":
        givers = {p.account for p in entry.postings if p.amount_mg < 0}
        if givers != {f"stock:{entry.organisation}"} or not receiver(entry):
            return "a transfer from " + ", ".join(sorted(givers)), f"from stock:{entry.organisation} to one other stock"
    if entry.kind == "reverse":
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


def _post(books: Books, postings: tuple[Posting, ...], number: int, journal: Journal) -> None:
    for posting in postings:
        balance = books.balances.setdefault((posting.account, posting.commodity), Balance())
        balance.amount_mg += posting.amount_mg
        balance.variance_mg2 += posting.std_mg**2
    for posting in postings:
        amount = books.amount(posting.account, posting.commodity)
        if amount < 0 and posting.account.partition(":")[0] not in NO_FLOOR:
            read = f"{posting.account} with {amount} mg of {posting.commodity}"
            raise InputError(str(journal.path), read=read, expected="0 mg or more", line=number)
        if abs(amount) > LARGEST:
            raise InputError(str(journal.path), read=f"{amount} mg", expected="amounts within 64 bits", line=number)
