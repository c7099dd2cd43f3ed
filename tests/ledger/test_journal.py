"""The shared ledger: from sealed logs to shares; what was changed, taken out, posted twice or not signed is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stope.ledger.agreement import Agreement, load_agreement
from stope.ledger.allocation import allocation
from stope.ledger.audit import audit
from stope.ledger.audit_page import audit_page, kg
from stope.ledger.balance import add_up
from stope.ledger.collected import collected, commodity_name
from stope.ledger.entry import Weighing, move, reversed_postings
from stope.ledger.export import export
from stope.ledger.journal import append, load
from stope.ledger.sharing import allocate
from stope.mission.errors import InputError
from stope.tasklog import RunHeader, TaskLogWriter, new
from stope.tasklog.seal.dsse import Envelope
from stope.tasklog.seal.keys import PrivateKey
from stope.tasklog.seal.policy import Policy, parse_policy
from stope.tasklog.seal.redact import redact
from stope.tasklog.seal.statement import Claims, seal

AT = "2027-01-15T12:00:00Z"


def key(seed: int) -> PrivateKey:
    return PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


KEYS = {"ours": key(1), "theirs": key(2)}
PARCELS = (
    ("ground", "tool", 5_000_000_700),
    ("tool", "bin", 4_800_000_400),
    ("ground", "in_flight", 100_000_200),
    ("in_flight", "fallen_back", 60_000_000),
)
AGREEMENT = """
agreement: north-2027
partners:
  ours: {name: Our lab, country: DE}
  theirs: {name: Their lab, country: KE, developing: true}
rule: floor
weights: {hardware: 1.0, energy: 0.01}
floor_share: 0.2
sites:
  north: {limit_kg: {regolith: 6.0}, ejecta_fraction: 0.05, safety_zone_m: 50.0}
