"""Whatever a stranger sends: one sentence or an answer, never another exception, and never much memory.

What hypothesis finds is kept as an example here, and so is tried on every run.
"""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hostile_corpus import GOLDEN, MIB
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from log_readers import READERS, reads_check, reads_info, reads_recover, reads_verify
from sample_log import Sample

from stope.ledger.agreement import load_agreement
from stope.ledger.journal import load
from stope.mission.errors import InputError
from stope.tasklog import TaskLogError
from stope.tasklog.interop.mapping import load_mapping
from stope.tasklog.records import MAGIC, MessageRecord
from stope.tasklog.rewrite import rewriting
from stope.tasklog.scan import scan
from stope.tasklog.seal.dsse import load_envelope, parse_envelope
from stope.tasklog.seal.policy import parse_policy
from stope.tasklog.seal.statement import read_statement

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _sentence(work: Callable[[], object]) -> str:
    """What the work was refused with; empty when it was done. Any other exception fails the test."""
    try:
        work()
    except (TaskLogError, InputError) as error:
        return str(error)
    return ""


@pytest.fixture
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * MIB, f"{peak / MIB:.0f} MiB"


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_damaged_logs(reader: Callable[[Path, Path], None], write_sample: Sample, tmp_path: Path) -> None:
    whole, rng = (GOLDEN / "v1.mcap").read_bytes(), random.Random(17)
    path = tmp_path / "damaged.mcap"
    refused = 0
    for number in range(25):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 5)):
            at = rng.randrange(8, len(data))
            data[at : at + rng.randrange(1, 9)] = rng.randbytes(rng.randrange(0, 9))
        path.write_bytes(data)
        out = tmp_path / str(number)
        out.mkdir()
        try:
            reader(path, out)
        except TaskLogError:
            refused += 1
        assert not list(out.rglob("*.part"))
    assert reader in (reads_info, reads_check, reads_recover, reads_verify) or refused


@QUICK
@given(body=st.binary(max_size=300))
@example(body=b"\x06" + (2**63).to_bytes(8, "little"))
@example(body=b"\x03\x00\x00\x00\x00\x00\x00\x00\x00")
def test_random_logs(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "random.mcap"
    path.write_bytes(MAGIC + body)
    (tmp_path / "recovered.mcap").unlink(missing_ok=True)
    for reader in (reads_check, reads_recover, reads_verify):
        sentence = _sentence(lambda reader=reader: reader(path, tmp_path))
        assert sentence == "" or "random.mcap" in sentence


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_hostile_content_under_good_checksums(reader: Callable[[Path, Path], None], tmp_path: Path) -> None:
    """What a stranger's writer made on purpose: every checksum is right, and the content is nonsense."""
    rng = random.Random(23)
    for number in range(12):
        path, out = tmp_path / f"{number}.mcap", tmp_path / str(number)
        out.mkdir()
        channels: dict[int, Any] = {}
        with rewriting(path) as copy:
            for record in scan(GOLDEN / "v1.mcap"):
                if isinstance(record, MessageRecord) and rng.random() < 0.3:
                    data = bytearray(record.data)
                    data[rng.randrange(len(data) + 1) :] = rng.randbytes(rng.randrange(12))
                    if id(record.channel) not in channels and record.channel.schema and rng.random() < 0.5:
                        bad = bytearray(record.channel.schema.data)
                        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
                        schema = replace(record.channel.schema, data=bytes(bad))
                        channels[id(record.channel)] = replace(record.channel, schema=schema)
                    channel = channels.get(id(record.channel), record.channel)
                    record = replace(record, data=bytes(data), channel=channel)
                copy.add(record)
        _sentence(lambda path=path, out=out: reader(path, out))
        assert not list(out.rglob("*.part"))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def _mutated(plain: object, path: list[int], value: object) -> object:
    """`plain` with one value somewhere inside replaced."""
    if path and isinstance(plain, dict) and plain:
        key = sorted(plain)[path[0] % len(plain)]
        return {**plain, key: _mutated(plain[key], path[1:], value)}
    if path and isinstance(plain, list) and plain:
        index = path[0] % len(plain)
        return [*plain[:index], _mutated(plain[index], path[1:], value), *plain[index + 1 :]]
    return value


@QUICK
@given(path=st.lists(st.integers(0, 50), min_size=1, max_size=5), value=_json)
def test_mutated_seals_policies_and_envelopes(path: list[int], value: object) -> None:
    envelope = load_envelope(GOLDEN / "v1.mcap.seal.json")
    policy = json.loads((GOLDEN / "v1.policy.json").read_text())
    statement = json.loads(envelope.payload)
    for plain, read in (
        (policy, lambda data: parse_policy(data, "x")),
        (json.loads(envelope.to_json()), lambda data: parse_envelope(data, "x")),
        (statement, lambda data: read_statement(type(envelope)(data, envelope.payload_type), "x")),
    ):
        data = json.dumps(_mutated(plain, path, value)).encode()
        sentence = _sentence(lambda read=read, data=data: read(data))
        assert sentence == "" or sentence.startswith("x")


@QUICK
@pytest.mark.usefixtures("forked")
@given(text=st.binary(max_size=200) | _json.map(lambda plain: json.dumps(plain).encode()))
@example(text=b"{" * 5000)
@example(text=b"\xef\xbb\xbf\n")
def test_random_text_for_every_small_file(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(text)
    policy = parse_policy((GOLDEN / "v1.policy.json").read_bytes(), "p")
    for read in (load_envelope, load_mapping, load_agreement, lambda file: load(file, policy)):
        sentence = _sentence(lambda read=read: read(path))
        assert sentence == "" or "file" in sentence
