"""What was collected and weighed is worked out again from the logs that are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ledger_story import AGREEMENT, AT, KEYS, Books, write_log

from stope.ledger.agreement import load_agreement
from stope.ledger.audit import Audit, audit
from stope.ledger.audit_page import audit_page, checked_text
from stope.ledger.collected import checked_seal, cited, collected
from stope.ledger.entry import Evidence, Posting, Weighing, move
from stope.ledger.journal import load
from stope.ledger.recomputed import files_of
from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.seal.statement import Claims, seal, seal_path

HEADER = RunHeader("0", 1, "m", "{}", "r", "{}", "", "bennu", "CC-BY-4.0", "t")


def examined(books: Books, *logs: Path) -> Audit:
    policy, agreement = books.path.with_name("policy.json"), books.path.with_name("a.yaml")
    policy.write_bytes(books.policy.payload)
    agreement.write_text(AGREEMENT)
    journal = load(books.path, books.policy)
    return audit(journal, *load_agreement(agreement), files=files_of(logs, journal, policy))


def weighed(books: Books, *kg: float) -> tuple[Path, Evidence]:
    """A sealed log of a balance that read these, half a minute apart."""
    log = books.path.with_name("scale.mcap")
    with TaskLogWriter(log, HEADER, start_utc_ns=1_800_000_000_000_000_000) as writer:
        for number, value in enumerate(kg):
            writer.write("/task/progress", new("/task/progress", mass_collected_kg=value), number * 30_000_000)
    envelope = seal(log, KEYS["ours"], Claims(AT))
    return log, cited(log, envelope, checked_seal(log, envelope, books.policy), "/task/progress")


def test_what_was_collected_is_what_the_log_moved(running: Books) -> None:
    log = running.path.with_name("run.mcap")
    found = examined(running, log)
    assert found.outcomes[3] == "agrees with its logs"
    assert found.findings == []
    assert "agrees with its logs" in audit_page(found)
    absent = examined(running)
    assert absent.outcomes[3] == f"not checked: log {found.trails[2].entry.evidence[0].log_sha256[:12]} absent"
    assert absent.findings == []
    assert checked_text(found).startswith("1 of 4 measured entries worked out again; not checked")


def _postings(log: Path, books: Books) -> tuple[tuple[Posting, ...], Evidence]:
    return collected(log, seal(log, KEYS["ours"], Claims(AT)), books.policy, site="north", robot="m1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"content_sha256": "5" * 64}, "cites other content of /mass/parcel than log"),
        ({"messages": 5}, "cites 5 messages on /mass/parcel, log"),
        ({"segments": (1,)}, "cites minute 1 of /mass/parcel, which log"),
    ],
)
def test_evidence_that_is_not_the_logs(books: Books, change: dict[str, Any], words: str) -> None:
    log, _ = write_log(books.path.with_name("run.mcap"))
    postings, evidence = _postings(log, books)
    books.post("collect", postings=postings, evidence=(evidence.model_copy(update=change),))
    found = examined(books, log)
    assert words in " ".join(found.findings)
    assert found.outcomes == {1: "DIFFERS"}


def test_more_than_the_log_moved_is_told_to_the_milligram(books: Books) -> None:
    log, _ = write_log(books.path.with_name("run.mcap"))
    postings, evidence = _postings(log, books)
    more = (*postings, *move("regolith", "site:north", "hopper:m1", 1))
    books.post("collect", postings=more, evidence=(evidence,))
    told = "evidence.differs: entry 1: books {} mg of regolith to {}; the logs that it cites show {} mg"
    assert examined(books, log).findings == [
        told.format("+5000002", "hopper:m1", "+5000001"),
        told.format("-5040002", "site:north", "-5040001"),
    ]
    books.post("reverse", refers_to=1, postings=tuple(p.model_copy(update={"amount_mg": -p.amount_mg}) for p in more))
    assert examined(books, log).findings == []


def test_a_log_that_does_not_verify_by_the_seal_beside_it(books: Books) -> None:
    log, envelope = write_log(books.path.with_name("run.mcap"))
    postings, evidence = _postings(log, books)
    books.post("collect", postings=postings, evidence=(evidence,))
    seal_path(log).write_text(envelope.to_json())
    assert examined(books, log).findings == []
    other, foreign = write_log(books.path.with_name("other.mcap"), (("ground", "bin", 1),))
    seal_path(log).write_text(foreign.to_json())
    assert "does not verify by the seal beside it" in " ".join(examined(books, log, other).findings)


def test_accounts_that_the_poster_mapped_are_not_checked(books: Books) -> None:
    log, envelope = write_log(books.path.with_name("run.mcap"), (("ground", "pocket", 5_000_000),))
    extra = {"pocket": "hopper:m1"}
    postings, evidence = collected(log, envelope, books.policy, site="north", robot="m1", extra_accounts=extra)
    books.post("collect", postings=postings, evidence=(evidence,))
    found = examined(books, log)
    assert found.outcomes == {1: "not checked: the poster mapped the log's account 'pocket'"}
    assert found.findings == []


@pytest.mark.parametrize(("rotate_s", "parts"), [(None, 1), (60.0, 2)])
def test_the_last_balance_of_a_log_in_parts_counts(books: Books, rotate_s: float | None, parts: int) -> None:
    log = books.path.with_name("run.mcap")
    with TaskLogWriter(log, HEADER, start_utc_ns=1_800_000_000_000_000_000, rotate_s=rotate_s) as writer:
        for number in range(3):
            balance = new("MassBalance", material=["Ice", "Ice"], account=["ground", "bin"])
            balance.amount_ug.extend([-number * 7_000_400, number * 7_000_400])
            writer.write("/mass/balance", balance, number * 40_000_000)
    found = sorted(log.parent.glob("run*.mcap"))  # the second part first, as a poster might have it
    assert len(found) == parts
    sealed = [(part, seal(part, KEYS["ours"], Claims(AT))) for part in found]
    evidence = tuple(cited(*row, checked_seal(*row, books.policy), "/mass/balance") for row in sealed)
    for amount in (14_001, 14_002):
        books.post("collect", postings=move("ice", "site:north", "hopper:m1", amount), evidence=evidence)
        if amount == 14_001:
            books.post("reverse", refers_to=1, postings=move("ice", "hopper:m1", "site:north", amount))
    outcomes = examined(books, log).outcomes
    assert outcomes == {1: "agrees with its logs", 3: "DIFFERS"}


@pytest.mark.parametrize(
    ("kg", "topic", "outcome"),
    [
        (5.0, "/task/progress", "agrees with its logs"),
        (5.029, "/task/progress", "agrees with its logs"),
        (5.031, "/task/progress", "DIFFERS"),
        (4.0, "/task/progress", "DIFFERS"),  # the last reading counts
        (5.0, "/mass/parcel", "not checked: /mass/parcel has no field in a unit of mass"),
    ],
)
def test_a_weighing_is_what_the_balance_last_read(books: Books, kg: float, topic: str, outcome: str) -> None:
    log, evidence = weighed(books, 4.0, float("nan"), 5.0, float("inf"))
    if topic != evidence.topic:
        log, envelope = write_log(books.path.with_name("run.mcap"))
        evidence = cited(log, envelope, checked_seal(log, envelope, books.policy), topic)
    row = Weighing(account="hopper:m1", commodity="regolith", measured_mg=round(kg * 1e6), std_mg=10_000.0)
    books.post("weigh", weighing=row, evidence=(evidence,))
    found = examined(books, log)
    assert found.outcomes == {1: outcome}
    told = [text for text in found.findings if text.startswith("evidence.differs")]
    assert bool(told) == (outcome == "DIFFERS")
    if told:
        assert told[0].endswith("show 5000000 mg (/task/progress mass_collected_kg, last reading)")