k_sigma: 3.0
"""


@pytest.fixture(scope="module")
def policy() -> Policy:
    organisations = {
        name: {"name": name, "keys": [{"public": k.public.text, "roles": ["seal", "ledger"]}]}
        for name, k in KEYS.items()
    }
    return parse_policy(
        json.dumps({"format": "stope.policy/1", "version": 1, "organisations": organisations}).encode(), "p"
    )


def write_log(path: Path, parcels: tuple[tuple[str, str, int], ...] = PARCELS) -> tuple[Path, Envelope]:
    header = RunHeader("0", 1, "m", "{}", "r", "{}", "", "bennu", "CC-BY-4.0", "t")
    with TaskLogWriter(path, header, start_utc_ns=1_800_000_000_000_000_000) as log:
        for i, (source, target, amount) in enumerate(parcels):
            message = new("MassParcel", from_account=source, to_account=target, amount_ug=amount, material="Regolith")
            log.write("/mass/parcel", message, i * 30_000_000)
        log.write("/log", new("/log", message="done"), 0)
    return path, seal(path, KEYS["ours"], Claims(AT))


class Books:
    """A journal with short commands."""

    def __init__(self, path: Path, policy: Policy) -> None:
        self.path, self.policy = path, policy

    def post(self, kind: str, by: str = "ours", *, signer: str = "", **fields: Any) -> int:
        whole = {"at": AT, "organisation": by, "kind": kind, **fields}
        return append(self.path, self.policy, KEYS[signer or by], whole).entry.number

    def amount(self, account: str, commodity: str = "regolith") -> int:
        return add_up(load(self.path, self.policy)).amount(account, commodity)


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


def examine(books: Books, text: str = AGREEMENT) -> Any:
    file = books.path.with_name("examined.yaml")
    file.write_text(text)
    rules, sha256 = load_agreement(file)
    return audit(load(books.path, books.policy), rules, sha256)


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


@pytest.mark.parametrize("at", ["yesterday", "2027-01-15", "2027-01-15T12:00:00", '2027-01-15T12:00:00"\nx Z'])
def test_times_are_times(running: Books, at: str) -> None:
    with pytest.raises(InputError, match="expected an entry that balances"):
        running.post("adjust", at=at, postings=move("regolith", "container:c7", "loss:spill", 1))


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


def test_ten_floors_of_a_tenth_are_the_whole() -> None:
    partners = {f"p{i}": {"name": "P", "developing": i < 10} for i in range(11)}
    shares = allocate(rules("floor", partners=partners, floor_share=0.1), {"p10": {"hardware": 5}}, "water", 9 * 10**18)
    assert shares["p10"] == 0
    assert {shares[f"p{i}"] for i in range(10)} == {9 * 10**17}


def test_accounts_and_commodities_have_a_grammar() -> None:
    for account, commodity in (("bank:x", "water"), ("stock:", "water"), ("stock:a b", "water"), ("stock:a", "Water")):
        with pytest.raises(ValueError, match="expected"):
            move(commodity, account, "loss:x", 1)


def test_a_changed_or_missing_line_breaks_the_chain(running: Books) -> None:
    whole = running.path.read_bytes().splitlines(keepends=True)
    for changed in (whole[:1] + whole[2:], whole[1:], [whole[1], whole[0], *whole[2:]], [*whole, whole[0]]):
        running.path.write_bytes(b"".join(changed))
        with pytest.raises(InputError, match="a line was changed or taken out"):
            load(running.path, running.policy)
    line = json.loads(whole[2])
    line["payload"] = line["payload"][:-8] + "AAAA" + line["payload"][-4:]
    running.path.write_bytes(b"".join([*whole[:2], json.dumps(line).encode() + b"\n"]))
    with pytest.raises(InputError, match=r"books\.jsonl:3: "):
        load(running.path, running.policy)


def test_cut_at_every_byte_of_the_last_entry(running: Books) -> None:
    whole = running.path.read_bytes()
    last = whole.rindex(b"\n", 0, len(whole) - 1) + 1
    entries = whole.count(b"\n")
    for size in range(last, len(whole), 37):
        running.path.write_bytes(whole[:size])
        found = load(running.path, running.policy)
        assert (len(found.lines), found.torn) == (entries - 1, size - last)
    running.path.write_bytes(whole[: last + 100])
    running.post("adjust", postings=move("regolith", "container:c7", "loss:spill", 1))
    assert len(load(running.path, running.policy).lines) == entries


_MANY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_journal import AT, KEYS
from stope.ledger.entry import move
from stope.ledger.journal import append
from stope.tasklog.seal.policy import load_policy
path = Path(sys.argv[1])
for i in range(8):
    postings = move("water", "adjustment:n", "container:c", 1)
    fields = dict(at=AT, organisation=sys.argv[3], kind="adjust", postings=postings)
    append(path, load_policy(path.with_name("p.json")), KEYS[sys.argv[3]], fields)
"""


def test_two_writers_wait_for_each_other(books: Books) -> None:
    books.path.with_name("p.json").write_bytes(books.policy.payload)
    here = str(Path(__file__).parent)
    commands = [[sys.executable, "-c", _MANY, str(books.path), here, name] for name in KEYS]
    children = [subprocess.Popen(command, env=dict(os.environ)) for command in commands]
    assert [child.wait(timeout=60) for child in children] == [0, 0]
    assert len(load(books.path, books.policy).lines) == 16
    assert books.amount("container:c", "water") == 16


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


