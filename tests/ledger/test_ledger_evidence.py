"""What every entry rests on: logs that it cites, or those of the entries from which its amounts came."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from ledger_story import AGREEMENT, AT, KEYS, SEEN, Books, examine, write_log
from typer.testing import CliRunner

from stope.cli import app
from stope.ledger.audit_page import audit_page, evidence_text
from stope.ledger.collected import collected
from stope.ledger.entry import Entry, Weighing, move
from stope.ledger.evidence import trails
from stope.ledger.journal import PAYLOAD_TYPE, load
from stope.mission.errors import InputError
from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.parts import parts_of
from stope.tasklog.seal.dsse import Envelope


def test_each_entry_of_a_story_goes_back_to_logs(running: Books) -> None:
    running.post("transfer", postings=move("regolith", "stock:ours", "stock:theirs", 10))
    running.post("accept", "theirs", refers_to=7)
    running.post("adjust", "theirs", postings=move("regolith", "stock:theirs", "loss:spill", 5))
    told = {
        trail.entry.number: (trail.entry.kind, trail.entries) for trail in trails(load(running.path, running.policy))
    }
    assert told == {
        1: ("contribute", (1,)),
        2: ("contribute", (2,)),
        3: ("collect", (3,)),
        4: ("weigh", (4,)),
        5: ("adjust", (3,)),  # what is moved into the container was collected
        6: ("allocate", (3,)),
        7: ("transfer", (3,)),
        8: ("accept", (3,)),
        9: ("adjust", (3,)),
    }
    found = examine(running)
    assert not [text for text in found.findings if text.startswith("evidence")]
    collect = found.trails[2].entry.evidence[0]
    assert collect.log_sha256 == hashlib.sha256(running.path.with_name("run.mcap").read_bytes()).hexdigest()
    page = audit_page(found)
    assert f"log {collect.log_sha256[:12]}, /mass/parcel, 2027-01-15 08:00 to 08:01" in page
    assert "the logs of entry 3" in page


def test_a_difference_rests_on_who_weighed(running: Books) -> None:
    row = Weighing(account="stock:ours", commodity="regolith", measured_mg=4_000_101, std_mg=10.0)
    running.post("weigh", weighing=row)
    running.post("adjust", postings=move("regolith", "adjustment:scale", "stock:ours", 100))
    assert trails(load(running.path, running.policy))[-1].entries == (7,)
    running.post("adjust", postings=move("water", "adjustment:scale", "container:c9", 100))
    assert "evidence.missing: entry 9: adjust by ours rests on no log" in examine(running).findings


@pytest.mark.parametrize("kind", ["weigh", "contribute"])
def test_who_states_something_measured_cites_a_log(books: Books, kind: str) -> None:
    row = Weighing(account="hopper:m1", commodity="regolith", measured_mg=1, std_mg=1.0)
    hours = move("hardware", "opening:ours", "service:ours", 5)
    fields = {"weighing": row} if kind == "weigh" else {"postings": hours}
    with pytest.raises(InputError, match=rf"an entry of kind {kind} that cites no log, expected a sealed log"):
        books.post(kind, **fields, evidence=())
    assert not books.path.exists()
    assert books.post(kind, **fields) == 1


def test_books_of_before_are_read_and_told(books: Books) -> None:
    """Entries once cited nothing but what was collected, and evidence did not name the log's file."""
    postings = move("hardware", "opening:ours", "service:ours", 5)
    entry = Entry(number=1, previous="", kind="contribute", at=AT, organisation="ours", postings=postings)
    plain = json.loads(entry.payload())
    plain["evidence"] = []
    line = Envelope(json.dumps(plain, sort_keys=True).encode(), PAYLOAD_TYPE).signed(KEYS["ours"]).to_json()
    books.path.write_text(line + "\n")
    missing = "evidence.missing: entry 1: contribute by ours states something measured and cites no log"
    assert missing in examine(books).findings
    old = SEEN.model_dump()
    del old["log_sha256"]
    trail = trails(load(books.path, books.policy))[0]
    assert evidence_text(trail) == "NOTHING"
    shown = entry.model_copy(update={"evidence": (SEEN.model_validate(old),)})
    assert evidence_text(type(trail)(shown, (1,))) == "log of seal 222222222222, /scale, 1970-01-01 00:00 to 00:01"
    far = SEEN.model_copy(update={"segments": (10**18,)})
    shown = entry.model_copy(update={"evidence": (far,)})
    assert evidence_text(type(trail)(shown, (1,))).endswith("segment 1000000000000000000")


