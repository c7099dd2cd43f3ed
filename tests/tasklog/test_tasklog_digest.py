"""The payload digest: same payload, same digest, whatever the file around it looks like."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
from sample_log import COUNTS, Sample

from stope.tasklog import TruncatedLogError
from stope.tasklog.digest import payload_digest


def test_backends_and_repeats_agree(write_sample: Sample) -> None:
    first, again, python = (
        payload_digest(write_sample(name, backend=backend))
        for name, backend in (("a.mcap", "foxglove"), ("b.mcap", "foxglove"), ("c.mcap", "python"))
    )
    assert first == again == python
    assert first.total == python.total
    assert first.keys() == COUNTS.keys()  # /recorder/stats depends on the host and stays out


def test_another_seed_changes_only_what_it_touches(write_sample: Sample) -> None:
    one, other = payload_digest(write_sample("a.mcap")), payload_digest(write_sample("b.mcap", seed=8))
    assert one.total != other.total
    assert {topic for topic in one if one[topic] == other[topic]} == {"/log", "/task/event"}


@pytest.mark.parametrize("compression", [CompressionType.LZ4, CompressionType.NONE])
def test_a_rechunked_rewrite_agrees(write_sample: Sample, tmp_path: Path, compression: CompressionType) -> None:
    source, target = write_sample(), tmp_path / "rewritten.mcap"
    with source.open("rb") as stream, target.open("wb") as out:
        writer = Writer(out, chunk_size=1000, compression=compression)
        writer.start()
        channels: dict[int, int] = {}
        for schema, channel, message in make_reader(stream).iter_messages(log_time_order=False):
            if channel.id not in channels:
                assert schema is not None
                schema_id = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.id] = writer.register_channel(
                    channel.topic, channel.message_encoding, schema_id, channel.metadata
                )
            writer.add_message(
                channels[channel.id], message.log_time, message.data, message.publish_time, message.sequence
            )
        writer.finish()
    assert payload_digest(target) == payload_digest(source)
    assert target.read_bytes() != source.read_bytes()


def test_the_definition_by_hand(write_sample: Sample) -> None:
    """As docs/format says it, with the mcap package and hashlib alone."""
    path = write_sample()
    hashes = {topic: hashlib.sha256() for topic in COUNTS}
    with path.open("rb") as stream:
        for _, channel, m in make_reader(stream).iter_messages(log_time_order=False):
            if channel.metadata["deterministic"] == "true":
                hashes[channel.topic].update(struct.pack("<QQQ", m.sequence, m.log_time, len(m.data)) + m.data)
    digests = {topic: h.hexdigest() for topic, h in hashes.items()}
    total = hashlib.sha256("".join(f"{t} {d}\n" for t, d in sorted(digests.items())).encode()).hexdigest()
    found = payload_digest(path)
    assert (dict(found), found.total) == (digests, total)


def test_half_a_log_has_no_digest(write_sample: Sample) -> None:
    path = write_sample()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TruncatedLogError):
        payload_digest(path)
