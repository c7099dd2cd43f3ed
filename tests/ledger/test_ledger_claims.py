"""A contribution is held against the logs that it cites: what it may claim of them, and what is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledger_story import AGREEMENT, AT, KEYS, Books

from stope.ledger.agreement import load_agreement
from stope.ledger.audit import audit
from stope.ledger.claims import shown_by
from stope.ledger.collected import checked_seal, cited
from stope.ledger.entry import Evidence, move
from stope.ledger.journal import load
from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.seal.statement import Claims, seal

HOURS = 10


def work(path: Path, books: Books, topic: str) -> Evidence:
    """A sealed log of ten hours in which 500 kJ were used and 3 kg came into the bin; its segments of `topic`."""
    header = RunHeader("0", 1, "m", "{}", "r", "{}", "", "bennu", "CC-BY-4.0", "t")
    with TaskLogWriter(path, header, start_utc_ns=1_800_000_000_000_000_000) as log:
        for hour in range(HOURS + 1):
            at_us = hour * 3_600_000_000
            used_j = float("nan") if hour == 5 else 7e3 + hour * 5e4
            log.write("/robot/observation", new("RobotObservation", energy_used_j=used_j), at_us)
            parcel = new("MassParcel", from_account="ground", to_account="tool", amount_ug=300_000_000, material="r")
            for source, target in (("ground", "tool"), ("tool", "bin")) if hour else ():
                parcel.from_account, parcel.to_account = source, target
                log.write("/mass/parcel", parcel, at_us)
    envelope = seal(path, KEYS["ours"], Claims(AT))
    return cited(path, envelope, checked_seal(path, envelope, books.policy), topic)


@pytest.mark.parametrize(
    ("kind", "topic", "fair", "unit"),
    [
        ("energy", "/robot/observation", 500, "kJ"),
        ("mass", "/mass/parcel", 3000, "g"),
        ("hardware", "/robot/observation", 10, "h"),
    ],
)
def test_more_than_the_log_shows_is_told(books: Books, kind: str, topic: str, fair: int, unit: str) -> None:
    log, agreement = books.path.with_name("work.mcap"), books.path.with_name("a.yaml")
    evidence = (work(log, books, topic),)
    agreement.write_text(AGREEMENT)
    for amount in (3 * fair, fair - 2, fair):
        books.post("contribute", postings=move(kind, "opening:ours", "service:ours", amount), evidence=evidence)
    books.post("reverse", refers_to=1, postings=move(kind, "service:ours", "opening:ours", 3 * fair))
    journal = load(books.path, books.policy)
    told = audit(journal, *load_agreement(agreement), shown_by([log], journal)).findings
    assert told == [
        f"evidence.exceeded: entry 3: {fair} {unit} of {kind} by ours; the logs that it cites show 2 {unit} "
        "that nobody has claimed before"
    ]
    held = audit(journal, *load_agreement(agreement), shown_by([log], journal)).outcomes
    assert held == {1: "agrees with its logs", 2: "agrees with its logs", 3: "DIFFERS"}  # the first was reversed
    alone = audit(journal, *load_agreement(agreement))
    assert alone.findings == []  # without the log nobody can say
    assert set(alone.outcomes.values()) == {f"not checked: log {evidence[0].log_sha256[:12]} absent"}


def test_what_a_topic_does_not_show_is_not_checked(books: Books) -> None:
    log, agreement = books.path.with_name("work.mcap"), books.path.with_name("a.yaml")
    evidence = (work(log, books, "/mass/parcel"),)
    agreement.write_text(AGREEMENT)
    books.post("contribute", postings=move("energy", "opening:ours", "service:ours", 9), evidence=evidence)
    journal = load(books.path, books.policy)
    found = audit(journal, *load_agreement(agreement), shown_by([log], journal))
    assert (found.findings, found.outcomes) == ([], {1: "not checked: /mass/parcel does not show energy"})


def test_another_file_shows_nothing_of_it(books: Books) -> None:
    evidence = (work(books.path.with_name("work.mcap"), books, "/robot/observation"),)
    books.post("contribute", postings=move("energy", "opening:ours", "service:ours", 9000), evidence=evidence)
    other = books.path.with_name("other.mcap")
    work(other, books, "/robot/observation")  # salted anew: the same content in another file
    journal = load(books.path, books.policy)
    assert evidence[0].log_sha256 not in {sha256 for sha256, _ in shown_by([other], journal)}