def stope(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code in (0, 1), done.output
    return done.output


def scale_log(path: Path) -> Path:
    header = RunHeader("0", 1, "weighing", "{}", "scale", "{}", "", "bennu", "CC-BY-4.0", "t")
    with TaskLogWriter(path, header, start_utc_ns=1_800_000_000_000_000_000) as log:
        for i in range(3):
            log.write("/task/progress", new("/task/progress", mass_collected_kg=5.0), i * 40_000_000)
    return path


def test_from_the_command_line_with_a_log_in_parts(books: Books, tmp_path: Path) -> None:
    """A log of two parts is booked as the whole that it is; weighing and hours cite the logs that show them."""
    whole, envelope = write_log(tmp_path / "whole.mcap")
    expected, _ = collected(whole, envelope, books.policy, site="north", robot="m1")
    write_log(tmp_path / "run.mcap", rotate_s=60.0)
    parts = parts_of(tmp_path / "run.mcap")
    assert len(parts) == 2
    key = {"public": stope("key", "new", tmp_path / "our.key").split()[-1], "roles": ["seal", "ledger"]}
    plain = {"format": "stope.policy/1", "version": 1, "organisations": {"ours": {"name": "Ours", "keys": [key]}}}
    (tmp_path / "p.json").write_text(json.dumps(plain))
    (tmp_path / "a.yaml").write_text(AGREEMENT)
    for log in (tmp_path / "run.mcap", scale_log(tmp_path / "scale.mcap")):
        stope("log", "seal", log, "--key", tmp_path / "our.key")
    by = ("--as", "ours", "--key", tmp_path / "our.key", "--policy", tmp_path / "p.json")
    scale = ("--log", tmp_path / "scale.mcap", "--topic", "/task/progress")
    ledger = tmp_path / "cli.jsonl"
    stope("ledger", "post", ledger, tmp_path / "run.mcap", "--site", "north", "--robot", "m1", *by)
    stope("ledger", "weigh", ledger, "hopper:m1", "regolith", "5.0", "--std", "0.01", *scale, *by)
    stope("ledger", "contribute", ledger, "hardware", "9", *scale, *by)
    said = stope("ledger", "balance", ledger, "--policy", tmp_path / "p.json", "--json")
    amounts = {
        row["account"]: row["amount_mg"] for row in json.loads(said)["balances"] if row["commodity"] == "regolith"
    }
    assert amounts == {posting.account: posting.amount_mg for posting in expected}
    words = ("--agreement", tmp_path / "a.yaml", "--policy", tmp_path / "p.json", "--evidence")
    said = stope("ledger", "audit", ledger, *words)
    digests = [hashlib.sha256(part.read_bytes()).hexdigest()[:12] for part in parts]
    cites = [f"log {digest}, /mass/parcel, 2027-01-15 08:0{number}" for number, digest in enumerate(digests)]
    assert f"entry 1, collect by ours: {'; '.join(cites)}" in said
    assert said.count(", /task/progress, 2027-01-15 08:00 to 08:01") == 2
    assert "0 of 3 measured entries worked out again; not checked" in said
    said = stope("ledger", "audit", ledger, *words, "--log", tmp_path / "run.mcap", "--log", tmp_path / "scale.mcap")
    assert said.count("(agrees with its logs)") == 2
    assert "3 of 3 measured entries worked out again\n" in said
    assert "evidence.exceeded: entry 3" in said  # nine hours of a log of one minute
    done = CliRunner().invoke(app, list(map(str, ("ledger", "weigh", ledger, "hopper:m1", "regolith", "5", "--std", "1",
                              "--log", tmp_path / "scale.mcap", "--topic", "/nothing", *by))))  # fmt: skip
    assert (done.exit_code, "no verified messages on /nothing" in done.output) == (2, True)
