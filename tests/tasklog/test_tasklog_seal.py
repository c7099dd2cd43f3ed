"""Seals: what was sealed verifies, what was changed fails, what is withheld is named."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcap.writer import CompressionType, Writer
from sample_log import COUNTS, Sample
from seal_story import AT, OURS, ROBOT, STRANGER, THEIRS, dropping, policy, rewritten, states

from stope.tasklog import DamagedLogError
from stope.tasklog.records import MessageRecord, MetadataRecord, Record
from stope.tasklog.recover import recover
from stope.tasklog.rewrite import Rewriter, rewriting
from stope.tasklog.scan import scan
from stope.tasklog.seal.chain import claims, newest_seal
from stope.tasklog.seal.dsse import Envelope, parse_envelope
from stope.tasklog.seal.errors import SealError
from stope.tasklog.seal.redact import redact
from stope.tasklog.seal.salts import SALTS
from stope.tasklog.seal.statement import Claims, seal
from stope.tasklog.seal.verify import verify


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


def test_a_message_taken_out_fails_its_topic_alone(log: Path, sealed: Envelope) -> None:
    found = states(rewritten(log, dropping("/robot/pose", 3)), sealed)
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
    changed = rewritten(log, dropping("/robot/pose", 0))
    found = verify(changed, seal(changed, OURS, Claims(AT)), policy())
    assert not found.good
    assert "checkpoint 1: /robot/pose not as the recorder signed" in found.checkpoints.problem
    forged = policy(organisations={"ours": {"name": "x", "keys": [{"public": OURS.public.text, "roles": ["seal"]}]}})
    found = verify(log, seal(log, OURS, Claims(AT)), forged)
    assert "the key is nobody's in the policy" in found.checkpoints.problem


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


def test_a_map_with_a_key_twice_is_damage(log: Path, tmp_path: Path) -> None:
    """Readers that take the first and readers that take the last would see two logs under one seal."""
    pair = b"\x04\x00\x00\x00seed\x01\x00\x00\x00"
    body = b"\x05\x00\x00\x00other" + struct.pack("<I", 2 * (len(pair) + 1)) + pair + b"1" + pair + b"2"
    whole = log.read_bytes()
    at = 8 + 9 + struct.unpack_from("<Q", whole, 9)[0]  # after the header record
    (tmp_path / "twice.mcap").write_bytes(whole[:at] + b"\x0c" + struct.pack("<Q", len(body)) + body + whole[at:])
    with pytest.raises(DamagedLogError, match="key 'seed' stands twice"):
        list(scan(tmp_path / "twice.mcap"))


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
