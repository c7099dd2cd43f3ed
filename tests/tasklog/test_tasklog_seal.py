"""Seals: what was sealed verifies, what was changed fails, what is withheld is named, and who counts counts once."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import shutil
import struct
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mcap.writer import CompressionType, Writer
from sample_log import COUNTS, Sample

from stope.tasklog import DamagedLogError, TaskLogError
from stope.tasklog.records import MessageRecord, MetadataRecord, Record
from stope.tasklog.recover import recover
from stope.tasklog.rewrite import Rewriter, rewriting
from stope.tasklog.scan import scan
from stope.tasklog.seal.chain import claims, newest_seal
from stope.tasklog.seal.countersign import countersign, sign_policy
from stope.tasklog.seal.dsse import Envelope, load_envelope, parse_envelope
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.keys import PrivateKey, PublicKey, load_private, load_public, new_key
from stope.tasklog.seal.policy import Policy, accept, load_policy, parse_policy
from stope.tasklog.seal.redact import redact
from stope.tasklog.seal.salts import SALTS
from stope.tasklog.seal.statement import Claims, seal
from stope.tasklog.seal.verify import verify

AT = "2027-01-15T12:00:00Z"


def key(seed: int) -> PrivateKey:
    return PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


OURS, SPARE, THEIRS, ROBOT, STRANGER = (key(i) for i in range(1, 6))


def rules(**changes: Any) -> dict[str, Any]:
    return {
        "format": "stope.policy/1",
        "version": 1,
        "organisations": {
            "ours": {
                "name": "Our lab",
                "keys": [
                    {"public": OURS.public.text, "roles": ["seal", "admin"]},
                    {"public": SPARE.public.text, "roles": ["seal", "witness"]},
                    {"public": ROBOT.public.text, "roles": ["robot"]},
                ],
            },
            "theirs": {"name": "Their lab", "keys": [{"public": THEIRS.public.text, "roles": ["witness", "admin"]}]},
        },
        **changes,
    }


def policy(**changes: Any) -> Policy:
    return parse_policy(json.dumps(rules(**changes)).encode(), "policy.json")


def states(log: Path, envelope: Envelope, using: Policy | None = None) -> dict[str, set[str]]:
    found = verify(log, envelope, using or policy())
    return {state: {row.name for row in found.having(state)} for state in ("verified", "withheld", "failed")}


@pytest.fixture
def log(write_sample: Sample) -> Path:
    return write_sample(signer=ROBOT)


@pytest.fixture
def sealed(log: Path) -> Envelope:
    return seal(log, OURS, Claims(AT))


def rewritten(log: Path, change: Callable[[Record], Record | None], name: str = "changed.mcap") -> Path:
    target = log.with_name(name)
    with rewriting(target) as copy:
        for record in scan(log):
            if (new := change(record)) is not None:
                copy.add(new)
    return target


def test_a_sealed_log_verifies(log: Path, sealed: Envelope) -> None:
    found = verify(log, sealed, policy())
    assert found.good
    assert found.file_identical
    assert found.vouched == ("ours",)
    assert not found.having("failed")
    messages = {row.name: row.count for row in found.having("verified") if row.name.startswith("topic:")}
    assert sum(messages.values()) == sum(COUNTS.values()) + 2  # recorder's statistics, and a checkpoint
    assert (found.checkpoints.count, found.checkpoints.after) == (1, 0)
    assert found.checkpoints.proven == sum(COUNTS.values()) + 1


def test_other_chunks_and_compression_verify_too(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    path = tmp_path / "lz4.mcap"
    with path.open("wb") as file:
        writer: Any = Writer(file, chunk_size=700, compression=CompressionType.LZ4)
        writer.start(profile="stope")
        copy = Rewriter(writer)
        for record in scan(log):
            copy.add(record)
        writer.finish()
    found = verify(path, sealed, policy())
    assert found.good
    assert not found.file_identical


def _dropping(topic: str, index: int) -> Callable[[Record], Record | None]:
    seen = [0]

    def change(record: Record) -> Record | None:
        if isinstance(record, MessageRecord) and record.channel.topic == topic:
            seen[0] += 1
            return None if seen[0] - 1 == index else record
        return record

    return change


def test_a_message_taken_out_fails_its_topic_alone(log: Path, sealed: Envelope) -> None:
    found = states(rewritten(log, _dropping("/robot/pose", 3)), sealed)
    assert {name.split("#")[0] for name in found["failed"]} == {"topic:/robot/pose"}
    assert any(name.startswith("topic:/mass/parcel") for name in found["verified"])


@pytest.mark.parametrize("part", ["data", "sequence", "log_time_ns", "publish_time_ns", "unit", "salt", "licence"])
def test_every_change_is_noticed(log: Path, sealed: Envelope, part: str) -> None:
    units: dict[int, Any] = {}

    def change(record: Record) -> Record | None:
        if isinstance(record, MetadataRecord) and (record.name, part) in ((SALTS, "salt"), ("stope.run", "licence")):
            values = dict(record.values)
            values["/mass/parcel" if part == "salt" else "licence"] = "0" * 64
            return replace(record, values=values)
        if not isinstance(record, MessageRecord) or record.channel.topic != "/mass/parcel":
            return record
        if part == "data":
            return replace(record, data=record.data + b"\x28\x01")  # a field nobody knows
        if part == "unit":
            if id(record.channel) not in units:
                metadata = {**record.channel.metadata, "unit.amount_ug": "mg"}
                units[id(record.channel)] = replace(record.channel, metadata=metadata)
            return replace(record, channel=units[id(record.channel)])
        if part in ("salt", "licence"):
            return record
        return replace(record, **{part: getattr(record, part) + 1})

    changed = rewritten(log, change)
    expected = "metadata:stope.run" if part == "licence" else "topic:/mass/parcel"
    found = verify(changed, sealed, policy())
    assert {row.name.split("#")[0] for row in found.having("failed")} == {expected}
    assert not found.good


def test_what_is_added_fails(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    path = tmp_path / "more.mcap"
    with rewriting(path) as copy:
        for record in scan(log):
            copy.add(record)
        copy.metadata("stope.note", {"x": "y"})
        extra = next(r for r in scan(log) if isinstance(r, MessageRecord) and r.channel.topic == "/log")
        copy.add(replace(extra, channel=replace(extra.channel, topic="/new")))
    found = states(path, sealed)
    assert {name.split("#")[0] for name in found["failed"]} == {"topic:/new", "metadata:stope.note"}


def test_a_redacted_log_verifies_and_names_what_is_withheld(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    out = tmp_path / "shared.mcap"
    assert redact(log, out, ["/terrain", "/robot/pose"]) == {"/terrain": 1, "/robot/pose": 8}
    again = tmp_path / "again.mcap"
    redact(out, again, ["/log"])
    for path, topics in ((out, {"/terrain", "/robot/pose"}), (again, {"/terrain", "/robot/pose", "/log"})):
        found = verify(path, sealed, policy())
        assert found.good
        assert {row.name.removeprefix("topic:").split("#")[0] for row in found.having("withheld")} == topics
        assert found.checkpoints.count == 1
        salts = next(r.values for r in scan(path) if isinstance(r, MetadataRecord) and r.name == SALTS)
        assert not topics & salts.keys()  # else the content could be guessed from its digest
    with pytest.raises(SealError, match="no messages on /nothing"):
        redact(log, tmp_path / "x.mcap", ["/nothing"])
    assert not (tmp_path / "x.mcap").exists()
    with pytest.raises(SealError, match="withheld from it"):
        seal(out, OURS, Claims(AT))


def test_absent_is_not_withheld(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    silent = rewritten(log, lambda r: None if isinstance(r, MessageRecord) and r.channel.topic == "/log" else r)
    found = verify(silent, sealed, policy())
    assert [row.why for row in found.having("failed")] == ["it is missing and was not declared as withheld"]
    out = tmp_path / "masses.mcap"
    redact(log, out, ["/mass/parcel"])
    found = verify(out, sealed, policy())
    assert {row.why for row in found.having("failed")} == {"withheld, which the policy does not allow for this topic"}


def test_a_cut_log_fails_and_its_checkpoints_prove_what_they_can(tmp_path: Path, write_sample: Sample) -> None:
    log = write_sample(signer=ROBOT, flush_s=0.0)  # a checkpoint with every round of the recorder
    envelope = seal(log, OURS, Claims(AT))
    log.write_bytes(log.read_bytes()[:-400])
    found = verify(log, envelope, policy())
    assert not found.good
    assert "truncated" in found.problem
    recover(log, tmp_path / "out.mcap")
    found = verify(tmp_path / "out.mcap", envelope, policy())
    assert found.checkpoints.count >= 1
    assert found.checkpoints.proven > 0
    assert not found.checkpoints.problem


def test_checkpoints_notice_what_a_seal_would_come_too_late_for(log: Path) -> None:
    changed = rewritten(log, _dropping("/robot/pose", 0))
    found = verify(changed, seal(changed, OURS, Claims(AT)), policy())
    assert not found.good
    assert "checkpoint 1: /robot/pose not as the recorder signed" in found.checkpoints.problem
    forged = policy(organisations={"ours": {"name": "x", "keys": [{"public": OURS.public.text, "roles": ["seal"]}]}})
    found = verify(log, seal(log, OURS, Claims(AT)), forged)
    assert "the key is nobody's in the policy" in found.checkpoints.problem


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
        countersign(rewritten(log, _dropping("/robot/pose", 1)), file, SPARE, two)
    assert file.read_bytes() == before
    assert list(tmp_path.glob("*.new")) == []


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


def test_a_topic_lends_its_name_to_no_other(log: Path, sealed: Envelope) -> None:
    plain = json.loads(sealed.payload)
    subject = next(row for row in plain["subject"] if row["name"].startswith("topic:/mass/parcel"))
    subject["annotations"]["topic"] = "/terrain"
    forged = Envelope(json.dumps(plain).encode(), sealed.payload_type).signed(OURS)
    with pytest.raises(SealError, match="is not of topic"):
        verify(log, forged, policy())


@pytest.mark.parametrize("count", ["1e400", "-1e400", "[]", '"x"'])
def test_numbers_that_are_none(log: Path, sealed: Envelope, count: str) -> None:
    text = re.sub(rb'"count": \d+', b'"count": ' + count.encode(), sealed.payload, count=1)
    with pytest.raises(SealError, match="a subject that cannot be read"):
        verify(log, Envelope(text, sealed.payload_type).signed(OURS), policy())


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


def test_a_map_with_a_key_twice_is_damage(log: Path, tmp_path: Path) -> None:
    """Readers that take the first and readers that take the last would see two logs under one seal."""
    pair = b"\x04\x00\x00\x00seed\x01\x00\x00\x00"
    body = b"\x05\x00\x00\x00other" + struct.pack("<I", 2 * (len(pair) + 1)) + pair + b"1" + pair + b"2"
    whole = log.read_bytes()
    at = 8 + 9 + struct.unpack_from("<Q", whole, 9)[0]  # after the header record
    (tmp_path / "twice.mcap").write_bytes(whole[:at] + b"\x0c" + struct.pack("<Q", len(body)) + body + whole[at:])
    with pytest.raises(DamagedLogError, match="key 'seed' stands twice"):
        list(scan(tmp_path / "twice.mcap"))


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


def test_the_newest_seal_of_our_key_is_found(sealed: Envelope, log: Path, tmp_path: Path) -> None:
    (tmp_path / "a.seal.json").write_text(sealed.to_json())
    second = seal(log, OURS, claims(AT, tmp_path / "a.seal.json", None))
    (tmp_path / "b.seal.json").write_text(second.to_json())
    forged = seal(log, STRANGER, Claims(AT, counter=99))
    (tmp_path / "c.seal.json").write_text(forged.to_json())
    (tmp_path / "d.seal.json").write_text("no seal")
    assert newest_seal(tmp_path, OURS.public) == tmp_path / "b.seal.json"
    assert newest_seal(tmp_path, THEIRS.public) is None


def test_a_chain_of_seals(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(sealed.to_json())
    following = claims(AT, tmp_path / "a.json", None)
    assert (following.counter, following.previous) == (1, hashlib.sha256(sealed.payload).hexdigest())


def test_key_files(tmp_path: Path) -> None:
    public = new_key(tmp_path / "team.key")
    assert (tmp_path / "team.key").stat().st_mode & 0o077 == 0
    assert load_private(tmp_path / "team.key").public.keyid == public.keyid
    assert load_public(tmp_path / "team.key.pub").keyid == public.keyid
    with pytest.raises(TaskLogError, match="exists"):
        new_key(tmp_path / "team.key")
    with pytest.raises(SealError, match="expected an unencrypted Ed25519 private key"):
        load_private(tmp_path / "team.key.pub")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"payload": "!", "payloadType": "x", "signatures": []}',
        b'{"payload": "", "payloadType": "x", "signatures": [3]}',
        b'{"payload": "", "payload": "AA==", "payloadType": "x", "signatures": []}',
        b"[" * 100_000,
    ],
)
def test_envelopes_that_are_none(text: bytes) -> None:
    with pytest.raises(SealError, match=r"seal: "):
        parse_envelope(text, "seal")


def _need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        warnings.warn(f"{program} is not installed: seals were not checked with it", UserWarning, stacklevel=2)
        pytest.skip(f"{program} is not installed")
    return found


@pytest.mark.filterwarnings("default::UserWarning")
def test_openssl_alone_verifies_a_seal(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    openssl = _need("openssl")
    (tmp_path / "key.pub").write_text(OURS.public.pem)
    (tmp_path / "sig").write_bytes(sealed.signatures[0].sig)
    command = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin", "-in", "pae", "-sigfile", "sig"]
    (tmp_path / "pae").write_bytes(sealed.signed_bytes)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "Signature Verified Successfully" in done.stdout, done.stderr
    (tmp_path / "pae").write_bytes(sealed.signed_bytes[:-1] + b"]")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode != 0
    der = subprocess.run(
        [openssl, "pkey", "-pubin", "-in", "key.pub", "-outform", "DER"], cwd=tmp_path, capture_output=True, check=True
    )
    assert hashlib.sha256(der.stdout).hexdigest() == OURS.public.keyid


NODE = Path(__file__).parents[2] / "docs" / "format" / "verify_seal.mjs"


@pytest.mark.filterwarnings("default::UserWarning")
def test_node_alone_verifies_a_seal_and_every_topic(log: Path, sealed: Envelope, tmp_path: Path) -> None:
    """No package of anybody's: the script reads an uncompressed MCAP itself and computes each segment's digest."""
    node = _need("node")
    plain = tmp_path / "plain.mcap"
    with plain.open("wb") as file:
        writer: Any = Writer(file, compression=CompressionType.NONE)
        writer.start(profile="stope")
        copy = Rewriter(writer)
        for record in scan(log):
            copy.add(record)
        writer.finish()
    (tmp_path / "key.pub").write_text(OURS.public.pem)
    (tmp_path / "seal.json").write_text(sealed.to_json())
    command = [node, str(NODE), "plain.mcap", "seal.json", "key.pub"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    parts = sum(1 for row in json.loads(sealed.payload)["subject"] if row["name"].startswith("topic:"))
    assert told == {"signature": "good", "verified": parts, "withheld": 0, "failed": 0}
    data = bytearray(plain.read_bytes())
    data[data.index(b"regolith" if b"regolith" in data else b"ground")] ^= 1
    plain.write_bytes(data)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed"] == 1
    (tmp_path / "key.pub").write_text(THEIRS.public.pem)
    assert '"signature":"BAD"' in subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout


def test_the_payload_is_an_in_toto_statement(sealed: Envelope) -> None:
    plain = json.loads(base64.b64decode(json.loads(sealed.to_json())["payload"]))
    assert plain["_type"] == "https://in-toto.io/Statement/v1"
    assert plain["subject"][0]["name"] == "file"
    assert all(set(row["digest"]) == {"sha256"} for row in plain["subject"])
