"""Copy records into a new log: the same messages with their sequences and times, in fresh chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from mcap.writer import CompressionType, Writer

from stope.tasklog.backends import CHUNK_BYTES, PROFILE
from stope.tasklog.newfile import new_file
from stope.tasklog.records import AttachmentRecord, ChannelRecord, MessageRecord, MetadataRecord, Record


class Rewriter:
    """Takes records as `scan` yields them. The pure-Python writer, since the other one numbers messages anew."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._schemas: dict[tuple[str, str, bytes], int] = {}
        self._channels: dict[int, tuple[ChannelRecord, int]] = {}  # by identity: a file may define a number twice

    def add(self, record: Record) -> None:
        """Write one record; definitions follow with the first message that needs them."""
        if isinstance(record, MessageRecord):
            self._writer.add_message(
                self._channel(record.channel),
                record.log_time_ns,
                record.data,
                record.publish_time_ns,
                record.sequence,
            )
        elif isinstance(record, MetadataRecord):
            self._writer.add_metadata(record.name, dict(record.values))
        elif isinstance(record, AttachmentRecord) and record.data is not None:
            self._writer.add_attachment(
                record.create_time_ns, record.log_time_ns, record.name, record.media_type, record.data
            )

    def metadata(self, name: str, values: Mapping[str, str]) -> None:
        """Add a metadata record of our own."""
        self._writer.add_metadata(name, dict(values))

    def _channel(self, channel: ChannelRecord) -> int:
        found = self._channels.get(id(channel))
        if found is None:
            number = self._writer.register_channel(
                channel.topic, channel.encoding, self._schema(channel), dict(channel.metadata)
            )
            self._channels[id(channel)] = found = (channel, number)  # the record is kept, so its id stays its own
        return found[1]

    def _schema(self, channel: ChannelRecord) -> int:
        schema = channel.schema
        if schema is None:
            return 0
        key = (schema.name, schema.encoding, schema.data)
        if key not in self._schemas:
            self._schemas[key] = self._writer.register_schema(*key)
        return self._schemas[key]


@contextmanager
def rewriting(path: Path) -> Iterator[Rewriter]:
    """A Rewriter onto a new file, which appears when the block ends well.

    Raises:
        TaskLogError: `path` exists, or cannot be written.
    """
    with new_file(path) as file:
        writer: Any = Writer(
            cast("IO[bytes]", cast("Any", file)),
            chunk_size=CHUNK_BYTES,
            compression=CompressionType.ZSTD,
            enable_data_crcs=True,
        )
        writer.start(profile=PROFILE, library="stope rewrite")
        yield Rewriter(writer)
        writer.finish()
