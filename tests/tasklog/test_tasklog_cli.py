"""The commands, one after another, as two partners would use them; and what they say when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_log import START_NS, Sample, sample_header
from typer.testing import CliRunner

from stope.cli import app
from stope.tasklog import TaskLogWriter, new


def stope(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, f"{words}: {done.output}"
    return done.output


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two organisations' keys, their policy and a log with a parcel."""
    monkeypatch.chdir(tmp_path)
    publics = {name: stope("key", "new", f"{name}.key").split()[-1] for name in ("ours", "theirs")}
    organisations = {
        name: {"name": name, "keys": [{"public": public, "roles": ["seal", "witness", "ledger", "admin"]}]}
        for name, public in publics.items()
    }
    rules = {"format": "stope.policy/1", "version": 1, "threshold": 2, "organisations": organisations}
    Path("policy.json").write_text(json.dumps(rules))
    with TaskLogWriter(tmp_path / "run.mcap", sample_header(), start_utc_ns=START_NS) as log:
        log.write("/log", new("/log", message="digging"), 0)
        parcel = new(
            "MassParcel", from_account="ground", to_account="bin", amount_ug=2_000_000_000, material="regolith"
        )
        log.write("/mass/parcel", parcel, 1_000_000)
    return tmp_path


POLICY = ("--policy", "policy.json")
OURS = ("--as", "ours", "--key", "ours.key")
SHOWN = ("--log", "run.mcap", "--topic", "/mass/parcel")


def test_seal_countersign_redact_share_query_pack(here: Path) -> None:
    assert "conforms" in stope("log", "check", "run.mcap")
    assert "run.mcap.seal.json: signed by" in stope("log", "seal", "run.mcap", "--key", "ours.key")
    assert "signed by ours; 2 needed" in stope("log", "verify", "run.mcap", *POLICY, code=1)
    stope("log", "countersign", "run.mcap", "--key", "theirs.key", *POLICY)
    assert "GOOD" in stope("log", "verify", "run.mcap", *POLICY)
    stope("log", "redact", "run.mcap", "--topic", "/log", "--out", "open.mcap")
    told = json.loads(stope("log", "verify", "open.mcap", "--seal", "run.mcap.seal.json", *POLICY, "--json"))
    assert told["good"]
    assert {row["state"] for row in told["subjects"]} == {"verified", "withheld"}
    assert "commit 1; 1 uploaded" in stope("share", "push", "store", "run.mcap")
    assert "1 taken" in stope("share", "pull", "store", "in", *POLICY)
    assert "are good" in stope("share", "verify", "store")
    assert "run.mcap" in stope("share", "search", "store", "select name from logs")
    [pulled] = Path("in").glob("*.mcap")
    sql = "select sum(amount_ug)::bigint as mass from mass_parcel"
    assert json.loads(stope("log", "query", sql, pulled, "--json", "--tables", "t")) == {"mass": 2_000_000_000}
    assert "2000000000" in stope("log", "query", sql, "--tables", "t", "--compact")
    stope("log", "pack", "run.mcap", "--out", "crate", "--author", "A. Author")
    assert Path("crate/ro-crate-metadata.json").exists()
    stope("log", "export", "run.mcap", "--parquet", "p", "--csv", "c", "--ros2", "bag.mcap")
    assert Path("bag.mcap").exists()


def test_a_ledger_from_log_to_shares(here: Path) -> None:
    agreement = "agreement: a\npartners:\n  ours: {name: O}\n  theirs: {name: T}\nrule: equal\nsites:\n  north: {}\n"
    Path("a.yaml").write_text(agreement)
    stope("log", "seal", "run.mcap", "--key", "ours.key")
    stope("log", "countersign", "run.mcap", "--key", "theirs.key", *POLICY)
    ours = (*OURS, *POLICY)
    theirs = ("--as", "theirs", "--key", "theirs.key", *POLICY)
    stope("ledger", "post", "b.jsonl", "run.mcap", "--site", "north", "--robot", "m1", *ours)
    assert "each log once" in str(
        CliRunner().invoke(app, ["ledger", "post", "b.jsonl", "run.mcap", "--site", "n", "--robot", "m1", *ours]).output
    )
    stope("ledger", "weigh", "b.jsonl", "hopper:m1", "regolith", 2.0, "--std", 0.001, *SHOWN, *theirs)
    stope("ledger", "contribute", "b.jsonl", "hardware", 10, *SHOWN, *theirs)
    shared = ("hopper:m1", "regolith", "--agreement", "a.yaml")
    assert stope("ledger", "allocate", "b.jsonl", *shared, *POLICY).split()[1] == "1000000"
    stope("ledger", "allocate", "b.jsonl", *shared, *ours)
    stope("ledger", "move", "b.jsonl", "stock:ours", "stock:theirs", "regolith", 0.25, *ours)
    audit = ("ledger", "audit", "b.jsonl", "--agreement", "a.yaml", *POLICY)
    assert "waits for the receiver" in stope(*audit, code=1)
    stope("ledger", "accept", "b.jsonl", 5, *theirs)
    assert "nothing to report" in stope(*audit, "--html", "audit.html")
    assert "Ledger audit" in Path("audit.html").read_text()
    told = json.loads(stope("ledger", "balance", "b.jsonl", *POLICY, "--json"))
    stocks = {row["account"]: row["amount_mg"] for row in told["balances"] if row["account"].startswith("stock:")}
    assert stocks == {"stock:ours": 750_000, "stock:theirs": 1_250_000}
    assert "Assets:Stock:Ours" in stope("ledger", "export", "b.jsonl", "--beancount", *POLICY)
    stope("ledger", "reverse", "b.jsonl", 3, *theirs)


