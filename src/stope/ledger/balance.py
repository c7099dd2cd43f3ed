"""Balances: who has what, by adding up the journal; and the rules that one entry cannot see."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from stope.ledger.entry import LARGEST, NO_FLOOR, Entry, Posting
from stope.ledger.journal import Journal, Line
from stope.ledger.rules import log_keys, refusal
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
        logs: number of the entry that booked a log, by digest of its seal and of its content: a log is booked once.
        reversed_by: number of the reversal by number of what it reversed.
    """

    balances: dict[Place, Balance] = field(default_factory=dict)
    pending: dict[int, Entry] = field(default_factory=dict)
    weighings: list[Weighed] = field(default_factory=list)
    logs: dict[str, int] = field(default_factory=dict)
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


def _book(books: Books, line: Line, journal: Journal) -> None:
    entry = line.entry
    error = refusal(books, entry)
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
        for key in log_keys(books.entries[entry.refers_to]):
            books.logs.pop(key, None)
    for key in log_keys(entry):
        books.logs[key] = entry.number


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
