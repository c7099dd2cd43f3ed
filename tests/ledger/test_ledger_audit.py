"""The audit says what is wrong, and its page is for people."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ledger_story import AGREEMENT, Books, examine, write_log

from stope.ledger.audit_page import audit_page, kg
from stope.ledger.collected import collected
from stope.ledger.entry import Weighing, move


def test_an_entry_that_is_dated_back_is_told(running: Books) -> None:
    row = Weighing(account="stock:ours", commodity="regolith", measured_mg=4_000_000, std_mg=1e3)
    running.post("weigh", weighing=row, at="2027-01-15T11:30:00+00:00")
    assert examine(running).findings == []
    running.post("weigh", weighing=row, at="2027-01-14T12:00:00Z")
    assert "journal.time: entry 8 says 2027-01-14T12:00:00Z" in " ".join(examine(running).findings)


def test_safety_zones_and_reservations(running: Books, tmp_path: Path) -> None:
    log, envelope = write_log(tmp_path / "second.mcap", (("ground", "bin", 9_000_000),))
    postings, evidence = collected(log, envelope, running.policy, site="ridge", robot="m2")
    running.post("collect", "theirs", postings=postings, evidence=(evidence,))
    sites = "  north: {safety_zone_m: 50.0, position_m: [0.0, 0.0, 250.0]}\n  ridge: {position_m: [30.0, 0.0, 250.0]}\n"
    text = AGREEMENT[: AGREEMENT.index("  north:")] + sites + "k_sigma: 3.0\n"
    found = " ".join(examine(running, text).findings)
    assert "zone.entered: entry 7: theirs collected at ridge, 30.0 m from north" in found
    assert "zone" not in " ".join(examine(running, text.replace("50.0", "29.0")).findings)
    assert "zone.unknown" in " ".join(examine(running, text.replace(", position_m: [0.0, 0.0, 250.0]", "")).findings)
    reserved = text.replace("safety_zone_m: 50.0,", "safety_zone_m: 50.0, reserved_for: theirs,")
    found = " ".join(examine(running, reserved).findings)
    assert found.count("site.reserved: entry 3: ours collected at north, which is reserved for theirs") == 1
    assert "zone.entered" not in found


def test_the_audit_says_what_is_wrong(running: Books) -> None:
    row = Weighing(account="stock:ours", commodity="regolith", measured_mg=3_999_000, std_mg=100.0)
    running.post("weigh", weighing=row)
    assert "10.0 sigma, allowed are 3" in " ".join(examine(running).findings)
    tight = AGREEMENT.replace("regolith: 6.0", "regolith: 5.0").replace("0.05", "0.001")
    found = " ".join(examine(running, tight).findings)
    assert "5040001 mg of regolith taken, the limit is 5000000 mg" in found
    assert "0.8% of the regolith was lost as ejecta, allowed are 0.1%" in found
    assert "allocated under another agreement" in found
    reserved = AGREEMENT.replace("safety_zone_m: 50.0", "reserved_for: theirs")
    assert "ours collected at north, which is reserved for theirs" in " ".join(examine(running, reserved).findings)
    assert "the agreement does not know it" in " ".join(examine(running, AGREEMENT.replace("north:", "s:")).findings)


def test_an_unfair_allocation_is_told(running: Books, tmp_path: Path) -> None:
    running.post("adjust", postings=move("regolith", "adjustment:north", "container:c8", 1000))
    sha256 = hashlib.sha256((tmp_path / "a.yaml").read_bytes()).hexdigest()
    running.post("allocate", postings=move("regolith", "container:c8", "stock:ours", 1000), agreement=sha256)
    found = " ".join(examine(running).findings)
    assert "ours got 1000 mg of regolith, the rule floor gives 800 mg" in found
    assert "theirs got 0 mg of regolith, the rule floor gives 200 mg" in found


def test_the_page_is_for_people_and_takes_no_markup(running: Books) -> None:
    page = audit_page(examine(running, AGREEMENT.replace("Our lab", "<script>alert(1)</script>")))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "5.040001" in page
    assert "http" not in page
    assert kg(-1_500_000) == "-1.500000"