def test_policies_by_command(here: Path) -> None:
    rules = json.loads(Path("policy.json").read_text())
    import hashlib

    digest = hashlib.sha256(Path("policy.json").read_bytes()).hexdigest()
    Path("next.json").write_text(json.dumps(rules | {"version": 2, "previous": digest}))
    stope("key", "sign-policy", "next.json", "--key", "ours.key", "--out", "next.dsse")
    assert "version 2 accepted" in stope("key", "accept-policy", "policy.json", "next.dsse")
    assert "expected a DSSE envelope" in stope("key", "accept-policy", "policy.json", "next.json", code=2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("log", "recover", "none.mcap", "--out", "x"), "none.mcap: read no such file, expected a task log"),
        (("log", "verify", "run.mcap", *POLICY), "run.mcap: read no seal beside it (run.mcap.seal.json)"),
        (("log", "seal", "run.mcap", "--key", "policy.json"), "policy.json: expected an unencrypted Ed25519"),
        (("log", "redact", "run.mcap", "--topic", "/x", "--out", "o.mcap"), "run.mcap: no messages on /x"),
        (("log", "query", "drop table x", "run.mcap"), "expected one SELECT"),
        (("log", "query", "select 1"), "read neither, expected logs to ask, or a folder of tables"),
        (("log", "query", "select 1", "--tables", "run.mcap"), "run.mcap: cannot be a folder"),
        (("log", "query", "select 1", "--tables", "empty"), "empty: read no tables"),
        (("key", "new", "nowhere/a.key"), "nowhere/a.key: cannot be created: nowhere is no folder"),
        (("share", "pull", "nowhere", "in"), "nowhere: no such folder"),
        (("share", "pull", ".", "in"), "holds no commit"),
        (("share", "verify", "."), "holds no commit"),
        (("share", "pull", ".", "in", "--policy", "run.mcap"), "run.mcap: "),
        (("share", "pull", ".", "run.mcap"), "run.mcap: cannot be a folder"),
        (("ledger", "reverse", "b.jsonl", "1", *OURS, *POLICY), "b.jsonl: read no such file, expected a journal"),
        (("ledger", "balance", "b.jsonl", *POLICY), "b.jsonl: read no such file, expected a journal"),
        (("ledger", "contribute", "b", "money", "1", *SHOWN, *OURS, *POLICY), "read money"),
        (("ledger", "export", "policy.json", *POLICY), "read both or neither"),
        (("log", "export", "run.mcap"), "read none of them, expected one or more"),
    ],
)
def test_mistakes_end_with_one_sentence(here: Path, words: tuple[str, ...], sentence: str) -> None:
    told = stope(*words, code=2)
    assert sentence in told
    assert len(told.strip().splitlines()) == 1


def test_recover_by_command(write_sample: Sample, tmp_path: Path) -> None:
    log = write_sample()
    assert "nothing is missing" in stope("log", "recover", log, "--out", tmp_path / "a.mcap")
    log.write_bytes(log.read_bytes()[:-60])
    assert "bytes left out" in stope("log", "recover", log, "--out", tmp_path / "b.mcap", code=1)


def test_a_robots_key_makes_checkpoints(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOPE_ROBOT_KEY", "ours.key")
    with TaskLogWriter(here / "signed.mcap", sample_header(), start_utc_ns=START_NS) as log:
        log.write("/log", new("/log", message="x"), 0)
    assert "/audit/checkpoint" in stope("log", "info", "signed.mcap")
    monkeypatch.setenv("STOPE_ROBOT_KEY", "missing.key")
    with pytest.raises(Exception, match=r"missing\.key: cannot be read"):
        TaskLogWriter(here / "unsigned.mcap", sample_header(), start_utc_ns=START_NS)
    assert not (here / "unsigned.mcap").exists()
