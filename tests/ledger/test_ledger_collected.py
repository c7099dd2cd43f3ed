"""From a sealed log to an entry: what verifies is booked, once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from ledger_story import AT, KEYS, PARCELS, Books, examine, write_log

from stope.ledger.collected import collected, commodity_name
from stope.ledger.journal import load
from stope.mission.errors import InputError
from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.seal.redact import redact
from stope.tasklog.seal.statement import Claims, seal


def test_from_a_sealed_log_to_shares(running: Books) -> None:
    found = examine(running)
    assert found.findings == []
    assert running.amount("site:north") == -5_040_001  # 5 000 000 700 + 40 000 200 ug left the ground
    assert running.amount("loss:ejecta.north") == 40_000
    assert running.amount("container:c7") == running.amount("hopper:m1") == 0
    assert (running.amount("stock:ours"), running.amount("stock:theirs")) == (4_000_001, 1_000_000)
    assert sum(b.amount_mg for (_, c), b in found.books.balances.items() if c == "regolith") == 0
    assert found.sites[0].taken_mg == 5_040_001


def test_a_log_with_another_topic_withheld_counts(books: Books, tmp_path: Path) -> None:
    log, envelope = write_log(tmp_path / "run.mcap")
    redact(log, tmp_path / "shared.mcap", ["/log"])
    _, evidence = collected(tmp_path / "shared.mcap", envelope, books.policy, site="north", robot="m1")
    assert evidence.messages == len(PARCELS)
    assert len(evidence.segments) == 2
    assert evidence.seal_sha256 == hashlib.sha256(envelope.payload).hexdigest()


def test_logs_that_do_not_count(books: Books, tmp_path: Path) -> None:
    _, envelope = write_log(tmp_path / "run.mcap")
    more, _ = write_log(tmp_path / "more.mcap", (*PARCELS, ("ground", "bin", 10**9)))
    with pytest.raises(InputError, match="a log that does not verify"):
        collected(more, envelope, books.policy, site="north", robot="m1")
    odd, its = write_log(tmp_path / "odd.mcap", (("ground", "drum", 10**9),))
    with pytest.raises(InputError, match=r"account 'drum'.*map it with --account"):
        collected(odd, its, books.policy, site="north", robot="m1")
    postings, _ = collected(odd, its, books.policy, site="n", robot="m", extra_accounts={"drum": "hopper:{robot}"})
    assert {(p.account, p.amount_mg) for p in postings} == {("site:n", -1_000_000), ("hopper:m", 1_000_000)}


def test_a_log_is_booked_once_and_again_after_a_reversal(running: Books) -> None:
    collect = load(running.path, running.policy).lines[2].entry
    with pytest.raises(InputError, match=r"again, expected each log once; entry 3 has it"):
        running.post("collect", postings=collect.postings, evidence=collect.evidence)


def test_the_same_log_sealed_again_is_the_same_log(running: Books, tmp_path: Path) -> None:
    log = tmp_path / "run.mcap"
    again = seal(log, KEYS["ours"], Claims("2027-02-01T00:00:00Z"))
    postings, evidence = collected(log, again, running.policy, site="north", robot="m1")
    assert evidence.seal_sha256 != load(running.path, running.policy).lines[2].entry.evidence[0].seal_sha256
    with pytest.raises(InputError, match=r"again, expected each log once; entry 3 has it"):
        running.post("collect", postings=postings, evidence=(evidence,))


def test_a_log_with_balances_alone_is_booked_by_its_last(books: Books, tmp_path: Path) -> None:
    header = RunHeader("0", 1, "m", "{}", "r", "{}", "", "bennu", "CC-BY-4.0", "t")
    with TaskLogWriter(tmp_path / "run.mcap", header, start_utc_ns=1_800_000_000_000_000_000) as log:
        for moved in (1_000_000, 7_000_400):
            fields = {"account": ["ground", "bin"], "material": ["c_rock"] * 2, "amount_ug": [-moved, moved]}
            log.write("/mass/balance", new("MassBalance", **fields), moved)
    envelope = seal(tmp_path / "run.mcap", KEYS["ours"], Claims(AT))
    postings, evidence = collected(tmp_path / "run.mcap", envelope, books.policy, site="north", robot="m1")
    assert {(p.account, p.amount_mg) for p in postings} == {("site:north", -7000), ("hopper:m1", 7000)}
    assert (evidence.topic, evidence.messages) == ("/mass/balance", 2)


def test_names_of_commodities() -> None:
    assert commodity_name("Bennu regolith") == "bennu_regolith"
    assert commodity_name("9") == "unnamed"
