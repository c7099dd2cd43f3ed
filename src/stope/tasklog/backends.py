"""The two MCAP writers behind one small face: foxglove-sdk (Rust, fast) and mcap (pure Python, runs everywhere).

Both write zstd chunks of 64 KiB with index and checksums, and count sequences from 1 per channel: the payload digest
of a log does not depend on which one wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Literal, Protocol, cast

from stope.tasklog.appendfile import AppendFile
from stope.tasklog.errors import TaskLogError

Backend = Literal["foxglove", "python"]
CHUNK_BYTES = 64 * 1024  # 1 MiB, the default of both, loses 37 s at 200 messages/s when killed
PROFILE = "stope"


class McapSink(Protocol):
    """What the recorder thread needs of an MCAP writer."""

    def metadata(self, name: str, values: Mapping[str, str]) -> None:
        """Write a metadata record."""

    def attach(self, name: str, media_type: str, data: bytes, time_ns: int) -> None:
        """Write an attachment."""

    def channel(self, topic: str, schema: str, definition: bytes, metadata: Mapping[str, str]) -> int:
        """Register a protobuf channel; its id for `write`."""

    def write(self, channel: int, data: bytes, log_time_ns: int) -> None:
        """Append a message; publish time is the log time."""

    def flush(self) -> None:
        """End the chunk in progress and hand it to the file."""

    def finish(self) -> None:
        """Write index, statistics and end mark."""


def open_sink(backend: Backend, file: AppendFile) -> McapSink:
    """The MCAP writer called `backend`, on `file`.

    Raises:
        TaskLogError: unknown backend, or its package is not installed.
    """
    if backend == "foxglove":
        try:
            return _FoxgloveSink(file)
        except ImportError as error:
            raise TaskLogError(f"log backend 'foxglove' needs foxglove-sdk ({error}); use backend='python'") from error
    if backend == "python":
        return _PythonSink(file)
    raise TaskLogError(f"no log backend called {backend!r}; there are 'foxglove' and 'python'")


class _FoxgloveSink:
    def __init__(self, file: AppendFile) -> None:
        import foxglove
        from foxglove.mcap import MCAPCompression, MCAPWriteOptions

        self._sdk = foxglove
        self._context = foxglove.Context()  # its own: two logs in one process must not hear each other
        self._channels: list[Any] = []
        self._writer = foxglove.open_mcap(
            file,
            context=self._context,
            writer_options=MCAPWriteOptions(
                compression=MCAPCompression.Zstd,
                profile=PROFILE,
                chunk_size=CHUNK_BYTES,
                disable_seeking=True,  # else a kill leaves a chunk whose length field is all ones
                compression_threads=0,
            ),
        )

    def metadata(self, name: str, values: Mapping[str, str]) -> None:
        self._writer.write_metadata(name, dict(values))

    def attach(self, name: str, media_type: str, data: bytes, time_ns: int) -> None:
        self._writer.attach(log_time=time_ns, create_time=time_ns, name=name, media_type=media_type, data=data)

    def channel(self, topic: str, schema: str, definition: bytes, metadata: Mapping[str, str]) -> int:
        self._channels.append(
            self._sdk.Channel(
                topic,
                message_encoding="protobuf",
                schema=self._sdk.Schema(name=schema, encoding="protobuf", data=definition),
                context=self._context,
                metadata=dict(metadata),
            )
        )
        return len(self._channels) - 1

    def write(self, channel: int, data: bytes, log_time_ns: int) -> None:
        self._channels[channel].log(data, log_time=log_time_ns)

    def flush(self) -> None:
        self._writer.flush()

    def finish(self) -> None:
        self._writer.close()
        registry = vars(self._sdk.channel).get("_channels_by_id", {})
        for channel in self._channels:
            channel.close()
            registry.pop(channel.id(), None)  # the SDK would keep it for ever, 50 KB per log


class _PythonSink:
    def __init__(self, file: AppendFile) -> None:
        from mcap.writer import CompressionType, Writer

        self._rows: list[tuple[str, str, bytes, dict[str, str]]] = []
        self._ids: dict[int, int] = {}  # a channel reaches the file with its first message, as in foxglove-sdk
        self._sequence: list[int] = []
        self._writer: Any = Writer(
            cast("IO[bytes]", file),  # it needs write, tell and flush, which AppendFile has
            chunk_size=CHUNK_BYTES,
            compression=CompressionType.ZSTD,
            enable_data_crcs=True,
        )
        self._writer.start(profile=PROFILE)

    def metadata(self, name: str, values: Mapping[str, str]) -> None:
        self._writer.add_metadata(name, dict(values))

    def attach(self, name: str, media_type: str, data: bytes, time_ns: int) -> None:
        self._writer.add_attachment(time_ns, time_ns, name, media_type, data)

    def channel(self, topic: str, schema: str, definition: bytes, metadata: Mapping[str, str]) -> int:
        self._rows.append((topic, schema, definition, dict(metadata)))
        self._sequence.append(0)
        return len(self._rows) - 1

    def write(self, channel: int, data: bytes, log_time_ns: int) -> None:
        if channel not in self._ids:
            topic, schema, definition, metadata = self._rows[channel]
            schema_id = self._writer.register_schema(schema, "protobuf", definition)
            self._ids[channel] = self._writer.register_channel(topic, "protobuf", schema_id, metadata)
        self._sequence[channel] += 1
        self._writer.add_message(self._ids[channel], log_time_ns, data, log_time_ns, self._sequence[channel])

    def flush(self) -> None:
        self._writer.flush()

    def finish(self) -> None:
        self._writer.finish()
