"""Keys and policies: who counts, counts once, and signs for nobody else."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from seal_story import AT, OURS, SPARE, STRANGER, THEIRS, dropping, key, policy, rewritten, rules

from stope.tasklog import TaskLogError
from stope.tasklog.seal.countersign import countersign, sign_policy
from stope.tasklog.seal.dsse import Envelope, load_envelope
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.keys import PublicKey, load_private, load_public, new_key
from stope.tasklog.seal.policy import accept, load_policy, parse_policy
from stope.tasklog.seal.statement import Claims, seal
from stope.tasklog.seal.verify import verify


def test_organisations_are_counted_and_not_keys(log: Path, sealed: Envelope) -> None:
    two = policy(threshold=2)
    assert not verify(log, sealed.signed(SPARE), two).trusted
    both = verify(log, sealed.signed(THEIRS), two)
    assert both.good
    assert both.vouched == ("ours", "theirs")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"revoked": "laptop stolen"}, "the key was revoked: laptop stolen"),
        ({"not_after": "2026-12-31T00:00:00Z"}, "the key was good until 2026-12-31T00:00:00Z"),
        ({"not_before": "2027-02-01T00:00:00Z"}, "the key is good from 2027-02-01T00:00:00Z"),
        ({"roles": ["robot"]}, "the key may sign as robot, not as seal"),
    ],
)
def test_keys_that_do_not_count(log: Path, sealed: Envelope, change: dict[str, Any], why: str) -> None:
    plain = rules()
    plain["organisations"]["ours"]["keys"][0] |= change
    found = verify(log, sealed, parse_policy(json.dumps(plain).encode(), "p"))
    assert not found.good
    assert [row.refusal for row in found.signatures] == [why]


def test_signatures_that_do_not_count(log: Path, sealed: Envelope) -> None:
    assert not verify(log, seal(log, STRANGER, Claims(AT)), policy()).trusted
    rng = random.Random(1)
    for _ in range(20):
        at = rng.randrange(len(sealed.payload))
        payload = sealed.payload[:at] + bytes([sealed.payload[at] ^ 1]) + sealed.payload[at + 1 :]
        assert not policy().organisations(replace(sealed, payload=payload), ("seal",), AT)
    assert not policy().organisations(replace(sealed, payload_type="text/plain"), ("seal",), AT)
    swapped = replace(sealed, signatures=(replace(sealed.signatures[0], keyid=THEIRS.public.keyid),))
    assert not policy().organisations(swapped, ("seal", "witness"), AT)


def test_countersigning(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    file, two = tmp_path / "log.seal.json", tmp_path / "two.json"
    file.write_text(sealed.to_json())
    two.write_bytes(policy(threshold=2).payload)
    assert len(countersign(log, file, THEIRS, two).signatures) == 2
    assert len(countersign(log, file, THEIRS, two).signatures) == 2
    assert verify(log, load_envelope(file), policy(threshold=2)).good
    with pytest.raises(SealError, match="nobody's in the policy"):
        countersign(log, file, STRANGER, two)
    before = file.read_bytes()
    with pytest.raises(TaskLogError, match="not countersigned: topic:/robot/pose"):
        countersign(rewritten(log, dropping("/robot/pose", 1)), file, SPARE, two)
    assert file.read_bytes() == before
    assert list(tmp_path.glob("*.new")) == []


def test_two_partners_who_sign_at_once_both_stay(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    plain = rules(threshold=2)
    names = [f"p{i}" for i in range(6)]
    for i, name in enumerate(names):
        plain["organisations"][name] = {
            "name": name,
            "keys": [{"public": key(50 + i).public.text, "roles": ["witness"]}],
        }
    using, path = parse_policy(json.dumps(plain).encode(), "p"), tmp_path / "log.seal.json"
    path.write_text(sealed.to_json())
    (tmp_path / "p.json").write_bytes(using.payload)
    threads = [Thread(target=countersign, args=(log, path, key(50 + i), tmp_path / "p.json")) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(log, load_envelope(path), using).vouched == ("ours", *names)


def test_policies_follow_each_other(tmp_path: Path) -> None:
    present = policy(admins=2)
    plain = rules(version=2, previous=present.sha256, admins=2)
    plain["organisations"]["ours"]["keys"][1]["revoked"] = "rotated"
    path = tmp_path / "next.json"
    path.write_text(json.dumps(plain))
    once = sign_policy(path, OURS)
    with pytest.raises(SealError, match="signed by ours, expected 2 organisations"):
        accept(present, once, "next", AT)
    (tmp_path / "once.dsse").write_text(once.to_json())
    twice = sign_policy(tmp_path / "once.dsse", THEIRS)
    assert accept(present, twice, "next", AT).rules.version == 2
    (tmp_path / "twice.dsse").write_text(twice.to_json())
    assert load_policy(tmp_path / "twice.dsse").rules.version == 2
    path.write_text(json.dumps(plain | {"previous": "0" * 64}))
    with pytest.raises(SealError, match="expected 2 after"):
        accept(present, sign_policy(path, OURS).signed(THEIRS), "next", AT)
    with pytest.raises(SealError, match="signed by nobody"):
        accept(present, replace(twice, signatures=(replace(twice.signatures[0], keyid="x"),)), "next", AT)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": "x"}, "format: read 'x'"),
        ({"threshold": 9}, "at most the number of organisations"),
        ({"threshold": "1"}, "threshold: read '1'"),
        ({"extra": 1}, "extra: read 1"),
        (
            {"organisations": {"a": {"name": "a", "keys": [{"public": "AAAA", "roles": ["seal"]}]}}},
            "public: read 'AAAA'",
        ),
    ],
)
def test_policies_that_cannot_be_used(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SealError, match=f"policy.json: .*{sentence}"):
        policy(**changes)


def test_one_key_in_two_organisations_is_refused() -> None:
    plain = rules()
    plain["organisations"]["theirs"]["keys"][0]["public"] = OURS.public.text
    with pytest.raises(SealError, match="one organisation, once"):
        parse_policy(json.dumps(plain).encode(), "p")


def test_one_key_has_one_text() -> None:
    other = OURS.public.text[:-2] + chr(ord(OURS.public.text[-2]) + 1) + "="  # the same 32 bytes to a lenient reader
    plain = rules()
    plain["organisations"]["theirs"]["keys"][0]["public"] = other
    with pytest.raises(SealError, match=r"public: read .*: Value error"):
        parse_policy(json.dumps(plain).encode(), "p")


@pytest.mark.parametrize("raw", [bytes(32), b"\x01" + bytes(31), bytes.fromhex("ec" + "ff" * 30 + "7f")])
def test_keys_of_small_order_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="small order"):
        PublicKey.from_text(base64.b64encode(raw).decode())


def test_a_robot_key_with_a_term_signs_checkpoints_within_it(log: Path, sealed: Envelope) -> None:
    plain = rules()
    plain["organisations"]["ours"]["keys"][2] |= {
        "not_before": "2001-01-01T00:00:00Z",
        "not_after": "2101-01-01T00:00:00Z",
    }
    found = verify(log, sealed, parse_policy(json.dumps(plain).encode(), "p"))
    assert (found.checkpoints.problem, found.good) == ("", True)
    plain["organisations"]["ours"]["keys"][2]["not_after"] = "2002-01-01T00:00:00Z"
    found = verify(log, sealed, parse_policy(json.dumps(plain).encode(), "p"))
    assert "the key was good until" in found.checkpoints.problem


def test_key_files(tmp_path: Path) -> None:
    public = new_key(tmp_path / "team.key")
    assert (tmp_path / "team.key").stat().st_mode & 0o077 == 0
    assert load_private(tmp_path / "team.key").public.keyid == public.keyid
    assert load_public(tmp_path / "team.key.pub").keyid == public.keyid
    with pytest.raises(TaskLogError, match="exists"):
        new_key(tmp_path / "team.key")
    with pytest.raises(SealError, match="expected an unencrypted Ed25519 private key"):
        load_private(tmp_path / "team.key.pub")
