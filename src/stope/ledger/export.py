"""The journal as plain-text accounting: hledger and beancount add it up again, with code that is not ours."""

from __future__ import annotations

import re
from typing import Literal

from stope.ledger.balance import Books, add_up
from stope.ledger.entry import Entry, Posting
from stope.ledger.journal import Journal

Dialect = Literal["hledger", "beancount"]
_TYPES = {
    "site": "Income",
    "opening": "Equity",
    "adjustment": "Equity",
    "loss": "Expenses",
    "hopper": "Assets",
    "container": "Assets",
    "tank": "Assets",
    "stock": "Assets",
    "service": "Assets",
}


def export(journal: Journal, dialect: Dialect) -> str:
    """The books in one text, ending with the balances that we state, for the other program to check.

    Raises:
        InputError: the journal cannot be added up.
    """
    books = add_up(journal)
    booked = [(line.entry, line.sha256, _postings(line.entry, books)) for line in journal.lines]
    booked = [row for row in booked if row[2]]
    accounts = sorted({posting.account for _, _, postings in booked for posting in postings})
    commodities = sorted({posting.commodity for _, _, postings in booked for posting in postings})
    first = _date(booked[0][0]) if booked else "1970-01-01"
    last = max((_date(entry) for entry, _, _ in booked), default=first)
    first = min((_date(entry) for entry, _, _ in booked), default=first)
    lines = _head(dialect, accounts, commodities, first)
    for entry, sha256, postings in sorted(booked, key=lambda row: (_date(row[0]), row[0].number)):
        lines += _transaction(dialect, entry, sha256, postings)
    lines += _balances(dialect, books, last)
    return "\n".join(lines) + "\n"


def _postings(entry: Entry, books: Books) -> tuple[Posting, ...]:
    """What the entry books: an accepted transfer books with its acceptance."""
    if entry.kind == "accept":
        return books.entries[entry.refers_to].postings
    return () if entry.kind in ("transfer", "weigh") else entry.postings


def _head(dialect: Dialect, accounts: list[str], commodities: list[str], first: str) -> list[str]:
    if dialect == "hledger":
        declared = [f"commodity 1000. {_commodity(name, dialect)}" for name in commodities]
        return ["; amounts in mg; services in whole units", *declared,
                *(f"account {_account(name)}" for name in accounts), ""]  # fmt: skip
    return [
        'option "title" "Stope ledger"',  # whole numbers: beancount infers no tolerance for them (beancount#411)
        *(f"{first} commodity {_commodity(name, dialect)}" for name in commodities),
        *(f"{first} open {_account(name)}" for name in accounts),
        "",
    ]


def _transaction(dialect: Dialect, entry: Entry, sha256: str, postings: tuple[Posting, ...]) -> list[str]:
    title = f"{entry.number} {entry.kind} by {_plain(entry.organisation)}"
    memo = re.sub(r'[\r\n";|\\]+', " ", entry.memo)[:200]
    title += f": {memo}" if memo else ""
    head = f'{_date(entry)} * "{title}"' if dialect == "beancount" else f"{_date(entry)} * {title}"
    notes = [f"  ; entry {sha256}", *(f"  ; seal {row.seal_sha256} {_plain(row.topic)}" for row in entry.evidence)]
    rows = [f"  {_account(p.account)}  {p.amount_mg} {_commodity(p.commodity, dialect)}" for p in postings]
    return [head, *notes, *rows, ""]


def _balances(dialect: Dialect, books: Books, last: str) -> list[str]:
    rows = sorted(books.balances.items())
    if dialect == "hledger":
        if not rows:
            return []
        return [
            f"{last} * balances as Stope states them",
            *(
                f"  {_account(a)}  0 {_commodity(c, dialect)} = {b.amount_mg} {_commodity(c, dialect)}"
                for (a, c), b in rows
            ),
        ]
    day = _next_day(last)
    return [f"{day} balance {_account(a)}  {b.amount_mg} {_commodity(c, dialect)}" for (a, c), b in rows]


def _account(name: str) -> str:
    """ "loss:ejecta.north" as "Expenses:Loss:Ejecta-north"; both programs want a capital or a digit first."""
    root, _, rest = name.partition(":")
    rest = re.sub(r"[^A-Za-z0-9-]", "-", rest)
    same = "" if re.fullmatch(r"[A-Z0-9][A-Za-z0-9-]*", rest) and rest == name.partition(":")[2] else _mark(name)
    return f"{_TYPES[root]}:{root.capitalize()}:{rest[:1].upper()}{rest[1:]}{same}"


def _mark(name: str) -> str:
    """Keeps apart what the change of letters would make equal: "a.b" and "a-b"."""
    changed = [str(ord(letter)) for letter in name.partition(":")[2] if not (letter.isalnum() or letter == "-")]
    lower = "l" if name.partition(":")[2][:1].islower() else ""
    return f"-{lower}{'-'.join(changed)}" if changed or lower else ""


def _commodity(name: str, dialect: Dialect) -> str:
    if dialect == "hledger":
        return f'"{name} mg"'
    text = re.sub(r"[^A-Z0-9._-]", "-", name.upper())[:21].strip("._-")
    return f"{text}-MG"


def _date(entry: Entry) -> str:
    return entry.at[:10]


def _next_day(date: str) -> str:
    from datetime import date as day
    from datetime import timedelta

    return (day.fromisoformat(date) + timedelta(days=1)).isoformat()


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9/_.-]", "_", text)