def need(program: str) -> str:
    found = shutil.which(program, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        warnings.warn(f"{program} is not installed: the ledger was not added up with it", UserWarning, stacklevel=2)
        pytest.skip(f"{program} is not installed")
    return found


@pytest.mark.filterwarnings("default::UserWarning")
@pytest.mark.parametrize(
    ("dialect", "command"),
    [("hledger", ["hledger", "-f", "{file}", "check", "--strict"]), ("beancount", ["bean-check", "{file}"])],
)
def test_other_programs_add_up_the_same(running: Books, tmp_path: Path, dialect: Any, command: list[str]) -> None:
    program = need(command[0])
    number = running.post("transfer", postings=move("regolith", "stock:ours", "stock:theirs", 10), memo='a "memo"; x')
    running.post("accept", "theirs", refers_to=number)
    text = export(load(running.path, running.policy), dialect)
    file = tmp_path / f"books.{dialect}"
    file.write_text(text)
    call = [program, *(part.format(file=file) for part in command[1:])]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    stated = running.amount("stock:theirs")
    file.write_text(text.replace(str(stated), str(stated + 1)))
    assert subprocess.run(call, capture_output=True, text=True).returncode != 0


def test_export_is_the_same_every_time(running: Books) -> None:
    text = export(load(running.path, running.policy), "hledger")
    assert text == export(load(running.path, running.policy), "hledger")
    assert "Income:Site:North" in text
    assert '-5040001 "regolith mg"' in text


def rules(rule: str, **changes: Any) -> Agreement:
    partners = {"a": {"name": "A"}, "b": {"name": "B", "developing": True}, "c": {"name": "C", "developing": True}}
    plain = {"agreement": "x", "partners": partners, "rule": rule, "weights": {"hardware": 1.0}, **changes}
    return Agreement.model_validate_json(json.dumps(plain))


def test_each_rule() -> None:
    given = {"a": {"hardware": 90}, "b": {"hardware": 9}, "c": {"hardware": 1}}
    assert allocate(rules("equal"), given, "water", 100) == {"a": 34, "b": 33, "c": 33}
    assert allocate(rules("proportional"), given, "water", 1000) == {"a": 900, "b": 90, "c": 10}
    assert allocate(rules("floor", floor_share=0.125), given, "water", 800) == {"a": 600, "b": 100, "c": 100}
    claims = {"a": {"name": "A"}, "b": {"name": "B", "claim_kg": {"water": 0.0003}}, "c": {"name": "C"}}
    served = allocate(rules("priority", partners=claims, priority=["b"]), given, "water", 1000)
    assert served == {"a": 630, "b": 300 + 63, "c": 7}
    bids = [
        {"partner": "a", "commodity": "water", "amount_kg": 0.0005, "price_per_kg": 1.0},
        {"partner": "c", "commodity": "water", "amount_kg": 0.0008, "price_per_kg": 2.0},
    ]
    assert allocate(rules("auction", bids=bids), given, "water", 1000) == {"a": 200, "b": 0, "c": 800}
    assert allocate(rules("proportional"), {}, "water", 3) == {"a": 1, "b": 1, "c": 1}


@given(
    total=st.integers(0, 10**15),
    hours=st.lists(st.integers(0, 10**9), min_size=3, max_size=3),
    rule=st.sampled_from(["equal", "proportional", "floor", "priority", "auction"]),
    floor=st.floats(0, 0.5),
)
def test_shares_sum_to_the_total_and_keep_the_floor(total: int, hours: list[int], rule: str, floor: float) -> None:
    given_ = {name: {"hardware": amount} for name, amount in zip("abc", hours, strict=True)}
    shares = allocate(rules(rule, floor_share=floor), given_, "water", total)
    assert sum(shares.values()) == total
    assert min(shares.values()) >= 0
    if rule == "floor":
        assert min(shares["b"], shares["c"]) >= int(total * floor) - 1
    backwards = dict(reversed(list(given_.items())))
    assert allocate(rules(rule, floor_share=floor), backwards, "water", total) == shares


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("rule: floor", "rule: fair"), "a.yaml:6:7: rule: read 'fair'"),
        (("floor_share: 0.2", "floor_share: 1.2"), "floor_share"),
        (("weights: {hardware: 1.0, energy: 0.01}", "weights: {}"), "read no weight above 0"),
        (("safety_zone_m: 50.0", "reserved_for: nobody"), "read nobody, expected one of the partners"),
    ],
)
def test_agreements_that_contradict_themselves(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    (tmp_path / "a.yaml").write_text(AGREEMENT.replace(*change))
    with pytest.raises(InputError) as error:
        load_agreement(tmp_path / "a.yaml")
    assert sentence in str(error.value)


def test_names_of_commodities() -> None:
    assert commodity_name("Bennu regolith") == "bennu_regolith"
    assert commodity_name("9") == "unnamed"
