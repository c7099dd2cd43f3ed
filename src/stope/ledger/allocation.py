"""An allocation ready to post: all that an account holds, shared by the rule."""

from __future__ import annotations

from stope.ledger.agreement import Agreement
from stope.ledger.audit import contributions
from stope.ledger.balance import add_up
from stope.ledger.entry import Posting
from stope.ledger.journal import Journal
from stope.ledger.sharing import allocate
from stope.mission.errors import InputError


def allocation(
    journal: Journal, agreement: Agreement, account: str, commodity: str
) -> tuple[dict[str, int], tuple[Posting, ...]]:
    """Shares by partner, and the postings that book them.

    Raises:
        InputError: the account holds nothing, or the journal cannot be added up.
    """
    books = add_up(journal)
    total = books.amount(account, commodity)
    if total <= 0:
        raise InputError(
            str(journal.path), read=f"{total} mg of {commodity} in {account}", expected="something to share"
        )
    shares = allocate(agreement, contributions(journal, books), commodity, total)
    postings = [Posting(account=account, commodity=commodity, amount_mg=-total)]
    postings += [
        Posting(account=f"stock:{name}", commodity=commodity, amount_mg=amount)
        for name, amount in shares.items()
        if amount
    ]
    return shares, tuple(postings)
