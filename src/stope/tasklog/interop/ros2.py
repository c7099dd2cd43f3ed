"""A log for ROS 2: the same messages in CDR with ros2msg schemas, since `ros2 bag` plays no protobuf (rosbag2#1245)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from mcap.writer import CompressionType, Writer

from stope.tasklog.backends import CHUNK_BYTES
from stope.tasklog.interop.cdr import definition, serialiser, type_name
from stope.tasklog.newfile import new_file
from stope.tasklog.reader import LogMessage, read
from stope.tasklog.records import ChannelRecord

#: The QoS that a player offers: reliable, as rosbag2 writes it for version 9 of its metadata.
_QOS = (
    "- history: keep_last\n  depth: 10\n  reliability: reliable\n  durability: volatile\n  deadline:\n    sec: 0\n"
    "    nsec: 0\n  lifespan:\n    sec: 0\n    nsec: 0\n  liveliness: automatic\n  liveliness_lease_duration:\n"
    "    sec: 0\n    nsec: 0\n  avoid_ros_namespace_conventions: false"
)


def export_ros2(log: Path, target: Path) -> dict[str, int]:
    """Write the log's protobuf topics as a ROS 2 MCAP bag; messages by topic. Units are comments in the definitions.

    Raises:
        TaskLogError: the log cannot be read, a message cannot be said in ROS 2, or the target cannot be written.
    """
    counts: dict[str, int] = {}
    with new_file(target) as file:
        writer: Any = Writer(
            cast("IO[bytes]", cast("Any", file)), chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD
        )
        writer.start(profile="ros2", library="stope export")
        bag = _Bag(writer)
        for found in read(log, allow_truncated=True):
            if found.message is not None:
                bag.add(found)
                counts[found.topic] = counts.get(found.topic, 0) + 1
        writer.finish()
    return counts


class _Bag:
    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._schemas: dict[str, int] = {}
        self._channels: dict[int, tuple[ChannelRecord, int, Callable[[Any], bytes]]] = {}

    def add(self, found: LogMessage) -> None:
        known = self._channels.get(id(found.channel))
        if known is None:
            known = self._channels[id(found.channel)] = self._channel(found)
        data = known[2](found.message)
        self._writer.add_message(known[1], found.log_time_ns, data, found.log_time_ns, found.sequence)

    def _channel(self, found: LogMessage) -> tuple[ChannelRecord, int, Callable[[Any], bytes]]:
        descriptor, metadata = found.message.DESCRIPTOR, found.channel.metadata
        units = {key.removeprefix("unit."): unit for key, unit in metadata.items() if key.startswith("unit.")}
        text = definition(descriptor, units)
        if text not in self._schemas:
            self._schemas[text] = self._writer.register_schema(type_name(descriptor), "ros2msg", text.encode())
        offered = {"offered_qos_profiles": _QOS}
        number = self._writer.register_channel(found.topic, "cdr", self._schemas[text], offered)
        return found.channel, number, serialiser(descriptor)
