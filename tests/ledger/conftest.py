"""Fixtures of the ledger's tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ledger_story import AGREEMENT, KEYS, Books, write_log

from stope.ledger.agreement import load_agreement
from stope.ledger.allocation import allocation
from stope.ledger.collected import collected
from stope.ledger.entry import Weighing, move
from stope.ledger.journal import load
from stope.tasklog.seal.policy import Policy, parse_policy


@pytest.fixture(autouse=True)
def _forked(forked: None) -> None:
    """Agreements and logs are read in children."""


@pytest.fixture(scope="module")
def policy() -> Policy:
    organisations = {
        name: {"name": name, "keys": [{"public": k.public.text, "roles": ["seal", "ledger"]}]}
        for name, k in KEYS.items()
    }
    return parse_policy(
        json.dumps({"format": "stope.policy/1", "version": 1, "organisations": organisations}).encode(), "p"
    )


@pytest.fixture
def books(tmp_path: Path, policy: Policy) -> Books:
    return Books(tmp_path / "books.jsonl", policy)


@pytest.fixture
def running(books: Books, tmp_path: Path) -> Books:
    """A whole story: two contributions, a log, a weighing, into a container, shares."""
    log, envelope = write_log(tmp_path / "run.mcap")
    for name, hours in (("ours", 900), ("theirs", 100)):
        books.post("contribute", name, postings=move("hardware", f"opening:{name}", f"service:{name}", hours))
    postings, evidence = collected(log, envelope, books.policy, site="north", robot="m1")
    books.post("collect", postings=postings, evidence=(evidence,))
    row = Weighing(account="hopper:m1", commodity="regolith", measured_mg=5_000_002, std_mg=2.0)
    books.post("weigh", "theirs", weighing=row)
    books.post("adjust", postings=move("regolith", "hopper:m1", "container:c7", books.amount("hopper:m1")))
    (tmp_path / "a.yaml").write_text(AGREEMENT)
    agreement, sha256 = load_agreement(tmp_path / "a.yaml")
    _, shares = allocation(load(books.path, books.policy), agreement, "container:c7", "regolith")
    books.post("allocate", postings=shares, agreement=sha256)
    return books
