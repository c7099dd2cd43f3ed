"""What an entry may do: who takes from which account, what is refused leaves no trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ledger_story import Books, examine, write_log

from stope.ledger.collected import collected
from stope.ledger.entry import move, reversed_postings
from stope.mission.errors import InputError


def test_reversals(books: Books, tmp_path: Path) -> None:
    postings = move("water", "site:north", "hopper:m1", 500)
    log, envelope = write_log(tmp_path / "run.mcap")
    _, evidence = collected(log, envelope, books.policy, site="north", robot="m1")
    number = books.post("collect", postings=postings, evidence=(evidence,))
    with pytest.raises(InputError, match="other amounts"):
        books.post("reverse", refers_to=number, postings=move("water", "hopper:m1", "site:north", 499))
    with pytest.raises(InputError, match="reversal by theirs"):
        books.post("reverse", "theirs", refers_to=number, postings=reversed_postings(postings))
    books.post("reverse", refers_to=number, postings=reversed_postings(postings))
    assert books.amount("hopper:m1", "water") == 0
    with pytest.raises(InputError, match="second reversal"):
        books.post("reverse", refers_to=number, postings=reversed_postings(postings))
    assert books.post("collect", postings=postings, evidence=(evidence,)) == 3


def test_transfers_need_both_sides(running: Books) -> None:
    before = running.amount("stock:ours")
    number = running.post("transfer", postings=move("regolith", "stock:ours", "stock:theirs", 10))
    assert running.amount("stock:ours") == before
    assert "waits for the receiver's signature" in " ".join(examine(running).findings)
    with pytest.raises(InputError, match="acceptance by ours"):
        running.post("accept", refers_to=number)
    running.post("accept", "theirs", refers_to=number)
    assert running.amount("stock:ours") == before - 10
    assert running.amount("stock:theirs") == 1_000_010
    with pytest.raises(InputError, match="a transfer that waits"):
        running.post("accept", "theirs", refers_to=number)
    with pytest.raises(InputError, match="a transfer from stock:theirs"):
        running.post("transfer", postings=move("regolith", "stock:theirs", "stock:ours", 10))
    assert examine(running).findings == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "adjust", "postings": move("regolith", "hopper:none", "loss:spill", 5)}, "hopper:none with -5 mg"),
        ({"kind": "adjust", "postings": move("regolith", "site:n", "loss:s", 5)[:1]}, "sum to -5 mg"),
        ({"kind": "collect", "postings": move("regolith", "site:n", "loss:s", 5)}, "needs a sealed log"),
        ({"kind": "weigh"}, "a weighing belongs to"),
        ({"kind": "accept", "refers_to": 99}, "an acceptance of entry 99"),
        ({"kind": "adjust"}, "with 0 postings"),
        (
            {"kind": "adjust", "postings": move("regolith", "site:n", "loss:s", 5), "signer": "theirs"},
            "no signature of ours",
        ),
    ],
)
def test_entries_that_are_refused_leave_no_trace(running: Books, fields: dict[str, Any], sentence: str) -> None:
    before = running.path.read_bytes()
    with pytest.raises(InputError, match=sentence):
        running.post(**fields)
    assert running.path.read_bytes() == before


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"kind": "adjust", "postings": move("regolith", "stock:ours", "container:c7", 5)},
            "adjustment of stock:ours",
        ),
        (
            {"kind": "adjust", "postings": move("regolith", "stock:ours", "stock:theirs", 5)},
            "adjustment of stock:ours",
        ),
        ({"kind": "adjust", "postings": move("regolith", "site:north", "hopper:m1", 5)}, "kind adjust on site:north"),
        ({"kind": "adjust", "postings": move("hardware", "service:ours", "loss:x", 5)}, "kind adjust on service:ours"),
        (
            {"kind": "contribute", "postings": move("hardware", "service:ours", "service:theirs", 5)},
            "contribution by",
        ),
        ({"kind": "contribute", "postings": move("hardware", "opening:x", "service:theirs", 5)}, "contribution by"),
        (
            {"kind": "contribute", "postings": move("hours", "opening:theirs", "service:theirs", 5)},
            "-5 hours to",
        ),
        ({"kind": "allocate", "postings": move("regolith", "container:c9", "stock:theirs", 5)}, "cites no agreement"),
        (
            {"kind": "allocate", "agreement": "0" * 64, "postings": move("regolith", "stock:ours", "stock:theirs", 5)},
            "an allocation of -5 mg to stock:ours",
        ),
        ({"kind": "collect", "postings": move("regolith", "stock:ours", "hopper:m2", 5)}, "needs a sealed log"),
        ({"kind": "transfer", "postings": move("regolith", "stock:theirs", "stock:theirs", 5)}, "to one other stock"),
    ],
)
def test_nobody_takes_what_is_another_ones(running: Books, fields: dict[str, Any], sentence: str) -> None:
    before = running.path.read_bytes()
    with pytest.raises(InputError, match=sentence):
        running.post(by="theirs", **fields)
    assert running.path.read_bytes() == before


def test_own_stock_is_filled_by_allocation_alone(running: Books) -> None:
    running.post("adjust", postings=move("regolith", "adjustment:scales", "container:c9", 50))
    with pytest.raises(InputError, match="fills stock:ours from container:c9"):
        running.post("adjust", postings=move("regolith", "container:c9", "stock:ours", 50))
    running.post("adjust", postings=move("regolith", "stock:ours", "loss:spill", 50))
    assert "mass.adjusted: entry 7: an adjustment of regolith without a weighing" in " ".join(examine(running).findings)


@pytest.mark.parametrize("at", ["yesterday", "2027-01-15", "2027-01-15T12:00:00", '2027-01-15T12:00:00"\nx Z'])
def test_times_are_times(running: Books, at: str) -> None:
    with pytest.raises(InputError, match="expected an entry that balances"):
        running.post("adjust", at=at, postings=move("regolith", "container:c7", "loss:spill", 1))


def test_accounts_and_commodities_have_a_grammar() -> None:
    for account, commodity in (("bank:x", "water"), ("stock:", "water"), ("stock:a b", "water"), ("stock:a", "Water")):
        with pytest.raises(ValueError, match="expected"):
            move(commodity, account, "loss:x", 1)
